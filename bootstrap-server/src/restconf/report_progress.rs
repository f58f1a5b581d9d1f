//! `report-progress` (RFC 8572 §7.2).

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header::CACHE_CONTROL},
    response::{IntoResponse, Response},
};
use conveyed_info::rpc::ProgressReport;
use verdict::ReasonCode;

use super::{Caller, JsonBody, Problem, Service};
use crate::{
    audit::Event,
    store::{Batch, StoreError},
};

/// Stores the report and answers 204 once it is durable (SRV-16, SRV-17).
pub(super) async fn handle(
    State(service): State<Arc<Service>>,
    caller: Caller,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let report = ProgressReport::from_json(&body)?;
    tracing::info!(device = %caller.device, source = %caller.source, report = %report.progress_type, "reported");
    let event = Event::ProgressReported {
        device: caller.device,
        source: caller.source,
        report: report.progress_type,
        message: report.message,
    };
    match service.store.commit(Batch::from(event)).await {
        Ok(_) => Ok((StatusCode::NO_CONTENT, [(CACHE_CONTROL, "no-store")]).into_response()),
        Err(StoreError::NoDevice(_)) => Err(Problem::nothing(ReasonCode::DeviceUnknown)),
        Err(error) => Err(error.into()),
    }
}
