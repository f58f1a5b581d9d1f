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
//! Lists for some reasons each are pieced together: a certificate is cleared when all reasons are covered (RFC 5280 §6.3.3).
//! A delta CRL revokes by itself, and clears together with a list that it amends. An indirect CRL counts for certificates
//! whose distribution points leave it to that issuer.
//!
//! A list is the CA's when the key that signed the certificate signed the list, or a key of that name in the path, or one that
//! the CA, or the CA above it, certified for signing lists ([`Evidence::add_certificate`]); an indirect one also when any CA of
//! the path certified its issuer. RFC 5280 §6.3.3 (f) would accept any path to the same anchor, and so would let
//! any CA below it sign lists in the name of another.
//!
//! An OCSP delegate is not asked for its own status by OCSP; a revocation list at hand that names it is heeded, whether or not
//! it carries id-pkix-ocsp-nocheck, and when its certificate has expired nothing it said is authentic any more, a revocation
//! neither (RFC 6960 §4.2.2.2).

mod armour;
mod crl;
mod error;
mod evidence;
mod judge;
mod ocsp;
mod reason;
mod request;
mod scope;
mod signed;

pub use crl::Crl;
pub use error::{EvidenceError, RevocationError};
pub use evidence::Evidence;
use judge::Judge;
pub use ocsp::OcspResponse;
use reason::ReasonSet;
pub use reason::{Reason, ReasonUnknown, Revocation};
pub use request::ocsp_request;
pub use signed::Period;

use crate::{digest::Digest, path::Path, time::Clock};

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
    /// Not revoked, for these reasons at least.
    Good(ReasonSet),
    Revoked(Revocation),
    /// Taken from the list that a delta amends.
    Removed,
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
    let mut judge = Judge::new(path.certificates(), evidence, clock, demand);
    let judged: Vec<_> =
        (0..path.certificates().len().saturating_sub(1).max(1)).map(|place| judge.judge(place)).collect();
    // That one is revoked says more than that nothing is known of another.
    let revoked = judged.iter().find(|it| matches!(it, Err(RevocationError::Revoked { .. })));
    match revoked {
        Some(Err(revoked)) => Err(revoked.clone()),
        _ => judged.into_iter().collect(),
    }
}
