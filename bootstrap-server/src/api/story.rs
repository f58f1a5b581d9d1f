//! What happened to a device, what it waits for, and what to do.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use operator_api::{Story, paths};

use super::{
    Api,
    fault::Fault,
    request::{DevicePath, NoParameters, Parameters},
};

/// Explain a device
///
/// What happened to it, what it waits for, who has to act, what it would be told if it asked now, and whether it would
/// accept that.
#[utoipa::path(get, path = paths::STORY, tag = "devices",
    params(("manufacturer" = String, Path, description = "Who made it."),
        ("serial-number" = String, Path, description = "Its serial number, percent-encoded.")),
    responses((status = 200, description = "Its story.", body = Story)))]
pub(super) async fn story(
    State(_api): State<Arc<Api>>,
    Parameters(NoParameters {}): Parameters<NoParameters>,
    DevicePath(_device): DevicePath,
) -> Result<Response, Fault> {
    Err(Fault::not_served_here("stories are not told yet"))
}
