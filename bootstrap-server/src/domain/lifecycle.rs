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
    /// It is turned away.
    Refused(ReasonCode),
    /// The owner no longer wants it.
    Retired,
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
            Event::Answered { answer, .. } => match (self, answer) {
                // It goes on waiting for a person, however often it asks.
                (Self::Held(_), Answer::Nothing { .. }) => self,
                (_, Answer::Redirect { .. }) => Self::Redirected,
                (_, Answer::Onboarding { .. }) => Self::Onboarding(None),
                (_, Answer::Nothing { reason }) => Self::Seen(*reason),
            },
            Event::ProgressReported { report, .. } => match (self, report) {
                // A report out of nothing is on record and moves nothing: only a device that was given onboarding
                // information can complete it.
                (
                    Self::Registered
                    | Self::Vouched
                    | Self::Held(_)
                    | Self::Seen(_)
                    | Self::Redirected
                    | Self::Refused(_)
                    | Self::Retired,
                    _,
                ) => self,
                // A report that comes late does not undo the end of the story.
                (Self::Bootstrapped, _) => self,
                (_, ProgressType::BootstrapComplete) => Self::Bootstrapped,
                (_, report) if report.is_error() => Self::Failed(*report),
                (Self::Failed(_), _) => self,
                (_, report) => Self::Onboarding(Some(*report)),
            },
            // What a person or a policy decides is decided by `change::after`.
            _ => self,
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
            Self::Refused(_) => "refused",
            Self::Retired => "retired",
        }
    }

    /// The reason code or progress type that goes with the name.
    #[must_use]
    pub const fn detail(self) -> Option<&'static str> {
        match self {
            Self::Held(reason) | Self::Seen(reason) | Self::Refused(reason) => Some(reason.as_str()),
            Self::Onboarding(Some(progress)) | Self::Failed(progress) => Some(progress.as_str()),
            Self::Registered
            | Self::Vouched
            | Self::Redirected
            | Self::Onboarding(None)
            | Self::Bootstrapped
            | Self::Retired => None,
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
            "refused" => Self::Refused(reason()?),
            "retired" => Self::Retired,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use pki::identity::SerialNumber;

    use super::*;
    use crate::domain::{Departures, DeviceId, ManufacturerName};

    fn device() -> DeviceId {
        DeviceId {
            manufacturer: ManufacturerName::new("maker").unwrap(),
            serial_number: SerialNumber::new("SN-1").unwrap(),
        }
    }

    #[test]
    fn a_completion_out_of_nothing_moves_nothing() {
        let report = ProgressType::BootstrapComplete;
        let source = [127, 0, 0, 1].into();
        let event = Event::ProgressReported {
            device: device(),
            source,
            report,
            keys: Vec::new(),
            message: None,
            departures: Departures::default(),
        };
        for state in [State::Vouched, State::Held(ReasonCode::DeviceUnknown), State::Redirected] {
            assert_eq!(state.after(&event), state);
        }
        assert_eq!(State::Onboarding(None).after(&event), State::Bootstrapped);
        assert_eq!(State::Failed(ProgressType::ConfigError).after(&event), State::Bootstrapped);
        let device = device();
        let report = ProgressType::ConfigComplete;
        let late = Event::ProgressReported {
            device,
            source: [127, 0, 0, 1].into(),
            report,
            keys: Vec::new(),
            message: None,
            departures: Departures::default(),
        };
        for state in [State::Bootstrapped, State::Failed(ProgressType::ConfigError)] {
            assert_eq!(state.after(&late), state, "a late report moves nothing");
        }
    }

    #[test]
    fn a_held_device_stays_held_however_often_it_asks() {
        let (source, certificate) = ([127, 0, 0, 1].into(), pki::digest::sha256(b""));
        let answer = Answer::Nothing { reason: ReasonCode::DeviceUnknown };
        let event =
            Event::Answered { device: device(), source, certificate, answer, departures: Departures::default() };
        let held = State::Held(ReasonCode::DeviceUnknown);
        assert_eq!(held.after(&event), held);
        assert_eq!(State::Vouched.after(&event), State::Seen(ReasonCode::DeviceUnknown));
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
            State::Refused(ReasonCode::DeviceNotAdmitted),
            State::Retired,
        ] {
            assert_eq!(State::parse(state.as_str(), state.detail()), Some(state));
        }
        assert_eq!(State::parse("failed", None), None);
        assert_eq!(State::parse("mislaid", None), None);
    }
}
