//! The authorities of the server.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use operator_api::{AuthorityList, paths};

use super::{
    Api, answer,
    fault::Fault,
    request::{NoParameters, Parameters},
};

/// List authorities
///
/// Whose certificates this server issues, by which profiles.
#[utoipa::path(get, path = paths::AUTHORITIES, tag = "certificates",
    responses((status = 200, description = "All authorities, by name.", body = AuthorityList)))]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    Parameters(NoParameters {}): Parameters<NoParameters>,
) -> Result<Response, Fault> {
    Ok(answer::json(StatusCode::OK, &api.desk.authorities()))
}
