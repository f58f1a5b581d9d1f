//! What is said when something is refused.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An error answer (RFC 9457), media type `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:sztp:reason:` and the reason code.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened, in one sentence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What exactly, in this case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The reason code, for programs.
    pub reason: String,
    /// Where the rule stands.
    pub section: String,
    /// What to do about it.
    pub remedy: String,
}

impl Problem {
    /// Media type of an error answer.
    pub const MEDIA_TYPE: &str = "application/problem+json";
}
