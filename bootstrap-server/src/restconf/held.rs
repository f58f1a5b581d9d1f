//! Whether a device is to be served at all: what the owner's rules say, made durable before it is told.

use std::time::SystemTime;

use audit_log::UnixMillis;
use verdict::ReasonCode;

use super::{Caller, Problem, Service};
use crate::{
    audit::Event,
    domain::{
        Dossier,
        decision::{Standing, standing},
    },
    store::Batch,
};

/// The dossier of a device that is to be served; the answer to one that is not. The first sight of a device is an
/// event; that it goes on asking is not.
pub(super) async fn admit(service: &Service, caller: &Caller, dossier: Dossier) -> Result<Dossier, Problem> {
    let (device, source) = (caller.device.clone(), caller.source);
    let (event, reason) = match standing(&dossier, now(), &service.policies) {
        Standing::Serve => return Ok(dossier),
        Standing::Admit(profile) => {
            tracing::info!(%device, %source, %profile, "admitted");
            service.store.commit(Batch::from(Event::DeviceAdmitted { device, source, profile })).await?;
            return Ok(service.store.dossier(&caller.device).await?);
        }
        Standing::Wait(reason) => (None, reason),
        Standing::Hold(reason) => (Some(Event::DeviceHeld { device, source, reason }), reason),
        Standing::Refuse(reason) => {
            let first = dossier.device.is_none();
            (first.then_some(Event::DeviceRefused { device, source, reason }), reason)
        }
    };
    if let Some(event) = event {
        tracing::info!(device = %caller.device, %source, %reason, "not served");
        service.store.commit(Batch::from(event)).await?;
    }
    Err(Problem::nothing(reason))
}

/// A known device that is given nothing until somebody gives it a profile.
pub(super) fn unprofiled() -> Problem {
    Problem::nothing(ReasonCode::DeviceUnknown)
}

pub(super) fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
