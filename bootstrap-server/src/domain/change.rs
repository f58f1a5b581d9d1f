//! What each event makes of a device. Pure; the store runs it inside its transaction, on every kind of database.

use audit_log::{LogIndex, UnixMillis};
use verdict::ReasonCode;

use super::{Alarm, Device, Proof, State};
use crate::audit::Event;

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
    const fn first_state(self) -> State {
        match self {
            Self::Stored => State::Vouched,
            Self::Missing => State::Registered,
        }
    }
}

/// The device after `event`, which happened `at` and stands in leaf `position`. An event that is about no device, or
/// about one that is not on the list and does not come onto it, gives back what was there.
///
/// # Errors
/// [`ChangeRefused`] when the event is not possible now.
pub fn after(
    current: Option<Device>,
    voucher: VoucherStock,
    event: &Event,
    at: UnixMillis,
    position: LogIndex,
) -> Result<Option<Device>, ChangeRefused> {
    let fresh = |state| event.device().map(|id| Device::new(id.clone(), state, at, position));
    let known = |current: Option<Device>| current.ok_or(ChangeRefused::NotListed);
    let mut device = match event {
        Event::DeviceRegistered { profile, particulars, .. } => {
            if current.as_ref().is_some_and(|device| device.profile.is_some() || device.state == State::Retired) {
                return Err(ChangeRefused::AlreadyListed);
            }
            let Some(mut device) = current.or_else(|| fresh(State::Registered)) else { return Ok(None) };
            device.profile = Some(profile.clone());
            device.particulars = particulars.as_ref().clone();
            device.state = voucher.first_state();
            device
        }
        Event::DeviceAdmitted { profile, .. } => {
            if current.as_ref().is_some_and(|device| device.profile.is_some()) {
                return Ok(current);
            }
            let Some(mut device) = current.or_else(|| fresh(State::Registered)) else { return Ok(None) };
            device.profile = Some(profile.clone());
            device.state = voucher.first_state();
            device
        }
        // Registered while it was asking: it stays what it was made.
        Event::DeviceHeld { reason: ReasonCode::DeviceUnknown, .. } if current.is_some() => return Ok(current),
        Event::DeviceHeld { reason, .. } => {
            let Some(mut device) = current.or_else(|| fresh(State::Held(*reason))) else { return Ok(None) };
            device.state = State::Held(*reason);
            device
        }
        Event::DeviceRefused { reason, .. } => match current {
            Some(device) if device.state == State::Retired => device,
            Some(_) if *reason == ReasonCode::DeviceNotAdmitted => return Ok(current),
            other => {
                let Some(mut device) = other.or_else(|| fresh(State::Refused(*reason))) else { return Ok(None) };
                device.state = State::Refused(*reason);
                device
            }
        },
        Event::DeviceApproved { profile, .. } => {
            let mut device = known(current)?;
            if !matches!(device.state, State::Held(_) | State::Refused(_)) {
                return Err(ChangeRefused::NotWaiting);
            }
            device.profile = profile.clone().or(device.profile);
            if device.profile.is_none() {
                return Err(ChangeRefused::NoProfile);
            }
            begin_again(device, voucher)
        }
        Event::DeviceReprovisioned { .. } => {
            let device = known(current)?;
            if device.profile.is_none() {
                return Err(ChangeRefused::NoProfile);
            }
            begin_again(device, voucher)
        }
        Event::DeviceRetired { .. } => {
            let mut device = known(current)?;
            device.state = State::Retired;
            (device.attempt_since, device.alarm) = (None, None);
            device
        }
        Event::DeviceChanged { profile, particulars, .. } => {
            let mut device = known(current)?;
            device.profile = profile.clone().or(device.profile);
            device.particulars = particulars.as_ref().clone();
            device
        }
        Event::ActivationCodeSet { code, .. } => {
            let mut device = known(current)?;
            device.activation_code = Some(code.clone());
            device
        }
        Event::AlarmRaised { alarm, .. } => {
            let mut device = known(current)?;
            device.alarm = Some(Alarm { reason: *alarm, at });
            device
        }
        Event::VoucherStored { .. } => {
            let Some(mut device) = current else { return Ok(None) };
            device.state = device.state.after(event);
            device
        }
        Event::Answered { source, certificate, .. } => {
            let mut device = known(current)?;
            let state = device.state.after(event);
            if matches!(state, State::Onboarding(None)) && !matches!(device.state, State::Onboarding(_)) {
                device.attempt_since = Some(at);
            }
            device.last_answer = Some(pki::digest::sha256(&event.body(None)));
            device.proof = Some(Proof { at, source: *source, certificate: *certificate });
            if device.state != state {
                (device.state, device.since) = (state, at);
            }
            device.version = position;
            return Ok(Some(device));
        }
        Event::ProgressReported { .. } => {
            let mut device = known(current)?;
            device.state = device.state.after(event);
            device
        }
        Event::ServerStarted { .. }
        | Event::ManufacturerAdded { .. }
        | Event::ProfileApplied { .. }
        | Event::ProfileRemoved { .. }
        | Event::ConnectionsRefused { .. }
        | Event::UserChanged { .. }
        | Event::UserRemoved { .. }
        | Event::TokenCreated { .. }
        | Event::TokenRevoked { .. }
        | Event::BackupTaken { .. }
        | Event::LogRestored { .. } => return Ok(current),
    };
    (device.since, device.version) = (at, position);
    Ok(Some(device))
}

/// A device whose attempt begins afresh.
fn begin_again(mut device: Device, voucher: VoucherStock) -> Device {
    device.state = voucher.first_state();
    (device.attempt_since, device.alarm, device.last_answer) = (None, None, None);
    device
}

/// Why an event is not possible now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeRefused {
    /// It is on the list.
    #[error("the device is on the list already")]
    AlreadyListed,
    /// It is not on the list.
    #[error("the device is not on the list")]
    NotListed,
    /// Only a device that is held or refused can be approved.
    #[error("the device is neither held nor refused")]
    NotWaiting,
    /// Nobody said what it is to become.
    #[error("the device has no profile: name one")]
    NoProfile,
}
