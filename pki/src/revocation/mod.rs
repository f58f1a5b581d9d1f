//! Whether certificates of a path have been revoked (RFC 5280 §6.3, RFC 6960), judged from evidence that others bring.
//!
//! Nothing is fetched here. [`Evidence`] holds revocation lists and OCSP responses from anywhere, stapled to an artifact
//! by a stranger or fetched over a network; [`check`] uses of it what is authentic, and ignores the rest.
//!
//! Two rules decide, and they differ on purpose:
//!
//! - **An authentic "revoked" always counts**, however old it is and whatever the clock says. Only a hold
//!   (certificateHold) is lifted by a later authentic answer.
//! - **A "not revoked" counts while it is fresh.** Where the clock may not be believed, freshness is not judged, and
//!   missing evidence is not held against anybody (RFC 8572 §9.1).
//!
//! Of RFC 5280 §6.3 this leaves out: delta CRLs, indirect CRLs, lists signed with another key than the certificate, and
//! piecing together lists for some reasons each. An OCSP delegate is not asked for its own status by OCSP; a
//! revocation list at hand that names it is heeded.

mod crl;
mod ocsp;
mod reason;
mod signed;

use std::sync::Arc;

use const_oid::ObjectIdentifier;
pub use crl::Crl;
pub use ocsp::OcspResponse;
pub use reason::{Reason, Revocation};
pub use signed::Period;

use crate::{
    certificate::Certificate,
    digest::Digest,
    path::Path,
    time::{Clock, Timestamp},
};

/// Signature checks that one call of [`check`] may cost, whatever evidence strangers bring.
const SIGNATURE_BUDGET: u32 = 128;

/// Revocation lists and OCSP responses that may tell something about a path. Candidates only: nothing here is verified.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    // Shared, since what one artifact brings is judged together with what others bring.
    crls: Vec<Arc<Crl>>,
    responses: Vec<Arc<OcspResponse>>,
}

impl Evidence {
    /// Most lists, and most responses, that are kept.
    pub const MAX: usize = 64;

    /// No evidence at all.
    #[must_use]
    pub const fn new() -> Self {
        Self { crls: Vec::new(), responses: Vec::new() }
    }

    /// No evidence at all, for those who have none to give.
    #[must_use]
    pub fn none() -> &'static Self {
        static NONE: Evidence = Evidence::new();
        &NONE
    }

    /// Adds a revocation list. One that is there already, or exceeds [`Evidence::MAX`], is dropped.
    pub fn add_crl(&mut self, crl: Crl) {
        self.share_crl(&Arc::new(crl));
    }

    fn share_crl(&mut self, crl: &Arc<Crl>) {
        if self.crls.len() < Self::MAX && self.crls.iter().all(|known| known.der() != crl.der()) {
            self.crls.push(Arc::clone(crl));
        }
    }

    /// Adds an OCSP response. One that is there already, or exceeds [`Evidence::MAX`], is dropped.
    pub fn add_ocsp_response(&mut self, response: OcspResponse) {
        self.share_ocsp_response(&Arc::new(response));
    }

    fn share_ocsp_response(&mut self, response: &Arc<OcspResponse>) {
        if self.responses.len() < Self::MAX && self.responses.iter().all(|known| known.der() != response.der()) {
            self.responses.push(Arc::clone(response));
        }
    }

    /// Adds everything that `other` holds.
    pub fn add_all(&mut self, other: &Self) {
        other.crls.iter().for_each(|crl| self.share_crl(crl));
        other.responses.iter().for_each(|response| self.share_ocsp_response(response));
    }

    /// The revocation lists.
    #[must_use]
    pub fn crls(&self) -> impl ExactSizeIterator<Item = &Crl> {
        self.crls.iter().map(AsRef::as_ref)
    }

    /// The OCSP responses.
    #[must_use]
    pub fn ocsp_responses(&self) -> impl ExactSizeIterator<Item = &OcspResponse> {
        self.responses.iter().map(AsRef::as_ref)
    }
}

/// How much must be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Every certificate of the path must be shown not to be revoked.
    Required,
    /// What is at hand is heeded, what is missing is not demanded.
    WhenAvailable,
    /// Nothing may be looked at.
    Forbidden,
}

/// What was found out about one certificate that is not known to be revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its subject.
    pub subject: String,
    /// SHA-256 over its bytes.
    pub certificate: Digest,
    /// What shows that it is not revoked; `None` when nothing at hand does.
    pub cleared_by: Option<Answer>,
}

/// A piece of evidence that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What kind of evidence it is.
    pub kind: EvidenceKind,
    /// SHA-256 over its bytes.
    pub sha256: Digest,
    /// From when until when it holds.
    pub period: Period,
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.period)
    }
}

/// The two kinds of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvidenceKind {
    /// A revocation list.
    Crl,
    /// An OCSP response.
    OcspResponse,
}

impl EvidenceKind {
    /// In words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crl => "revocation list",
            Self::OcspResponse => "OCSP response",
        }
    }
}

/// What one piece of evidence says about one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Statement {
    Good,
    Revoked(Revocation),
}

/// Judges every certificate of `path` but the anchor, end entity first. With [`Demand::Forbidden`] nothing is judged.
///
/// A path of one, where the end entity is itself the anchor, has nobody above it whose word on it would count: unless
/// it issued itself, nothing can clear it, and [`Demand::Required`] cannot be met.
///
/// # Errors
/// [`RevocationError`]: one of them is revoked, or must be shown not to be and is not.
pub fn check(path: &Path, evidence: &Evidence, clock: Clock, demand: Demand) -> Result<Vec<Finding>, RevocationError> {
    if demand == Demand::Forbidden {
        return Ok(Vec::new());
    }
    let mut judge = Judge { evidence, clock, budget: SIGNATURE_BUDGET };
    match path.certificates() {
        [only] => Ok(vec![judge.judge(only, only, demand)?]),
        certificates => certificates
            .windows(2)
            .filter_map(|pair| match pair {
                [certificate, issuer] => Some(judge.judge(certificate, issuer, demand)),
                _ => None,
            })
            .collect(),
    }
}

struct Judge<'a> {
    evidence: &'a Evidence,
    clock: Clock,
    budget: u32,
}

impl Judge<'_> {
    fn judge(
        &mut self,
        certificate: &Certificate,
        issuer: &Certificate,
        demand: Demand,
    ) -> Result<Finding, RevocationError> {
        let subject = certificate.subject().to_string();
        let known = self.authentic_statements(certificate, issuer)?;
        let latest = known.iter().map(|(_, answer)| answer.period.this_update).max();
        let counts = |revocation: &Revocation, answer: &Answer| {
            // RFC 5280 §5.3.1: a hold may be taken back, so that only the last word on it counts.
            revocation.reason != Some(Reason::CertificateHold) || Some(answer.period.this_update) == latest
        };
        for (statement, source) in &known {
            if let Statement::Revoked(revocation) = statement
                && counts(revocation, source)
            {
                return Err(RevocationError::Revoked { subject, revocation: *revocation, answer: *source });
            }
        }
        let mut good = known.iter().filter(|(statement, _)| *statement == Statement::Good).map(|(_, answer)| *answer);
        let fresh = good.clone().filter(|answer| answer.period.is_fresh(self.clock));
        let cleared_by = fresh.max_by_key(|answer| answer.period.this_update);
        match (demand, self.clock.now(), cleared_by, good.next()) {
            // RFC 8572 §5.4 (CLI-38, SEC-04): what must be known and is not counts against the certificate.
            (Demand::Required, Some(now), None, Some(stale)) => {
                Err(RevocationError::Stale { subject, answer: stale, now })
            }
            (Demand::Required, Some(_), None, None) => Err(RevocationError::Unknown { subject }),
            _ => Ok(Finding { subject, certificate: certificate.sha256(), cleared_by }),
        }
    }

    /// Everything that somebody entitled says about `certificate`.
    fn authentic_statements(
        &mut self,
        certificate: &Certificate,
        issuer: &Certificate,
    ) -> Result<Vec<(Statement, Answer)>, RevocationError> {
        let mut known = Vec::new();
        // In a path of one the issuer may be somebody else.
        if certificate.issuer() != issuer.subject() {
            return Ok(known);
        }
        let evidence = self.evidence;
        for crl in evidence.crls.iter().filter(|crl| crl.names_issuer(issuer)) {
            let Some(statement) = crl.statement(certificate) else { continue };
            if self.crl_is_authentic(crl, issuer)? {
                let answer = Answer { kind: EvidenceKind::Crl, sha256: crl.sha256(), period: crl.period() };
                known.push((statement, answer));
            }
        }
        for response in &evidence.responses {
            let mut statements = response.statements(certificate, issuer).peekable();
            if statements.peek().is_some() && self.response_is_authentic(response, issuer)? {
                let answer = |period| Answer { kind: EvidenceKind::OcspResponse, sha256: response.sha256(), period };
                known.extend(statements.map(|(statement, period)| (statement, answer(period))));
            }
        }
        Ok(known)
    }

    fn crl_is_authentic(&mut self, crl: &Crl, issuer: &Certificate) -> Result<bool, RevocationError> {
        self.spend()?;
        Ok(crl.is_authentic(issuer))
    }

    /// RFC 6960 §4.2.2.2: signed by the CA that issued the certificate in question, or by somebody that this very CA
    /// certified for it.
    fn response_is_authentic(
        &mut self,
        response: &OcspResponse,
        issuer: &Certificate,
    ) -> Result<bool, RevocationError> {
        for signer in response.signers(issuer) {
            self.spend()?;
            if !response.is_signed_by(signer.unwrap_or(issuer)) {
                continue;
            }
            let Some(delegate) = signer else { return Ok(true) };
            self.spend()?;
            if ocsp::is_delegate(delegate, issuer, self.clock) && !self.is_listed(delegate, issuer)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether an authentic list at hand revokes a delegate.
    fn is_listed(&mut self, delegate: &Certificate, issuer: &Certificate) -> Result<bool, RevocationError> {
        let evidence = self.evidence;
        for crl in evidence.crls.iter().filter(|crl| crl.names_issuer(issuer)) {
            if matches!(crl.statement(delegate), Some(Statement::Revoked(_))) && self.crl_is_authentic(crl, issuer)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn spend(&mut self) -> Result<(), RevocationError> {
        self.budget = self.budget.checked_sub(1).ok_or(RevocationError::TooComplex)?;
        Ok(())
    }
}

/// Why a path is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationError {
    /// A certificate is revoked.
    #[error("the certificate of {subject} was {revocation}, says the {answer}")]
    Revoked {
        /// Whose certificate.
        subject: String,
        /// When and why.
        revocation: Revocation,
        /// What says so.
        answer: Answer,
    },
    /// Nothing at hand that is authentic tells the status of a certificate.
    #[error("nothing at hand tells whether the certificate of {subject} is revoked")]
    Unknown {
        /// Whose certificate.
        subject: String,
    },
    /// What tells the status of a certificate does not hold now.
    #[error(
        "what tells that the certificate of {subject} is not revoked does not hold now: {answer}; the clock says {now}"
    )]
    Stale {
        /// Whose certificate.
        subject: String,
        /// What told it.
        answer: Answer,
        /// The trusted clock.
        now: Timestamp,
    },
    /// The evidence cannot be judged within reason.
    #[error("more than {SIGNATURE_BUDGET} signature checks were needed")]
    TooComplex,
}

/// A revocation list or OCSP response that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// Longer than [`Crl::MAX_DER`] or [`OcspResponse::MAX_DER`].
    #[error("too large")]
    TooLarge,
    /// More entries or certificates than are read.
    #[error("too many entries")]
    TooManyEntries,
    /// The DER cannot be read.
    #[error("not in DER: {0}")]
    Der(#[from] der::Error),
    /// Something follows a revocation list's signature.
    #[error("something follows the signature")]
    TrailingData,
    /// The signature is not a whole number of octets.
    #[error("the signature cannot be read")]
    Signature,
    /// Outer and inner signature algorithm differ.
    #[error("the two signature algorithm fields differ")]
    AlgorithmFieldsDiffer,
    /// A version that does not exist or does not go with the extensions.
    #[error("the version is unknown or does not go with the extensions")]
    Version,
    /// A critical extension, of the whole or of an entry, is not understood.
    #[error("the critical extension {0} is not understood")]
    CriticalExtension(ObjectIdentifier),
    /// The same extension twice.
    #[error("extension {0} stands twice")]
    DuplicateExtension(ObjectIdentifier),
    /// A delta CRL (RFC 5280 §5.2.4).
    #[error("a delta CRL says nothing by itself")]
    Delta,
    /// An indirect CRL, or one of attribute certificates (RFC 5280 §5.2.5).
    #[error("an indirect CRL, or one of attribute certificates, is not used here")]
    Indirect,
    /// An OCSP response that reports an error instead of a status.
    #[error("the OCSP response is not a successful one")]
    NotSuccessful,
    /// An OCSP response of another type than id-pkix-ocsp-basic.
    #[error("OCSP response type {0} is unknown")]
    ResponseType(ObjectIdentifier),
}
