//! RESTCONF for devices (RFC 8040, RFC 8572 §7): two operations and the way to them.

mod discovery;
mod get_bootstrapping_data;
mod held;
mod problem;
mod report_progress;
mod request;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};

use crate::{images::Images, owner::Owner, store::Store};

pub(crate) use problem::Problem;
use request::{Caller, JsonBody};

/// The RESTCONF root (RFC 8040 §3.1).
const ROOT: &str = "/restconf";

/// What the handlers share.
pub(crate) struct Service {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) owner: Owner,
    /// Where devices are sent that have no reason to trust this server yet.
    pub(crate) redirect: conveyed_info::information::RedirectInformation,
    pub(crate) images: Images,
    /// Reports refusals of peers that are no device.
    pub(crate) rejected: tokio::sync::mpsc::Sender<crate::tls::Rejected>,
}

/// The paths that devices may ask for; everything else is an error in RESTCONF's own form.
pub(crate) fn router(service: Arc<Service>) -> Router {
    use conveyed_info::rpc::{GET_BOOTSTRAPPING_DATA, HOST_META, REPORT_PROGRESS};

    Router::new()
        .route(HOST_META, get(discovery::host_meta))
        .route(ROOT, get(discovery::root))
        .route(&format!("{ROOT}/operations"), get(discovery::operations))
        .route(&format!("{ROOT}/{GET_BOOTSTRAPPING_DATA}"), post(get_bootstrapping_data::handle))
        .route(&format!("{ROOT}/{REPORT_PROGRESS}"), post(report_progress::handle))
        .route("/images/{digest}", get(crate::images::serve))
        .fallback(|| async { Problem::not_found() })
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .with_state(service)
}
