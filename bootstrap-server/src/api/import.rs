//! Registering many devices in one request.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use operator_api::{ChangeQuery, ImportUpdate, paths};

use super::{Api, fault::Fault, request::Parameters};

/// Register many devices
///
/// The body is CSV with a header line, a JSON array, or one JSON object a line; the answer comes while it is read, one
/// JSON object a line. A row that is not taken hurts no other. What a line of progress counts is durable.
#[utoipa::path(post, path = paths::IMPORT, tag = "devices", params(ChangeQuery),
    request_body(content((String = "text/csv"), (String = "application/x-ndjson"))),
    responses((status = 200, description = "How it goes, one update a line.", body = ImportUpdate,
        content_type = "application/x-ndjson")))]
pub(super) async fn import(
    State(_api): State<Arc<Api>>,
    Parameters(_query): Parameters<ChangeQuery>,
) -> Result<Response, Fault> {
    Err(Fault::not_served_here("imports are not taken yet"))
}
