//! What every operation asks of a request before it looks inside: an encoding both ways, a body of bounded size.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, Request},
    http::{
        HeaderValue,
        header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use conveyed_info::Encoding;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

use super::{
    Problem, Service, framing,
    negotiate::{encoding_of_answer, encoding_of_body, media_type},
};

/// Most that a device may send, in octets.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// In which encoding the device is answered (RCF-17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answering(pub(crate) Encoding);

impl<S: Sync> FromRequestParts<S> for Answering {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        encoding_of_answer(&parts.headers).map(Self).ok_or_else(Problem::not_acceptable)
    }
}

impl Answering {
    /// The answer that holds this document, for nobody to keep (RCF-19).
    pub(crate) fn with(self, document: Vec<u8>) -> Response {
        ([(CONTENT_TYPE, media_type(self.0)), (CACHE_CONTROL, HeaderValue::from_static("no-store"))], document)
            .into_response()
    }
}

/// The input of an operation, as it came.
#[derive(Debug)]
pub(crate) struct Input {
    /// The octets; none when there was no body.
    pub(crate) body: Bytes,
    /// What they are.
    pub(crate) encoding: Encoding,
}

impl FromRequest<Arc<Service>> for Input {
    type Rejection = Problem;

    async fn from_request(request: Request, service: &Arc<Service>) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        // RFC 8040 §4.8: an operation takes no query parameters, and what is not understood is refused.
        if parts.uri.query().is_some() {
            return Err(Problem::query("an operation takes no query parameters"));
        }
        let announced = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|length| length > MAX_BODY) {
            return Err(Problem::too_large(MAX_BODY));
        }
        framing::check_content_coding(&parts.headers)?;
        let encoding = encoding_of_body(&parts.headers);
        // RFC 8040 §5.2 (RCF-16): a body must say what it is. One that is not read need not arrive.
        if encoding.is_none() && announced.is_some_and(|length| length > 0) {
            return Err(Problem::unsupported_media_type());
        }
        let body = timeout(service.body_deadline, read(body)).await.map_err(|_| Problem::too_slow())??;
        match encoding {
            Some(encoding) => Ok(Self { body, encoding }),
            None if body.is_empty() => Ok(Self { body, encoding: Encoding::Json }),
            None => Err(Problem::unsupported_media_type()),
        }
    }
}

async fn read(body: Body) -> Result<Bytes, Problem> {
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Problem::too_large(MAX_BODY)),
        Err(_) => Err(Problem::incomplete()),
    }
}
