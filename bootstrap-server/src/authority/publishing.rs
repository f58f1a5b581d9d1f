//! What authorities publish: revocation lists, answers about certificates (OCSP), and their own certificates. Everything is signed
//! and meant for everybody, so that it goes out in clear, as RFC 5280 §4.2.1.13 and RFC 6960 appendix A have it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use authority::{
    CrlError, CrlPlan, OcspAnswer, OcspFailure, OcspPeriod, OcspRequest, Profile, Recorded, RevokedCertificate,
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use pki::{
    digest::Digest,
    revocation::{Crl, Revocation},
    time::Timestamp,
};

use super::{Authorities, Authority};
use crate::{
    domain::{
        AuthorityName,
        ledger::{CertificateId, Revoked},
    },
    store::{Ledger, Page, StoreError},
};

/// Longest OCSP request, in octets.
const MAX_REQUEST: usize = 8 * 1024;
/// Answers that are kept.
const KEPT: usize = 4096;
/// Entries of the ledger that are read at once.
const PAGE: u32 = 4096;

/// What the handlers share.
pub(crate) struct Publisher {
    authorities: Authorities,
    ledger: Arc<dyn Ledger>,
    lists: tokio::sync::Mutex<HashMap<(AuthorityName, u16), Made>>,
    answers: Mutex<HashMap<(AuthorityName, Digest), Kept>>,
}

/// A list that was made.
struct Made {
    list: Crl,
    /// What it names, on this shard and others.
    revoked: Vec<RevokedCertificate>,
    /// When the ledger was asked last whether that is still so.
    asked: Timestamp,
    /// Until when it is given out.
    until: Timestamp,
}

/// An answer that was signed, with how far the ledger had come by then, and until when it is given out.
struct Kept {
    der: Vec<u8>,
    grown: u64,
    until: Timestamp,
}

impl Publisher {
    pub(crate) fn new(authorities: Authorities, ledger: Arc<dyn Ledger>) -> Arc<Self> {
        Arc::new(Self { authorities, ledger, lists: tokio::sync::Mutex::default(), answers: Mutex::default() })
    }

    /// The list with this number: the one that was made last, unless something was revoked since, or half its time is over.
    pub(crate) async fn list(&self, authority: &Authority, shard: u16) -> Result<Crl, PublishFault> {
        let key = (authority.name.clone(), shard);
        let now = now();
        // One list is made at a time: whoever asks meanwhile gets what comes of it.
        let mut lists = self.lists.lock().await;
        if let Some(made) = lists.get(&key).filter(|made| made.until > now && made.asked == now) {
            return Ok(made.list.clone());
        }
        let revoked = revoked(authority, self.ledger.as_ref(), now).await?;
        if let Some(made) = lists.get_mut(&key).filter(|made| made.until > now && made.revoked == revoked) {
            made.asked = now;
            return Ok(made.list.clone());
        }
        let list = made(authority, shard, &revoked, now)?;
        let half = seconds(authority.fresh_for) / 2;
        let made = Made { list: list.clone(), revoked, asked: now, until: now.plus_seconds(half) };
        lists.insert(key, made);
        Ok(list)
    }

    async fn answer(&self, authority: &Authority, request: &OcspRequest) -> Result<OcspAnswer, OcspFailure> {
        let responder = authority.responder.as_ref().ok_or(OcspFailure::Unauthorized)?;
        let now = now();
        let grown = self.ledger.growth().borrow().0;
        let key = request.cache_key().map(|digest| (authority.name.clone(), digest));
        if let Some(key) = &key {
            let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(kept) = answers.get(key).filter(|kept| kept.until > now && kept.grown == grown) {
                return Ok(OcspAnswer { der: kept.der.clone(), reusable_until: Some(kept.until) });
            }
        }
        let mut recorded = BTreeMap::new();
        for serial in responder.asked(request) {
            let id = CertificateId { authority: authority.name.clone(), serial: serial.to_vec() };
            let entry = self.ledger.issued(&id).await.map_err(|error| {
                tracing::error!(%error, "the ledger cannot be asked");
                OcspFailure::TryLater
            })?;
            let known = match entry {
                None => Recorded::Unissued,
                Some(entry) => entry.revoked.map_or(Recorded::Good, |revoked| Recorded::Revoked(revocation(revoked))),
            };
            recorded.insert(id.serial, known);
        }
        let until = now.plus_seconds(seconds(authority.fresh_for));
        let period = OcspPeriod { now, this_update: now, next_update: until };
        let lookup = |serial: &[u8]| recorded.get(serial).cloned().unwrap_or(Recorded::Unissued);
        let answer = responder.answer(request, lookup, period)?;
        if let (Some(key), Some(until)) = (key, answer.reusable_until) {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            if answers.len() >= KEPT {
                answers.clear();
            }
            answers.insert(key, Kept { der: answer.der.clone(), grown, until });
        }
        Ok(answer)
    }
}

/// The revocation list of an authority with this number, as the ledger has it.
///
/// # Errors
/// [`PublishFault`].
pub async fn revocation_list(
    authority: &Authority,
    shard: u16,
    ledger: &dyn Ledger,
    now: Timestamp,
) -> Result<Crl, PublishFault> {
    let revoked = revoked(authority, ledger, now).await?;
    made(authority, shard, &revoked, now)
}

fn made(
    authority: &Authority,
    shard: u16,
    revoked: &[RevokedCertificate],
    now: Timestamp,
) -> Result<Crl, PublishFault> {
    let location = authority.profiles.values().find_map(Profile::crl);
    let plan = CrlPlan {
        place: location.map(|location| (location, shard)),
        // RFC 5280 §5.2.3: it grows with time, on whichever server the list is made.
        number: milliseconds(),
        this_update: now,
        next_update: now.plus_seconds(seconds(authority.fresh_for)),
    };
    Ok(authority.ca.revocation_list(&plan, revoked).map_err(Box::new)?)
}

async fn revoked(
    authority: &Authority,
    ledger: &dyn Ledger,
    now: Timestamp,
) -> Result<Vec<RevokedCertificate>, StoreError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = Page { after: after.take(), limit: PAGE };
        let page = ledger.revocations(&authority.name, now, page).await?;
        let whole = u32::try_from(page.len()).is_ok_and(|length| length >= PAGE);
        after = page.last().map(|entry| entry.serial.clone());
        all.extend(
            page.into_iter()
                .map(|entry| RevokedCertificate { serial: entry.serial, revocation: revocation(entry.revoked) }),
        );
        if !whole {
            return Ok(all);
        }
    }
}

fn revocation(revoked: Revoked) -> Revocation {
    let seconds = i64::try_from(revoked.at.0 / 1000).unwrap_or(i64::MAX);
    Revocation { when: Timestamp::from_unix(seconds), reason: Some(revoked.reason) }
}

fn now() -> Timestamp {
    Timestamp::from_system(SystemTime::now())
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

fn milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// `/crl/NAME/SHARD.crl`, `/ocsp/NAME` and `/ca/NAME.cer`, as URLs in certificates say them.
pub(crate) fn router(publisher: Arc<Publisher>) -> Router {
    Router::new()
        .route("/crl/{authority}/{list}", get(crl))
        .route("/ca/{file}", get(ca))
        .route("/ocsp/{authority}", post(ocsp_post))
        .route("/ocsp/{authority}/{*request}", get(ocsp_get))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .with_state(publisher)
}

impl Publisher {
    fn named(&self, name: &str) -> Option<&Arc<Authority>> {
        self.authorities.get(&AuthorityName::new(name).ok()?)
    }
}

async fn crl(State(publisher): State<Arc<Publisher>>, Path((name, list)): Path<(String, String)>) -> Response {
    let number = list.strip_suffix(".crl").and_then(|number| number.parse::<u16>().ok());
    let (Some(authority), Some(shard)) = (publisher.named(&name), number) else { return missing() };
    if shard >= authority.shards() {
        return missing();
    }
    match publisher.list(authority, shard).await {
        // RFC 2585 §4.2.
        Ok(list) => signed("application/pkix-crl", list.der().to_vec(), list.period().next_update),
        Err(error) => {
            tracing::error!(authority = %authority.name, shard, %error, "no revocation list");
            plain(StatusCode::SERVICE_UNAVAILABLE, "the list cannot be made now; the server's log says why")
        }
    }
}

async fn ca(State(publisher): State<Arc<Publisher>>, Path(file): Path<String>) -> Response {
    let authority = file.strip_suffix(".cer").and_then(|name| publisher.named(name));
    match authority.and_then(|authority| authority.ca.certificate().ok()) {
        // RFC 2585 §4.1.
        Some(certificate) => signed("application/pkix-cert", certificate.der().to_vec(), None),
        None => missing(),
    }
}

async fn ocsp_post(State(publisher): State<Arc<Publisher>>, Path(name): Path<String>, body: Bytes) -> Response {
    respond(&publisher, &name, OcspRequest::from_der(&body).ok(), Asked::ByPost).await
}

async fn ocsp_get(
    State(publisher): State<Arc<Publisher>>,
    Path((name, _)): Path<(String, String)>,
    uri: Uri,
) -> Response {
    // As it came: base64 has slashes of its own, and a plus sign that decoding would lose.
    let request = uri.path().strip_prefix("/ocsp/").and_then(|rest| rest.split_once('/'));
    let request = request.and_then(|(_, request)| OcspRequest::from_path(request).ok());
    respond(&publisher, &name, request, Asked::ByGet).await
}

/// How an answer was asked for: those to GET may be kept on the way (RFC 5019 §6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    ByGet,
    ByPost,
}

async fn respond(publisher: &Publisher, name: &str, request: Option<OcspRequest>, asked: Asked) -> Response {
    const MEDIA: &str = "application/ocsp-response";
    let Some(authority) = publisher.named(name) else { return missing() };
    let answered = match &request {
        Some(request) => publisher.answer(authority, request).await,
        None => Err(OcspFailure::Malformed),
    };
    match answered {
        Ok(answer) => signed(MEDIA, answer.der, answer.reusable_until.filter(|_| asked == Asked::ByGet)),
        // RFC 6960 §4.2.1: said in an answer of its own, and with 200.
        Err(failure) => signed(MEDIA, failure.der().to_vec(), None),
    }
}

/// Something that proves itself, and until when it may be kept.
fn signed(media_type: &'static str, der: Vec<u8>, until: Option<Timestamp>) -> Response {
    let mut response = Response::new(Body::from(der));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    let left = until.map_or(0, |until| until.unix().saturating_sub(now().unix()) / 2).max(0);
    let caching = match left {
        0 => HeaderValue::from_static("no-store"),
        left => HeaderValue::from_str(&format!("public, max-age={left}, no-transform, must-revalidate"))
            .unwrap_or(HeaderValue::from_static("no-store")),
    };
    headers.insert(header::CACHE_CONTROL, caching);
    response
}

fn missing() -> Response {
    plain(StatusCode::NOT_FOUND, "nothing is published here")
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], format!("{text}\n")).into_response()
}

/// A list cannot be published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishFault {
    /// The ledger cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The list cannot be made.
    #[error(transparent)]
    List(#[from] Box<CrlError>),
}
