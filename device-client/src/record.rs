//! The decision trace of a device: one line for each thing it decided.

use serde::Serialize;
use verdict::{ReasonCode, Refusal, Trace};

use crate::Place;

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Something happened or is about to happen.
    Noted,
    /// A rule was applied and holds.
    Passed,
    /// A step was not needed; the detail says why.
    Skipped,
    /// A rule is broken; the reason says which.
    Refused,
}

/// One decision, as it goes into the trace file: one JSON object a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Record {
    /// When, RFC 3339; absent while the clock may not be believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// What the decision was about, kebab-case.
    pub step: &'static str,
    /// The server it concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// How it ended.
    pub decision: Decision,
    /// Why something was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonCode>,
    /// Where the broken rule stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<&'static str>,
    /// What a person can do about a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<&'static str>,
    /// The values, names or dates of this case, as [`Trace::readable`] leaves them. Never the bytes of scripts or
    /// configurations, nor what they print.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The checks behind the decision.
    #[serde(skip_serializing_if = "has_no_checks")]
    pub checks: Trace,
}

impl Record {
    /// A decision that is no refusal.
    #[must_use]
    pub fn new(step: &'static str, decision: Decision, detail: impl Into<String>) -> Self {
        Self {
            time: None,
            step,
            place: None,
            decision,
            reason: None,
            section: None,
            remedy: None,
            detail: Trace::readable(&detail.into()),
            checks: Trace::new(),
        }
    }

    /// A refusal.
    #[must_use]
    pub fn refused(step: &'static str, refusal: &Refusal) -> Self {
        Self {
            reason: Some(refusal.reason),
            section: Some(refusal.reason.section()),
            remedy: Some(refusal.reason.remedy()),
            checks: refusal.trace.clone(),
            ..Self::new(step, Decision::Refused, refusal.detail.clone())
        }
    }

    /// The same record about `server`.
    #[must_use]
    pub fn about(mut self, place: impl Into<Place>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// The same record with the checks behind it.
    #[must_use]
    pub fn with_checks(mut self, checks: Trace) -> Self {
        self.checks = checks;
        self
    }
}

fn has_no_checks(trace: &Trace) -> bool {
    trace.checks().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Server;

    #[test]
    fn a_record_neither_steers_a_terminal_nor_fills_a_log() {
        let record = Record::new("image-download", Decision::Noted, format!("\u{1b}]0;x\n{}", "y".repeat(5000)));
        assert!(!record.detail.contains(char::is_control) && record.detail.len() <= 1024);
    }

    #[test]
    fn a_refusal_carries_its_section_and_remedy_into_the_line() {
        let refusal = Refusal::new(ReasonCode::ServerNameMismatch, "wanted sztp1");
        let line = Record::refused("server-passed-over", &refusal).about(Server::new("sztp1", 443));
        let json = serde_json::to_value(&line).unwrap();
        assert_eq!(json["reason"], "server-name-mismatch");
        assert_eq!(json["place"], "sztp1:443");
        assert_eq!(json["decision"], "refused");
        assert!(json["remedy"].as_str().unwrap().ends_with('.'));
        assert!(json.get("time").is_none());
    }
}
