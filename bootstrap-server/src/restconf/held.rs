//! Genuine devices that nobody registered.

use verdict::ReasonCode;

use super::{Caller, Problem, Service};
use crate::{audit::Event, domain::Dossier, store::Batch};

/// The answer to a device that waits for a person. The first sight of it is an event; that it goes on asking is not.
pub(super) async fn answer(service: &Service, caller: Caller, known: Option<&Dossier>) -> Result<Problem, Problem> {
    let reason = ReasonCode::DeviceUnknown;
    if known.is_none() {
        tracing::info!(device = %caller.device, source = %caller.source, %reason, "held");
        let event = Event::DeviceHeld { device: caller.device, source: caller.source, reason };
        service.store.commit(Batch::from(event)).await?;
    }
    Ok(Problem::nothing(reason))
}
