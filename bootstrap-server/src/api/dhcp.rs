//! What the DHCP servers beside this one would do.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use operator_api::{DhcpExplanation, DhcpQuestion, paths};

use super::{Api, answer, fault::Fault, request::Parameters};
use crate::dhcp::ExplainError;

/// Explain what a DHCP client would be answered
///
/// By everything that the server knows: its configuration, the devices and profiles, the leases. Nothing is sent, and nothing is lent.
#[utoipa::path(get, path = paths::EXPLAIN_DHCP, tag = "dhcp", params(DhcpQuestion),
    responses((status = 200, description = "What it would be answered, and why.", body = DhcpExplanation)))]
pub(super) async fn explain(
    State(api): State<Arc<Api>>,
    Parameters(question): Parameters<DhcpQuestion>,
) -> Result<Response, Fault> {
    let desk = api.dhcp.as_ref().ok_or_else(|| Fault::not_found().detail(ExplainError::NoServer.to_string()))?;
    let explanation = desk.explain(&question).await.map_err(|error| match error {
        ExplainError::NoServer | ExplainError::NoSuchServer { .. } => Fault::not_found().detail(error.to_string()),
        ExplainError::Question { .. } => Fault::query(error.to_string()),
        ExplainError::Leases(error) => Fault::internal(&error),
    })?;
    Ok(answer::json(StatusCode::OK, &explanation))
}
