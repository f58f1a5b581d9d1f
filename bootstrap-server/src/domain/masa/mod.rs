//! What a MASA keeps: owners, the devices that were made and whose they are, claims that wait for a second person, and the vouchers
//! that were issued.
//!
//! What may be issued is decided in `authority::masa`, which keeps nothing. That the records are still what they were when it was
//! decided is judged here, inside the transaction that writes it down, so that a transfer and a voucher cannot pass each other.

mod index;
mod text;

pub(crate) use index::{Index, Stack};
pub(crate) use text::{deed_json, line_json, owner_json, read_deed, read_line, read_owner};

use std::fmt;

use audit_log::{LogIndex, UnixMillis};
use authority::masa::{
    Approval, ApprovalError, ClaimId, DeedError, LineName, OwnerName, OwnersError, Ownership, Proposer,
};
use conveyed_info::{OwnershipVoucher, voucher::Voucher};
use pki::{digest::Digest, identity::SerialNumber, time::Timestamp};

/// A device that was made: two lines may number their devices alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MadeDevice {
    /// The serial number.
    pub serial_number: SerialNumber,
    /// What it is one of.
    pub line: LineName,
}

impl fmt::Display for MadeDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.line, self.serial_number)
    }
}

/// A device that was made, as it is on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeEntry {
    /// Which.
    pub device: MadeDevice,
    /// Whose it is.
    pub ownership: Ownership,
}

/// What was on record about a device when it was decided that it may have a voucher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No device of this serial number, by the word of whoever has the MASA's key.
    Unlisted,
    /// This device, which was whose this says.
    Listed {
        /// Its product line.
        line: LineName,
        /// Whose it was.
        ownership: Ownership,
    },
}

impl Standing {
    /// The product line, if the device is on record.
    #[must_use]
    pub const fn line(&self) -> Option<&LineName> {
        match self {
            Self::Unlisted => None,
            Self::Listed { line, .. } => Some(line),
        }
    }
}

/// A voucher that is issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoucherIssue {
    /// The artifact.
    pub artifact: OwnershipVoucher,
    /// What it says.
    pub voucher: Voucher,
    /// For whom, where that is on record.
    pub owner: Option<OwnerName>,
    /// SHA-256 of the voucher request that it answers, if a registrar asked.
    pub request: Option<Digest>,
    /// What the records said when it was decided.
    pub standing: Standing,
    /// Who agreed, where two persons are needed.
    pub approval: Option<Approval>,
}

impl VoucherIssue {
    /// The claim that it answers.
    #[must_use]
    pub fn claim(&self) -> ClaimId {
        ClaimId::of(&self.voucher)
    }
}

/// A voucher that was issued, as it is on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoucherEntry {
    /// The artifact.
    pub artifact: OwnershipVoucher,
    /// For which device.
    pub serial_number: SerialNumber,
    /// Of which product line, if the device is on record.
    pub line: Option<LineName>,
    /// The claim that it answers.
    pub claim: ClaimId,
    /// SHA-256 of the request that it answers, if a registrar asked.
    pub request: Option<Digest>,
    /// For whom, where that is on record.
    pub owner: Option<OwnerName>,
    /// Last moment of its validity, if it has one.
    pub expires_on: Option<Timestamp>,
    /// When it was issued.
    pub at: UnixMillis,
    /// The leaf that says so.
    pub leaf: LogIndex,
    /// What the log about the device says of it (RFC 8995 §5.8.1; MAS-09).
    pub event: conveyed_info::voucher::AuditEvent,
}

/// A claim that waits for a second person, or got its word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which.
    pub id: ClaimId,
    /// For which device.
    pub serial_number: SerialNumber,
    /// What would be pinned: SHA-256 of the certificate.
    pub pinned: Digest,
    /// Who wants it.
    pub by: Proposer,
    /// When it was asked for first.
    pub at: Timestamp,
    /// The second person's word, if it was given.
    pub approval: Option<Approval>,
}

/// The records forbid it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MasaRefused {
    /// Owners could not be told apart.
    #[error("{0}: correct the owner's certificates")]
    Owners(OwnersError),
    /// There is no such owner.
    #[error("no owner is called {0}: record the owner first")]
    NoOwner(OwnerName),
    /// There is no such product line.
    #[error("no product line is called {0}: record the line first")]
    NoLine(LineName),
    /// The device is on record already.
    #[error("the device {0} is on record already")]
    DeviceExists(MadeDevice),
    /// Two lines number their devices alike, and vouchers could not tell them apart.
    #[error(
        "the serial number {} is taken by a device of {other}: give both lines the issuer of their IDevIDs, so that vouchers can tell \
         them apart", device.serial_number
    )]
    SerialTaken {
        /// The new device.
        device: MadeDevice,
        /// The line of the other.
        other: LineName,
    },
    /// There is no such device.
    #[error("no device {0} is on record")]
    NoDevice(MadeDevice),
    /// The deed cannot be done.
    #[error("{device}: {why}")]
    Deed {
        /// Which device.
        device: MadeDevice,
        /// Why not.
        why: DeedError,
    },
    /// Whose the device is has changed since it was decided.
    #[error("the records about the device {0} changed meanwhile: ask again")]
    Moved(SerialNumber),
    /// This claim was answered before: whoever asks again gets that answer.
    #[error("the claim {0} was answered before")]
    IssuedBefore(ClaimId),
    /// Nobody asked for such a voucher.
    #[error("nobody has claimed {0}, or the claim was answered: list the claims that wait")]
    NoClaim(ClaimId),
    /// The approval does not count.
    #[error(transparent)]
    Approval(ApprovalError),
}
