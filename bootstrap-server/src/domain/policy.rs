//! What the owner has decided for all devices.

use std::time::Duration;

use super::ProfileName;

/// The owner's rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    /// What becomes of genuine devices that nobody registered.
    pub unregistered: Unregistered,
    /// How long each kind of waiting may last.
    pub deadlines: Deadlines,
}

/// What becomes of genuine devices that nobody registered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Unregistered {
    /// They are turned away.
    Refuse,
    /// They wait for a person.
    #[default]
    Hold,
    /// They are taken in when a voucher for them is stored, and wait otherwise.
    AdmitWithVoucher {
        /// What they are to become.
        profile: ProfileName,
    },
}

/// How long a device may wait in each state before it is stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// For a first contact.
    pub first_contact: Duration,
    /// For the operator, to give a device what it asked for.
    pub seen: Duration,
    /// For the device, to follow a redirect.
    pub redirected: Duration,
    /// For the device, between two reports of an onboarding.
    pub progress: Duration,
    /// For the device, from its first onboarding information to the end: within it, it may come back as often as it likes.
    pub attempt: Duration,
    /// For the operator, to approve or retire a held device.
    pub held: Duration,
    /// For the device or the operator, to try again after a failure.
    pub failed: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let (hour, day) = (Duration::from_secs(3600), Duration::from_secs(86_400));
        Self {
            first_contact: day * 30,
            seen: hour,
            redirected: Duration::from_secs(600),
            progress: hour,
            attempt: hour * 4,
            held: day,
            failed: hour,
        }
    }
}

/// Who has to move next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Responsible {
    /// The device.
    Device,
    /// The operator.
    Operator,
}

impl Responsible {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Operator => "operator",
        }
    }
}
