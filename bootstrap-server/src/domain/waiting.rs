//! What a device waits for, who has to move, and from when on it is stuck. Derived whenever somebody asks, never stored: a
//! deadline that is changed counts at once, for every device.

use std::time::Duration;

use audit_log::UnixMillis;
use verdict::ReasonCode;

use super::{Deadlines, Device, Responsible, State};

/// What a device waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Who has to move.
    pub responsible: Responsible,
    /// Since when.
    pub since: UnixMillis,
    /// Until when that is in order.
    pub until: UnixMillis,
    /// What is wrong after that.
    pub reason: ReasonCode,
}

/// A device that has waited too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// What is wrong; its remedy says what to do.
    pub reason: ReasonCode,
    /// Who has to do it.
    pub responsible: Responsible,
    /// Since when it has waited.
    pub since: UnixMillis,
    /// Until when that was in order.
    pub deadline: UnixMillis,
}

/// A record that is dated so much later than the present proves that a clock is, or was, wrong.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(86_400);

/// What `device` waits for; `None` at an end of its story. `deadlines` are those of its profile
/// ([`Deadlines::with`]).
#[must_use]
pub fn waiting(device: &Device, deadlines: Deadlines) -> Option<Waiting> {
    let wait = |responsible, deadline, reason| Waiting {
        responsible,
        since: device.since,
        until: later(device.since, deadline),
        reason,
    };
    Some(match device.state {
        State::Registered | State::Vouched => {
            let reason = if device.proof.is_some() { ReasonCode::NotBackYet } else { ReasonCode::NeverSeen };
            wait(Responsible::Device, deadlines.first_contact, reason)
        }
        // What it asked for and could not be given says what to do.
        State::Seen(reason) => wait(Responsible::Operator, deadlines.seen, reason),
        State::Redirected => wait(Responsible::Device, deadlines.redirected, ReasonCode::RedirectNotFollowed),
        State::Onboarding(_) => {
            let silent = wait(Responsible::Device, deadlines.progress, ReasonCode::OnboardingSilent);
            let attempt = device.attempt_since.map(|began| Waiting {
                since: began,
                until: later(began, deadlines.attempt),
                reason: ReasonCode::AttemptOverdue,
                ..silent
            });
            attempt.filter(|attempt| attempt.until < silent.until).unwrap_or(silent)
        }
        State::Failed(_) => wait(Responsible::Device, deadlines.failed, ReasonCode::FailedForGood),
        State::Held(_) => wait(Responsible::Operator, deadlines.held, ReasonCode::WaitingForOperator),
        State::Referred | State::Bootstrapped | State::Refused(_) | State::Retired => return None,
    })
}

/// Whether `device` is stuck at `now`, and why.
///
/// A record from the future has waited for no time yet; one from so far in the future that a clock must be wrong is shown
/// as such, for its deadline might never come.
#[must_use]
pub fn stuck(device: &Device, now: UnixMillis, deadlines: Deadlines) -> Option<Stuck> {
    let Waiting { responsible, since, until, reason } = waiting(device, deadlines)?;
    if since > later(now, CLOCK_TOLERANCE) {
        let (reason, responsible) = (ReasonCode::ClockDoubtful, Responsible::Operator);
        return Some(Stuck { reason, responsible, since, deadline: until });
    }
    // A device that had its time to try again will not: somebody has to look.
    let responsible = if matches!(device.state, State::Failed(_)) { Responsible::Operator } else { responsible };
    (now > until).then_some(Stuck { reason, responsible, since, deadline: until })
}

fn later(at: UnixMillis, by: Duration) -> UnixMillis {
    UnixMillis(at.0.saturating_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use audit_log::LogIndex;
    use conveyed_info::rpc::ProgressType;
    use pki::identity::SerialNumber;

    use super::*;
    use crate::domain::{DeviceId, ManufacturerName, Patience};

    const HOUR: u64 = 3_600_000;
    const START: u64 = 1_000 * 24 * HOUR;

    fn device(state: State) -> Device {
        let manufacturer = ManufacturerName::new("maker").unwrap();
        let id = DeviceId { manufacturer, serial_number: SerialNumber::new("SN-1").unwrap() };
        Device::new(id, state, UnixMillis(START), LogIndex(0))
    }

    fn reason(device: &Device, after: u64) -> Option<ReasonCode> {
        stuck(device, UnixMillis(START + after), Deadlines::default()).map(|stuck| stuck.reason)
    }

    #[test]
    fn every_state_that_waits_gets_stuck_in_its_own_way() {
        let (hour, day) = (HOUR, 24 * HOUR);
        for (state, deadline, expected, responsible) in [
            (State::Registered, 30 * day, ReasonCode::NeverSeen, Responsible::Device),
            (State::Vouched, 30 * day, ReasonCode::NeverSeen, Responsible::Device),
            (
                State::Seen(ReasonCode::SignedDataUnavailable),
                hour,
                ReasonCode::SignedDataUnavailable,
                Responsible::Operator,
            ),
            (State::Redirected, hour / 6, ReasonCode::RedirectNotFollowed, Responsible::Device),
            (State::Onboarding(None), hour, ReasonCode::OnboardingSilent, Responsible::Device),
            (State::Failed(ProgressType::ConfigError), hour, ReasonCode::FailedForGood, Responsible::Operator),
            (State::Held(ReasonCode::DeviceUnknown), day, ReasonCode::WaitingForOperator, Responsible::Operator),
        ] {
            let device = device(state);
            assert_eq!(reason(&device, deadline), None, "{state:?} at its deadline");
            let stuck = stuck(&device, UnixMillis(START + deadline + 1), Deadlines::default()).unwrap();
            assert_eq!((stuck.reason, stuck.responsible), (expected, responsible), "{state:?}");
            assert_eq!((stuck.since.0, stuck.deadline.0), (START, START + deadline), "{state:?}");
        }
        for state in
            [State::Referred, State::Bootstrapped, State::Retired, State::Refused(ReasonCode::DeviceNotAdmitted)]
        {
            assert_eq!(reason(&device(state), 10_000 * day), None, "{state:?}");
        }
    }

    #[test]
    fn an_attempt_has_a_deadline_although_the_device_goes_on_reporting() {
        let mut device = device(State::Onboarding(Some(ProgressType::Informational)));
        (device.attempt_since, device.since) = (Some(UnixMillis(START)), UnixMillis(START + 4 * HOUR - 1));
        assert_eq!(reason(&device, 4 * HOUR), None);
        assert_eq!(reason(&device, 4 * HOUR + 1), Some(ReasonCode::AttemptOverdue));
        let patience = Patience { attempt: Some(Duration::from_secs(8 * 3600)), progress: None };
        let slow = Deadlines::default().with(patience);
        assert_eq!(stuck(&device, UnixMillis(START + 4 * HOUR + 1), slow), None, "its profile grants more");
        let silent = stuck(&device, UnixMillis(START + 5 * HOUR), slow).map(|stuck| stuck.reason);
        assert_eq!(silent, Some(ReasonCode::OnboardingSilent));
    }

    #[test]
    fn a_device_that_may_begin_again_was_seen_before() {
        let mut device = device(State::Vouched);
        let certificate = pki::digest::sha256(b"");
        device.proof = Some(crate::domain::Proof { at: UnixMillis(1), source: [127, 0, 0, 1].into(), certificate });
        assert_eq!(reason(&device, 31 * 24 * HOUR), Some(ReasonCode::NotBackYet));
    }

    #[test]
    fn a_clock_that_goes_back_makes_nobody_stuck_and_nobody_safe() {
        let device = device(State::Redirected);
        let at = |now| stuck(&device, UnixMillis(now), Deadlines::default()).map(|stuck| stuck.reason);
        assert_eq!(at(START - 12 * HOUR), None, "half a day back");
        assert_eq!(at(START - 48 * HOUR), Some(ReasonCode::ClockDoubtful));
        assert_eq!(at(0), Some(ReasonCode::ClockDoubtful));
        assert_eq!(at(u64::MAX), Some(ReasonCode::RedirectNotFollowed), "no overflow");
    }
}
