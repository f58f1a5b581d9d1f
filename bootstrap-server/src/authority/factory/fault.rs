//! Why a station gets neither a certificate nor a challenge: a problem document (RFC 9457), with a reason code and what to do.

use authority::{
    AuthorityError, RequestRefused,
    factory::{FactoryRefused, StationRefused},
};
use axum::{
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use operator_api::Problem;
use verdict::{ReasonCode, Trace};

use crate::{
    domain::{factory::ProductionRefused, ledger::IssueRefused},
    store::StoreError,
};

/// After how many seconds a station asks again that the server has failed.
const PAUSE: u32 = 5;

/// An answer without a certificate.
#[derive(Debug)]
pub(super) struct Fault {
    status: StatusCode,
    reason: ReasonCode,
    detail: String,
}

impl Fault {
    fn new(status: StatusCode, reason: ReasonCode, detail: &str) -> Self {
        // Parts of it may be a stranger's words.
        Self { status, reason, detail: Trace::readable(detail) }
    }

    /// The request cannot be read.
    pub(super) fn malformed(detail: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ReasonCode::BodyInvalid, detail)
    }

    pub(super) fn csr(error: &pki::request::CertificationRequestError) -> Self {
        let reason = RequestRefused::from(error.clone()).reason();
        Self::new(StatusCode::BAD_REQUEST, reason, &error.to_string())
    }

    pub(super) fn media_type() -> Self {
        let detail = "this takes application/json";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ReasonCode::MediaTypeUnsupported, detail)
    }

    pub(super) fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, ReasonCode::MethodUnsupported, "this takes POST")
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let detail = format!("at most {limit} octets, and all of them");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, ReasonCode::BodyTooLarge, &detail)
    }

    pub(super) fn slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, ReasonCode::BodyTooSlow, "the body did not arrive in time")
    }

    /// The order names an authority or a profile that this server has not.
    pub(super) fn no_authority(authority: &str, profile: &str) -> Self {
        let detail =
            format!("the order names the authority {authority} and its profile {profile}, which sztp.toml has not");
        Self::new(StatusCode::CONFLICT, ReasonCode::ReferenceUnknown, &detail)
    }

    /// Our own fault. The details stay in the log.
    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "no certificate for a unit");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ReasonCode::ServerFailed, "the server failed; try again later")
    }
}

impl From<StationRefused> for Fault {
    fn from(refused: StationRefused) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, refused.reason(), &refused.to_string())
    }
}

impl From<FactoryRefused> for Fault {
    fn from(refused: FactoryRefused) -> Self {
        Self::new(StatusCode::FORBIDDEN, refused.reason(), &refused.to_string())
    }
}

impl From<RequestRefused> for Fault {
    fn from(refused: RequestRefused) -> Self {
        Self::new(StatusCode::FORBIDDEN, refused.reason(), &refused.to_string())
    }
}

impl From<ProductionRefused> for Fault {
    fn from(refused: ProductionRefused) -> Self {
        let status = match refused {
            ProductionRefused::NoOrder(_) | ProductionRefused::NotOrdered { .. } => StatusCode::NOT_FOUND,
            ProductionRefused::Certified { .. } => StatusCode::CONFLICT,
            _ => StatusCode::FORBIDDEN,
        };
        Self::new(status, refused.reason(), &refused.to_string())
    }
}

impl From<AuthorityError> for Fault {
    fn from(error: AuthorityError) -> Self {
        match error {
            AuthorityError::Unfit(findings) => {
                Self::new(StatusCode::FORBIDDEN, ReasonCode::CertificateUnfit, &findings.to_string())
            }
            other => Self::internal(&other),
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Production(refused) => refused.into(),
            StoreError::NotIssued(refused) => {
                let reason = match refused {
                    IssueRefused::KeyInUse(_) => ReasonCode::KeyInUse,
                    IssueRefused::HolderHasOne { .. } => ReasonCode::CertificateThere,
                    _ => ReasonCode::AlreadyThere,
                };
                Self::new(StatusCode::CONFLICT, reason, &refused.to_string())
            }
            other => Self::internal(&other),
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let problem = Problem {
            kind: format!("urn:sztp:reason:{}", self.reason),
            title: self.reason.summary().to_owned(),
            status: self.status.as_u16(),
            detail: Some(self.detail),
            reason: self.reason.as_str().to_owned(),
            section: self.reason.section().to_owned(),
            remedy: self.reason.remedy().to_owned(),
        };
        let headers = [(CONTENT_TYPE, Problem::MEDIA_TYPE), (CACHE_CONTROL, "no-store")];
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (self.status, headers, body).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, PAUSE.into());
        }
        response
    }
}
