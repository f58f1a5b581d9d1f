//! The policies in force, and those that wait to be accepted.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The owner's policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Policies {
    /// Those in force, as the audit log has them: roles, what becomes of devices that nobody registered, deadlines in seconds.
    #[schema(value_type = Object)]
    pub in_force: serde_json::Value,
    /// What `sztp.toml` says instead, where that would let devices do more and was not accepted.
    pub proposed: Option<ProposedPolicies>,
}

/// Policies that wait to be accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ProposedPolicies {
    /// All of them.
    #[schema(value_type = Object)]
    pub policies: serde_json::Value,
    /// Names them: SHA-256, hex.
    pub sha256: String,
    /// What differs from those in force, one line each.
    pub differences: Vec<String>,
}

/// Which policies are accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AcceptPolicies {
    /// The `sha256` of the proposal that was looked at: another one is not accepted.
    pub sha256: String,
}
