//! Why a request is not answered with a certificate: a status, and a text that begins with a reason code.

use authority::AuthorityError;
use axum::{
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use verdict::ReasonCode;

use crate::{
    authority::{DeviceFault, IssueFault},
    store::StoreError,
};

/// After how many seconds somebody asks again for whom a person has to decide (EST-03).
const PATIENCE: u32 = 600;

/// After how many seconds somebody asks again whom the server has failed.
const PAUSE: u32 = 30;

/// An answer without a certificate.
#[derive(Debug)]
pub(super) struct Fault {
    status: StatusCode,
    text: String,
    retry_after: Option<u32>,
}

impl Fault {
    fn new(status: StatusCode, reason: ReasonCode, why: &str) -> Self {
        Self { status, text: format!("{reason}: {why}\n"), retry_after: None }
    }

    /// We know who it is, or do not, and it may not.
    pub(super) fn refused(reason: ReasonCode, why: &str) -> Self {
        tracing::info!(%reason, why, "no certificate by EST");
        Self::new(StatusCode::FORBIDDEN, reason, why)
    }

    /// The request is not one that a certificate is issued for.
    pub(super) fn bad(reason: ReasonCode, why: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason, why)
    }

    /// RFC 7030 §4.2.3 (EST-03): not yet.
    pub(super) fn pending(reason: ReasonCode) -> Self {
        Self { retry_after: Some(PATIENCE), ..Self::new(StatusCode::ACCEPTED, reason, reason.summary()) }
    }

    pub(super) fn not_found() -> Self {
        Self { status: StatusCode::NOT_FOUND, text: "no such authority or operation\n".to_owned(), retry_after: None }
    }

    pub(super) fn media_type() -> Self {
        let why = "a request is application/pkcs10, in base64";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ReasonCode::RequestMalformed, why)
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let why = format!("at most {limit} octets, and all of them");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, ReasonCode::RequestTooLarge, &why)
    }

    pub(super) fn slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, ReasonCode::RequestMalformed, "the body did not arrive in time")
    }

    /// Our own fault. The details stay in the log.
    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "no certificate by EST");
        Self::unavailable()
    }

    pub(super) fn unavailable() -> Self {
        let reason = ReasonCode::LdevidUnavailable;
        let fault = Self::new(StatusCode::SERVICE_UNAVAILABLE, reason, "the server failed; try again later");
        Self { retry_after: Some(PAUSE), ..fault }
    }
}

impl From<DeviceFault> for Fault {
    fn from(fault: DeviceFault) -> Self {
        match &fault {
            DeviceFault::Ended => Self::bad(ReasonCode::CsrNotAsWanted, &fault.to_string()),
            DeviceFault::Spent(wait) => {
                let busy = Self::new(StatusCode::SERVICE_UNAVAILABLE, ReasonCode::ServerBusy, &fault.to_string());
                Self { retry_after: Some(u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).max(1)), ..busy }
            }
            DeviceFault::Contended => Self::internal(&fault),
            DeviceFault::Issue(IssueFault::Refused(refused)) => Self::bad(ReasonCode::CsrInvalid, &refused.to_string()),
            DeviceFault::Issue(IssueFault::Authority(error)) => match error.as_ref() {
                // The request's key, or a name, is not what such a certificate may have.
                AuthorityError::Unfit(findings) => Self::bad(ReasonCode::CsrInvalid, &findings.to_string()),
                other => Self::internal(other),
            },
            DeviceFault::Issue(other) => Self::internal(other),
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::internal(&error)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-store")];
        let mut response = (self.status, headers, self.text).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}
