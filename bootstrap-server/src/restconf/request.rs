//! What every operation asks of a request before it looks inside: a device, a body of bounded size, JSON both ways.

use std::{net::IpAddr, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, Request},
    http::{
        HeaderMap,
        header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE},
        request::Parts,
    },
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;
use verdict::{ReasonCode, Refusal};

use super::{Problem, Service};
use crate::{domain::DeviceId, tls::Connection};

/// Most that a device may send, in octets.
const MAX_BODY: usize = 64 * 1024;

/// The device that asks.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Which device.
    pub(crate) device: DeviceId,
    /// SHA-256 of the certificate it proved that with.
    pub(crate) certificate: pki::digest::Digest,
    /// Where it called from.
    pub(crate) source: IpAddr,
}

impl FromRequestParts<Arc<Service>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, Problem> {
        let connection = parts.extensions.get::<Connection>().ok_or_else(Problem::unauthenticated)?;
        let source = connection.source;
        let Some(identity) = &connection.identity else {
            // RFC 8040 §2.5 (RCF-02): no certificate, no data; and the audit log hears of it.
            let refusal = Refusal::new(ReasonCode::IdevidMissing, "a request without a client certificate");
            service.rejections.report(source, refusal);
            return Err(Problem::unauthenticated());
        };
        Ok(Self { device: identity.device.clone(), certificate: identity.certificate, source })
    }
}

/// The body of a JSON request whose sender also takes JSON.
#[derive(Debug)]
pub(crate) struct JsonBody(pub(crate) Bytes);

impl FromRequest<Arc<Service>> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, service: &Arc<Service>) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        if !accepts_json(&parts.headers) {
            return Err(Problem::not_acceptable());
        }
        let announced = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|length| length > MAX_BODY) {
            return Err(Problem::too_large(MAX_BODY));
        }
        let body = timeout(service.body_deadline, read(body)).await.map_err(|_| Problem::too_slow())??;
        // RFC 8040 §5.2 (RCF-16): a body must say what it is.
        if !body.is_empty() && !is_json(&parts.headers) {
            return Err(Problem::unsupported_media_type());
        }
        Ok(Self(body))
    }
}

async fn read(body: Body) -> Result<Bytes, Problem> {
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Problem::too_large(MAX_BODY)),
        Err(_) => Err(Problem::incomplete()),
    }
}

/// The registered media type, with any parameters; and the spelling of RFC 8572's own examples (RCF-18).
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| is_json_type(essence(value)))
}

fn accepts_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).peekable();
    // RFC 9110 §12.5.1: no Accept means anything; otherwise the most specific range that matches decides, whatever the
    // order. Of two that are equally specific the willing one counts.
    values.peek().is_none()
        || values
            .flat_map(|value| value.split(','))
            .filter_map(|range| Some((Specificity::of(essence(range))?, !is_refused(range))))
            .max()
            .is_some_and(|(_, taken)| taken)
}

/// How closely a media range names JSON-encoded YANG data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Specificity {
    Anything,
    AnyApplication,
    Exact,
}

impl Specificity {
    fn of(range: &str) -> Option<Self> {
        match range {
            "*/*" => Some(Self::Anything),
            _ if range.eq_ignore_ascii_case("application/*") => Some(Self::AnyApplication),
            _ => is_json_type(range).then_some(Self::Exact),
        }
    }
}

/// RFC 9110 §12.4.2: a weight of 0 means "not acceptable".
fn is_refused(range: &str) -> bool {
    let parameters = range.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut weights = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    weights.any(|(_, weight)| weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0))
}

fn essence(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

fn is_json_type(essence: &str) -> bool {
    ["application/yang-data+json", "application/yang.data+json"].iter().any(|known| essence.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: axum::http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn accept_is_honoured() {
        // RCF-17.
        assert!(accepts_json(&HeaderMap::new()));
        for value in [
            "*/*",
            "application/*;q=0.1",
            "APPLICATION/*",
            "text/html, application/yang-data+json",
            "application/yang.data+json",
            "*/*;q=0, Application/YANG-Data+JSON;q=0.5",
        ] {
            assert!(accepts_json(&headers(ACCEPT, value)), "{value}");
        }
        for value in [
            "text/html",
            "application/yang-data+xml",
            "application/yang-data+json;q=0",
            "application/yang-data+json; Q=0.000, */*",
            "application/*;q=0, */*",
        ] {
            assert!(!accepts_json(&headers(ACCEPT, value)), "{value}");
        }
    }

    #[test]
    fn content_type_may_carry_parameters() {
        // RCF-18.
        assert!(is_json(&headers(CONTENT_TYPE, "application/yang-data+json; charset=utf-8")));
        assert!(!is_json(&headers(CONTENT_TYPE, "application/json")));
        assert!(!is_json(&HeaderMap::new()));
    }
}
