//! What an authority keeps: the certificates that it issued, and which of them it revoked.
//!
//! Issuing itself is in `authority`, which keeps nothing. What may be issued beside what was issued before is decided here, and
//! again inside the transaction that writes it down, so that several servers give out nothing twice.

mod index;
mod issuing;

pub(crate) use index::Index;
pub use issuing::{IssueRefused, Occasion, RevokeRefused};
pub(crate) use issuing::{may_issue, may_revoke};

use std::fmt;

use audit_log::{LogIndex, UnixMillis};
use pki::{certificate::Certificate, digest::Digest, identity::SerialNumber, revocation::Reason, time::Timestamp};

use super::{AuthorityName, CertificateProfile, DeviceId};

/// A certificate among all that were issued here: its authority, and its own serial number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateId {
    /// Who issued it.
    pub authority: AuthorityName,
    /// The certificate's serial number, as the octets of its DER INTEGER.
    pub serial: Vec<u8>,
}

impl fmt::Display for CertificateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.authority, hex(&self.serial))
    }
}

/// Octets in lower case hex, as serial numbers of certificates are written here.
#[must_use]
pub fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Reads what [`hex`] writes, in either case and with colons between pairs if somebody likes them.
#[must_use]
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|octet| *octet != b':').collect();
    if digits.is_empty() || !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let pairs = digits.chunks_exact(2).map(|pair| std::str::from_utf8(pair).ok());
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

/// Whom a certificate speaks for, as far as the ledger has to know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// No device: a server, a signer, another authority.
    NoDevice,
    /// A device that whoever runs this authority makes.
    Made(SerialNumber),
    /// A device on the owner's list.
    Owned(DeviceId),
}

impl Holder {
    /// The device on the owner's list.
    #[must_use]
    pub const fn device(&self) -> Option<&DeviceId> {
        match self {
            Self::Owned(device) => Some(device),
            Self::NoDevice | Self::Made(_) => None,
        }
    }

    /// The device's serial number.
    #[must_use]
    pub const fn serial_number(&self) -> Option<&SerialNumber> {
        match self {
            Self::NoDevice => None,
            Self::Made(serial_number) | Self::Owned(DeviceId { serial_number, .. }) => Some(serial_number),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDevice => f.write_str("no device"),
            Self::Made(serial_number) => serial_number.fmt(f),
            Self::Owned(device) => device.fmt(f),
        }
    }
}

/// A certificate that was issued, with what was known of it then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// Who issued it.
    pub authority: AuthorityName,
    /// What it was issued as.
    pub profile: CertificateProfile,
    /// Whom it speaks for.
    pub holder: Holder,
    /// SHA-256 of the request that it answers, if there was one.
    pub request: Option<Digest>,
    /// The certificate.
    pub certificate: Certificate,
}

impl IssuedCertificate {
    /// Its place in the ledger.
    #[must_use]
    pub fn id(&self) -> CertificateId {
        CertificateId { authority: self.authority.clone(), serial: self.certificate.certificate_serial().to_vec() }
    }

    /// What decisions about others need of it.
    #[must_use]
    pub fn brief(&self) -> Brief {
        Brief {
            id: self.id(),
            holder: self.holder.clone(),
            key: self.certificate.public_key().spki_sha256(),
            request: self.request,
            not_after: self.certificate.not_after(),
            revoked: None,
        }
    }
}

/// What the ledger says of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// What was issued.
    pub issued: IssuedCertificate,
    /// When.
    pub at: UnixMillis,
    /// The leaf that says so.
    pub leaf: LogIndex,
    /// Whether it was revoked since.
    pub revoked: Option<Revoked>,
}

/// That a certificate was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// When.
    pub at: UnixMillis,
    /// Why (RFC 5280 §5.3.1).
    pub reason: Reason,
}

/// A certificate as a revocation list names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedEntry {
    /// The certificate's serial number.
    pub serial: Vec<u8>,
    /// When and why.
    pub revoked: Revoked,
    /// Until when it would have been good: a list need not name it longer (RFC 5280 §3.3).
    pub not_after: Timestamp,
}

/// What decisions need of a certificate that was issued before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brief {
    /// Which.
    pub id: CertificateId,
    /// Whom it speaks for.
    pub holder: Holder,
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub key: Digest,
    /// SHA-256 of the request that it answers.
    pub request: Option<Digest>,
    /// Last moment of its validity.
    pub not_after: Timestamp,
    /// Whether it was revoked.
    pub revoked: Option<Revoked>,
}

impl Brief {
    /// Whether it speaks for its holder now.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && now <= self.not_after
    }
}

/// Which certificates of the ledger are wanted. Each member that is there narrows the choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerFilter {
    /// Of this authority.
    pub authority: Option<AuthorityName>,
    /// Issued as this.
    pub profile: Option<CertificateProfile>,
    /// Of the devices with this serial number.
    pub serial_number: Option<SerialNumber>,
    /// Whose device's serial number starts so.
    pub serial_prefix: Option<String>,
    /// With this key: SHA-256 of the SubjectPublicKeyInfo.
    pub key: Option<Digest>,
    /// Whose validity ends before this moment.
    pub expiring_before: Option<Timestamp>,
    /// Whether they are revoked.
    pub standing: Option<LedgerStanding>,
}

/// Whether a certificate was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerStanding {
    /// It was not, expired or not.
    Standing,
    /// It was.
    Revoked,
}
