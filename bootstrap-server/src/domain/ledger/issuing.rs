//! What may be issued beside what was issued before, and what may be revoked. Pure; the store asks inside its transaction.

use pki::{revocation::Reason, time::Timestamp};

use super::{Brief, CertificateId, Holder, Index, IssuedCertificate, Revoked, index::Stack};

/// What a certificate is issued for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Its holder has none of this authority that still holds.
    First,
    /// It goes on from one that still holds (EST-05). The key may stay the same.
    Renewal {
        /// The serial number of the certificate before.
        of: Vec<u8>,
    },
    /// Its holder has one, and gets another all the same.
    Another {
        /// Why, in the words of whoever answers for it.
        because: String,
    },
}

impl Occasion {
    /// Its name, as bodies of events have it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Renewal { .. } => "renewal",
            Self::Another { .. } => "another",
        }
    }
}

/// Whether `new` may be issued, as far as `known` tells: the latest changes first, what is stored last. `known` must hold
/// every certificate that has the identity, the request, the key or the holder of the new one, and the one that it renews.
pub(crate) fn may_issue(
    new: &IssuedCertificate,
    occasion: &Occasion,
    known: &[&Index],
    now: Timestamp,
) -> Result<(), IssueRefused> {
    let known = Stack(known);
    // A request that is repeated is answered with what was issued then; whoever asks finds it under this name.
    if let Some(before) = known.of_request(new).filter(|before| before.is_live(now)) {
        return Err(IssueRefused::IssuedBefore(before.id.clone()));
    }
    // RFC 5280 §4.1.2.2: a serial number is used once.
    if known.get(&new.id()).is_some() {
        return Err(IssueRefused::SerialTaken(new.id()));
    }
    // One key is one device: a second certificate for it would make two of one, or one of two.
    let shares = |before: &&Brief| new.holder == Holder::NoDevice || before.holder != new.holder;
    if let Some(before) = known.with_key(new.certificate.public_key().spki_sha256()).find(shares) {
        return Err(IssueRefused::KeyInUse(before.id.clone()));
    }
    match occasion {
        Occasion::First => match known.of_holder(new).find(|before| before.is_live(now)) {
            Some(before) => Err(IssueRefused::HolderHasOne { which: before.id.clone(), until: before.not_after }),
            None => Ok(()),
        },
        Occasion::Renewal { of } => {
            let id = CertificateId { authority: new.authority.clone(), serial: of.clone() };
            match known.get(&id) {
                Some(before) if before.holder == new.holder && before.is_live(now) => Ok(()),
                _ => Err(IssueRefused::NothingToRenew(id)),
            }
        }
        Occasion::Another { .. } => Ok(()),
    }
}

/// Whether the certificate may be revoked with this reason.
pub(crate) fn may_revoke(id: &CertificateId, reason: Reason, known: &[&Index]) -> Result<Brief, RevokeRefused> {
    let before = Stack(known).get(id).ok_or_else(|| RevokeRefused::NotIssued(id.clone()))?;
    // RFC 5280 §5.3.1: what is revoked stays so; a hold may become a revocation.
    match before.revoked {
        Some(Revoked { reason: Reason::CertificateHold, .. }) if reason != Reason::CertificateHold => {
            Ok(before.clone())
        }
        Some(revoked) => Err(RevokeRefused::RevokedBefore { which: id.clone(), reason: revoked.reason }),
        None => Ok(before.clone()),
    }
}

/// The ledger forbids a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssueRefused {
    /// This very request was answered.
    #[error("the request was answered before, with the certificate {0}")]
    IssuedBefore(CertificateId),
    /// The serial number of the new certificate is that of another.
    #[error("the authority has a certificate with the serial number of {0}: draw another one")]
    SerialTaken(CertificateId),
    /// Somebody else's certificate is for the same key.
    #[error("the key is that of the certificate {0}, which somebody else holds: make a new key for each device")]
    KeyInUse(CertificateId),
    /// The holder has a certificate that still holds.
    #[error(
        "the holder has the certificate {which} until {until}: renew it, revoke it, or say why there is to be another"
    )]
    HolderHasOne {
        /// Which.
        which: CertificateId,
        /// Last moment of its validity.
        until: Timestamp,
    },
    /// The certificate that is to be renewed is not there, is another's, or holds no longer.
    #[error("there is no certificate {0} of this holder that still holds: it cannot be renewed, only issued anew")]
    NothingToRenew(CertificateId),
}

/// The ledger forbids a revocation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevokeRefused {
    /// The authority issued no such certificate.
    #[error("no certificate {0} was issued")]
    NotIssued(CertificateId),
    /// It is revoked.
    #[error("the certificate {which} is revoked already ({})", reason.as_str())]
    RevokedBefore {
        /// Which.
        which: CertificateId,
        /// Why.
        reason: Reason,
    },
}
