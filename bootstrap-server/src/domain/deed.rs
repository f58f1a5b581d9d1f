//! What an event does to one device: all of it that moves the device's record. Read from the event when it happens, or
//! back from the log, so that there is one opinion on what follows from it.

use std::net::IpAddr;

use conveyed_info::rpc::ProgressType;
use pki::digest::{Digest, sha256};
use verdict::ReasonCode;

use super::{ActivationCode, Particulars, ProfileName};
use crate::audit::{Answer, Event};

/// What an event does to the device that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A person put it on the list.
    Registered {
        /// What it is to become.
        profile: ProfileName,
        /// What and where it is.
        particulars: Particulars,
    },
    /// The owner's policy put it on the list.
    Admitted {
        /// What it is to become.
        profile: ProfileName,
    },
    /// Its voucher was stored or replaced.
    VoucherStored,
    /// It is to wait for a person.
    Held(ReasonCode),
    /// It was turned away.
    Refused(ReasonCode),
    /// It asked and was answered.
    Answered {
        /// With what.
        answer: Answer,
        /// Where it called from.
        source: IpAddr,
        /// SHA-256 of its certificate, or of what is kept of its activation code.
        certificate: Digest,
        /// SHA-256 of the event's body: the same for the same answer to the same caller.
        body: Digest,
    },
    /// It reported.
    Reported(ProgressType),
    /// A person let it through.
    Approved(Option<ProfileName>),
    /// A person took it out of service.
    Retired,
    /// A person lets it begin again.
    Reprovisioned,
    /// It came back in factory state, as its profile says that it does.
    Returned,
    /// A person changed what is written down about it.
    Changed {
        /// What it is to become, where that changes.
        profile: Option<ProfileName>,
        /// What and where it is, as a whole.
        particulars: Particulars,
    },
    /// It was given an activation code, of which the log says nothing more.
    ActivationCodeSet(Option<ActivationCode>),
    /// It did something that does not fit.
    AlarmRaised(ReasonCode),
    /// A person looked into that.
    AlarmCleared,
    /// It is to be forgotten: it leaves the list, and its voucher goes.
    Erased,
}

impl Deed {
    /// What `event` does to the device that it is about, if it is about one.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        Some(match event {
            Event::DeviceRegistered { profile, particulars, .. } => {
                Self::Registered { profile: profile.clone(), particulars: particulars.as_ref().clone() }
            }
            Event::DeviceAdmitted { profile, .. } => Self::Admitted { profile: profile.clone() },
            Event::VoucherStored { .. } => Self::VoucherStored,
            Event::DeviceHeld { reason, .. } => Self::Held(*reason),
            Event::DeviceRefused { reason, .. } => Self::Refused(*reason),
            Event::Answered { source, certificate, answer, .. } => Self::Answered {
                answer: *answer,
                source: *source,
                certificate: *certificate,
                body: sha256(&event.body(None)),
            },
            Event::ProgressReported { report, .. } => Self::Reported(*report),
            Event::DeviceApproved { profile, .. } => Self::Approved(profile.clone()),
            Event::DeviceRetired { .. } => Self::Retired,
            Event::DeviceReprovisioned { .. } => Self::Reprovisioned,
            Event::DeviceReturned { .. } => Self::Returned,
            Event::DeviceChanged { profile, particulars, .. } => {
                Self::Changed { profile: profile.clone(), particulars: particulars.as_ref().clone() }
            }
            Event::ActivationCodeSet { code, .. } => Self::ActivationCodeSet(Some(code.clone())),
            Event::AlarmRaised { alarm, .. } => Self::AlarmRaised(*alarm),
            Event::AlarmCleared { .. } => Self::AlarmCleared,
            Event::DeviceErased { .. } => Self::Erased,
            Event::ServerStarted { .. }
            | Event::VoucherFetched { .. }
            | Event::ManufacturerAdded { .. }
            | Event::RevocationListsStored { .. }
            | Event::ProfileApplied { .. }
            | Event::ProfileRemoved { .. }
            | Event::PoliciesApplied { .. }
            | Event::PoliciesProposed { .. }
            | Event::ConnectionsRefused { .. }
            | Event::UserChanged { .. }
            | Event::UserRemoved { .. }
            | Event::TokenCreated { .. }
            | Event::TokenRevoked { .. }
            | Event::RecordsErased { .. }
            | Event::Ledger(_)
            | Event::Masa(_)
            | Event::LogKeysChanged { .. }
            | Event::DhcpOtherServerSeen { .. }
            | Event::Factory(_)
            | Event::Leases(_)
            | Event::BackupBegun
            | Event::BackupTaken { .. }
            | Event::LogRestored { .. } => return None,
        })
    }
}
