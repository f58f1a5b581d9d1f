//! What the server is and how it does: for people, for Prometheus, for whoever restarts it.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use audit_log::TreeSize;
use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use operator_api::{Health, ListenerStatus, LogStatus, ServerAlarm, StateCount, Status, WebhookStatus, paths};
use pki::time::Timestamp;
use tokio::sync::watch;
use verdict::{ReasonCode, Trace};

use super::{
    Api, answer, clock, document,
    fault::Fault,
    request::{NoParameters, Parameters},
    vouchers,
};
use crate::{dhcp::DhcpDesk, metrics::ListenerName, store::Store};

/// Show what the server is and how it does
#[utoipa::path(get, path = paths::STATUS, tag = "server",
    responses((status = 200, description = "The server.", body = Status)))]
pub(super) async fn status(
    State(api): State<Arc<Api>>,
    Parameters(NoParameters {}): Parameters<NoParameters>,
) -> Result<Response, Fault> {
    let now = clock::now();
    let census = api.store.census(now, api.policies.now().deadlines).await?;
    let devices = census.iter().map(|count| StateCount {
        state: count.state.to_owned(),
        devices: count.devices,
        stuck: count.stuck,
        alarmed: count.alarmed,
    });
    let ending = vouchers_ending(&api).await?;
    let size = *api.store.growth().borrow();
    let webhooks = api.webhooks.iter().map(|webhook| {
        let failing = webhook.failing();
        WebhookStatus {
            name: webhook.name().to_owned(),
            behind: webhook.behind(api.store.log(), size),
            failing_since: failing.as_ref().map(|failing| clock::written(failing.since)),
            error: failing.map(|failing| Trace::readable(&failing.error)),
        }
    });
    let TreeSize(leaves) = size;
    // After a restoration the log has another name than its key.
    let origin = api.store.checkpoint().await?.and_then(|note| note.lines().next().map(str::to_owned));
    let origin = origin.unwrap_or_else(|| api.checkpoint_key.verifier().name().to_string());
    let status = Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: clock::written(api.started),
        now: clock::written(now),
        database: api.database.to_owned(),
        listeners: api.listeners.iter().map(|listener| with_connections(&api, listener)).collect(),
        devices: devices.collect(),
        log: LogStatus { origin, leaves },
        alarms: alarms(&api, ending),
        vouchers_ending: ending,
        webhooks: webhooks.collect(),
    };
    Ok(answer::json(StatusCode::OK, &status))
}

/// A listener with how many are connected to it now. Of DHCP there are none.
fn with_connections(api: &Api, listener: &ListenerStatus) -> ListenerStatus {
    let connections = match listener.name.as_str() {
        "devices" => Some(api.metrics.connections(ListenerName::Device)),
        "legacy-devices" => Some(api.metrics.connections(ListenerName::Legacy)),
        "operators" => Some(api.metrics.connections(ListenerName::Operator)),
        "authority" => Some(api.metrics.connections(ListenerName::Authority)),
        "publication" => Some(api.metrics.connections(ListenerName::Publication)),
        _ => None,
    };
    ListenerStatus { connections, ..listener.clone() }
}

/// How many devices that are still to be onboarded have a voucher that ends within 30 days, and none after it.
async fn vouchers_ending(api: &Api) -> Result<u64, Fault> {
    let soon = Timestamp::from_system(SystemTime::now()).plus_seconds(vouchers::SOON);
    Ok(api.store.vouchers_ending(soon).await?)
}

/// What somebody ought to look at.
fn alarms(api: &Api, vouchers_ending: u64) -> Vec<ServerAlarm> {
    // RFC 8572 §9.10 (SRV-21): until somebody has decided.
    let pending = api.policies.proposed().map(|_| ReasonCode::PolicyPending);
    let failing = api.webhooks.iter().any(|webhook| webhook.failing().is_some()).then_some(ReasonCode::WebhookFailing);
    let alarm = |reason: ReasonCode| ServerAlarm {
        reason: reason.to_string(),
        summary: reason.summary().to_owned(),
        remedy: reason.remedy().to_owned(),
    };
    let ending = (vouchers_ending > 0).then_some(ReasonCode::VouchersEnding);
    let stale = next_updates(api).iter().any(|(_, next)| *next < Timestamp::from_unix(clock::seconds(clock::now())));
    let stale = stale.then_some(ReasonCode::RevocationListStale);
    let others = api.dhcp.as_ref().is_some_and(DhcpDesk::sees_others).then_some(ReasonCode::DhcpOtherServer);
    pending.into_iter().chain(failing).chain(ending).chain(stale).chain(others).map(alarm).collect()
}

/// Whose revocation lists there are, and when the first of them is to be replaced.
fn next_updates(api: &Api) -> BTreeMap<String, Timestamp> {
    let mut first = BTreeMap::<String, Timestamp>::new();
    for (manufacturer, list) in api.judges.trust().iter().flat_map(|trust| trust.lists()) {
        let name = manufacturer.map(ToString::to_string).unwrap_or_default();
        if let Some(next) = list.period().next_update {
            first.entry(name).and_modify(|first| *first = next.min(*first)).or_insert(next);
        }
    }
    first
}

/// Show metrics for Prometheus
#[utoipa::path(get, path = paths::METRICS, tag = "server",
    responses((status = 200, description = "OpenMetrics text.", content_type = "application/openmetrics-text",
        body = String)))]
pub(super) async fn metrics(
    State(api): State<Arc<Api>>,
    Parameters(NoParameters {}): Parameters<NoParameters>,
) -> Result<Response, Fault> {
    api.metrics.commits_waiting(api.store.backlog().waiting);
    api.metrics.census(&api.store.census(clock::now(), api.policies.now().deadlines).await?);
    let size = *api.store.growth().borrow();
    for webhook in &api.webhooks {
        api.metrics.webhook_behind(webhook.name(), webhook.behind(api.store.log(), size));
    }
    let ending = vouchers_ending(&api).await?;
    api.metrics.vouchers_ending(ending);
    api.metrics.dhcp_known(api.dhcp.as_ref().map_or(0, DhcpDesk::known));
    api.metrics.alarms(alarms(&api, ending).iter().map(|alarm| alarm.reason.clone()));
    let now = clock::seconds(clock::now());
    api.metrics
        .revocation_lists(next_updates(&api).into_iter().map(|(name, next)| (name, next.unix().saturating_sub(now))));
    let mut response = Response::new(Body::from(api.metrics.encode()));
    let media_type = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    Ok(response)
}

/// Describe this API
#[utoipa::path(get, path = paths::OPENAPI, tag = "server",
    responses((status = 200, description = "This document.", body = Object)))]
pub(super) async fn openapi() -> Response {
    answer::octets(StatusCode::OK, document::WRITTEN.clone())
}

/// Say whether the process is alive
#[utoipa::path(get, path = paths::HEALTH, tag = "server",
    responses((status = 200, description = "It is.", body = Health)))]
pub(super) async fn health() -> Response {
    answer::json(StatusCode::OK, &Health { status: "ok".to_owned() })
}

/// Say whether the server can take requests
///
/// Its database answers and can be written to, and it is not stopping.
#[utoipa::path(get, path = paths::READY, tag = "server",
    responses((status = 200, description = "It can.", body = Health),
        (status = 503, description = "It cannot, for the reason given.", body = Health)))]
pub(super) async fn ready(State(api): State<Arc<Api>>) -> Response {
    match readiness(&api.stopping, api.store.as_ref()).await {
        Ok(()) => answer::json(StatusCode::OK, &Health { status: "ok".to_owned() }),
        Err(why) => answer::json(StatusCode::SERVICE_UNAVAILABLE, &Health { status: why.to_owned() }),
    }
}

/// Why the server cannot take requests, if it cannot.
async fn readiness(stopping: &watch::Receiver<()>, store: &dyn Store) -> Result<(), &'static str> {
    if stopping.has_changed().unwrap_or(true) {
        return Err("the server is stopping");
    }
    if !store.takes_changes() {
        return Err("nothing can be written to the database any more: restart the server");
    }
    store.checkpoint().await.map(|_| ()).map_err(|error| {
        tracing::error!(%error, "not ready");
        "the database does not answer"
    })
}

#[cfg(test)]
mod tests {
    use pki::key::FileKey;

    use super::*;
    use crate::{audit::CheckpointKey, store::SqlStore};

    #[tokio::test]
    async fn a_server_that_cannot_write_or_is_stopping_is_not_ready() {
        let folder = tempfile::tempdir().unwrap();
        let key = FileKey::generate_ed25519().unwrap().to_pem();
        let key = Arc::new(CheckpointKey::from_pem("test.example/log", key.as_bytes()).unwrap());
        let store = SqlStore::create(&folder.path().join("sztp.sqlite3"), key).await.unwrap();
        let (stop, stopping) = watch::channel(());
        assert_eq!(readiness(&stopping, &store).await, Ok(()));
        store.kill_writer();
        store.writer_gone().await;
        assert!(readiness(&stopping, &store).await.unwrap_err().contains("restart the server"));
        stop.send(()).unwrap();
        assert!(readiness(&stopping, &store).await.unwrap_err().contains("stopping"));
    }
}
