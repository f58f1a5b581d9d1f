//! Backups, taken while the server runs.

use axum::response::Response;
use operator_api::paths;

use super::fault::Fault;

/// Take a backup
///
/// Everything that is stored, as it is at one moment, in the form that `sztp restore` takes.
#[utoipa::path(post, path = paths::BACKUP, tag = "backup",
    responses((status = 200, description = "The backup.", content_type = "application/octet-stream",
        body = inline(String))))]
pub(super) async fn backup() -> Result<Response, Fault> {
    Err(Fault::not_served_here("run `sztp backup` beside the database"))
}
