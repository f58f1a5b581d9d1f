//! Whether devices would take a chain of certificates, asked before anything is made of it.

use std::path::{Path, PathBuf};

use pki::{
    algorithm::AlgorithmError,
    certificate::Certificate,
    path::{self, Policy, Purpose},
    revocation::{self, Demand, Evidence},
    time::{Clock, Timestamp},
};

use super::at_or_now;

/// Refuses a chain that devices would refuse: a signer that may not sign or has expired, a certificate that did not issue
/// the one before it (ART-11, ART-14).
pub(super) fn check_chain(path: &Path, chain: &[Certificate]) -> Result<(), ChainFailure> {
    let path = || path.to_owned();
    let Some(owner) = chain.first() else { return Ok(()) };
    if !path::may_sign(owner) {
        let subject = owner.subject().to_string();
        // Most often simply the wrong way round.
        return Err(if owner.extensions().is_ca() && chain.len() > 1 {
            ChainFailure::CaFirst { path: path(), subject }
        } else {
            ChainFailure::MayNotSign { path: path(), subject }
        });
    }
    let now = at_or_now(None);
    for certificate in chain {
        if certificate.not_after() < now {
            let subject = certificate.subject().to_string();
            return Err(ChainFailure::Expired { path: path(), subject, not_after: certificate.not_after(), now });
        }
    }
    for (below, above) in chain.iter().zip(chain.iter().skip(1)) {
        let names = || (below.subject().to_string(), above.subject().to_string());
        if below.issuer() != above.subject() {
            let (below, above) = names();
            return Err(ChainFailure::Order { path: path(), below, above });
        }
        below.verify_signature(above.public_key()).map_err(|source| {
            let (below, above) = names();
            ChainFailure::Issuer { path: path(), below, above, source }
        })?;
    }
    Ok(())
}

/// Refuses what would not help a device whose voucher demands revocation checks: evidence that says nothing about these
/// certificates, is out of date, or says that one of them was revoked (ART-16).
pub(super) fn check_evidence(path: &Path, chain: &[Certificate], evidence: &Evidence) -> Result<(), ChainFailure> {
    let is_empty = evidence.crls().len() + evidence.ocsp_responses().len() == 0;
    let (Some((owner, above)), false) = (chain.split_first(), is_empty) else { return Ok(()) };
    let Some(anchor) = above.last() else { return Ok(()) };
    let clock = Clock::Trusted(at_or_now(None));
    let policy = Policy::new(clock, Purpose::Signing);
    let refused = |why: String| ChainFailure::Evidence { path: path.to_owned(), why };
    let found = path::validate(owner, above, std::slice::from_ref(anchor), &policy);
    let found = found.map_err(|error| refused(error.to_string()))?;
    revocation::check(&found, evidence, clock, Demand::Required).map_err(|error| refused(error.to_string()))?;
    Ok(())
}

/// Devices would refuse what is made of these certificates.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ChainFailure {
    /// The certificate may not sign.
    #[error(
        "{}: {subject} may not sign artifacts (RFC 8572 §3.2): its KeyUsage lacks digitalSignature, or it is for TLS alone",
        path.display()
    )]
    MayNotSign {
        /// Which file.
        path: PathBuf,
        /// Whose certificate.
        subject: String,
    },
    /// A CA stands first.
    #[error("{}: a CA that may not sign, {subject}, stands first: put the owner certificate first, its CAs behind it", path.display())]
    CaFirst {
        /// Which file.
        path: PathBuf,
        /// Whose certificate.
        subject: String,
    },
    /// A certificate has expired.
    #[error("{}: the certificate of {subject} expired on {not_after}, and it is {now}: renew it first", path.display())]
    Expired {
        /// Which file.
        path: PathBuf,
        /// Whose certificate.
        subject: String,
        /// When.
        not_after: Timestamp,
        /// The present.
        now: Timestamp,
    },
    /// The certificates do not follow each other.
    #[error(
        "{}: {above} follows {below} and did not issue it: put the owner certificate first, then each issuer in turn",
        path.display()
    )]
    Order {
        /// Which file.
        path: PathBuf,
        /// Whose certificate stands before.
        below: String,
        /// Whose certificate stands behind.
        above: String,
    },
    /// A signature of the chain fails.
    #[error("{}: the key of {above} did not sign the certificate of {below}: {source}", path.display())]
    Issuer {
        /// Which file.
        path: PathBuf,
        /// Whose certificate was issued.
        below: String,
        /// Who ought to have issued it.
        above: String,
        /// What is wrong.
        source: AlgorithmError,
    },
    /// What is stapled is of no use.
    #[error("{}: what is to be stapled would not help a device: {why}", path.display())]
    Evidence {
        /// The file with the certificates.
        path: PathBuf,
        /// Why not.
        why: String,
    },
}
