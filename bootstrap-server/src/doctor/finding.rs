//! What a check found, in a form that always says what to do.

use serde::{Serialize, Serializer, ser::SerializeStruct};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at, kebab-case. Several findings may share one, such as those of two certificates.
    pub check: &'static str,
    /// What was seen.
    pub what: String,
    /// What that means.
    pub outcome: Outcome,
}

/// What a finding means for the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// It works now, and will not always, or not for everybody.
    Warning(Advice),
    /// The server does not start, or devices cannot be onboarded by it.
    Failed(Advice),
}

/// What nobody should have to guess.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// Why it matters.
    pub why: String,
    /// What mends it: a command where one does, a sentence otherwise.
    pub fix: String,
}

impl Outcome {
    /// Its name in output: `ok`, `warning` or `failed`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning(_) => "warning",
            Self::Failed(_) => "failed",
        }
    }

    /// Why and what to do, unless all is well.
    #[must_use]
    pub const fn advice(&self) -> Option<&Advice> {
        match self {
            Self::Ok => None,
            Self::Warning(advice) | Self::Failed(advice) => Some(advice),
        }
    }
}

impl Finding {
    pub(super) fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, what: what.into(), outcome: Outcome::Ok }
    }

    pub(super) fn warning(
        check: &'static str,
        what: impl Into<String>,
        why: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        let advice = Advice { why: why.into(), fix: fix.into() };
        Self { check, what: what.into(), outcome: Outcome::Warning(advice) }
    }

    pub(super) fn failed(
        check: &'static str,
        what: impl Into<String>,
        why: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        let advice = Advice { why: why.into(), fix: fix.into() };
        Self { check, what: what.into(), outcome: Outcome::Failed(advice) }
    }

    /// Whether the server cannot do its work.
    #[must_use]
    pub const fn is_failure(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_))
    }
}

/// A flat object: `check`, `health`, `what`, and `why` and `fix` where something is to be done.
impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let advice = self.outcome.advice();
        let mut object = serializer.serialize_struct("Finding", if advice.is_some() { 5 } else { 3 })?;
        object.serialize_field("check", self.check)?;
        object.serialize_field("health", self.outcome.as_str())?;
        object.serialize_field("what", &self.what)?;
        if let Some(advice) = advice {
            object.serialize_field("why", &advice.why)?;
            object.serialize_field("fix", &advice.fix)?;
        }
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_well_says_why_and_what_to_do() {
        let well = serde_json::to_value(Finding::ok("clock", "fine")).unwrap();
        assert_eq!(well, serde_json::json!({"check": "clock", "health": "ok", "what": "fine"}));
        let ill = serde_json::to_value(Finding::failed("clock", "slow", "leaves", "chronyc makestep")).unwrap();
        assert_eq!(ill["health"], "failed");
        assert_eq!((&ill["why"], &ill["fix"]), (&"leaves".into(), &"chronyc makestep".into()));
    }
}
