//! How far a device has come. What moves it is in [`super::transition`].

use conveyed_info::rpc::ProgressType;
use verdict::ReasonCode;

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
    /// It was sent back here, to a server that it can authenticate now.
    Redirected,
    /// It was sent to other servers. Nothing more is expected of it here.
    Referred,
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
    /// The state's name, kebab-case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Vouched => "vouched",
            Self::Held(_) => "held",
            Self::Seen(_) => "seen",
            Self::Redirected => "redirected",
            Self::Referred => "referred",
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
            | Self::Referred
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
            "referred" => Self::Referred,
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
    use super::*;

    #[test]
    fn every_state_survives_its_text() {
        for state in [
            State::Registered,
            State::Vouched,
            State::Held(ReasonCode::DeviceUnknown),
            State::Seen(ReasonCode::SignedDataUnavailable),
            State::Redirected,
            State::Referred,
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
