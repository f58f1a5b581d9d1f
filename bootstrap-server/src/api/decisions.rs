//! What people decide about devices. Each decision says why, and that stands in the audit log.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use operator_api::{ApproveDevice, Because, ChangeQuery, Device, IssuedActivationCode, paths};
use pki::key::{Entropy, SystemEntropy};

use super::{
    Api, answer,
    change::{Done, KeptBody, Turn},
    devices,
    fault::Fault,
    particulars,
    request::{DevicePath, Nothing, Submission},
};
use crate::{
    audit::Event,
    domain::{ActivationCode, DeviceId},
    store::Batch,
};

/// Let a held or refused device through
///
/// The next time it asks, it is served. One that nobody registered needs a profile.
#[utoipa::path(post, path = paths::APPROVE, tag = "devices", request_body = ApproveDevice,
    params(ChangeQuery, ("manufacturer" = String, Path, description = "Who made it."),
        ("serial-number" = String, Path, description = "Its serial number, percent-encoded.")),
    responses((status = 200, description = "It is let through.", body = Device),
        (status = 204, description = "It would be let through.")))]
pub(super) async fn approve(
    State(api): State<Arc<Api>>,
    DevicePath(device): DevicePath,
    submission: Submission<ApproveDevice>,
) -> Result<Response, Fault> {
    let because = particulars::because(submission.body.reason)?;
    let profile = submission.body.profile.map(particulars::profile).transpose()?;
    let event = Event::DeviceApproved { device: device.clone(), profile, because };
    decide(&api, &device, event, submission.turn).await
}

/// Take a device out of service
///
/// It is turned away from now on, until it is reprovisioned.
#[utoipa::path(post, path = paths::RETIRE, tag = "devices", request_body = Because,
    params(ChangeQuery, ("manufacturer" = String, Path, description = "Who made it."),
        ("serial-number" = String, Path, description = "Its serial number, percent-encoded.")),
    responses((status = 200, description = "It is retired.", body = Device),
        (status = 204, description = "It would be retired.")))]
pub(super) async fn retire(
    State(api): State<Arc<Api>>,
    DevicePath(device): DevicePath,
    submission: Submission<Because>,
) -> Result<Response, Fault> {
    let because = particulars::because(submission.body.reason)?;
    let event = Event::DeviceRetired { device: device.clone(), because };
    decide(&api, &device, event, submission.turn).await
}

/// Let a device begin again
///
/// Whatever state it is in, it is onboarded afresh when it next asks.
#[utoipa::path(post, path = paths::REPROVISION, tag = "devices", request_body = Because,
    params(ChangeQuery, ("manufacturer" = String, Path, description = "Who made it."),
        ("serial-number" = String, Path, description = "Its serial number, percent-encoded.")),
    responses((status = 200, description = "It may begin again.", body = Device),
        (status = 204, description = "It could begin again.")))]
pub(super) async fn reprovision(
    State(api): State<Arc<Api>>,
    DevicePath(device): DevicePath,
    submission: Submission<Because>,
) -> Result<Response, Fault> {
    let because = particulars::because(submission.body.reason)?;
    let event = Event::DeviceReprovisioned { device: device.clone(), because };
    decide(&api, &device, event, submission.turn).await
}

/// Say that somebody has looked at a device's alarm
#[utoipa::path(post, path = paths::CLEAR_ALARM, tag = "devices", request_body = Because,
    params(ChangeQuery, ("manufacturer" = String, Path, description = "Who made it."),
        ("serial-number" = String, Path, description = "Its serial number, percent-encoded.")),
    responses((status = 200, description = "The alarm is cleared.", body = Device),
        (status = 204, description = "It would be cleared.")))]
pub(super) async fn clear_alarm(
    State(api): State<Arc<Api>>,
    DevicePath(device): DevicePath,
    submission: Submission<Because>,
) -> Result<Response, Fault> {
    let because = particulars::because(submission.body.reason)?;
    let event = Event::AlarmCleared { device: device.clone(), because };
    decide(&api, &device, event, submission.turn).await
}

async fn decide(api: &Api, device: &DeviceId, event: Event, turn: Turn) -> Result<Response, Fault> {
    let change = match turn {
        Turn::First(change) => change,
        Turn::Again(_) => return devices::shown(api, device).await,
    };
    match change.carry_out_on(api, device, Batch::from(event), KeptBody::afresh(StatusCode::OK)).await? {
        Done::Made => devices::shown(api, device).await,
        Done::Rehearsed => Ok(answer::empty(StatusCode::NO_CONTENT)),
    }
}

/// Make a new activation code for a device
///
/// It is shown once; the one before opens nothing any more.
#[utoipa::path(post, path = paths::ACTIVATION_CODE, tag = "devices",
    params(ChangeQuery, ("manufacturer" = String, Path, description = "Who made it."),
        ("serial-number" = String, Path, description = "Its serial number, percent-encoded.")),
    responses((status = 201, description = "The code.", body = IssuedActivationCode),
        (status = 204, description = "One would be made.")))]
pub(super) async fn activation_code(
    State(api): State<Arc<Api>>,
    DevicePath(device): DevicePath,
    submission: Submission<Nothing>,
) -> Result<Response, Fault> {
    let change = match submission.turn {
        Turn::First(change) => change,
        Turn::Again(_) => return Err(Fault::secret_shown_before(format!("the activation code of {device}"))),
    };
    let mut salt = [0; 16];
    let activation_code = code(&mut SystemEntropy).map_err(|error| Fault::internal(&error))?;
    SystemEntropy.fill(&mut salt).map_err(|error| Fault::internal(&error))?;
    // Slow on purpose: not on a thread that others wait for.
    let slow = {
        let shown = activation_code.clone();
        move || ActivationCode::of(&shown, salt)
    };
    let kept = tokio::task::spawn_blocking(slow).await.map_err(|error| Fault::internal(&error))?;
    let event = Event::ActivationCodeSet { device: device.clone(), code: kept };
    let done = change.carry_out_on(&api, &device, Batch::from(event), KeptBody::afresh(StatusCode::CREATED)).await?;
    Ok(done.answer(|| answer::json(StatusCode::CREATED, &IssuedActivationCode { activation_code })))
}

/// A code that a person can type: 25 characters without those that look alike, which are 125 random bits.
fn code(entropy: &mut dyn Entropy) -> Result<String, pki::key::NoEntropy> {
    let mut octets = [0; 25];
    entropy.fill(&mut octets)?;
    let mut code = String::with_capacity(29);
    for (index, octet) in octets.iter().enumerate() {
        if index > 0 && index % 5 == 0 {
            code.push('-');
        }
        // Of 32 letters each is as likely as any other.
        code.extend(LETTERS.get(usize::from(octet % 32)).copied().map(char::from));
    }
    Ok(code)
}

/// Digits and capitals without I, L, O and U (Crockford's base 32).
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_activation_code_can_be_typed_and_not_guessed() {
        let (one, other) = (code(&mut SystemEntropy).unwrap(), code(&mut SystemEntropy).unwrap());
        assert_ne!(one, other);
        assert_eq!(one.split('-').map(str::len).collect::<Vec<_>>(), [5; 5]);
        assert!(!one.contains(['I', 'L', 'O', 'U']));
    }
}
