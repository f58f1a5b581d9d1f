//! RESTCONF for devices (RFC 8040, RFC 8572 §7): two operations and the way to them.

mod discovery;
mod get_bootstrapping_data;
mod held;
mod problem;
mod report_progress;
mod request;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    middleware::Next,
    response::Response,
    routing::{get, post},
};

use crate::{
    domain::{Newcomers, Policies},
    images::Images,
    owner::Owner,
    store::Store,
    tls::{Connection, Rejections},
};

use problem::Explanation;
pub(crate) use problem::Problem;
use request::{Caller, JsonBody};

/// The RESTCONF root (RFC 8040 §3.1).
const ROOT: &str = "/restconf";

/// What the handlers share.
pub(crate) struct Service {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) owner: Owner,
    /// What the owner has decided for all devices.
    pub(crate) policies: Policies,
    /// The unregistered devices of this hour.
    pub(crate) newcomers: Mutex<Newcomers>,
    /// Where devices are sent that have no reason to trust this server yet.
    pub(crate) redirect: conveyed_info::information::RedirectInformation,
    pub(crate) images: Images,
    /// Reports refusals of peers that are no device.
    pub(crate) rejections: Rejections,
    /// Time for a request's body.
    pub(crate) body_deadline: Duration,
}

/// The paths that devices may ask for; everything else is an error in RESTCONF's own form.
pub(crate) fn router(service: Arc<Service>) -> Router {
    use conveyed_info::rpc::{GET_BOOTSTRAPPING_DATA, HOST_META, REPORT_PROGRESS};

    Router::new()
        .route(HOST_META, get(discovery::host_meta))
        .route(ROOT, get(discovery::root).options(discovery::options_of_data))
        .route(&format!("{ROOT}/operations"), get(discovery::operations).options(discovery::options_of_data))
        .route(
            &format!("{ROOT}/yang-library-version"),
            get(discovery::yang_library_version).options(discovery::options_of_data),
        )
        .route(
            &format!("{ROOT}/{GET_BOOTSTRAPPING_DATA}"),
            post(get_bootstrapping_data::handle).options(discovery::options_of_operation),
        )
        .route(
            &format!("{ROOT}/{REPORT_PROGRESS}"),
            post(report_progress::handle).options(discovery::options_of_operation),
        )
        .route("/images/{digest}", get(crate::images::serve))
        .fallback(|| async { Problem::not_found() })
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .layer(axum::middleware::from_fn(explain))
        .with_state(service)
}

/// Tells the operator why a device's request was refused. What depends on the device and not on the request (nothing for
/// it, 404) is logged where it is decided.
async fn explain(request: Request, next: Next) -> Response {
    let connection = request.extensions().get::<Connection>().cloned();
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let status = response.status();
    if let Some(Connection { source, identity: Some(identity) }) = connection
        && let Some(Explanation(why)) = response.extensions().get()
        && status.is_client_error()
        && status != StatusCode::NOT_FOUND
    {
        tracing::info!(device = %identity.device, %source, path, status = status.as_u16(), %why, "request refused");
    }
    response
}
