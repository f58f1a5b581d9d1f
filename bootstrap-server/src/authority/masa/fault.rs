//! Why a registrar gets no voucher, in plain text (RFC 8995 §5.6; MAS-01, MAS-07).

use authority::masa::ClaimRefusal;
use axum::{
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use verdict::{ReasonCode, Refusal};

use super::office::Failed;

/// After how many seconds somebody asks again whom the server has failed.
const PAUSE: u32 = 30;

/// An answer without a voucher.
#[derive(Debug)]
pub(super) struct Fault {
    status: StatusCode,
    text: String,
    retry_after: Option<u32>,
    /// What the log is told of, if it is anybody's fault but ours.
    pub(super) refusal: Option<Refusal>,
}

impl Fault {
    pub(super) fn refused(refused: ClaimRefusal) -> Self {
        let status = StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::FORBIDDEN);
        Self { status, text: format!("{}\n", refused.text()), retry_after: None, refusal: Some(refused.refusal) }
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let why = format!("a voucher request has at most {limit} octets");
        Self::refused(Refusal::new(ReasonCode::BodyTooLarge, why).into())
    }

    pub(super) fn slow() -> Self {
        let text = "the body did not arrive in time\n".to_owned();
        Self { status: StatusCode::REQUEST_TIMEOUT, text, retry_after: None, refusal: None }
    }

    pub(super) fn unavailable() -> Self {
        let text = "the server failed; try again later\n".to_owned();
        Self { status: StatusCode::SERVICE_UNAVAILABLE, text, retry_after: Some(PAUSE), refusal: None }
    }
}

impl From<Failed> for Fault {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Refused(refusal) => Self::refused(*refusal),
            // The details stay in the log.
            Failed::Store(error) => {
                tracing::error!(%error, "no voucher");
                Self::unavailable()
            }
            Failed::Sign(error) => {
                tracing::error!(%error, "no voucher");
                Self::unavailable()
            }
            Failed::Restless => Self::unavailable(),
        }
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
