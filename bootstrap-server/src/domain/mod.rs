//! The nouns of the owner's side, and the rules that need no I/O.

mod identifiers;
mod lifecycle;
mod profile;

pub use identifiers::{DeviceId, ManufacturerName, NameInvalid, ProfileName};
pub use lifecycle::State;
pub(crate) use profile::parse_sha256;
pub use profile::{OnboardingProfile, ProfileImage, ProfileInvalid};

use conveyed_info::OwnershipVoucher;
use pki::{certificate::Certificate, digest::Digest};

/// A manufacturer whose devices this owner takes in.
#[derive(Clone, Debug)]
pub struct Manufacturer {
    /// Its name, as operators use it.
    pub name: ManufacturerName,
    /// What its IDevID certificates chain to.
    pub anchors: Vec<Certificate>,
}

/// A device on the owner's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Which device.
    pub id: DeviceId,
    /// What it is to become; a device that is held has none yet.
    pub profile: Option<ProfileName>,
    /// How far it has come.
    pub state: State,
    /// SHA-256 of the body of its last `answered` event: who asked from where, and what was given.
    pub last_answer: Option<Digest>,
}

/// Everything that answering one device needs.
#[derive(Clone, Debug)]
pub struct Dossier {
    /// The device.
    pub device: Device,
    /// Its voucher, when one is stored.
    pub voucher: Option<OwnershipVoucher>,
    /// Its profile.
    pub profile: Option<OnboardingProfile>,
}
