//! What a device that asks is to be told, before anything is signed or encoded. Pure: the dossier and the time decide.

use std::time::Duration;

use audit_log::UnixMillis;
use verdict::ReasonCode;

use super::{Device, Dossier, Policies, ProfileName, State, Unregistered, waiting::CLOCK_TOLERANCE};

/// How a device stands with its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is to be served what its profile says.
    Serve,
    /// It is to be taken in with this profile, and then served.
    Admit(ProfileName),
    /// It is back in factory state, as its profile lets it: that goes on record, and then it is served.
    Return,
    /// It is to wait for a person from now on.
    Hold(ReasonCode),
    /// It is waiting already.
    Wait(ReasonCode),
    /// It is turned away, and that goes on record.
    Refuse(ReasonCode),
    /// It is turned away, as the record says since less than a day.
    TurnAway(ReasonCode),
}

/// One leaf a day says that a device goes on asking that is turned away.
const REFUSALS: Duration = Duration::from_secs(86_400);

/// How the device of `dossier` stands at `now`.
#[must_use]
pub fn standing(dossier: &Dossier, now: UnixMillis, policies: &Policies) -> Standing {
    let Some(device) = &dossier.device else { return undecided(dossier, policies) };
    match device.state {
        // RCF-22. When it called last is in its alarm.
        State::Retired => refuse(ReasonCode::DeviceRetired, device.alarm.map(|alarm| alarm.at), now),
        // Nobody has decided about it, so that a policy that changed since counts, and a voucher that came since.
        State::Refused(ReasonCode::DeviceNotAdmitted) => match undecided(dossier, policies) {
            Standing::Refuse(reason) => refuse(reason, Some(device.since), now),
            other => other,
        },
        State::Held(reason @ ReasonCode::DeviceUnknown) if device.profile.is_none() => {
            match undecided(dossier, policies) {
                admit @ Standing::Admit(_) => admit,
                // It was told to wait, and waits.
                _ => Standing::Wait(reason),
            }
        }
        State::Refused(reason) => refuse(reason, Some(device.since), now),
        State::Held(reason) => Standing::Wait(reason),
        State::Bootstrapped => returning(device, dossier, now, policies),
        // Who asks for a redirect in time and follows it when the time is over comes back too late all the same.
        State::Redirected if device.came_back() => returning(device, dossier, now, policies),
        State::Registered
        | State::Vouched
        | State::Seen(_)
        | State::Redirected
        | State::Referred
        | State::Onboarding(_)
        | State::Failed(_) => Standing::Serve,
    }
}

/// A genuine device that nobody registered.
fn undecided(dossier: &Dossier, policies: &Policies) -> Standing {
    match (policies.unregistered(&dossier.id.manufacturer), dossier.vouchers.as_slice()) {
        (Unregistered::Refuse, _) => Standing::Refuse(ReasonCode::DeviceNotAdmitted),
        (Unregistered::AdmitWithVoucher { profile }, [_, ..]) => Standing::Admit(profile.clone()),
        (Unregistered::Hold | Unregistered::AdmitWithVoucher { .. }, _) => Standing::Hold(ReasonCode::DeviceUnknown),
    }
}

fn refuse(reason: ReasonCode, noted: Option<UnixMillis>, now: UnixMillis) -> Standing {
    match noted {
        Some(noted) if within(noted, now, REFUSALS) => Standing::TurnAway(reason),
        _ => Standing::Refuse(reason),
    }
}

/// A bootstrapped device in factory state is either stolen goods, or one that is allowed to be there (RFC 8572 §9.10): one
/// that did not hear our last word and tries again, or one that keeps nothing over a reboot. One that rebooted into its
/// image is not bootstrapped yet.
fn returning(device: &Device, dossier: &Dossier, now: UnixMillis, policies: &Policies) -> Standing {
    let profile = dossier.profile.as_ref();
    if device.attempt_since.is_some_and(|began| within(began, now, attempt(dossier, policies))) {
        Standing::Serve
    } else if profile.is_some_and(|profile| profile.stateless) {
        Standing::Return
    } else {
        Standing::Hold(ReasonCode::DeviceReturned)
    }
}

/// Until when a bootstrapped device, in factory state again, is served as in the attempt that bootstrapped it: from then on
/// it is held. `None` for devices that are served, or not, without such an end.
#[must_use]
pub fn served_until(dossier: &Dossier, policies: &Policies) -> Option<UnixMillis> {
    let device = dossier.device.as_ref()?;
    let back = device.state == State::Bootstrapped || device.came_back();
    if !back || dossier.profile.as_ref().is_some_and(|profile| profile.stateless) {
        return None;
    }
    let span = u64::try_from(attempt(dossier, policies).as_millis()).unwrap_or(u64::MAX);
    Some(UnixMillis(device.attempt_since?.0.saturating_add(span)))
}

/// How long an attempt of this device may take.
fn attempt(dossier: &Dossier, policies: &Policies) -> Duration {
    let patience = dossier.profile.as_ref().map(|profile| profile.patience).unwrap_or_default();
    policies.deadlines.with(patience).attempt
}

/// Whether `now` is at most `span` after `then`. A clock that went back a little does not matter; one that is so far behind
/// that it must be wrong proves nothing.
fn within(then: UnixMillis, now: UnixMillis, span: Duration) -> bool {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    now.0.saturating_sub(then.0) <= millis(span) && then.0.saturating_sub(now.0) <= millis(CLOCK_TOLERANCE)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use audit_log::LogIndex;
    use conveyed_info::OwnershipVoucher;
    use pki::identity::SerialNumber;

    use super::*;
    use crate::domain::{Alarm, DeviceId, ManufacturerName, OnboardingProfile};

    const HOUR: u64 = 3_600_000;
    const NOW: UnixMillis = UnixMillis(1_000_000 * HOUR);

    fn id() -> DeviceId {
        let manufacturer = ManufacturerName::new("maker").unwrap();
        DeviceId { manufacturer, serial_number: SerialNumber::new("SN-1").unwrap() }
    }

    fn dossier(state: Option<State>) -> Dossier {
        let device = state.map(|state| Device::new(id(), state, NOW, LogIndex(0)));
        Dossier { id: id(), device, vouchers: Vec::new(), profile: None }
    }

    fn vouched(mut dossier: Dossier) -> Dossier {
        dossier.vouchers = vec![OwnershipVoucher::from_der([1]).unwrap()];
        dossier
    }

    fn policies(unregistered: Unregistered) -> Policies {
        Policies { unregistered, ..Policies::default() }
    }

    fn admit() -> Unregistered {
        Unregistered::AdmitWithVoucher { profile: ProfileName::new("bmc").unwrap() }
    }

    #[test]
    fn srv_09_an_unregistered_device_is_refused_held_or_admitted_with_a_voucher() {
        let (unknown, name) = (ReasonCode::DeviceUnknown, ProfileName::new("bmc").unwrap());
        for (dossier, unregistered, expected) in [
            (dossier(None), Unregistered::Refuse, Standing::Refuse(ReasonCode::DeviceNotAdmitted)),
            (vouched(dossier(None)), Unregistered::Refuse, Standing::Refuse(ReasonCode::DeviceNotAdmitted)),
            (dossier(None), Unregistered::Hold, Standing::Hold(unknown)),
            (vouched(dossier(None)), Unregistered::Hold, Standing::Hold(unknown)),
            (dossier(None), admit(), Standing::Hold(unknown)),
            (vouched(dossier(None)), admit(), Standing::Admit(name.clone())),
            // The voucher came while it was waiting; the policy changed since it was refused.
            (vouched(dossier(Some(State::Held(unknown)))), admit(), Standing::Admit(name.clone())),
            (dossier(Some(State::Held(unknown))), Unregistered::Refuse, Standing::Wait(unknown)),
            (dossier(Some(State::Refused(ReasonCode::DeviceNotAdmitted))), Unregistered::Hold, Standing::Hold(unknown)),
        ] {
            assert_eq!(standing(&dossier, NOW, &policies(unregistered.clone())), expected, "{unregistered:?}");
        }
        // A person has said what it is to become, and not yet that it may.
        let mut promised = vouched(dossier(Some(State::Held(unknown))));
        promised.device.as_mut().unwrap().profile = Some(name);
        assert_eq!(standing(&promised, NOW, &policies(admit())), Standing::Wait(unknown));
    }

    #[test]
    fn rcf_22_a_refusal_goes_on_record_once_a_day() {
        let refused = dossier(Some(State::Refused(ReasonCode::DeviceNotAdmitted)));
        let at = |hours: u64| standing(&refused, UnixMillis(NOW.0 + hours * HOUR), &policies(Unregistered::Refuse));
        assert_eq!(at(24), Standing::TurnAway(ReasonCode::DeviceNotAdmitted));
        assert_eq!(at(25), Standing::Refuse(ReasonCode::DeviceNotAdmitted));

        let mut retired = dossier(Some(State::Retired));
        let ask = |dossier: &Dossier| standing(dossier, NOW, &Policies::default());
        assert_eq!(ask(&retired), Standing::Refuse(ReasonCode::DeviceRetired), "it had not called since");
        retired.device.as_mut().unwrap().alarm = Some(Alarm { reason: ReasonCode::DeviceRetired, at: NOW });
        assert_eq!(ask(&retired), Standing::TurnAway(ReasonCode::DeviceRetired));
    }

    #[test]
    fn a_bootstrapped_device_may_come_back_within_its_attempt_and_is_held_after_it() {
        let mut dossier = dossier(Some(State::Bootstrapped));
        let device = dossier.device.as_mut().unwrap();
        device.attempt_since = Some(NOW);
        let at = |dossier: &Dossier, now: u64| standing(dossier, UnixMillis(now), &Policies::default());
        assert_eq!(at(&dossier, NOW.0 + 4 * HOUR), Standing::Serve);
        let held = Standing::Hold(ReasonCode::DeviceReturned);
        assert_eq!(at(&dossier, NOW.0 + 4 * HOUR + 1), held);
        // The redirect that it was given in time does not let it in for ever; another device's first one does.
        let mut redirected = dossier.clone();
        redirected.device.as_mut().unwrap().state = State::Redirected;
        assert_eq!(at(&redirected, NOW.0 + 4 * HOUR), Standing::Serve);
        assert_eq!(at(&redirected, NOW.0 + 4 * HOUR + 1), held);
        redirected.device.as_mut().unwrap().attempt_since = None;
        assert_eq!(at(&redirected, NOW.0 + 400 * HOUR), Standing::Serve);
        // Clocks that went back: by an hour, and to where they prove nothing.
        assert_eq!(at(&dossier, NOW.0 - HOUR), Standing::Serve);
        assert_eq!(at(&dossier, 0), held);
        assert_eq!(at(&dossier, u64::MAX), held);

        let name = || ProfileName::new("bmc").unwrap();
        let profile = |text| Arc::new(OnboardingProfile::from_toml(name(), text).unwrap());
        dossier.profile = Some(profile("post-configuration-script = 'x'\n[deadlines]\nattempt = '8h'\n"));
        assert_eq!(at(&dossier, NOW.0 + 8 * HOUR), Standing::Serve, "its profile grants more");
        dossier.profile = Some(profile("post-configuration-script = 'x'\nstateless = true\n"));
        assert_eq!(at(&dossier, NOW.0 + 500 * HOUR), Standing::Return);
    }
}
