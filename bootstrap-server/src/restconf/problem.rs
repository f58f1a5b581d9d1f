//! Every error a device can get, with its status, tag and media type (RFC 8040 §7).

use std::sync::Arc;

use axum::{
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONNECTION, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER},
    },
    response::{AppendHeaders, IntoResponse, Response},
};
use conveyed_info::{
    DocumentError, Encoding,
    rpc::{ErrorTag, RestconfError, YANG_DATA_JSON},
};
use verdict::ReasonCode;

use crate::store::StoreError;

/// An error answer.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    error: RestconfError,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Travels with an error answer, so that whoever knows the device can log why it got one.
#[derive(Clone, Debug)]
pub(super) struct Explanation(pub(super) Arc<str>);

/// Seconds after which a peer may ask again.
const COME_BACK: HeaderValue = HeaderValue::from_static("5");

impl Problem {
    fn new(status: StatusCode, tag: ErrorTag, message: impl Into<String>) -> Self {
        Self { status, error: RestconfError::new(tag, message), headers: Vec::new() }
    }

    fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The message starts with the reason code, so that the device can name it too.
    fn because(status: StatusCode, tag: ErrorTag, reason: ReasonCode) -> Self {
        Self::new(status, tag, format!("{reason}: {}", reason.summary()))
    }

    /// RFC 8040 §2.5 (RCF-02).
    pub(crate) fn unauthenticated() -> Self {
        Self::because(StatusCode::UNAUTHORIZED, ErrorTag::AccessDenied, ReasonCode::IdevidMissing)
    }

    /// Nothing for this device: RFC 8572 is silent; clients go on to the next server (SRV-09).
    pub(crate) fn nothing(reason: ReasonCode) -> Self {
        Self::because(StatusCode::NOT_FOUND, ErrorTag::InvalidValue, reason)
    }

    /// RFC 8040 §4.4.2 (RCF-22): we know who it is, and it may not.
    pub(crate) fn denied(reason: ReasonCode) -> Self {
        Self::because(StatusCode::FORBIDDEN, ErrorTag::AccessDenied, reason)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorTag::InvalidValue, "no such resource")
    }

    /// RFC 8040 §7 (RCF-12); axum adds Allow.
    pub(crate) fn method_not_allowed() -> Self {
        let message = "this resource does not support the method";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, ErrorTag::OperationNotSupported, message)
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("{}: at most {limit} octets", ReasonCode::RequestTooLarge);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorTag::TooBig, message)
    }

    pub(crate) fn incomplete() -> Self {
        let message = format!("{}: the body did not arrive", ReasonCode::RequestMalformed);
        Self::new(StatusCode::BAD_REQUEST, ErrorTag::MalformedMessage, message)
    }

    /// The body is taking too long. RFC 9110 §15.5.9: the connection ends with this answer.
    pub(crate) fn too_slow() -> Self {
        let message = format!("{}: the body did not arrive in time", ReasonCode::RequestMalformed);
        Self::new(StatusCode::REQUEST_TIMEOUT, ErrorTag::OperationFailed, message)
            .with(CONNECTION, HeaderValue::from_static("close"))
    }

    /// RFC 9110 §15.5.17: what is asked for begins at or behind the end of these octets.
    pub(crate) fn out_of_range(length: u64) -> Self {
        let problem = Self::new(StatusCode::RANGE_NOT_SATISFIABLE, ErrorTag::InvalidValue, "nothing at that offset");
        match HeaderValue::try_from(format!("bytes */{length}")) {
            Ok(range) => problem.with(CONTENT_RANGE, range),
            Err(_) => problem,
        }
    }

    /// As much is under way as this server carries.
    pub(crate) fn busy() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorTag::OperationFailed, "too much is under way; try again later")
            .with(RETRY_AFTER, COME_BACK)
    }

    /// RFC 8040 §5.2 (RCF-16).
    pub(crate) fn unsupported_media_type() -> Self {
        let message = format!("{}: send {YANG_DATA_JSON}", ReasonCode::RequestMalformed);
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorTag::InvalidValue, message)
    }

    /// RFC 8040 §5.2 (RCF-17).
    pub(crate) fn not_acceptable() -> Self {
        let message = format!("{}: {YANG_DATA_JSON} is all there is", ReasonCode::RequestMalformed);
        Self::new(StatusCode::NOT_ACCEPTABLE, ErrorTag::InvalidValue, message)
    }

    /// Our own fault. The details stay in the log.
    pub(crate) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorTag::OperationFailed, "the server failed; try again later")
    }
}

impl From<DocumentError> for Problem {
    fn from(error: DocumentError) -> Self {
        let mut error = RestconfError::from(&error);
        error.message = format!("{}: {}", ReasonCode::RequestMalformed, error.message);
        Self { status: StatusCode::BAD_REQUEST, error, headers: Vec::new() }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let mut problem = Self::internal(&error);
        // A full disk or a lock passes, so the device is told to ask again; anything else needs a person.
        if matches!(error, StoreError::Database { .. }) {
            problem.status = StatusCode::SERVICE_UNAVAILABLE;
            problem = problem.with(RETRY_AFTER, COME_BACK);
        }
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response =
            (self.status, AppendHeaders(self.headers), self.error.encode(Encoding::Json)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(YANG_DATA_JSON));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.extensions_mut().insert(Explanation(self.error.message.into()));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_database_is_asked_again_a_damaged_one_is_not() {
        let answer = |error: StoreError| Problem::from(error).into_response();
        let passing = answer(StoreError::Database { detail: "disk full".to_owned() });
        assert_eq!(passing.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(passing.headers().contains_key(RETRY_AFTER));
        let lasting = answer(StoreError::Corrupt { what: "a profile" });
        assert_eq!(lasting.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!lasting.headers().contains_key(RETRY_AFTER));
    }
}
