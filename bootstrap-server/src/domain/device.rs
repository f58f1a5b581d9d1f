//! What the owner knows about a device.

use audit_log::{LogIndex, UnixMillis};
use conveyed_info::OwnershipVoucher;
use pki::digest::Digest;
use std::{net::IpAddr, sync::Arc};
use verdict::ReasonCode;

use super::{ActivationCode, DeviceId, MacAddress, OnboardingProfile, ProfileName, State, Uuid};

/// A device that is, or was, on the owner's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Which device.
    pub id: DeviceId,
    /// What it is to become. One that nobody registered has none.
    pub profile: Option<ProfileName>,
    /// What and where it is, as the operator wrote it down.
    pub particulars: Particulars,
    /// How far it has come.
    pub state: State,
    /// When it last moved: reached its state, or made progress in it.
    pub since: UnixMillis,
    /// When its present attempt began: with the first onboarding information it was given.
    pub attempt_since: Option<UnixMillis>,
    /// SHA-256 of the body of its last `answered` event: who asked from where, and what was given.
    pub last_answer: Option<Digest>,
    /// When, where from and by what it last proved its identity.
    pub proof: Option<Proof>,
    /// What somebody ought to look at, although the device goes on.
    pub alarm: Option<Alarm>,
    /// What it must know beside its certificate, when its profile asks for that.
    pub activation_code: Option<ActivationCode>,
    /// The leaf of the last event that changed it: two copies of a record with the same version are the same.
    pub version: LogIndex,
}

impl Device {
    /// A device at the moment it comes onto the list.
    #[must_use]
    pub fn new(id: DeviceId, state: State, at: UnixMillis, version: LogIndex) -> Self {
        Self {
            id,
            profile: None,
            particulars: Particulars::default(),
            state,
            since: at,
            attempt_since: None,
            last_answer: None,
            proof: None,
            alarm: None,
            activation_code: None,
            version,
        }
    }
}

impl Device {
    /// Whether it is in the middle of a return: redirected after it was bootstrapped. Such a device is still in the attempt
    /// that bootstrapped it; whoever is redirected before has begun none.
    pub(super) const fn came_back(&self) -> bool {
        matches!(self.state, State::Redirected) && self.attempt_since.is_some()
    }
}

/// What and where a device is. Everything is optional; nothing in it decides about trust.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Particulars {
    /// The maker's name for this kind of device.
    pub model: Option<String>,
    /// Hardware addresses, by which DHCP recognises it.
    pub mac_addresses: Vec<MacAddress>,
    /// The UUID of its firmware, by which DHCP recognises it.
    pub uuid: Option<Uuid>,
    /// The name it is to have.
    pub host: Option<String>,
    /// The slot or height unit it is in.
    pub slot: Option<String>,
    /// The rack it is in.
    pub rack: Option<String>,
}

impl Particulars {
    /// Longest model, host, slot or rack, in characters.
    pub const MAX_TEXT: usize = 255;
    /// Most hardware addresses.
    pub const MAX_MAC_ADDRESSES: usize = 64;
}

/// A proof of identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// When.
    pub at: UnixMillis,
    /// Where it called from.
    pub source: IpAddr,
    /// SHA-256 of the certificate.
    pub certificate: Digest,
}

/// Something that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// What.
    pub reason: ReasonCode,
    /// When it was seen.
    pub at: UnixMillis,
}

impl Alarm {
    /// This alarm, unless `other` is a graver one: what merely informs does not hide what alarms.
    #[must_use]
    pub(super) fn or_graver(self, other: Option<Self>) -> Self {
        let informs = |reason| reason == ReasonCode::SourceChanged;
        other.filter(|other| informs(self.reason) && !informs(other.reason)).unwrap_or(self)
    }
}

/// Everything that answering one device needs. A device that nobody has heard of has a dossier too: an empty one, or
/// one that holds the voucher that came before it.
#[derive(Clone, Debug)]
pub struct Dossier {
    /// Whom it is about.
    pub id: DeviceId,
    /// The device, when it is on the list.
    pub device: Option<Device>,
    /// Its vouchers, the last stored first. `vouching::choose` says which is served.
    pub vouchers: Vec<OwnershipVoucher>,
    /// Its profile, when it is given one.
    pub profile: Option<Arc<OnboardingProfile>>,
}
