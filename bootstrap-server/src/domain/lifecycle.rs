//! How far a device has come, and how each event moves it.

use conveyed_info::rpc::ProgressType;
use verdict::ReasonCode;

use crate::audit::{Answer, Event};

/// The states of a device. A state is derived from the events of the audit log and from nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// On the owner's list, without a voucher.
    Registered,
    /// On the list, with a voucher: ready for its first contact.
    Vouched,
    /// A genuine device that nobody registered, waiting for a person.
    Held(ReasonCode),
    /// It asked and could not be given what it needs.
    Seen(ReasonCode),
    /// It was sent to a server that it can authenticate.
    Redirected,
    /// It has its onboarding information; the progress it reported last, if any.
    Onboarding(Option<ProgressType>),
    /// It reported `bootstrap-complete`.
    Bootstrapped,
    /// It reported that a step failed.
    Failed(ProgressType),
}

impl State {
    /// The state after `event`, which must be about this device.
    #[must_use]
    pub const fn after(self, event: &Event) -> Self {
        match event {
            Event::VoucherStored { .. } => match self {
                Self::Registered | Self::Seen(_) => Self::Vouched,
                other => other,
            },
            Event::DeviceHeld { reason, .. } => Self::Held(*reason),
            Event::Answered { answer, .. } => match answer {
                Answer::Redirect { .. } => Self::Redirected,
                Answer::Onboarding { .. } => Self::Onboarding(None),
                Answer::Nothing { reason } => Self::Seen(*reason),
            },
            // A report out of nothing is on record and moves nothing: only a device that was given onboarding
            // information can complete it.
            Event::ProgressReported { report, .. } => match (self, report) {
                (Self::Registered | Self::Vouched | Self::Held(_) | Self::Seen(_) | Self::Redirected, _) => self,
                (_, ProgressType::BootstrapComplete) => Self::Bootstrapped,
                (_, report) if report.is_error() => Self::Failed(*report),
                (_, report) => Self::Onboarding(Some(*report)),
            },
            Event::ServerStarted { .. }
            | Event::ManufacturerAdded { .. }
            | Event::ProfileApplied { .. }
            | Event::DeviceRegistered { .. }
            | Event::ConnectionsRefused { .. } => self,
        }
    }

    /// The state's name, kebab-case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Vouched => "vouched",
            Self::Held(_) => "held",
            Self::Seen(_) => "seen",
            Self::Redirected => "redirected",
            Self::Onboarding(_) => "onboarding",
            Self::Bootstrapped => "bootstrapped",
            Self::Failed(_) => "failed",
        }
    }

    /// The reason code or progress type that goes with the name.
    #[must_use]
    pub const fn detail(self) -> Option<&'static str> {
        match self {
            Self::Held(reason) | Self::Seen(reason) => Some(reason.as_str()),
            Self::Onboarding(Some(progress)) | Self::Failed(progress) => Some(progress.as_str()),
            Self::Registered | Self::Vouched | Self::Redirected | Self::Onboarding(None) | Self::Bootstrapped => None,
        }
    }

    /// The state with this name and detail, as [`State::as_str`] and [`State::detail`] gave them out.
    #[must_use]
    pub fn parse(name: &str, detail: Option<&str>) -> Option<Self> {
        let reason = || detail?.parse::<ReasonCode>().ok();
        let progress = || detail?.parse::<ProgressType>().ok();
        Some(match name {
            "registered" => Self::Registered,
            "vouched" => Self::Vouched,
            "held" => Self::Held(reason()?),
            "seen" => Self::Seen(reason()?),
            "redirected" => Self::Redirected,
            "onboarding" if detail.is_none() => Self::Onboarding(None),
            "onboarding" => Self::Onboarding(Some(progress()?)),
            "bootstrapped" => Self::Bootstrapped,
            "failed" => Self::Failed(progress()?),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use pki::identity::SerialNumber;

    use super::*;
    use crate::domain::{DeviceId, ManufacturerName};

    #[test]
    fn a_completion_out_of_nothing_moves_nothing() {
        let device = DeviceId {
            manufacturer: ManufacturerName::new("maker").unwrap(),
            serial_number: SerialNumber::new("SN-1").unwrap(),
        };
        let report = ProgressType::BootstrapComplete;
        let event = Event::ProgressReported { device, source: [127, 0, 0, 1].into(), report, message: None };
        for state in [State::Vouched, State::Held(ReasonCode::DeviceUnknown), State::Redirected] {
            assert_eq!(state.after(&event), state);
        }
        assert_eq!(State::Onboarding(None).after(&event), State::Bootstrapped);
        assert_eq!(State::Failed(ProgressType::ConfigError).after(&event), State::Bootstrapped);
    }

    #[test]
    fn every_state_survives_its_text() {
        for state in [
            State::Registered,
            State::Vouched,
            State::Held(ReasonCode::DeviceUnknown),
            State::Seen(ReasonCode::SignedDataUnavailable),
            State::Redirected,
            State::Onboarding(None),
            State::Onboarding(Some(ProgressType::ConfigComplete)),
            State::Bootstrapped,
            State::Failed(ProgressType::PreScriptError),
        ] {
            assert_eq!(State::parse(state.as_str(), state.detail()), Some(state));
        }
        assert_eq!(State::parse("failed", None), None);
        assert_eq!(State::parse("mislaid", None), None);
    }
}
