//! Why a certificate was revoked (RFC 5280 §5.3.1).

use std::fmt;

use x509_cert::ext::pkix::{CrlReason, crl::dp::ReasonFlags};

use crate::time::Timestamp;

/// That a certificate was revoked: when, and why if the CA says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// When the CA revoked it.
    pub when: Timestamp,
    /// Why.
    pub reason: Option<Reason>,
}

impl fmt::Display for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            Some(reason) => write!(f, "revoked on {} ({})", self.when, reason.as_str()),
            None => write!(f, "revoked on {} (no reason given)", self.when),
        }
    }
}

/// CRLReason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// unspecified.
    Unspecified,
    /// keyCompromise.
    KeyCompromise,
    /// cACompromise.
    CaCompromise,
    /// affiliationChanged.
    AffiliationChanged,
    /// superseded.
    Superseded,
    /// cessationOfOperation.
    CessationOfOperation,
    /// certificateHold: the only one that may be taken back.
    CertificateHold,
    /// removeFromCRL: in delta CRLs only, where it lifts a hold.
    RemoveFromCrl,
    /// privilegeWithdrawn.
    PrivilegeWithdrawn,
    /// aACompromise.
    AaCompromise,
}

impl Reason {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::RemoveFromCrl,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// As RFC 5280 spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::RemoveFromCrl => "removeFromCRL",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }
}

impl std::str::FromStr for Reason {
    type Err = ReasonUnknown;

    /// As RFC 5280 spells it, or with hyphens: `key-compromise`.
    fn from_str(text: &str) -> Result<Self, ReasonUnknown> {
        let plain = |text: &str| text.replace('-', "").to_ascii_lowercase();
        Self::ALL.iter().copied().find(|reason| plain(reason.as_str()) == plain(text)).ok_or(ReasonUnknown)
    }
}

/// No reason for a revocation has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no reason for a revocation: use one of RFC 5280 §5.3.1, such as key-compromise, superseded or cessation-of-operation"
)]
pub struct ReasonUnknown;

impl From<CrlReason> for Reason {
    fn from(reason: CrlReason) -> Self {
        match reason {
            CrlReason::Unspecified => Self::Unspecified,
            CrlReason::KeyCompromise => Self::KeyCompromise,
            CrlReason::CaCompromise => Self::CaCompromise,
            CrlReason::AffiliationChanged => Self::AffiliationChanged,
            CrlReason::Superseded => Self::Superseded,
            CrlReason::CessationOfOperation => Self::CessationOfOperation,
            CrlReason::CertificateHold => Self::CertificateHold,
            CrlReason::RemoveFromCRL => Self::RemoveFromCrl,
            CrlReason::PrivilegeWithdrawn => Self::PrivilegeWithdrawn,
            CrlReason::AaCompromise => Self::AaCompromise,
        }
    }
}

/// Reasons for which a list revokes (RFC 5280 §4.2.1.13). The default is all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReasonSet(u16);

impl ReasonSet {
    /// keyCompromise to aACompromise; what the first bit once meant nobody uses.
    pub(super) const ALL: Self = Self(0b1_1111_1110);
    pub(super) const NONE: Self = Self(0);
    const HOLD: Self = Self(1 << 6);

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn is_all(self) -> bool {
        self == Self::ALL
    }

    pub(super) fn has_hold(self) -> bool {
        self.and(Self::HOLD) != Self::NONE
    }
}

impl Default for ReasonSet {
    fn default() -> Self {
        Self::ALL
    }
}

impl From<ReasonFlags> for ReasonSet {
    fn from(flags: ReasonFlags) -> Self {
        Self(flags.bits()).and(Self::ALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_read_as_it_is_spelt_and_with_hyphens() {
        for reason in Reason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(*reason));
        }
        assert_eq!("key-compromise".parse(), Ok(Reason::KeyCompromise));
        assert_eq!("compromised".parse::<Reason>(), Err(ReasonUnknown));
    }
}
