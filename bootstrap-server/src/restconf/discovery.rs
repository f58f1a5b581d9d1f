//! What a device reads before it calls an operation (RFC 8040 §3.1, §3.3).

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{
        HeaderMap, Uri,
        header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, VARY},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use conveyed_info::rpc::{ApiResource, HOST_META};

use super::{Answering, Caller, Problem, ROOT, Service, negotiate::prefers_json_to};

const XRD: &str = "application/xrd+xml";

/// What a resource that is read supports.
const READ: &str = "GET, HEAD, OPTIONS";

/// The resources that are read and never change.
pub(super) fn routes() -> Router<Arc<Service>> {
    let open = Router::new()
        .route(HOST_META, get(host_meta).options(|| async { allow(READ) }))
        .route(&format!("{HOST_META}.json"), get(|| async { host_meta_json() }).options(|| async { allow(READ) }));
    ApiResource::ALL.into_iter().fold(open, |router, resource| {
        let read = async move |State(service): State<Arc<Service>>, _: Caller, uri: Uri, answering: Answering| {
            check_query(resource, &uri)?;
            // RFC 8572 §7.3 (WKS-04): what is offered follows from the features.
            Ok::<_, Problem>(answering.with(resource.encode(service.policies.now().roles, answering.0)))
        };
        router.route(&format!("{ROOT}{}", resource.path()), get(read).options(options_of_data))
    })
}

/// RFC 8040 §3.1: an XRD document with exactly one `restconf` link (RCF-06), or the same in JSON for who prefers that (RFC
/// 6415 §3). Open to anybody: it reveals nothing.
async fn host_meta(headers: HeaderMap) -> Response {
    let mut response = if prefers_json_to(&headers, XRD) {
        host_meta_json()
    } else {
        let body = format!(
            "<?xml version='1.0' encoding='UTF-8'?>\n\
             <XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'><Link rel='restconf' href='{ROOT}'/></XRD>\n"
        );
        ([(CONTENT_TYPE, XRD), (CACHE_CONTROL, "no-cache")], body).into_response()
    };
    response.headers_mut().insert(VARY, axum::http::HeaderValue::from_static("accept"));
    response
}

/// RFC 6415 Appendix A (RCF-07).
fn host_meta_json() -> Response {
    let body = format!(r#"{{"links":[{{"rel":"restconf","href":"{ROOT}"}}]}}"#);
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], body).into_response()
}

/// RFC 8040 §4.1 (RCF-28): which methods a resource that can be read supports. HEAD comes with GET.
async fn options_of_data(_: Caller) -> Response {
    allow(READ)
}

/// RFC 8040 §4.1: which methods an operation supports.
pub(super) async fn options_of_operation(_: Caller) -> Response {
    allow("POST, OPTIONS")
}

/// As [`options_of_operation`], of one that a server without the feature onboarding-server has not got (WKS-04).
pub(super) async fn options_of_reports(State(service): State<Arc<Service>>, _: Caller) -> Result<Response, Problem> {
    if service.policies.now().roles.onboards() { Ok(allow("POST, OPTIONS")) } else { Err(Problem::not_offered()) }
}

fn allow(methods: &'static str) -> Response {
    ([(ALLOW, methods), (CACHE_CONTROL, "no-store")], ()).into_response()
}

/// RFC 8040 §4.8: of the query parameters, `content` is for all servers; the others need capabilities that this one has
/// not got.
fn check_query(resource: ApiResource, uri: &Uri) -> Result<(), Problem> {
    let Some(query) = uri.query() else { return Ok(()) };
    let is_data = matches!(resource, ApiResource::Data | ApiResource::YangLibrary | ApiResource::ModulesState);
    match query {
        // RFC 8040 §4.8.1: all of it is state.
        "content=all" | "content=nonconfig" if is_data => Ok(()),
        "content=config" if is_data => Err(Problem::not_found()),
        _ => Err(Problem::query("of the query parameters only `content` is known, on data, once")),
    }
}
