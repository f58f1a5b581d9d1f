//! What the server is and how it does: for people, for Prometheus, for whoever restarts it.

use std::sync::Arc;

use audit_log::TreeSize;
use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use operator_api::{Health, LogStatus, StateCount, Status, paths};
use tokio::sync::watch;

use super::{
    Api, answer, clock, document,
    fault::Fault,
    request::{NoParameters, Parameters},
};
use crate::store::Store;

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
        listeners: api.listeners.clone(),
        devices: devices.collect(),
        log: LogStatus { origin, leaves },
    };
    Ok(answer::json(StatusCode::OK, &status))
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
