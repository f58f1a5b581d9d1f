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
pub fn discover(_settings: &Settings, _step: Step, _surroundings: &mut Surroundings<'_>) -> Result<Discovery, Refusal> {
    Err(Refusal::new(ReasonCode::NoSource, "not yet"))
}

/// One of the questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {}

impl std::fmt::Display for Step {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {}
    }
}

impl Settings {
    /// The questions, in order.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        Vec::new()
    }
}
