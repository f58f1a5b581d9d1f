//! Revocation as a check of the trace: what decided about which certificate, by which clock.

use pki::{
    certificate::Certificate,
    path::{Path, PathError},
    revocation::{self, Answer, Demand, Evidence, EvidenceKind, Finding, RevocationError},
    time::{Clock, Timestamp},
};
use verdict::{Input, ReasonCode, Refusal, Trace};

/// Judges the revocation of one artifact's signers.
pub(super) struct RevocationCheck {
    /// The check's name in the trace.
    pub(super) check: &'static str,
    /// Where the rule stands that says how much must be known.
    pub(super) section: &'static str,
    pub(super) demand: Demand,
    /// From every place where some may be stapled, and fetched: only what is authentic counts.
    pub(super) evidence: Evidence,
    pub(super) clock: Clock,
}

/// A certificate that validates, and what was found out about its path.
pub(super) struct Picked<'a> {
    pub(super) certificate: &'a Certificate,
    /// From it to the anchor.
    pub(super) path: Path,
    findings: Result<Vec<Finding>, RevocationError>,
}

impl Picked<'_> {
    /// Whether more evidence may change the judgement: too little is known, and nothing speaks against the path.
    pub(super) const fn lacks_evidence(&self) -> bool {
        matches!(self.findings, Err(RevocationError::Unknown { .. } | RevocationError::Stale { .. }))
    }

    /// Until when all of this holds: the earliest expiry of a certificate below the anchor, or next update of what cleared
    /// one of them.
    pub(super) fn holds_until(&self) -> Option<Timestamp> {
        let certificates = self.path.certificates();
        let below = match certificates.split_last() {
            Some((only, [])) => std::slice::from_ref(only),
            Some((_, below)) => below,
            None => &[],
        };
        let findings = self.findings.as_deref().unwrap_or_default();
        let cleared = findings.iter().filter_map(|it| it.cleared_by.and_then(|answer| answer.period.next_update));
        below.iter().map(Certificate::not_after).chain(cleared).min()
    }
}

/// Certificates that fit a signer's name and are judged: each costs up to a whole budget of signature checks.
const MAX_CANDIDATES: usize = 4;

impl RevocationCheck {
    /// Of several certificates that fit, such as one that was renewed on the same key beside its successor: the first
    /// that validates and is not revoked, or else the first that validates. Of more than four the others are not tried.
    ///
    /// # Errors
    /// None validates: what is wrong with the first, if there is one.
    pub(super) fn pick<'a>(
        &self,
        candidates: impl IntoIterator<Item = &'a Certificate>,
        validate: impl Fn(&Certificate) -> Result<Path, PathError>,
    ) -> Result<Picked<'a>, Option<PathError>> {
        let (mut revoked, mut invalid) = (None, None);
        for certificate in candidates.into_iter().take(MAX_CANDIDATES) {
            match validate(certificate) {
                Ok(path) => {
                    let findings = revocation::check(&path, &self.evidence, self.clock, self.demand);
                    let picked = Picked { certificate, path, findings };
                    if picked.findings.is_ok() {
                        return Ok(picked);
                    }
                    revoked = revoked.or(Some(picked));
                }
                Err(error) => invalid = invalid.or(Some(error)),
            }
        }
        revoked.ok_or(invalid)
    }

    /// Records what was found out about every certificate of the path but the anchor; `inputs` name the artifact it
    /// stands in.
    pub(super) fn record(&self, picked: Picked<'_>, mut trace: Trace, inputs: &[Input]) -> Result<Trace, Refusal> {
        if self.demand == Demand::Forbidden {
            trace.skipped(self.check, self.section, "the voucher says that revocation must not be checked");
            return Ok(trace);
        }
        match picked.findings {
            Ok(findings) => {
                findings.into_iter().for_each(|finding| self.record_one(finding, &mut trace));
                Ok(trace)
            }
            Err(error) => {
                let (reason, answer) = match &error {
                    RevocationError::Revoked { answer, .. } => (ReasonCode::CertificateRevoked, Some(*answer)),
                    RevocationError::Stale { answer, .. } => (ReasonCode::RevocationUnchecked, Some(*answer)),
                    _ => (ReasonCode::RevocationUnchecked, None),
                };
                let inputs: Vec<_> = inputs.iter().copied().chain(answer.map(input)).collect();
                Err(trace.refused(self.check, reason, &inputs, format!("{error}; {}", self.clock)))
            }
        }
    }

    fn record_one(&self, finding: Finding, trace: &mut Trace) {
        let (Finding { subject, certificate, cleared_by }, clock) = (finding, self.clock);
        match cleared_by {
            Some(answer) => {
                let inputs = [Input { name: "certificate", sha256: certificate }, input(answer)];
                let note = format!("{subject} is not revoked, says the {answer}; {clock}");
                trace.passed_with(self.check, self.section, &inputs, note);
            }
            // RFC 8572 §9.1 (DEV-14): a clock that may not be believed, or this would have been refused.
            None if self.demand == Demand::Required => {
                trace.skipped(self.check, "RFC 8572 §9.1", format!("{subject}: {clock}: revocation is not judged"));
            }
            None => {
                let note = format!("{subject}: nothing at hand tells, and nothing is demanded; {clock}");
                trace.skipped(self.check, self.section, note);
            }
        }
    }
}

fn input(answer: Answer) -> Input {
    let name = match answer.kind {
        EvidenceKind::Crl => "revocation-list",
        EvidenceKind::OcspResponse => "ocsp-response",
    };
    Input { name, sha256: answer.sha256 }
}
