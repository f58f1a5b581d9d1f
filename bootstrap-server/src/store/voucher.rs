//! What a store gives back of vouchers, and which are wanted.

use audit_log::LogIndex;
use conveyed_info::OwnershipVoucher;
use pki::{digest::Digest, identity::SerialNumber, time::Timestamp};

use super::LogNumber;
use crate::domain::{DeviceId, ManufacturerName, State, vouching::Summary};

/// Most vouchers of one device: renewed every week, those of a year. Nothing is ever taken away to make room, so that who
/// may store vouchers cannot push out the one that is served.
pub const MAX_VOUCHERS: usize = 64;

/// A voucher that is stored.
#[derive(Clone, Debug)]
pub struct StoredVoucher {
    /// The device that it is for.
    pub device: DeviceId,
    /// The artifact.
    pub artifact: OwnershipVoucher,
    /// What it says.
    pub summary: Summary,
    /// The leaf that says that it was stored; 0 of log 0 when an earlier release stored it.
    pub stored: (LogNumber, LogIndex),
    /// The state of its device, when that is on the list.
    pub state: Option<State>,
}

/// Which voucher: the key of the list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VoucherKey {
    /// The device that it is for.
    pub device: DeviceId,
    /// SHA-256 of the artifact.
    pub sha256: Digest,
}

/// Which vouchers are wanted. Each member that is there narrows the choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VoucherFilter {
    /// For devices of this manufacturer.
    pub manufacturer: Option<ManufacturerName>,
    /// For this serial number.
    pub serial_number: Option<SerialNumber>,
    /// For serial numbers that start so.
    pub serial_prefix: Option<String>,
    /// That end before this moment.
    pub expires_before: Option<Timestamp>,
    /// Only those after which their device has no other that lasts as long as that: what is to be renewed.
    pub last: Option<LastOnes>,
    /// That pin the certificate with this SHA-256.
    pub pins: Option<Digest>,
    /// For devices that are on no list, or that are on it.
    pub listed: Option<Listed>,
}

/// Only vouchers that nothing follows, with [`VoucherFilter::expires_before`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastOnes;

/// Whether a voucher's device is on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// It is.
    Yes,
    /// It is not: nobody registered it yet, or a policy is to.
    No,
}

/// What is in stock under one serial number of one manufacturer.
#[derive(Clone, Debug)]
pub struct Stock {
    /// Whose.
    pub device: DeviceId,
    /// The device as it stands on the list, if it does.
    pub listed: Option<StockListed>,
    /// Its vouchers.
    pub vouchers: Vec<Summary>,
}

/// A device on the list, as far as it matters to whoever asks what is in stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockListed {
    /// Its state.
    pub state: State,
    /// Whether it was given a profile.
    pub profile: Option<crate::domain::ProfileName>,
}
