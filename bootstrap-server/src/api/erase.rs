//! Forgetting a device on request (SEC-22).

use std::sync::Arc;

use audit_log::LogIndex;
use axum::{extract::State, http::StatusCode, response::Response};
use operator_api::{Because, ChangeQuery, Erased, paths};

use super::{
    Api, answer,
    change::{KeptBody, Rehearsal, Turn},
    fault::Fault,
    particulars,
    request::{DevicePath, Submission},
};
use crate::{
    audit::Event,
    domain::{Actor, DeviceId},
    retention,
    store::{Batch, Place},
};

/// Forget a device
///
/// Its record, its voucher and its reports are removed, and what the audit log says about it; the log still verifies, and
/// says how many records were erased, by whom and why, not of which device. One that is being onboarded is refused. What was
/// interrupted is taken up when it is asked for again. A device that comes back is one that nobody knows.
#[utoipa::path(post, path = paths::ERASE, tag = "devices", request_body = Because,
    params(ChangeQuery, ("manufacturer" = String, Path, description = "Who made it."),
        ("serial-number" = String, Path, description = "Its serial number, percent-encoded.")),
    responses((status = 200, description = "It is forgotten.", body = Erased),
        (status = 204, description = "It would be forgotten.")))]
pub(super) async fn erase(
    State(api): State<Arc<Api>>,
    DevicePath(device): DevicePath,
    submission: Submission<Because>,
) -> Result<Response, Fault> {
    let because = particulars::because(submission.body.reason)?;
    // The reason outlives the erasure. Shorter numbers stand in any sentence.
    let serial_number = device.serial_number.as_str().to_lowercase();
    if serial_number.len() > 3 && because.to_lowercase().contains(&serial_number) {
        return Err(Fault::body("reason: stays in the audit log, and holds the serial number that is to be forgotten"));
    }
    let (end, by) = match submission.turn {
        Turn::First(change) => {
            let by = change.caller.actor();
            let left = left(&api, &device).await?;
            if left.is_some() && change.rehearsal == Rehearsal::Yes {
                return Ok(answer::empty(StatusCode::NO_CONTENT));
            }
            if let Some(end) = left {
                (end, Some(by))
            } else {
                let event = Event::DeviceErased { device: device.clone(), because: because.clone() };
                let kept = KeptBody::afresh(StatusCode::OK);
                let Some(LogIndex(at)) = change.carry_out_at(&api, &device, Batch::from(event), kept).await? else {
                    return Ok(answer::empty(StatusCode::NO_CONTENT));
                };
                (Place { log: api.store.log(), position: LogIndex(at.saturating_add(1)) }, Some(by))
            }
        }
        Turn::Again(_) => (left(&api, &device).await?.unwrap_or(Place::FIRST), None),
    };
    // Whoever asked may hang up: it goes on.
    let erasing = tokio::spawn(finish(Arc::clone(&api), device, end, because, by));
    let records = erasing.await.map_err(|error| Fault::internal(&error))??;
    Ok(answer::json(StatusCode::OK, &Erased { records }))
}

async fn finish(api: Arc<Api>, device: DeviceId, end: Place, because: String, by: Option<Actor>) -> Result<u64, Fault> {
    Ok(retention::finish(api.store.as_ref(), &device, end, &because, by.as_ref()).await?)
}

/// Up to where the log holds records of a device that was taken off the list already; `None` when it is on the list, has a
/// voucher, or was never heard of.
async fn left(api: &Api, device: &DeviceId) -> Result<Option<Place>, Fault> {
    // First of all: whatever comes after this belongs to a new life.
    let end = Place { log: api.store.log(), position: LogIndex(api.store.growth().borrow().0) };
    let dossier = api.store.dossier(device).await?;
    if dossier.device.is_some() || !dossier.vouchers.is_empty() {
        return Ok(None);
    }
    let any = api.store.history(device, Place::FIRST, 1).await?;
    Ok((!any.is_empty()).then_some(end))
}
