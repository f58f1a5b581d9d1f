//! RESTCONF for devices (RFC 8040, RFC 8572 §7): two operations and the way to them.

mod caller;
mod codes;
mod credentials;
mod discovery;
mod enrolment;
mod fetched;
mod framing;
mod get_bootstrapping_data;
mod held;
#[cfg(test)]
mod hostile;
mod kind;
#[cfg(test)]
mod lab;
mod lent;
mod manner;
mod negotiate;
mod offers;
mod problem;
mod report_progress;
mod request;
#[cfg(test)]
mod returning;
#[cfg(test)]
mod roles;
mod sealed;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, StatusCode, header::CACHE_CONTROL},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use conveyed_info::{
    Encoding,
    rpc::{GET_BOOTSTRAPPING_DATA, REPORT_PROGRESS},
};

use crate::{
    admission::{self, Guard, Writes},
    domain::Newcomers,
    images::Images,
    in_force::InForce,
    owner::Owner,
    store::Store,
    tls::{Connection, Rejections},
};

use caller::Caller;
pub(crate) use codes::Codes;
pub(crate) use enrolment::Enrolment;
pub(crate) use fetched::Fetcher;
pub(crate) use lent::{Lent, is_worth_draining, taken};
pub(crate) use offers::offers;
use problem::Explanation;
pub(crate) use problem::{Problem, Tally};
use request::{Answering, Input};

/// The RESTCONF root (RFC 8040 §3.1).
const ROOT: &str = "/restconf";

/// What the handlers share.
pub(crate) struct Service {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) owner: Owner,
    /// Certifies devices' keys.
    pub(crate) enrolment: Enrolment,
    /// What the owner has decided for all devices.
    pub(crate) policies: Arc<InForce>,
    /// The unregistered devices of this hour.
    pub(crate) newcomers: Mutex<Newcomers>,
    /// What each device has added lately.
    pub(crate) writes: Arc<Writes>,
    /// Fetches vouchers while devices wait.
    pub(crate) fetcher: Fetcher,
    pub(crate) images: Images,
    /// Checks activation codes.
    pub(crate) codes: Codes,
    /// Reports refusals of peers that are no device.
    pub(crate) rejections: Rejections,
    /// Time for a request's body.
    pub(crate) body_deadline: Duration,
}

/// The paths that devices may ask for; everything else is an error in RESTCONF's own form.
pub(crate) fn router(service: Arc<Service>, guard: Arc<Guard>) -> Router {
    discovery::routes()
        .route(
            &format!("{ROOT}/{GET_BOOTSTRAPPING_DATA}"),
            post(get_bootstrapping_data::handle).options(discovery::options_of_operation),
        )
        .route(
            &format!("{ROOT}/{REPORT_PROGRESS}"),
            post(report_progress::handle).options(discovery::options_of_reports),
        )
        .route("/images/{digest}", get(crate::images::serve))
        .fallback(|| async { Problem::not_found() })
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .layer(axum::middleware::from_fn_with_state(guard, admission::guard))
        .layer(axum::middleware::from_fn(answer))
        .with_state(service)
}

/// What goes for every request. One that can be read in two ways goes no further. An error is said in the encoding that the
/// device takes, and to the operator: what depends on the device and not on the request (nothing for it, 404) is logged
/// where it is decided.
async fn answer(request: Request, next: Next) -> Response {
    let connection = request.extensions().get::<Connection>().cloned();
    let path = request.uri().path().to_owned();
    // RFC 8040 §5.2: when it takes neither, it is told so in JSON.
    let encoding = negotiate::encoding_of_answer(request.headers()).unwrap_or(Encoding::Json);
    let mut response = match framing::check(request.headers()) {
        Ok(()) => taken(request, next).await,
        Err(problem) => problem.into_response(),
    };
    let status = response.status();
    if let Some(explanation) = response.extensions().get::<Explanation>().cloned() {
        if encoding != Encoding::Json {
            explanation.write(&mut response, encoding);
        }
        if let Some(Connection { source, identity: Some(identity), .. }) = connection
            && status.is_client_error()
            && status != StatusCode::NOT_FOUND
        {
            let (device, why) = (&identity.device, explanation.message());
            tracing::info!(%device, %source, path, status = status.as_u16(), %why, "request refused");
        }
    }
    // RFC 8040 §5.5 (RCF-19): every answer says how long it may be kept.
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
