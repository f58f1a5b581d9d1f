//! Every error an operator can get (RFC 9457), with a reason code and what to do.

use axum::{
    body::Body,
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use operator_api::Problem;
use verdict::{ReasonCode, Refusal, Trace};

use crate::{
    authority::DeskRefused,
    domain::{
        Role,
        change::ChangeRefused,
        factory::ProductionRefused,
        ledger::{IssueRefused, RevokeRefused},
        masa::MasaRefused,
    },
    store::StoreError,
};

/// An error answer.
#[derive(Debug)]
pub(super) struct Fault {
    status: StatusCode,
    reason: ReasonCode,
    detail: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Fault {
    fn new(status: StatusCode, reason: ReasonCode) -> Self {
        Self { status, reason, detail: None, headers: Vec::new() }
    }

    fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Says what exactly is wrong. Parts of it may be a stranger's words.
    pub(super) fn detail(mut self, detail: impl AsRef<str>) -> Self {
        self.detail = Some(Trace::readable(detail.as_ref()));
        self
    }

    /// RFC 6750 §3: without a token, the challenge alone.
    pub(super) fn token_missing() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, ReasonCode::TokenMissing)
            .with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// RFC 6750 §3.1: a token that opens nothing, for whatever `reason`.
    pub(super) fn token_refused(reason: ReasonCode) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, reason)
            .with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""))
    }

    /// RFC 6585 §4: this address guesses.
    pub(super) fn too_many_failures() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, ReasonCode::TooManyFailures)
            .with(RETRY_AFTER, HeaderValue::from_static("60"))
            .with(CONNECTION, HeaderValue::from_static("close"))
    }

    /// RFC 6750 §3.1: known, and not allowed to.
    pub(super) fn role_insufficient(has: Role, needs: Role) -> Self {
        Self::new(StatusCode::FORBIDDEN, ReasonCode::RoleInsufficient)
            .with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"insufficient_scope\""))
            .detail(format!("this takes the role {needs}; yours is {has}"))
    }

    /// RFC 6750 §3.1: whoever has a token for a while could otherwise make one for good.
    pub(super) fn token_outlives_maker(detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::FORBIDDEN, ReasonCode::TokenOutlivesMaker).detail(detail)
    }

    /// There is nothing at this path.
    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, ReasonCode::ResourceMissing)
    }

    /// There is no part of this server that could answer.
    pub(super) fn onboards_nobody() -> Self {
        Self::new(StatusCode::NOT_FOUND, ReasonCode::OnboardsNobody)
    }

    /// RFC 9110 §15.5.6: with the methods that there are.
    pub(super) fn method_not_allowed(allow: &str) -> Self {
        let fault = Self::new(StatusCode::METHOD_NOT_ALLOWED, ReasonCode::MethodUnsupported);
        match HeaderValue::try_from(allow) {
            Ok(allow) => fault.with(ALLOW, allow),
            Err(_) => fault,
        }
    }

    /// RFC 9110 §15.5.7.
    pub(super) fn not_acceptable(gives: &str) -> Self {
        Self::new(StatusCode::NOT_ACCEPTABLE, ReasonCode::NotAcceptable).detail(format!("this answers with {gives}"))
    }

    /// RFC 9110 §15.5.16.
    pub(super) fn media_type(takes: &str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ReasonCode::MediaTypeUnsupported)
            .detail(format!("this takes {takes}"))
    }

    /// A query parameter.
    pub(super) fn query(detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ReasonCode::QueryInvalid).detail(detail)
    }

    /// A header field.
    pub(super) fn header(detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ReasonCode::HeaderInvalid).detail(detail)
    }

    /// A body that is not JSON, or was cut off.
    pub(super) fn unreadable(detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ReasonCode::BodyInvalid).detail(detail)
    }

    /// RFC 9110 §15.5.21: JSON, and not what this operation takes.
    pub(super) fn body(detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, ReasonCode::BodyInvalid).detail(detail)
    }

    /// RFC 9110 §15.5.14. What follows on the connection is the rest of that body.
    pub(super) fn too_large(limit: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, ReasonCode::BodyTooLarge)
            .with(CONNECTION, HeaderValue::from_static("close"))
            .detail(format!("at most {limit} octets"))
    }

    /// RFC 9110 §15.5.9: the connection ends with this answer.
    pub(super) fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, ReasonCode::BodyTooSlow)
            .with(CONNECTION, HeaderValue::from_static("close"))
    }

    /// RFC 9110 §13.1.1.
    pub(super) fn version_changed() -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, ReasonCode::VersionChanged)
    }

    /// RFC 9110 §15.5.11: a place in a log that is not written any more.
    pub(super) fn log_begun_anew(detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::GONE, ReasonCode::LogBegunAnew).detail(detail)
    }

    /// One key, two requests.
    pub(super) fn idempotency_conflict() -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, ReasonCode::IdempotencyConflict)
    }

    /// A request that was carried out before and whose answer held a secret, which nobody keeps.
    pub(super) fn secret_shown_before(what: impl AsRef<str>) -> Self {
        Self::new(StatusCode::CONFLICT, ReasonCode::SecretShownBefore).detail(what)
    }

    /// The body names something that is not there.
    pub(super) fn reference(detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, ReasonCode::ReferenceUnknown).detail(detail)
    }

    /// Too many readers.
    pub(super) fn streams_exhausted() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ReasonCode::StreamsExhausted).with(RETRY_AFTER, COME_BACK)
    }

    /// The server is about to stop, or has not started yet.
    pub(super) fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ReasonCode::DatabaseUnavailable).with(RETRY_AFTER, COME_BACK)
    }

    /// Our own fault. The details stay in the log.
    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "a request of the operator API failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, ReasonCode::ServerFailed)
    }

    /// A voucher or another artifact that was judged and refused.
    pub(super) fn refused(refusal: &Refusal) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, refusal.reason).detail(&refusal.detail)
    }

    /// What an authority refused.
    pub(super) fn of_desk(refused: DeskRefused) -> Self {
        let status = match &refused {
            DeskRefused::NoCertificate(_) => StatusCode::NOT_FOUND,
            DeskRefused::Query { .. } => StatusCode::BAD_REQUEST,
            _ if refused.is_lasting() => StatusCode::UNPROCESSABLE_ENTITY,
            DeskRefused::Authority(_) | DeskRefused::NoEntropy => return Self::internal(&refused),
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        match refused {
            DeskRefused::Store(error) => error.into(),
            refused => Self::new(status, refused.reason()).detail(refused.to_string()),
        }
    }

    /// What the store refused because of something that the path or the record names.
    fn conflict(status: StatusCode, reason: ReasonCode, error: &StoreError) -> Self {
        Self::new(status, reason).detail(error.to_string())
    }

    /// As [`Fault::from`], where the profile or manufacturer that is missing was named in the body.
    pub(super) fn naming(error: StoreError) -> Self {
        match error {
            StoreError::NoProfile(_) | StoreError::NoManufacturer(_) | StoreError::NoUser(_) => {
                Self::reference(error.to_string())
            }
            other => other.into(),
        }
    }

    /// The reason code.
    pub(super) const fn reason(&self) -> ReasonCode {
        self.reason
    }

    /// What exactly, in this case.
    pub(super) fn detail_text(&self) -> &str {
        self.detail.as_deref().unwrap_or_else(|| self.reason.summary())
    }

    /// The answer's body.
    fn problem(&self) -> Problem {
        Problem {
            kind: format!("urn:sztp:reason:{}", self.reason),
            title: self.reason.summary().to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            reason: self.reason.as_str().to_owned(),
            section: self.reason.section().to_owned(),
            remedy: self.reason.remedy().to_owned(),
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        use StatusCode as S;
        let (status, reason) = match &error {
            StoreError::DeviceExists(_) => (S::CONFLICT, ReasonCode::AlreadyThere),
            StoreError::NoDevice(_)
            | StoreError::NoUser(_)
            | StoreError::NoToken(_)
            | StoreError::NoProfile(_)
            | StoreError::NoManufacturer(_) => (S::NOT_FOUND, ReasonCode::ResourceMissing),
            StoreError::Refused { refused, .. } => match refused {
                ChangeRefused::AlreadyListed => (S::CONFLICT, ReasonCode::AlreadyThere),
                ChangeRefused::NotListed => (S::NOT_FOUND, ReasonCode::ResourceMissing),
                ChangeRefused::NotWaiting
                | ChangeRefused::NoProfile
                | ChangeRefused::Retired
                | ChangeRefused::AlreadyRetired
                | ChangeRefused::NotServed
                | ChangeRefused::UnderWay
                | ChangeRefused::NoAlarm
                | ChangeRefused::NothingNew => (S::CONFLICT, ReasonCode::StateForbids),
            },
            StoreError::Production(refused) => match refused {
                ProductionRefused::NoOrder(_) | ProductionRefused::NotOrdered { .. } => {
                    (S::NOT_FOUND, refused.reason())
                }
                _ => (S::CONFLICT, refused.reason()),
            },
            StoreError::NotIssued(refused) => match refused {
                IssueRefused::NothingToRenew(_) => (S::NOT_FOUND, ReasonCode::NothingToRenew),
                IssueRefused::KeyInUse(_) => (S::CONFLICT, ReasonCode::KeyInUse),
                IssueRefused::HolderHasOne { .. } => (S::CONFLICT, ReasonCode::CertificateThere),
                IssueRefused::IssuedBefore(_) | IssueRefused::SerialTaken(_) => (S::CONFLICT, ReasonCode::AlreadyThere),
            },
            StoreError::Masa(refused) => match refused {
                MasaRefused::NoOwner(_)
                | MasaRefused::NoLine(_)
                | MasaRefused::NoDevice(_)
                | MasaRefused::NoClaim(_) => (S::NOT_FOUND, ReasonCode::ResourceMissing),
                MasaRefused::DeviceExists(_) | MasaRefused::SerialTaken { .. } | MasaRefused::IssuedBefore(_) => {
                    (S::CONFLICT, ReasonCode::AlreadyThere)
                }
                MasaRefused::Approval(_) => (S::CONFLICT, ReasonCode::SecondPersonRequired),
                MasaRefused::Owners(_) | MasaRefused::Deed { .. } | MasaRefused::Moved(_) => {
                    (S::CONFLICT, ReasonCode::StateForbids)
                }
            },
            StoreError::NotRevoked(refused) => match refused {
                RevokeRefused::NotIssued(_) => (S::NOT_FOUND, ReasonCode::ResourceMissing),
                RevokeRefused::RevokedBefore { .. } => (S::CONFLICT, ReasonCode::AlreadyThere),
            },
            StoreError::Changed(_) => (S::PRECONDITION_FAILED, ReasonCode::VersionChanged),
            StoreError::AnsweredBefore => (S::CONFLICT, ReasonCode::IdempotencyConflict),
            StoreError::ErasedBefore => (S::CONFLICT, ReasonCode::StateForbids),
            StoreError::LastAdmin(_) => (S::CONFLICT, ReasonCode::LastAdmin),
            StoreError::TokensFull(_) => (S::CONFLICT, ReasonCode::TooManyTokens),
            StoreError::VoucherExists(_) => (S::CONFLICT, ReasonCode::AlreadyThere),
            StoreError::VouchersFull(_) => (S::CONFLICT, ReasonCode::TooManyVouchers),
            StoreError::ProfileInUse { .. } => (S::CONFLICT, ReasonCode::StillInUse),
            // A full disk, a lock or a restart passes; what was damaged or is gone needs a person.
            StoreError::Unsettled { .. } => {
                tracing::error!(%error, "whether a change was made is not known");
                return Self::unavailable().detail("the change may have been made: look before you repeat it");
            }
            StoreError::Unsigned(_) => {
                tracing::error!(%error, "the audit log's key cannot be used");
                return Self::unavailable();
            }
            StoreError::Database { .. } | StoreError::InUse | StoreError::Closed => {
                tracing::error!(%error, "the operator API has no database");
                return Self::unavailable();
            }
            StoreError::Corrupt { .. }
            | StoreError::Missing { .. }
            | StoreError::SchemaNewer { .. }
            | StoreError::SchemaOlder { .. }
            | StoreError::NotDurable { .. }
            | StoreError::NotEmpty
            | StoreError::ImportInvalid { .. }
            | StoreError::PostgresMissing => return Self::internal(&error),
        };
        Self::conflict(status, reason, &error)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.problem()).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(Problem::MEDIA_TYPE));
        headers.extend(self.headers);
        response
    }
}

/// Seconds after which to try again.
const COME_BACK: HeaderValue = HeaderValue::from_static("5");

#[cfg(test)]
mod tests {
    use pki::key::SignError;

    use super::*;
    use crate::store::DatabaseFault;

    #[test]
    fn a_fault_says_what_why_and_what_to_do() {
        let problem = Fault::role_insufficient(Role::Viewer, Role::Admin).problem();
        assert_eq!((problem.status, problem.reason.as_str()), (403, "role-insufficient"));
        assert_eq!(problem.kind, "urn:sztp:reason:role-insufficient");
        assert!(problem.detail.unwrap().contains("admin") && problem.remedy.ends_with('.'));
    }

    #[test]
    fn a_strangers_words_cannot_steer_a_terminal() {
        let fault = Fault::query("\u{1b}[2J\u{202e}x");
        assert!(!fault.detail_text().contains(['\u{1b}', '\u{202e}']));
    }

    #[test]
    fn a_passing_fault_of_the_database_is_503_and_a_lasting_one_500() {
        let status = |error: StoreError| Fault::from(error).into_response().status();
        assert_eq!(
            status(StoreError::Database { fault: DatabaseFault::Full, detail: "disk full".to_owned() }),
            StatusCode::SERVICE_UNAVAILABLE
        );
        assert_eq!(status(StoreError::Unsigned(SignError::TimedOut)), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(status(StoreError::Corrupt { what: "a profile" }), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
