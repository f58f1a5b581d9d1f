//! Answers.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use operator_api::Device;
use pki::digest::sha256;
use serde::Serialize;

use crate::store::KeptAnswer;

/// A JSON document.
pub(super) fn json(status: StatusCode, document: &impl Serialize) -> Response {
    octets(status, written(document))
}

/// The octets of a JSON document.
pub(super) fn written(document: &impl Serialize) -> Vec<u8> {
    // Our own types always have a text: names are strings, and no map has other keys.
    serde_json::to_vec(document).unwrap_or_default()
}

/// A JSON document that is written already.
pub(super) fn octets(status: StatusCode, octets: impl Into<Body>) -> Response {
    let mut response = Response::new(octets.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Nothing but a status.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// An answer that was kept.
pub(super) fn kept(answer: KeptAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    if answer.body.is_empty() { empty(status) } else { octets(status, answer.body) }
}

/// A device, with its tag.
pub(super) fn device(status: StatusCode, device: &Device) -> Response {
    let octets = written(device);
    let tag = tag(&device.version, &octets);
    tagged(self::octets(status, octets), &tag)
}

/// A device, unless whoever asks has it already (RFC 9110 §13.1.2).
pub(super) fn device_unless_known(request: &HeaderMap, device: &Device) -> Response {
    let octets = written(device);
    let tag = tag(&device.version, &octets);
    let known = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
    });
    let response = if known { empty(StatusCode::NOT_MODIFIED) } else { self::octets(StatusCode::OK, octets) };
    tagged(response, &tag)
}

fn tagged(mut response: Response, tag: &str) -> Response {
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The version, and eight digits for what else is shown: whether a device is stuck changes without the record changing.
fn tag(version: &str, octets: &[u8]) -> String {
    let digest = sha256(octets).to_string();
    format!("\"{version}.{}\"", digest.get(..8).unwrap_or_default())
}
