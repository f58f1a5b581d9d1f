//! Every error a device can get, with its status, tag and media type (RFC 8040 §7).

use axum::{
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use conveyed_info::{
    DocumentError,
    rpc::{ErrorTag, RestconfError, YANG_DATA_JSON},
};
use verdict::ReasonCode;

use crate::store::StoreError;

/// An error answer.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    error: RestconfError,
}

impl Problem {
    fn new(status: StatusCode, tag: ErrorTag, message: impl Into<String>) -> Self {
        Self { status, error: RestconfError::new(tag, message) }
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
        Self { status: StatusCode::BAD_REQUEST, error }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::internal(&error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.error.to_json()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(YANG_DATA_JSON));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
