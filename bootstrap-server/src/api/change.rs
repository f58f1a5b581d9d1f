//! How a change is carried out: for a version, under an idempotency key, or only rehearsed.

use audit_log::LogIndex;
use axum::{
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::Response,
};
use operator_api::ChangeQuery;
use pki::digest::Digest;

use super::{
    Api, answer,
    fault::Fault,
    guard::Caller,
    place::{self, Named},
};
use crate::{
    domain::DeviceId,
    store::{Batch, KeptAnswer},
};

/// RFC 9110 §9.2.2 leaves POST without a promise; this header gives it one.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Longest key, in characters.
const MAX_KEY: usize = 128;

/// Whether a change is to be made or only judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rehearsal {
    Yes,
    No,
}

impl Rehearsal {
    pub(super) fn of(query: ChangeQuery) -> Self {
        if query.dry_run == Some(true) { Self::Yes } else { Self::No }
    }
}

/// The name that whoever sends a request gave it, and what it was given for.
#[derive(Clone, Debug)]
pub(super) struct IdempotencyKey {
    key: String,
    request: Digest,
}

impl IdempotencyKey {
    /// Reads the header.
    pub(super) fn of(headers: &HeaderMap, request: impl FnOnce() -> Digest) -> Result<Option<Self>, Fault> {
        let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else { return Ok(None) };
        let usable =
            |key: &&str| (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|octet| octet.is_ascii_graphic());
        match (value.to_str().ok().filter(usable), values.next()) {
            (Some(key), None) => Ok(Some(Self { key: key.to_owned(), request: request() })),
            _ => Err(Fault::header(format!("Idempotency-Key: takes one key of 1 to {MAX_KEY} printable characters"))),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.key
    }

    /// Whether the key was given for this request.
    pub(super) fn is_for(&self, request: Digest) -> bool {
        self.request == request
    }
}

/// RFC 9110 §13.1.1: the version that the record must have. `*` asks for no particular one.
pub(super) async fn version_expected(api: &Api, headers: &HeaderMap) -> Result<Option<LogIndex>, Fault> {
    match headers.contains_key(header::IF_MATCH) {
        true => version_of(headers, api.log.of(api.store.as_ref()).await?),
        false => Ok(None),
    }
}

/// The version in a tag of the log of this name; the version alone, without what else the tag says, will do.
fn version_of(headers: &HeaderMap, log: &str) -> Result<Option<LogIndex>, Fault> {
    let mut values = headers.get_all(header::IF_MATCH).iter();
    let text = values.next().map(|value| value.to_str().unwrap_or_default().trim()).unwrap_or_default();
    if values.next().is_some() || text.contains(',') {
        return Err(Fault::header("If-Match: takes one tag"));
    }
    if text == "*" {
        return Ok(None);
    }
    // A weak tag matches nothing here (RFC 9110 §8.8.3.2).
    let tag = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
    match place::read(log, tag.split('.').next().unwrap_or_default()) {
        Named::Here(version) => Ok(Some(version)),
        Named::Elsewhere => Err(Fault::version_changed().detail("If-Match: a version of before a restoration")),
        Named::Nowhere => Err(Fault::version_changed()),
    }
}

/// Whether a request came for the first time.
#[derive(Debug)]
pub(super) enum Turn {
    /// It is to be carried out.
    First(Change),
    /// It was carried out before, with this answer.
    Again(KeptAnswer),
}

/// How a change is to be carried out.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) caller: Caller,
    pub(super) rehearsal: Rehearsal,
    pub(super) expected: Option<LogIndex>,
    pub(super) key: Option<IdempotencyKey>,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// The change is durable.
    Made,
    /// It would have been made.
    Rehearsed,
}

impl Done {
    /// The answer to a change that was made, or to one that would have been.
    pub(super) fn answer(self, made: impl FnOnce() -> Response) -> Response {
        match self {
            Self::Made => made(),
            Self::Rehearsed => answer::empty(StatusCode::NO_CONTENT),
        }
    }
}

impl Change {
    /// Makes a change to something that has no version.
    pub(super) async fn carry_out(&self, api: &Api, batch: Batch, answer: KeptBody) -> Result<Done, Fault> {
        if self.expected.is_some() {
            return Err(Fault::header("If-Match: only devices have versions"));
        }
        Ok(match self.run(api, batch, answer).await? {
            Some(_) => Done::Made,
            None => Done::Rehearsed,
        })
    }

    /// Makes a change to a device, if it has the version that is asked for.
    pub(super) async fn carry_out_on(
        &self,
        api: &Api,
        device: &DeviceId,
        batch: Batch,
        answer: KeptBody,
    ) -> Result<Done, Fault> {
        Ok(match self.carry_out_at(api, device, batch, answer).await? {
            Some(_) => Done::Made,
            None => Done::Rehearsed,
        })
    }

    /// As [`Change::carry_out_on`]; gives the position of the first leaf, unless it was a rehearsal.
    pub(super) async fn carry_out_at(
        &self,
        api: &Api,
        device: &DeviceId,
        batch: Batch,
        answer: KeptBody,
    ) -> Result<Option<LogIndex>, Fault> {
        let batch = match self.expected {
            Some(version) => batch.expecting(device.clone(), version),
            None => batch,
        };
        self.run(api, batch, answer).await
    }

    async fn run(&self, api: &Api, batch: Batch, answer: KeptBody) -> Result<Option<LogIndex>, Fault> {
        let mut batch = batch.by(self.caller.actor());
        if self.rehearsal == Rehearsal::Yes {
            api.store.rehearse(batch).await.map_err(Fault::naming)?;
            return Ok(None);
        }
        if let Some(key) = &self.key {
            let KeptBody { status, body } = answer;
            let kept = KeptAnswer { request: key.request, status: status.as_u16(), body };
            batch = batch.answering(self.caller.user.clone(), key.key.clone(), kept);
        }
        api.store.commit(batch).await.map(Some).map_err(Fault::naming)
    }
}

/// What is kept of an answer, for when the same request comes again.
#[derive(Debug)]
pub(super) struct KeptBody {
    status: StatusCode,
    body: Vec<u8>,
}

impl KeptBody {
    /// The status; the body is read afresh from what the request changed.
    pub(super) const fn afresh(status: StatusCode) -> Self {
        Self { status, body: Vec::new() }
    }

    /// The status and these octets.
    pub(super) const fn whole(status: StatusCode, body: Vec<u8>) -> Self {
        Self { status, body }
    }
}

#[cfg(test)]
mod tests {
    use pki::digest::sha256;

    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn if_match_takes_a_version_a_whole_tag_or_anything() {
        let of =
            |value: &str| version_of(&headers(header::IF_MATCH, value), "1f2e3d4c").map_err(|fault| fault.reason());
        assert_eq!(of("\"1f2e3d4c-7\""), Ok(Some(LogIndex(7))));
        assert_eq!(of("\"1f2e3d4c-7.0123abcd\""), Ok(Some(LogIndex(7))));
        assert_eq!(of("*"), Ok(None));
        for never in ["W/\"1f2e3d4c-7\"", "1f2e3d4c-7", "\"1f2e3d4d-7\"", "\"7\"", "\"7.0123abcd\"", "\"x\"", ""] {
            assert_eq!(of(never), Err(verdict::ReasonCode::VersionChanged), "{never}");
        }
        assert_eq!(of("\"7\", \"8\""), Err(verdict::ReasonCode::HeaderInvalid));
    }

    #[test]
    fn an_idempotency_key_is_short_and_printable() {
        let of = |value: &str| IdempotencyKey::of(&headers(IDEMPOTENCY_KEY, value), || sha256(b"")).is_ok();
        assert!(of("a") && of(&"x".repeat(MAX_KEY)));
        assert!(!of("") && !of("a b") && !of(&"x".repeat(MAX_KEY + 1)));
    }
}
