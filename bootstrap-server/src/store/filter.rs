//! Which devices are wanted, and how many there are.

use audit_log::UnixMillis;
use pki::identity::SerialNumber;

use crate::domain::{Deadlines, DeviceId, ManufacturerName, ProfileName, Uuid};

/// Which devices are wanted. Each member that is there narrows the choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceFilter {
    /// Of this manufacturer.
    pub manufacturer: Option<ManufacturerName>,
    /// In the state of this name.
    pub state: Option<String>,
    /// With this profile.
    pub profile: Option<ProfileName>,
    /// In this rack.
    pub rack: Option<String>,
    /// With this host name.
    pub host: Option<String>,
    /// With this UUID.
    pub uuid: Option<Uuid>,
    /// With this serial number.
    pub serial_number: Option<SerialNumber>,
    /// Whose serial number starts so.
    pub serial_prefix: Option<String>,
    /// With an alarm.
    pub alarmed: Option<Alarmed>,
    /// Past the deadline of their state.
    pub stuck: Option<Stuck>,
}

/// Devices with an alarm only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarmed;

/// Stuck devices only, judged by these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// The time.
    pub now: UnixMillis,
    /// The deadlines.
    pub deadlines: Deadlines,
}

/// A part of a long list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<K> {
    /// What the page before ended with.
    pub after: Option<K>,
    /// Most that is wanted.
    pub limit: u32,
}

/// Devices that are in the log and on no list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strays {
    /// Those of the page.
    pub devices: Vec<DeviceId>,
    /// Behind what the next page begins; `None` after the last.
    pub next: Option<DeviceId>,
}

/// How many devices are in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Census {
    /// The state's name.
    pub state: &'static str,
    /// How many are in it.
    pub devices: u64,
    /// How many of them are stuck.
    pub stuck: u64,
    /// How many of them have an alarm.
    pub alarmed: u64,
}
