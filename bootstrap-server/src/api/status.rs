//! What the server is and how it does: for people, for Prometheus, for whoever restarts it.

use std::sync::Arc;

use audit_log::TreeSize;
use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use operator_api::{Health, ListenerStatus, LogStatus, StateCount, Status, paths};

use super::{
    Api, answer, clock, document,
    fault::Fault,
    request::{NoParameters, Parameters},
};
use crate::metrics::ListenerName;

/// Show what the server is and how it does
#[utoipa::path(get, path = paths::STATUS, tag = "server",
    responses((status = 200, description = "The server.", body = Status)))]
pub(super) async fn status(
    State(api): State<Arc<Api>>,
    Parameters(NoParameters {}): Parameters<NoParameters>,
) -> Result<Response, Fault> {
    let now = clock::now();
    let census = api.store.census(now, api.policies.deadlines).await?;
    let devices = census.iter().map(|count| StateCount {
        state: count.state.to_owned(),
        devices: count.devices,
        stuck: count.stuck,
        alarmed: count.alarmed,
    });
    let TreeSize(leaves) = *api.store.growth().borrow();
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
    };
    Ok(answer::json(StatusCode::OK, &status))
}

/// A listener with how many are connected to it now. Of DHCP there are none.
fn with_connections(api: &Api, listener: &ListenerStatus) -> ListenerStatus {
    let connections = match listener.name.as_str() {
        "devices" => Some(api.metrics.connections(ListenerName::Device)),
        "legacy-devices" => Some(api.metrics.connections(ListenerName::Legacy)),
        "operators" => Some(api.metrics.operator_connections()),
        _ => None,
    };
    ListenerStatus { connections, ..listener.clone() }
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
    api.metrics.census(&api.store.census(clock::now(), api.policies.deadlines).await?);
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
/// Its database answers, and it is not stopping.
#[utoipa::path(get, path = paths::READY, tag = "server",
    responses((status = 200, description = "It can.", body = Health),
        (status = 503, description = "It cannot, for the reason given.", body = Health)))]
pub(super) async fn ready(State(api): State<Arc<Api>>) -> Response {
    let unready = |why: &str| answer::json(StatusCode::SERVICE_UNAVAILABLE, &Health { status: why.to_owned() });
    if api.stopping.has_changed().unwrap_or(true) {
        return unready("the server is stopping");
    }
    match api.store.checkpoint().await {
        Ok(_) => answer::json(StatusCode::OK, &Health { status: "ok".to_owned() }),
        Err(error) => {
            tracing::error!(%error, "not ready");
            unready("the database does not answer")
        }
    }
}
