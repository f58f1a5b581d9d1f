//! What a state may become: the one place that says it, for every deed in every state.

use conveyed_info::rpc::ProgressType;
use verdict::ReasonCode;

use super::{
    Deed, State,
    change::{ChangeRefused, VoucherStock},
};
use crate::audit::Answer;

/// The state of a device that was on no list before `deed`; `None` when it stays off the list.
pub(super) const fn first(deed: &Deed, voucher: VoucherStock) -> Result<Option<State>, ChangeRefused> {
    Ok(Some(match deed {
        Deed::Registered { .. } | Deed::Admitted { .. } => voucher.first_state(),
        // Only what was on the list can come back, or have been retired.
        Deed::Held(ReasonCode::DeviceReturned) | Deed::Refused(ReasonCode::DeviceRetired) => {
            return Err(ChangeRefused::NotListed);
        }
        Deed::Held(reason) => State::Held(*reason),
        Deed::Refused(reason) => State::Refused(*reason),
        // A voucher may come before its device.
        Deed::VoucherStored => return Ok(None),
        // And be forgotten without it.
        Deed::Erased if matches!(voucher, VoucherStock::Stored) => return Ok(None),
        Deed::Answered { .. }
        | Deed::Reported(_)
        | Deed::Approved(_)
        | Deed::Retired
        | Deed::Reprovisioned
        | Deed::Returned
        | Deed::Changed { .. }
        | Deed::ActivationCodeSet(_)
        | Deed::AlarmRaised(_)
        | Deed::AlarmCleared
        | Deed::Erased => return Err(ChangeRefused::NotListed),
    }))
}

impl State {
    /// The state after `deed`.
    ///
    /// # Errors
    /// [`ChangeRefused`] when that is not possible in this state, or would say nothing new.
    pub const fn after(self, deed: &Deed, voucher: VoucherStock) -> Result<Self, ChangeRefused> {
        match deed {
            Deed::Registered { .. } => self.registered(voucher),
            Deed::Admitted { .. } => self.admitted(voucher),
            Deed::VoucherStored => Ok(self.vouched()),
            Deed::Held(reason) => self.held(*reason),
            Deed::Refused(reason) => self.refused(*reason),
            Deed::Answered { answer, .. } => self.answered(*answer),
            Deed::Reported(report) => Ok(self.reported(*report)),
            Deed::Approved(_) => self.approved(voucher),
            Deed::Retired => self.retired(),
            // Whatever it was: a person says so.
            Deed::Reprovisioned => Ok(voucher.first_state()),
            Deed::Returned => self.returned(voucher),
            Deed::Erased => self.erased(),
            Deed::Changed { .. } | Deed::ActivationCodeSet(_) | Deed::AlarmRaised(_) | Deed::AlarmCleared => Ok(self),
        }
    }

    const fn registered(self, voucher: VoucherStock) -> Result<Self, ChangeRefused> {
        match self {
            // It asked before anybody registered it.
            Self::Held(_) | Self::Refused(_) => Ok(voucher.first_state()),
            Self::Registered
            | Self::Vouched
            | Self::Seen(_)
            | Self::Redirected
            | Self::Onboarding(_)
            | Self::Bootstrapped
            | Self::Failed(_)
            | Self::Retired => Err(ChangeRefused::AlreadyListed),
        }
    }

    /// A policy takes in only those about whom nobody has decided anything.
    const fn admitted(self, voucher: VoucherStock) -> Result<Self, ChangeRefused> {
        match self {
            Self::Held(ReasonCode::DeviceUnknown) | Self::Refused(ReasonCode::DeviceNotAdmitted) => {
                Ok(voucher.first_state())
            }
            Self::Registered
            | Self::Vouched
            | Self::Held(_)
            | Self::Seen(_)
            | Self::Redirected
            | Self::Onboarding(_)
            | Self::Bootstrapped
            | Self::Failed(_)
            | Self::Refused(_)
            | Self::Retired => Err(ChangeRefused::NothingNew),
        }
    }

    const fn vouched(self) -> Self {
        match self {
            Self::Registered | Self::Seen(_) => Self::Vouched,
            Self::Vouched
            | Self::Held(_)
            | Self::Redirected
            | Self::Onboarding(_)
            | Self::Bootstrapped
            | Self::Failed(_)
            | Self::Refused(_)
            | Self::Retired => self,
        }
    }

    const fn held(self, reason: ReasonCode) -> Result<Self, ChangeRefused> {
        match (self, reason) {
            // RFC 8572 §9.10: it came back in factory state, and only what was bootstrapped can.
            // It may have been redirected since.
            (Self::Bootstrapped | Self::Redirected, ReasonCode::DeviceReturned) => Ok(Self::Held(reason)),
            // The owner's policy was `refuse` when it asked first.
            (Self::Refused(ReasonCode::DeviceNotAdmitted), ReasonCode::DeviceUnknown) => Ok(Self::Held(reason)),
            (
                Self::Registered
                | Self::Vouched
                | Self::Held(_)
                | Self::Seen(_)
                | Self::Redirected
                | Self::Onboarding(_)
                | Self::Bootstrapped
                | Self::Failed(_)
                | Self::Refused(_)
                | Self::Retired,
                _,
            ) => Err(ChangeRefused::NothingNew),
        }
    }

    const fn refused(self, reason: ReasonCode) -> Result<Self, ChangeRefused> {
        match (self, reason) {
            // It asks again, on another day.
            (Self::Retired, ReasonCode::DeviceRetired)
            | (Self::Refused(ReasonCode::DeviceNotAdmitted), ReasonCode::DeviceNotAdmitted) => Ok(self),
            (
                Self::Registered
                | Self::Vouched
                | Self::Held(_)
                | Self::Seen(_)
                | Self::Redirected
                | Self::Onboarding(_)
                | Self::Bootstrapped
                | Self::Failed(_)
                | Self::Refused(_)
                | Self::Retired,
                _,
            ) => Err(ChangeRefused::NothingNew),
        }
    }

    const fn answered(self, answer: Answer) -> Result<Self, ChangeRefused> {
        match (self, answer) {
            // A person turned it away while it was being answered: what was made for it is not given out.
            (Self::Retired, _) => Err(ChangeRefused::Retired),
            (Self::Held(_) | Self::Refused(_), Answer::Redirect { .. } | Answer::Onboarding { .. }) => {
                Err(ChangeRefused::NotServed)
            }
            // It goes on waiting for a person, however often it asks; and a bootstrapped device that gets nothing is still
            // one that must not come back unseen.
            (Self::Held(_) | Self::Refused(_) | Self::Bootstrapped, Answer::Nothing { .. }) => Ok(self),
            (
                Self::Registered
                | Self::Vouched
                | Self::Seen(_)
                | Self::Redirected
                | Self::Onboarding(_)
                | Self::Bootstrapped
                | Self::Failed(_),
                Answer::Redirect { .. },
            ) => Ok(Self::Redirected),
            (
                Self::Registered
                | Self::Vouched
                | Self::Seen(_)
                | Self::Redirected
                | Self::Onboarding(_)
                | Self::Bootstrapped
                | Self::Failed(_),
                Answer::Onboarding { .. },
            ) => Ok(Self::Onboarding(None)),
            (
                Self::Registered
                | Self::Vouched
                | Self::Seen(_)
                | Self::Redirected
                | Self::Onboarding(_)
                | Self::Failed(_),
                Answer::Nothing { reason },
            ) => Ok(Self::Seen(reason)),
        }
    }

    /// RFC 8572 §5.6 (SRV-17, SRV-19).
    const fn reported(self, report: ProgressType) -> Self {
        match self {
            // A report out of nothing is on record and moves nothing: only a device that was given onboarding information
            // can complete it. Nor does a report that comes late undo the end of the story.
            Self::Registered
            | Self::Vouched
            | Self::Held(_)
            | Self::Seen(_)
            | Self::Redirected
            | Self::Bootstrapped
            | Self::Refused(_)
            | Self::Retired => self,
            Self::Onboarding(_) | Self::Failed(_) if matches!(report, ProgressType::BootstrapComplete) => {
                Self::Bootstrapped
            }
            Self::Onboarding(_) | Self::Failed(_) if report.is_error() => Self::Failed(report),
            Self::Onboarding(_) => Self::Onboarding(Some(report)),
            Self::Failed(_) => self,
        }
    }

    const fn approved(self, voucher: VoucherStock) -> Result<Self, ChangeRefused> {
        match self {
            Self::Held(_) | Self::Refused(_) => Ok(voucher.first_state()),
            Self::Retired => Err(ChangeRefused::Retired),
            Self::Registered
            | Self::Vouched
            | Self::Seen(_)
            | Self::Redirected
            | Self::Onboarding(_)
            | Self::Bootstrapped
            | Self::Failed(_) => Err(ChangeRefused::NotWaiting),
        }
    }

    const fn retired(self) -> Result<Self, ChangeRefused> {
        match self {
            Self::Retired => Err(ChangeRefused::AlreadyRetired),
            Self::Registered
            | Self::Vouched
            | Self::Held(_)
            | Self::Seen(_)
            | Self::Redirected
            | Self::Onboarding(_)
            | Self::Bootstrapped
            | Self::Failed(_)
            | Self::Refused(_) => Ok(Self::Retired),
        }
    }

    /// SEC-22: whoever is being onboarded needs its record. The state is its last: the record goes.
    const fn erased(self) -> Result<Self, ChangeRefused> {
        match self {
            Self::Redirected | Self::Onboarding(_) => Err(ChangeRefused::UnderWay),
            Self::Registered
            | Self::Vouched
            | Self::Held(_)
            | Self::Seen(_)
            | Self::Bootstrapped
            | Self::Failed(_)
            | Self::Refused(_)
            | Self::Retired => Ok(self),
        }
    }

    const fn returned(self, voucher: VoucherStock) -> Result<Self, ChangeRefused> {
        match self {
            Self::Bootstrapped | Self::Redirected => Ok(voucher.first_state()),
            Self::Registered
            | Self::Vouched
            | Self::Held(_)
            | Self::Seen(_)
            | Self::Onboarding(_)
            | Self::Failed(_)
            | Self::Refused(_)
            | Self::Retired => Err(ChangeRefused::NothingNew),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELD: State = State::Held(ReasonCode::DeviceUnknown);
    const NOTHING: Answer = Answer::Nothing { reason: ReasonCode::SignedDataUnavailable };

    fn answered(answer: Answer) -> Deed {
        let digest = pki::digest::sha256(b"");
        Deed::Answered { answer, source: [127, 0, 0, 1].into(), certificate: digest, body: digest }
    }

    fn after(state: State, deed: &Deed) -> Result<State, ChangeRefused> {
        state.after(deed, VoucherStock::Stored)
    }

    #[test]
    fn srv_19_a_completion_out_of_nothing_moves_nothing() {
        let complete = Deed::Reported(ProgressType::BootstrapComplete);
        for state in [State::Vouched, HELD, State::Redirected, State::Retired] {
            assert_eq!(after(state, &complete), Ok(state));
        }
        for state in [State::Onboarding(None), State::Failed(ProgressType::ConfigError)] {
            assert_eq!(after(state, &complete), Ok(State::Bootstrapped));
        }
        for state in [State::Bootstrapped, State::Failed(ProgressType::ConfigError)] {
            let late = Deed::Reported(ProgressType::ConfigComplete);
            assert_eq!(after(state, &late), Ok(state), "a late report moves nothing");
        }
    }

    #[test]
    fn a_held_device_stays_held_however_often_it_asks() {
        assert_eq!(after(HELD, &answered(NOTHING)), Ok(HELD));
        assert_eq!(after(State::Vouched, &answered(NOTHING)), Ok(State::Seen(ReasonCode::SignedDataUnavailable)));
    }

    #[test]
    fn a_bootstrapped_device_that_is_given_nothing_is_still_bootstrapped() {
        // Otherwise it could ask for what is not there, and then come back as if it were new.
        assert_eq!(after(State::Bootstrapped, &answered(NOTHING)), Ok(State::Bootstrapped));
    }

    #[test]
    fn rcf_22_what_was_made_for_a_device_is_not_given_out_after_it_was_retired_or_held() {
        let conveyed_information = pki::digest::sha256(b"");
        for answer in [Answer::Redirect { conveyed_information }, Answer::Onboarding { conveyed_information }] {
            assert_eq!(after(State::Retired, &answered(answer)), Err(ChangeRefused::Retired));
            assert_eq!(after(HELD, &answered(answer)), Err(ChangeRefused::NotServed));
        }
    }

    #[test]
    fn a_device_is_held_once() {
        let returned = Deed::Held(ReasonCode::DeviceReturned);
        let held = after(State::Bootstrapped, &returned).unwrap();
        assert_eq!(held, State::Held(ReasonCode::DeviceReturned));
        assert_eq!(after(held, &returned), Err(ChangeRefused::NothingNew));
        // Approved while the second of two requests was on its way.
        let approved = after(held, &Deed::Approved(None)).unwrap();
        assert_eq!(after(approved, &returned), Err(ChangeRefused::NothingNew));
    }

    #[test]
    fn retired_is_left_by_reprovisioning_alone() {
        assert_eq!(after(State::Retired, &Deed::Approved(None)), Err(ChangeRefused::Retired));
        assert_eq!(after(State::Retired, &Deed::Retired), Err(ChangeRefused::AlreadyRetired));
        assert_eq!(after(State::Retired, &Deed::Reprovisioned), Ok(State::Vouched));
    }
}
