//! What every change has in common.

use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

/// How a change is to be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ChangeQuery {
    /// Whether the change is only to be judged: 204 where it would be made, the same error where it would not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}
