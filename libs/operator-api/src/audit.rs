//! The audit log, as operators read it.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ReportedKey;

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

/// What a webhook posts: a record, where it stands, and what came with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Notification {
    /// Which of the database's logs the record is in: a restored database begins another one. With the leaf it names the event:
    /// one that comes a second time has the same.
    pub log: u32,
    /// The name of the key that signs the log, and this.
    pub signed_by: String,
    /// The record.
    #[serde(flatten)]
    pub record: AuditRecord,
    /// The keys that a device reported with `bootstrap-complete`, whole; the record has their digests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<ReportedKey>,
}

/// A page of records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct AuditRecords {
    /// Oldest first.
    pub records: Vec<AuditRecord>,
    /// What `after` is for the next page; none at the end.
    pub next: Option<u64>,
}

/// Which records are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RecordQuery {
    /// Those behind this position; from the first one on unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Most that is wanted, 100 unless said, at most 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// Only those about a device of this manufacturer; goes with `serial-number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// Only those about the device with this serial number; goes with `manufacturer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
}

/// From where on events are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// Those behind this position. Unless this or `Last-Event-ID` says otherwise, those that come from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
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
