//! Requests, read once into checked values.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{HeaderMap, Method, header, request::Parts},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use operator_api::ChangeQuery;
use pki::{
    digest::{Digest, Sha256},
    identity::SerialNumber,
};
use serde::de::DeserializeOwned;

use super::{
    Api,
    change::{Change, IdempotencyKey, Rehearsal, Turn, version_expected},
    fault::Fault,
    guard::Caller,
};
use crate::domain::{DeviceId, ManufacturerName};

/// Largest body of anything but an import, in octets.
pub(super) const MAX_BODY: usize = 1024 * 1024;

/// The query, whose parameters are all known.
pub(super) struct Parameters<Q>(pub(super) Q);

impl<Q: DeserializeOwned, S: Sync> FromRequestParts<S> for Parameters<Q> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        // A character that no database takes as text, and no person means.
        if parts.uri.query().is_some_and(|query| query.contains("%00")) {
            return Err(Fault::query("a value holds the character U+0000"));
        }
        let query = Query::try_from_uri(&parts.uri).map_err(|rejection| Fault::query(rejection.body_text()))?;
        Ok(Self(query.0))
    }
}

/// An operation that takes no query parameters.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoParameters {}

/// The device in the path.
pub(super) struct DevicePath(pub(super) DeviceId);

impl<S: Send + Sync> FromRequestParts<S> for DevicePath {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        // What cannot be a name is the name of nothing.
        let Path((manufacturer, serial_number)) = Path::<(String, String)>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Fault::not_found().detail(rejection.body_text()))?;
        let manufacturer = ManufacturerName::new(manufacturer).map_err(|error| nothing_named(&error))?;
        let serial_number = SerialNumber::new(serial_number).map_err(|error| nothing_named(&error))?;
        Ok(Self(DeviceId { manufacturer, serial_number }))
    }
}

fn nothing_named(error: &dyn std::error::Error) -> Fault {
    Fault::not_found().detail(error.to_string())
}

/// The name in the path.
pub(super) struct NamePath(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for NamePath {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let Path(name) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Fault::not_found().detail(rejection.body_text()))?;
        Ok(Self(name))
    }
}

impl NamePath {
    /// The name as one of its kind; what cannot be one is the name of nothing.
    pub(super) fn of<N, E: std::error::Error>(self, new: impl FnOnce(String) -> Result<N, E>) -> Result<N, Fault> {
        new(self.0).map_err(|error| nothing_named(&error))
    }
}

/// A request that is to change something: what it says, and how it is to be carried out.
pub(super) struct Submission<T> {
    pub(super) body: T,
    pub(super) turn: Turn,
}

/// What the body of a submission is read into.
pub(super) trait Submitted: Sized {
    /// Most octets of the body.
    const MAX: usize = MAX_BODY;

    fn read(headers: &HeaderMap, octets: &[u8]) -> Result<Self, Fault>;
}

/// No body.
pub(super) struct Nothing;

impl Submitted for Nothing {
    fn read(_: &HeaderMap, octets: &[u8]) -> Result<Self, Fault> {
        if octets.is_empty() { Ok(Self) } else { Err(Fault::unreadable("this operation takes no body")) }
    }
}

impl<T: DeserializeOwned> Submitted for T {
    fn read(headers: &HeaderMap, octets: &[u8]) -> Result<Self, Fault> {
        let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let name = media_type.split(';').next().unwrap_or_default().trim();
        if !name.eq_ignore_ascii_case("application/json") {
            return Err(Fault::media_type("application/json"));
        }
        // An array of the members in order would be read too, which nobody means.
        if octets.trim_ascii_start().first().is_some_and(|first| b"[\"-0123456789tfn".contains(first)) {
            return Err(Fault::body("the body is no object"));
        }
        serde_json::from_slice(octets).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => Fault::body(error.to_string()),
            _ => Fault::unreadable(error.to_string()),
        })
    }
}

impl<T: Submitted> FromRequest<Arc<Api>> for Submission<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Fault> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, api).await?;
        let Parameters(query) = Parameters::<ChangeQuery>::from_request_parts(&mut parts, api).await?;
        let rehearsal = Rehearsal::of(query);
        let octets = read_body(&parts.headers, body, T::MAX, api.body_deadline).await?;
        let takes_key = rehearsal == Rehearsal::No && matches!(parts.method, Method::POST | Method::PATCH);
        let key = if takes_key { IdempotencyKey::of(&parts.headers, || digest(&parts, &octets))? } else { None };
        let expected = version_expected(api, &parts.headers).await?;
        // Whoever is answered again is not judged again: the first answer may be why the request would fail now.
        if let Some(key) = &key
            && let Some(kept) = api.store.kept_answer(&caller.user, key.as_str()).await?
        {
            return match key.is_for(kept.request) {
                true => Ok(Self { body: T::read(&parts.headers, &octets)?, turn: Turn::Again(kept) }),
                false => Err(Fault::idempotency_conflict()),
            };
        }
        let body = T::read(&parts.headers, &octets)?;
        Ok(Self { body, turn: Turn::First(Change { caller, rehearsal, expected, key }) })
    }
}

/// Reads a body that is neither too large nor too slow.
async fn read_body(headers: &HeaderMap, body: Body, most: usize, deadline: Duration) -> Result<Bytes, Fault> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > most) {
        return Err(Fault::too_large(most));
    }
    match tokio::time::timeout(deadline, Limited::new(body, most).collect()).await {
        Err(_) => Err(Fault::too_slow()),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Fault::too_large(most)),
        Ok(Err(_)) => Err(Fault::unreadable("the body did not arrive whole")),
    }
}

/// Names a request: two are the same if method, address and body are.
fn digest(parts: &Parts, octets: &[u8]) -> Digest {
    let mut hasher = Sha256::new();
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    for part in [parts.method.as_str().as_bytes(), target.as_bytes()] {
        hasher.update(part);
        hasher.update(b"\n");
    }
    hasher.update(octets);
    hasher.finish()
}
