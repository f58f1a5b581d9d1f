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

/// A span of seconds as people write it into `sztp.toml`, in the largest unit that is exact: `30d`, `4h`, `10m` or `45s`.
#[must_use]
pub fn spelled_duration(seconds: u64) -> String {
    let units = [(86_400, 'd'), (3600, 'h'), (60, 'm')];
    let exact = units.into_iter().find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit));
    let (unit, letter) = exact.unwrap_or((1, 's'));
    format!("{}{letter}", seconds / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_spelled_in_the_largest_unit_that_is_exact() {
        for (seconds, text) in
            [(0, "0s"), (45, "45s"), (60, "1m"), (90, "90s"), (14_400, "4h"), (5400, "90m"), (2_592_000, "30d")]
        {
            assert_eq!(spelled_duration(seconds), text);
        }
    }
}
