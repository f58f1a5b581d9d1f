//! What is noted about a voucher beside its octets, so that many of them can be searched.

use conveyed_info::{
    OwnershipVoucher,
    voucher::{Freshness, Nonce},
};
use pki::{digest::Digest, time::Timestamp};

/// What a voucher says that lists and decisions ask for. Derived from the artifact alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// SHA-256 of the artifact, which names it.
    pub sha256: Digest,
    /// When it was made.
    pub created_on: Option<Timestamp>,
    /// How it is bound in time.
    pub bound: Bound,
    /// SHA-256 of the certificate that it pins; `None` when the voucher cannot be read here.
    pub pinned: Option<Digest>,
}

/// How a voucher is bound in time (RFC 8366 §5.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// It ends at this moment.
    Until(Timestamp),
    /// It never ends.
    Never,
    /// It is for one request.
    Nonce(Nonce),
    /// It cannot be read here: the device is the judge.
    Unknown,
}

impl Summary {
    /// Reads `artifact`, whose signature is not looked at.
    #[must_use]
    pub fn of(artifact: &OwnershipVoucher) -> Self {
        let sha256 = artifact.sha256();
        match super::contents(artifact) {
            Some(voucher) => Self {
                sha256,
                created_on: voucher.created_on,
                pinned: Some(voucher.pinned_domain_cert.sha256()),
                bound: match voucher.freshness {
                    Freshness::ExpiresOn { expires_on, .. } => Bound::Until(expires_on),
                    Freshness::Unlimited => Bound::Never,
                    Freshness::Nonce(nonce) => Bound::Nonce(nonce),
                },
            },
            None => Self { sha256, created_on: None, bound: Bound::Unknown, pinned: None },
        }
    }
}

impl Bound {
    /// When it ends, if it does.
    #[must_use]
    pub const fn expires_on(&self) -> Option<Timestamp> {
        match self {
            Self::Until(moment) => Some(*moment),
            Self::Never | Self::Nonce(_) | Self::Unknown => None,
        }
    }

    /// The nonce, if it holds one.
    #[must_use]
    pub const fn nonce(&self) -> Option<&Nonce> {
        match self {
            Self::Nonce(nonce) => Some(nonce),
            Self::Until(_) | Self::Never | Self::Unknown => None,
        }
    }
}
