//! A judgement with its trace, as text and as JSON: what `sztp artifact verify` and `sztp voucher verify` show.

use std::process::ExitCode;

use pki::identity::IdentityError;
use serde_json::{Value, json};
use verdict::{Check, Outcome, Refusal, Trace};

use crate::output::{self, Form};

/// How verifying ended.
#[derive(Debug)]
pub(crate) struct Judgement {
    outcome: Ending,
    trace: Trace,
}

#[derive(Debug)]
enum Ending {
    Verified(String),
    Unsigned { detail: String, refusal: Option<Refusal> },
    Refused(Refusal),
}

impl Judgement {
    /// Everything holds; `what` was verified.
    pub(crate) fn verified(what: impl Into<String>, trace: Trace) -> Self {
        Self { outcome: Ending::Verified(what.into()), trace }
    }

    /// Nobody signed it, so that there is nothing to verify.
    pub(crate) fn unsigned(detail: impl Into<String>, trace: Trace) -> Self {
        Self { outcome: Ending::Unsigned { detail: detail.into(), refusal: None }, trace }
    }

    /// Nobody signed it, and a device refuses it for that.
    pub(crate) fn refused_unsigned(refusal: Refusal) -> Self {
        let trace = refusal.trace.clone();
        Self { outcome: Ending::Unsigned { detail: refusal.detail.clone(), refusal: Some(refusal) }, trace }
    }

    /// Something does not hold.
    pub(crate) fn refused(refusal: Refusal) -> Self {
        let trace = refusal.trace.clone();
        Self { outcome: Ending::Refused(refusal), trace }
    }

    /// Prints it, and gives the exit code: 0 verified, 3 otherwise.
    pub(crate) fn show(&self, form: Form) -> ExitCode {
        match form {
            Form::Json => output::json(&self.to_json()),
            Form::Table => output::line(&self.to_text()),
        }
        match self.outcome {
            Ending::Verified(_) => ExitCode::SUCCESS,
            Ending::Unsigned { .. } | Ending::Refused(_) => ExitCode::from(3),
        }
    }

    fn refusal(&self) -> Option<&Refusal> {
        match &self.outcome {
            Ending::Verified(_) => None,
            Ending::Unsigned { refusal, .. } => refusal.as_ref(),
            Ending::Refused(refusal) => Some(refusal),
        }
    }

    fn to_json(&self) -> Value {
        let (outcome, what, detail) = match &self.outcome {
            Ending::Verified(what) => ("verified", Some(what), None),
            Ending::Unsigned { detail, .. } => ("unsigned", None, Some(detail)),
            Ending::Refused(refusal) => ("refused", None, Some(&refusal.detail)),
        };
        let mut shown = json!({ "outcome": outcome, "trace": self.trace });
        let refusal = self.refusal();
        let members = [
            ("verified", what.map(|it| json!(it))),
            ("detail", detail.map(|it| json!(it))),
            ("reason", refusal.map(|it| json!(it.reason))),
            ("section", refusal.map(|it| json!(it.reason.section()))),
            ("summary", refusal.map(|it| json!(it.reason.summary()))),
            ("remedy", refusal.map(|it| json!(it.reason.remedy()))),
        ];
        if let Some(object) = shown.as_object_mut() {
            object.extend(members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        shown
    }

    fn to_text(&self) -> String {
        let mut lines = Vec::new();
        match &self.outcome {
            Ending::Verified(what) => lines.push(format!("verified: {what}")),
            Ending::Unsigned { detail, .. } => lines.push(format!("unsigned: {detail}")),
            Ending::Refused(refusal) => lines.push(format!("refused: {}", refusal.reason)),
        }
        if let Some(refusal) = self.refusal() {
            let reason = refusal.reason;
            lines.push(format!("  what: {}", reason.summary()));
            lines.push(format!("  here: {}", refusal.detail));
            lines.push(format!("  rule: {}", reason.section()));
            lines.push(format!("  do:   {}", reason.remedy()));
        }
        if !self.trace.checks().is_empty() {
            lines.push(String::new());
            lines.push("Checks, in order:".to_owned());
        }
        let width = self.trace.checks().iter().map(|it| it.check.len()).max().unwrap_or_default();
        for check in self.trace.checks() {
            lines.push(check_line(check, width));
            lines.extend(check.note.iter().map(|note| format!("           {note}")));
        }
        let inputs = self.inputs();
        if !inputs.is_empty() {
            lines.push(String::new());
            lines.push("Looked at:".to_owned());
            lines.extend(inputs.iter().map(|(name, digest)| format!("  {name}  sha256 {digest}")));
        }
        lines.join("\n")
    }

    /// Everything that was looked at, once.
    fn inputs(&self) -> Vec<(String, String)> {
        let all = self.trace.checks().iter().flat_map(|check| &check.inputs);
        let width = all.clone().map(|it| it.name.len()).max().unwrap_or_default();
        let mut inputs = Vec::new();
        for input in all {
            let line = (format!("{:width$}", input.name), input.sha256.to_string());
            if !inputs.contains(&line) {
                inputs.push(line);
            }
        }
        inputs
    }
}

fn check_line(check: &Check, width: usize) -> String {
    let mark = match check.outcome {
        Outcome::Passed => "passed ",
        Outcome::Skipped => "skipped",
        Outcome::Refused(_) => "REFUSED",
    };
    format!("  {mark}  {:width$}  {}", check.check, check.section)
}

/// A judgement cannot be begun.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum JudgementError {
    /// The IDevID certificate does not say for whom.
    #[error("the IDevID certificate names no serial number ({0}): give --serial-number")]
    Identity(#[from] IdentityError),
    /// Nothing says for which device.
    #[error("for which device? Give --serial-number or --idevid")]
    NoSerialNumber,
}

#[cfg(test)]
mod tests {
    use verdict::{Digest, Input, ReasonCode};

    use super::*;

    fn refused() -> Judgement {
        let input = Input { name: "ownership-voucher", sha256: Digest([0xab; 32]) };
        let mut trace = Trace::new();
        trace.passed("voucher-signature", "RFC 8572 §5.4", &[input]);
        trace.skipped("voucher-dates", "RFC 8572 §9.1", "no clock");
        Judgement::refused(trace.refused("owner-path", ReasonCode::OwnerNotPinned, &[input], "pins A, found B"))
    }

    #[test]
    fn a_refusal_reads_as_what_here_rule_do_and_then_the_trace() {
        let expected = "\
refused: owner-not-pinned
  what: The owner certificate does not chain to the certificate that the voucher pins
  here: pins A, found B
  rule: RFC 8572 §5.4
  do:   Obtain a voucher that pins your own certificate, or transfer the device to this owner at the MASA.

Checks, in order:
  passed   voucher-signature  RFC 8572 §5.4
  skipped  voucher-dates      RFC 8572 §9.1
           no clock
  REFUSED  owner-path         RFC 8572 §5.4
           pins A, found B

Looked at:
  ownership-voucher  sha256 abababababababababababababababababababababababababababababababab";
        assert_eq!(refused().to_text(), expected);
    }

    #[test]
    fn the_json_of_a_judgement_is_that_of_the_refusal_with_its_remedy() {
        let shown = refused().to_json();
        assert_eq!(shown["outcome"], "refused");
        assert_eq!(shown["reason"], "owner-not-pinned");
        assert_eq!(shown["remedy"], ReasonCode::OwnerNotPinned.remedy());
        assert_eq!(shown["trace"][2]["outcome"]["refused"], "owner-not-pinned");
        assert_eq!(Judgement::verified("x", Trace::new()).to_json()["outcome"], "verified");
        let unsigned = Judgement::unsigned("nobody signed it", Trace::new()).to_json();
        assert_eq!((&unsigned["outcome"], unsigned.get("reason")), (&json!("unsigned"), None));
    }
}
