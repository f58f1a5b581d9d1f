//! What a client reads before it calls an operation (RFC 8040 §3.1, §3.3).

use axum::{
    http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use conveyed_info::{
    Encoding,
    rpc::{ApiResource, YANG_DATA_JSON},
};

use super::{Caller, Problem, ROOT};

/// RFC 8040 §3.1: an XRD document with exactly one `restconf` link (RCF-06). Open to anybody: it reveals nothing.
pub(super) async fn host_meta() -> Response {
    let body = format!(
        "<?xml version='1.0' encoding='UTF-8'?>\n\
         <XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'><Link rel='restconf' href='{ROOT}'/></XRD>\n"
    );
    ([(CONTENT_TYPE, "application/xrd+xml"), (CACHE_CONTROL, "no-cache")], body).into_response()
}

/// RFC 8040 §3.3: the API resource (RCF-08).
pub(super) async fn root(_: Caller) -> Result<Response, Problem> {
    Ok(json(ApiResource::Root))
}

/// RFC 8040 §3.3.2: the operations, as empty leaves (RCF-09).
pub(super) async fn operations(_: Caller) -> Result<Response, Problem> {
    Ok(json(ApiResource::Operations))
}

/// RFC 8040 §3.3.3: the leaf by itself; the date is the one in the root (RCF-10).
pub(super) async fn yang_library_version(_: Caller) -> Result<Response, Problem> {
    Ok(json(ApiResource::YangLibraryVersion))
}

/// RFC 8040 §4.1 (RCF-28): which methods a resource that can be read supports. HEAD comes with GET.
pub(super) async fn options_of_data(_: Caller) -> Result<Response, Problem> {
    Ok(allow("GET, HEAD, OPTIONS"))
}

/// RFC 8040 §4.1: which methods an operation supports.
pub(super) async fn options_of_operation(_: Caller) -> Result<Response, Problem> {
    Ok(allow("POST, OPTIONS"))
}

fn allow(methods: &'static str) -> Response {
    ([(ALLOW, methods), (CACHE_CONTROL, "no-store")], ()).into_response()
}

fn json(resource: ApiResource) -> Response {
    let body = resource.encode(Encoding::Json);
    ([(CONTENT_TYPE, YANG_DATA_JSON), (CACHE_CONTROL, "no-store")], body).into_response()
}
