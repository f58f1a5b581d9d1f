//! Every error a device can get, with its status, tag and media type (RFC 8040 §7).

use std::{sync::Arc, time::Duration};

use axum::{
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{
            ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
            RETRY_AFTER, WWW_AUTHENTICATE,
        },
    },
    response::{AppendHeaders, IntoResponse, Response},
};
use conveyed_info::{
    DocumentError, Encoding,
    rpc::{CsrRequest, RestconfError, SshHostKey},
};
use verdict::ReasonCode;

use super::{kind::Kind, negotiate::media_type};
use crate::{admission::Shed, store::StoreError};

/// An error answer.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    error: RestconfError,
    headers: Vec<(HeaderName, HeaderValue)>,
    tally: Option<Tally>,
}

/// What an error answer counts as. It travels with the answer to where that is counted. A refusal that is reported to the
/// audit log is counted there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tally {
    /// The peer is refused.
    Refused(ReasonCode),
    /// There is no room for it now. When it is to come back is said in Retry-After by who knows all that wait.
    Shed(Shed),
    /// It has used up its own room ([`Shed::DeviceWrites`]), and there is more after this time.
    Spent(Duration),
}

/// Travels with an error answer, so that whoever knows the device can log why it got one, and whoever knows which encoding
/// it takes can say it in that.
#[derive(Clone, Debug)]
pub(super) struct Explanation(Arc<RestconfError>);

/// What a body may be, for those who sent something else (RFC 9110 §15.5.16).
const MEDIA_TYPES: HeaderValue = HeaderValue::from_static("application/yang-data+json, application/yang-data+xml");

/// RFC 9110 §15.5.2: an answer with status 401 names a way to authenticate. It is the same for everybody (SEC-23).
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"bootstrap server\", charset=\"UTF-8\"");

impl Problem {
    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { status: kind.status(), error: RestconfError::new(kind.tag(), message), headers: Vec::new(), tally: None }
    }

    fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    fn counted(self, tally: Tally) -> Self {
        Self { tally: Some(tally), ..self }
    }

    /// The message starts with the reason code, so that the device can name it too.
    fn because(kind: Kind, reason: ReasonCode) -> Self {
        Self::new(kind, format!("{reason}: {}", reason.summary()))
    }

    /// A request that breaks the protocol, and how.
    fn broken(kind: Kind, how: &str) -> Self {
        let reason = ReasonCode::RequestMalformed;
        Self::new(kind, format!("{reason}: {how}")).counted(Tally::Refused(reason))
    }

    #[cfg(test)]
    pub(super) const fn status(&self) -> StatusCode {
        self.status
    }

    /// RFC 8040 §2.5 (RCF-02): the device has not shown who it is.
    pub(crate) fn unauthenticated(reason: ReasonCode) -> Self {
        Self::because(Kind::UNAUTHENTICATED, reason).with(WWW_AUTHENTICATE, CHALLENGE)
    }

    /// Nothing for this device: RFC 8572 is silent; clients go on to the next server (SRV-09).
    pub(crate) fn nothing(reason: ReasonCode) -> Self {
        Self::because(Kind::NOT_FOUND, reason).counted(Tally::Refused(reason))
    }

    /// As [`Problem::nothing`], for one of too many that nobody registered.
    pub(super) fn flood() -> Self {
        Self::because(Kind::NOT_FOUND, ReasonCode::UnregisteredFlood)
    }

    /// RFC 8040 §4.4.2 (RCF-22): we know who it is, and it may not.
    pub(crate) fn denied(reason: ReasonCode) -> Self {
        Self::because(Kind::DENIED, reason).counted(Tally::Refused(reason))
    }

    pub(crate) fn not_found() -> Self {
        Self::new(Kind::NOT_FOUND, "no such resource")
    }

    /// RFC 8040 §7 (RCF-12); axum adds Allow.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(Kind::METHOD, "this resource does not support the method")
    }

    /// RFC 9646 §2.2: a server asks before it gets a certificate signing request, and this one issues no certificates.
    pub(super) fn csr_not_wanted() -> Self {
        let reason = ReasonCode::CsrNotWanted;
        Self::because(Kind::NOT_IMPLEMENTED, reason).counted(Tally::Refused(reason))
    }

    /// RFC 9646 §2.2 (CSR-06): what the CSR is to be, which is wanted for this reason.
    pub(super) fn csr_wanted(request: CsrRequest, reason: ReasonCode, why: &str) -> Self {
        let problem = Self::new(Kind::MISSING_ATTRIBUTE, format!("{reason}: {why}"));
        Self { error: RestconfError::csr_wanted(request, problem.error.message), ..problem }
    }

    /// RFC 9646 §4.2: a CSR that no certificate is issued for.
    pub(super) fn csr_refused(reason: ReasonCode, why: &str) -> Self {
        Self::new(Kind::BAD_VALUE, format!("{reason}: {why}")).counted(Tally::Refused(reason))
    }

    /// Something that the device needs is not to be had now, and may be later.
    pub(super) fn unavailable(reason: ReasonCode) -> Self {
        Self::because(Kind::UNAVAILABLE, reason).counted(Tally::Refused(reason))
    }

    /// RFC 4253 §6.6 (SRV-15): an SSH host key, the first being number 1, that is none of its algorithm.
    pub(super) fn host_key(number: usize, key: &SshHostKey) -> Self {
        let reason = ReasonCode::SshHostKeyMismatch;
        let shortened = |name: &str| name.chars().take(64).collect::<String>();
        let format = key.format().map_or_else(|| "none".to_owned(), |format| format!("{:?}", shortened(format)));
        let said = shortened(&key.algorithm);
        let how = format!(
            "{reason}: host key {number} is said to be {said:?}, and the format that its data names is {format}"
        );
        let problem = Self::new(Kind::BAD_VALUE, how).counted(Tally::Refused(reason));
        let path = "ietf-sztp-bootstrap-server:input/ssh-host-keys/ssh-host-key/key-data".to_owned();
        Self { error: RestconfError { path: Some(path), ..problem.error }, ..problem }
    }

    /// RFC 8040 §7: an operation of a feature that this server has not got (RFC 8572 §7.3).
    pub(super) fn not_offered() -> Self {
        let reason = ReasonCode::NotAnOnboardingServer;
        Self::because(Kind::NOT_IMPLEMENTED, reason).counted(Tally::Refused(reason))
    }

    /// RFC 8040 §4.8: a query parameter that is not understood, or stands twice.
    pub(super) fn query(how: &str) -> Self {
        Self::broken(Kind::BAD_VALUE, how)
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let reason = ReasonCode::RequestTooLarge;
        Self::new(Kind::TOO_LARGE, format!("{reason}: at most {limit} octets")).counted(Tally::Refused(reason))
    }

    pub(crate) fn incomplete() -> Self {
        Self::broken(Kind::MALFORMED, "the body did not arrive")
    }

    /// A header that two readers would read differently: where the next request begins is not certain, so the connection
    /// ends with this answer.
    pub(super) fn ambiguous(how: &str) -> Self {
        Self::broken(Kind::MALFORMED, how).with(CONNECTION, HeaderValue::from_static("close"))
    }

    /// The body is taking too long. RFC 9110 §15.5.9: the connection ends with this answer.
    pub(crate) fn too_slow() -> Self {
        Self::broken(Kind::TIMEOUT, "the body did not arrive in time")
            .with(CONNECTION, HeaderValue::from_static("close"))
    }

    /// RFC 9110 §15.5.17: what is asked for begins at or behind the end of these octets.
    pub(crate) fn out_of_range(length: u64) -> Self {
        let problem = Self::new(Kind::RANGE, "nothing at that offset");
        match HeaderValue::try_from(format!("bytes */{length}")) {
            Ok(range) => problem.with(CONTENT_RANGE, range),
            Err(_) => problem,
        }
    }

    /// As much is under way as this server carries.
    pub(crate) fn busy(shed: Shed) -> Self {
        let message = format!("{}: too much is under way; try again later", ReasonCode::ServerBusy);
        Self::new(Kind::UNAVAILABLE, message).counted(Tally::Shed(shed))
    }

    /// The device has added to the database what it may, and may add more after `wait`.
    pub(super) fn spent(wait: Duration) -> Self {
        let message = format!(
            "{}: this device has reported so much that nothing more is kept for now; [limits] \
             stored-octets-per-day-per-device says how much",
            ReasonCode::ServerBusy
        );
        Self::new(Kind::UNAVAILABLE, message).counted(Tally::Spent(wait))
    }

    /// As [`Problem::busy`], before anything was looked at: in so many seconds.
    pub(crate) fn later(seconds: u64) -> Self {
        let message = format!("{}: try again in {seconds} s", ReasonCode::ServerBusy);
        Self::new(Kind::UNAVAILABLE, message).with(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// RFC 8040 §5.2 (RCF-16).
    pub(crate) fn unsupported_media_type() -> Self {
        Self::broken(Kind::MEDIA_TYPE, "a body is application/yang-data+json or application/yang-data+xml, in UTF-8")
            .with(ACCEPT, MEDIA_TYPES)
    }

    /// RFC 9110 §12.5.3: what a body may be packed in is said in the answer.
    pub(super) fn unsupported_content_coding() -> Self {
        Self::broken(Kind::MEDIA_TYPE, "a body comes as it is, without a Content-Encoding")
            .with(ACCEPT_ENCODING, HeaderValue::from_static("identity"))
    }

    /// RFC 8040 §5.2 (RCF-17).
    pub(crate) fn not_acceptable() -> Self {
        Self::broken(Kind::NOT_ACCEPTABLE, "answers are application/yang-data+json or application/yang-data+xml")
    }

    /// Our own fault. The details stay in the log.
    pub(crate) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "a request failed");
        Self::new(Kind::INTERNAL, "the server failed; try again later")
    }
}

impl From<DocumentError> for Problem {
    fn from(error: DocumentError) -> Self {
        let error = RestconfError::from(&error);
        let problem = Self::broken(Kind::of_body(error.tag), &error.message);
        Self { error: RestconfError { path: error.path, ..problem.error }, ..problem }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        // A full disk or a lock passes, so the device is told to ask again; anything else needs a person.
        if matches!(error, StoreError::Database { .. } | StoreError::Unsettled { .. }) {
            tracing::error!(%error, "a request failed");
            let message = "the server failed; try again later";
            return Self::new(Kind::UNAVAILABLE, message).counted(Tally::Shed(Shed::Database));
        }
        Self::internal(&error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, AppendHeaders(self.headers), ()).into_response();
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(tally) = self.tally {
            response.extensions_mut().insert(tally);
        }
        let explanation = Explanation(self.error.into());
        explanation.write(&mut response, Encoding::Json);
        response.extensions_mut().insert(explanation);
        response
    }
}

impl Explanation {
    /// Why, for people.
    pub(super) fn message(&self) -> &str {
        &self.0.message
    }

    /// Makes it the body of `response` (RCF-20).
    pub(super) fn write(&self, response: &mut Response, encoding: Encoding) {
        let body = self.0.encode(encoding);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, media_type(encoding));
        headers.insert(CONTENT_LENGTH, body.len().into());
        *response.body_mut() = body.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DatabaseFault;

    #[test]
    fn a_failing_database_is_asked_again_a_damaged_one_is_not() {
        let answer = |error: StoreError| Problem::from(error).into_response();
        let passing = answer(StoreError::Database { fault: DatabaseFault::Full, detail: "disk full".to_owned() });
        assert_eq!(passing.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(passing.extensions().get(), Some(&Tally::Shed(Shed::Database)));
        let lasting = answer(StoreError::Corrupt { what: "a profile" });
        assert_eq!(lasting.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(lasting.extensions().get::<Tally>(), None);
    }
}
