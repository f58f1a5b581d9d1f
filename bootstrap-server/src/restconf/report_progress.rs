//! `report-progress` (RFC 8572 §7.2).

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header::CACHE_CONTROL},
    response::{IntoResponse, Response},
};
use conveyed_info::rpc::ProgressReport;

use super::{Answering, Caller, Input, Problem, Service, manner::Manner};
use crate::{
    audit::{Event, MAX_MESSAGE, ReportedKey},
    domain::{Departures, Proof, State as DeviceState, TRUST_ANCHOR_CERT},
};

/// Stores the report and answers 204 once it is durable (SRV-16, SRV-17).
pub(super) async fn handle(
    State(service): State<Arc<Service>>,
    caller: Caller,
    _: Answering,
    input: Input,
) -> Result<Response, Problem> {
    let dossier = service.store.dossier(&caller.device).await?;
    let authentication = caller.prove(&service, &dossier).await?;
    let wire_profile = dossier.profile.as_ref().map(|profile| profile.wire_profile).unwrap_or_default();
    let read = ProgressReport::decode_with(&input.body, input.encoding, Manner::from(wire_profile).input)?;
    let departures = Departures { wire_profile, authentication, leniencies: read.leniencies };
    // A device that nobody has given a profile is given nothing and heard about nothing.
    let retired = dossier.device.as_ref().is_some_and(|device| device.state == DeviceState::Retired);
    if dossier.profile.is_none() || retired {
        super::held::admit(&service, &caller, dossier).await?;
        return Err(super::held::unprofiled());
    }
    let ProgressReport { progress_type, message, ssh_host_keys, trust_anchor_certs } = read.value;
    // RFC 4253 §6.6 (SRV-15): a key that is not what it is said to be authenticates nobody.
    if let Some((number, key)) = (1_usize..).zip(&ssh_host_keys).find(|(_, key)| !key.is_consistent()) {
        return Err(Problem::host_key(number, key));
    }
    let keys = ssh_host_keys.into_iter().map(|key| ReportedKey { kind: key.algorithm, data: key.key_data });
    let chains =
        trust_anchor_certs.iter().map(|it| ReportedKey { kind: TRUST_ANCHOR_CERT.to_owned(), data: it.der().to_vec() });
    tracing::info!(device = %caller.device, source = %caller.source, report = %progress_type, ?departures, "reported");
    let event = Event::ProgressReported {
        device: caller.device.clone(),
        source: caller.source,
        report: progress_type,
        keys: keys.chain(chains).collect(),
        message: message.map(shortened),
        departures,
    };
    super::held::commit(&service, &caller, &dossier, event).await?;
    let proof = Proof { at: super::held::now(), source: caller.source, certificate: caller.certificate };
    service.store.note_proof(&caller.device, proof);
    Ok((StatusCode::NO_CONTENT, [(CACHE_CONTROL, "no-store")]).into_response())
}

/// The end of a message is what says why a script failed: that end is kept.
fn shortened(message: String) -> String {
    let from = message.ceil_char_boundary(message.len().saturating_sub(MAX_MESSAGE));
    message.get(from..).unwrap_or_default().to_owned()
}
