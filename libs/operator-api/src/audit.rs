//! The audit log, as operators read it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A record of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct AuditRecord {
    /// Its position.
    pub leaf: u64,
    /// When it was made.
    pub at: String,
    /// What sort of record it is.
    pub kind: u16,
    /// What happened; none when it was erased.
    #[schema(value_type = Option<Object>)]
    pub body: Option<serde_json::Value>,
}

/// A page of records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct AuditRecords {
    /// Oldest first.
    pub records: Vec<AuditRecord>,
    /// Where the next page begins; none at the end.
    pub next: Option<u64>,
}

/// The latest signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CheckpointNote {
    /// The signed note (C2SP tlog-checkpoint).
    pub checkpoint: String,
    /// The key that verifies it.
    pub key: String,
}
