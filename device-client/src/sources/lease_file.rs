//! TODO

use serde::Deserialize;
use verdict::{ReasonCode, Refusal};

use super::Surroundings;
use crate::machine::Discovery;

/// How it is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {}

impl Settings {
    /// What it is called in the trace.
    #[must_use]
    pub fn label(&self) -> String {
        String::new()
    }
}

/// Asks it.
///
/// # Errors
/// When it gives nothing usable.
pub fn discover(_settings: &Settings, _surroundings: &mut Surroundings<'_>) -> Result<Discovery, Refusal> {
    Err(Refusal::new(ReasonCode::NoSource, "not yet"))
}
