//! What each event makes of a device's record. Pure; the store runs it inside its transaction, on every kind of database.
//! What becomes of the state is in `domain::transition`.

use audit_log::{LogIndex, UnixMillis};
use verdict::ReasonCode;

use super::{Alarm, Deed, Device, DeviceId, Proof, State, transition};
use crate::audit::{Answer, Event};

/// Whether a voucher for the device is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoucherStock {
    /// There is one.
    Stored,
    /// There is none.
    Missing,
}

impl VoucherStock {
    /// Where a device starts.
    pub(super) const fn first_state(self) -> State {
        match self {
            Self::Stored => State::Vouched,
            Self::Missing => State::Registered,
        }
    }
}

/// The device after `event`, which happened `at` and stands in leaf `position`; `None` when it is on no list then. An event
/// that is about no device gives back what was there.
///
/// # Errors
/// [`ChangeRefused`] when the event is not possible now, or would say nothing new.
pub fn after(
    current: Option<Device>,
    voucher: VoucherStock,
    event: &Event,
    at: UnixMillis,
    position: LogIndex,
) -> Result<Option<Device>, ChangeRefused> {
    match (event.device(), Deed::of(event)) {
        (Some(id), Some(deed)) => after_deed(current, id, voucher, deed, at, position),
        _ => Ok(current),
    }
}

/// As [`after`], for what an event does, from wherever that is known: the event, or the log.
///
/// # Errors
/// As [`after`].
pub fn after_deed(
    current: Option<Device>,
    id: &DeviceId,
    voucher: VoucherStock,
    deed: Deed,
    at: UnixMillis,
    position: LogIndex,
) -> Result<Option<Device>, ChangeRefused> {
    let (mut device, state) = match current {
        Some(device) => {
            let state = device.state.after(&deed, voucher)?;
            if deed == Deed::Erased {
                return Ok(None);
            }
            (device, state)
        }
        None => {
            let Some(state) = transition::first(&deed, voucher)? else { return Ok(None) };
            (Device::new(id.clone(), state, at, position), state)
        }
    };
    let moved = device.state != state;
    record(&mut device, deed, at)?;
    // Only devices that wait for a person's decision, or were refused it, may be without a profile.
    if device.profile.is_none() && !matches!(state, State::Held(_) | State::Refused(_) | State::Retired) {
        return Err(ChangeRefused::NoProfile);
    }
    if moved {
        (device.state, device.since) = (state, at);
    }
    device.version = position;
    Ok(Some(device))
}

/// Whether `event` would repeat the device's last answer, to the same certificate at the same address, and leave the device
/// where it is: polling does not grow the log.
#[must_use]
pub fn is_repeated(device: &Device, event: &Event) -> bool {
    match Deed::of(event) {
        Some(deed @ Deed::Answered { body, .. }) => {
            // An answer never depends on the stock.
            device.last_answer == Some(body) && device.state.after(&deed, VoucherStock::Stored) == Ok(device.state)
        }
        _ => false,
    }
}

/// Writes down what `deed` says beside the state, in the record of a device that is still in the state before it.
fn record(device: &mut Device, deed: Deed, at: UnixMillis) -> Result<(), ChangeRefused> {
    match deed {
        Deed::Registered { profile, particulars } => {
            if device.profile.is_some() {
                return Err(ChangeRefused::AlreadyListed);
            }
            device.profile = Some(profile);
            device.particulars = particulars;
            begin_again(device);
        }
        Deed::Admitted { profile } => {
            if device.profile.is_some() {
                return Err(ChangeRefused::NothingNew);
            }
            device.profile = Some(profile);
            begin_again(device);
        }
        Deed::Approved(profile) => {
            device.profile = profile.or_else(|| device.profile.take());
            begin_again(device);
        }
        // Its redirect is that of a new attempt: somebody was faster.
        Deed::Returned | Deed::Held(ReasonCode::DeviceReturned)
            if matches!(device.state, State::Redirected) && !device.came_back() =>
        {
            return Err(ChangeRefused::NothingNew);
        }
        Deed::Reprovisioned | Deed::Returned => begin_again(device),
        Deed::Retired => (device.attempt_since, device.alarm) = (None, None),
        Deed::Changed { profile, particulars } => {
            device.profile = profile.or_else(|| device.profile.take());
            device.particulars = particulars;
        }
        Deed::ActivationCodeSet(code) => device.activation_code = code,
        Deed::AlarmRaised(reason) => device.alarm = Some(Alarm { reason, at }.or_graver(device.alarm)),
        Deed::AlarmCleared => {
            if device.alarm.take().is_none() {
                return Err(ChangeRefused::NoAlarm);
            }
        }
        // A retired device that calls in is one that somebody ought to look for.
        Deed::Refused(reason @ ReasonCode::DeviceRetired) => device.alarm = Some(Alarm { reason, at }),
        // It goes on asking: refused again, on another day.
        Deed::Refused(_) => device.since = at,
        Deed::Answered { answer, source, certificate, body } => {
            device.attempt_since = attempt_after(device, answer, at);
            device.last_answer = Some(body);
            device.proof = Some(Proof { at, source, certificate });
        }
        // Progress, also where it has the same name as the last one.
        Deed::Reported(_) if matches!(device.state, State::Onboarding(_)) => device.since = at,
        Deed::Reported(_) | Deed::VoucherStored | Deed::Held(_) | Deed::Erased => {}
    }
    Ok(())
}

/// When the attempt began that a device is in after `answer`. It begins with the onboarding information; whoever starts
/// over from a redirect, after a reboot for instance, begins another one. Only a bootstrapped device cannot: for as long
/// as it may come back, it is in the attempt that bootstrapped it.
const fn attempt_after(device: &Device, answer: Answer, at: UnixMillis) -> Option<UnixMillis> {
    match (answer, device.state) {
        (Answer::Redirect { .. }, State::Bootstrapped | State::Redirected) | (Answer::Nothing { .. }, _) => {
            device.attempt_since
        }
        (Answer::Redirect { .. }, _) => None,
        (Answer::Onboarding { .. }, State::Bootstrapped | State::Redirected) if device.attempt_since.is_some() => {
            device.attempt_since
        }
        (Answer::Onboarding { .. }, _) => Some(at),
    }
}

/// The attempt begins afresh, and the next answer is news although it may be the same as the last.
const fn begin_again(device: &mut Device) {
    (device.attempt_since, device.alarm, device.last_answer) = (None, None, None);
}

/// Why an event is not possible now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeRefused {
    /// It is on the list.
    #[error("the device is on the list already; change it with `sztp device add --replace`, or reprovision it")]
    AlreadyListed,
    /// It is not on the list.
    #[error("the device is not on the list; register it with `sztp device add`")]
    NotListed,
    /// Only a device that is held or refused can be approved.
    #[error(
        "the device is neither held nor refused, so there is nothing to approve; `sztp device show` says how it stands"
    )]
    NotWaiting,
    /// Nobody said what it is to become.
    #[error("the device has no profile: name one")]
    NoProfile,
    /// It is retired.
    #[error("the device is retired; `sztp device reprovision` takes it back")]
    Retired,
    /// It is retired, and was to be retired.
    #[error("the device is retired already")]
    AlreadyRetired,
    /// It was held or refused while it was being answered.
    #[error("the device is not to be served: it was held or refused meanwhile")]
    NotServed,
    /// It is being onboarded.
    #[error("the device is being onboarded; erase it when that has ended, or retire it first")]
    UnderWay,
    /// There is nothing to clear.
    #[error("the device has no alarm")]
    NoAlarm,
    /// The event would repeat what the log holds, or comes too late to matter.
    #[error("nothing new: somebody else was faster")]
    NothingNew,
}
