//! The decision trace: what was checked, on which bytes, with which outcome.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::ReasonCode;

/// Longest text in a trace, in octets.
const MAX_TEXT: usize = 1024;

/// A SHA-256 digest that names an input of a check. Computed by whoever made the check; shown as lower-case hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One thing a check looked at: what it is, and the digest that identifies its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Input {
    /// What the bytes are, in the vocabulary of RFC 8572 (`ownership-voucher`, `owner-certificate`, …).
    pub name: &'static str,
    /// SHA-256 over the bytes as they were received.
    pub sha256: Digest,
}

/// How one check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The rule holds.
    Passed,
    /// The rule could not or need not be applied; the note says why.
    Skipped,
    /// The rule is broken; nothing after this check was looked at.
    Refused(ReasonCode),
}

/// One check: the rule, where it stands, what it looked at and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The check's own name, kebab-case.
    pub check: &'static str,
    /// Where the rule stands, such as `RFC 8572 §5.4`.
    pub section: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// The digests of what was looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Input>,
    /// What a person should know beyond the outcome: both clocks of a date check, the names compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The checks of one decision, in the order they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Trace {
    checks: Vec<Check>,
}

impl Trace {
    /// A text as it may stand in a trace, on a terminal and in a log: on one line, without control characters and
    /// without those that change the direction of writing, and cut to 1 KiB. Parts of it may be a stranger's words.
    #[must_use]
    pub fn readable(text: &str) -> String {
        const ELLIPSIS: char = '…';
        let mut readable = String::with_capacity(text.len().min(MAX_TEXT));
        for character in text.chars() {
            let shown = match character {
                '\t' | '\n' | '\r' => ' ',
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
                other if other.is_control() => char::REPLACEMENT_CHARACTER,
                other => other,
            };
            readable.push(shown);
            if readable.len() > MAX_TEXT {
                readable.truncate(readable.floor_char_boundary(MAX_TEXT.saturating_sub(ELLIPSIS.len_utf8())));
                readable.push(ELLIPSIS);
                break;
            }
        }
        readable
    }

    /// An empty trace.
    #[must_use]
    pub const fn new() -> Self {
        Self { checks: Vec::new() }
    }

    /// The checks made so far.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Records a rule that holds.
    pub fn passed(&mut self, check: &'static str, section: &'static str, inputs: &[Input]) {
        self.push(check, section, Outcome::Passed, inputs, None);
    }

    /// Records a rule that holds, with something worth knowing about it.
    pub fn passed_with(
        &mut self,
        check: &'static str,
        section: &'static str,
        inputs: &[Input],
        note: impl Into<String>,
    ) {
        self.push(check, section, Outcome::Passed, inputs, Some(note.into()));
    }

    /// Records a rule that was not applied, and why.
    pub fn skipped(&mut self, check: &'static str, section: &'static str, note: impl Into<String>) {
        self.push(check, section, Outcome::Skipped, &[], Some(note.into()));
    }

    /// Records the rule that is broken and ends the decision: the trace goes into the [`Refusal`].
    #[must_use]
    pub fn refused(
        mut self,
        check: &'static str,
        reason: ReasonCode,
        inputs: &[Input],
        detail: impl Into<String>,
    ) -> Refusal {
        let detail = Self::readable(&detail.into());
        self.push(check, reason.section(), Outcome::Refused(reason), inputs, Some(detail.clone()));
        Refusal { reason, detail, trace: self }
    }

    /// Appends the checks of a part of the decision that was made elsewhere.
    pub fn extend(&mut self, part: Self) {
        self.checks.extend(part.checks);
    }

    fn push(
        &mut self,
        check: &'static str,
        section: &'static str,
        outcome: Outcome,
        inputs: &[Input],
        note: Option<String>,
    ) {
        let note = note.map(|note| Self::readable(&note));
        self.checks.push(Check { check, section, outcome, inputs: inputs.to_vec(), note });
    }
}

/// A refusal: the reason, what exactly was wrong here, and every check made up to that point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The stable reason code.
    pub reason: ReasonCode,
    /// What was wrong in this case: the values, names or dates that did not fit.
    pub detail: String,
    /// Every check made, the last one refused.
    pub trace: Trace,
}

impl Refusal {
    /// A refusal that needed one look only.
    #[must_use]
    pub fn new(reason: ReasonCode, detail: impl Into<String>) -> Self {
        Trace::new().refused(reason.as_str(), reason, &[], detail)
    }

    /// Puts the checks of an enclosing decision in front of this refusal's own.
    #[must_use]
    pub fn after(mut self, mut earlier: Trace) -> Self {
        earlier.extend(self.trace);
        self.trace = earlier;
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.reason;
        write!(f, "{reason}: {} ({}). {}", self.detail, reason.section(), reason.remedy())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_reason_detail_section_and_remedy() {
        let mut trace = Trace::new();
        trace.passed("voucher-signature", "RFC 8572 §5.4", &[]);
        let refusal = trace.refused("owner-path", ReasonCode::OwnerNotPinned, &[], "pinned CN=A, owner CN=B");
        let text = refusal.to_string();
        assert!(text.starts_with("owner-not-pinned: pinned CN=A, owner CN=B (RFC 8572 §5.4)."), "{text}");
        assert!(text.ends_with(ReasonCode::OwnerNotPinned.remedy()));
        assert_eq!(refusal.trace.checks().len(), 2);
    }

    #[test]
    fn a_strangers_words_neither_steer_a_terminal_nor_fill_a_log() {
        let hostile = format!("a\u{1b}[2J\u{9b}\u{202e}\0b\r\nc{}", "é".repeat(4000));
        let refusal = Refusal::new(ReasonCode::VoucherExpired, hostile.as_str());
        assert!(!refusal.detail.contains(char::is_control) && !refusal.detail.contains('\u{202e}'));
        assert!(refusal.detail.starts_with("a\u{fffd}[2J") && refusal.detail.ends_with("é…"), "{}", refusal.detail);
        assert!(refusal.detail.len() <= MAX_TEXT);
        let mut trace = Trace::new();
        trace.passed_with("a", "RFC 8572 §5.4", &[], hostile.as_str());
        trace.skipped("b", "RFC 8572 §5.4", hostile.as_str());
        for check in trace.checks().iter().chain(refusal.trace.checks()) {
            assert_eq!(check.note.as_ref(), Some(&refusal.detail));
        }
        let exact = "x".repeat(MAX_TEXT);
        assert_eq!(Trace::readable(&exact), exact);
    }

    #[test]
    fn a_trace_is_a_json_list_of_checks() {
        let mut trace = Trace::new();
        trace.passed("a", "RFC 8572 §5.4", &[Input { name: "ownership-voucher", sha256: Digest([0xab; 32]) }]);
        let refusal = trace.refused("b", ReasonCode::VoucherExpired, &[], "late");
        let json = serde_json::to_value(&refusal).unwrap();
        assert_eq!(json["reason"], "voucher-expired");
        assert_eq!(json["trace"][0]["outcome"], "passed");
        assert_eq!(json["trace"][0]["inputs"][0]["sha256"], "ab".repeat(32));
        assert_eq!(json["trace"][1]["outcome"]["refused"], "voucher-expired");
    }
}
