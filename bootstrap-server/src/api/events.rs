//! The audit log as it grows, as server-sent events: every record once, across reconnects and restarts.

use std::{sync::Arc, time::Duration};

use audit_log::LogIndex;
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::Response,
};
use futures_util::stream;
use operator_api::{AuditRecord, EventQuery, paths};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

use super::{
    Api,
    audit::behind,
    fault::Fault,
    guard::Caller,
    place::{self, Named},
    request::Parameters,
    view,
};
use crate::{domain::Role, store::Store};

/// Records read at a time.
const BATCH: u32 = 100;
/// Pieces that may wait for the reader.
const PIECES: usize = 4;
/// After which something is sent although nothing happened, so that both sides know that the other is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long a reader may take nothing before its stream ends.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the log is looked at where the store does not say that it grew.
const LOOK: Duration = Duration::from_secs(1);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Follow the audit log
///
/// Server-sent events: `id` is a place in the log, `event` the name of what happened, `data` the record. Whoever
/// reconnects with `Last-Event-ID` misses nothing; where the database was restored meanwhile, which begins a new log, that is
/// refused.
#[utoipa::path(get, path = paths::EVENTS, tag = "audit",
    params(EventQuery, ("Last-Event-ID" = Option<String>, Header, description = "The last `id` that was received.")),
    responses((status = 200, description = "Records as they come.", content_type = "text/event-stream", body = String),
        (status = 410, description = "`Last-Event-ID` is of another log.", body = operator_api::Problem,
            content_type = "application/problem+json")))]
pub(super) async fn events(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Parameters(query): Parameters<EventQuery>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let log = api.log.of(api.store.as_ref()).await?.to_owned();
    let last =
        headers.get(LAST_EVENT_ID).map(|value| match place::read(&log, value.to_str().unwrap_or_default().trim()) {
            Named::Here(position) => Ok(position.0),
            // What happened between that place and the beginning of this log could not be told.
            Named::Elsewhere => {
                Err(Fault::log_begun_anew("Last-Event-ID: is a place in another log, or of an older release"))
            }
            Named::Nowhere => Err(Fault::header("Last-Event-ID: takes the `id` of an event")),
        });
    // The header is what a reader sends by itself when it reconnects: it knows more than the address does.
    let after = last.transpose()?.or(query.after);
    let growth = api.store.growth();
    let first = match after {
        Some(after) => behind(after).ok_or_else(|| Fault::query("after: no log is that long"))?,
        None => LogIndex(growth.borrow().0),
    };
    if let Some(after) = after
        && api.store.records(LogIndex(after), 1).await?.is_empty()
    {
        // Waiting until the log is so long would lose all until then.
        let detail = format!("there is no record {after}: the log is shorter");
        return Err(if headers.contains_key(LAST_EVENT_ID) {
            Fault::header(format!("Last-Event-ID: {detail}"))
        } else {
            Fault::query(format!("after: {detail}"))
        });
    }
    let place = Arc::clone(&api.streams).try_acquire_owned().map_err(|_| Fault::streams_exhausted())?;
    let (pieces, taken) = mpsc::channel::<Bytes>(PIECES);
    let follower = Follower { store: Arc::clone(&api.store), log, caller, growth, first, pieces, _place: place };
    tokio::spawn(follower.run(api.stopping.clone()));
    let pieces = stream::unfold(taken, |mut taken| async move {
        let piece = taken.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(piece), taken))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(response)
}

/// Reads the log and sends it on, no faster than it is taken. Ends when the reader goes, stops reading or may no longer
/// read, or the server stops.
struct Follower {
    store: Arc<dyn Store>,
    log: String,
    caller: Caller,
    growth: watch::Receiver<audit_log::TreeSize>,
    first: LogIndex,
    pieces: mpsc::Sender<Bytes>,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    async fn run(mut self, mut stopping: watch::Receiver<()>) {
        let pieces = self.pieces.clone();
        tokio::select! {
            () = self.follow() => {}
            () = pieces.closed() => {}
            _ = stopping.changed() => {}
        }
    }

    async fn follow(&mut self) {
        // The first octets at once: whoever asks sees that the stream is open, and where it begins, so that a connection
        // that breaks before the first record loses none.
        let last = self.first.0.checked_sub(1).map(LogIndex);
        let id = last.map(|last| format!("id: {}\n", place::written(&self.log, last))).unwrap_or_default();
        if !self.send(Bytes::from(format!(": the audit log\n{id}\n"))).await {
            return;
        }
        loop {
            // Seen before it is read: what comes in between makes the next wait short.
            self.growth.mark_unchanged();
            let records = match self.store.records(self.first, BATCH).await {
                Ok(records) => records,
                Err(error) => {
                    tracing::warn!(%error, "an event stream ends: the log cannot be read");
                    return;
                }
            };
            let Some(last) = records.last() else {
                if !self.wait().await {
                    return;
                }
                continue;
            };
            // Asked behind the reading: what was committed after the token was revoked is not sent.
            if !self.may_read().await {
                return;
            }
            self.first = LogIndex(last.position.0.saturating_add(1));
            let written: String = records.iter().filter_map(view::record).map(|it| written(&self.log, &it)).collect();
            if !self.send(Bytes::from(written)).await {
                return;
            }
        }
    }

    /// Waits until the log may have grown, and keeps the stream alive meanwhile. False when the reader is gone.
    async fn wait(&mut self) -> bool {
        loop {
            match tokio::time::timeout(KEEP_ALIVE, self.growth.changed()).await {
                Ok(Ok(())) => return true,
                Ok(Err(_)) => {
                    tokio::time::sleep(LOOK).await;
                    return true;
                }
                Err(_) => {
                    if !self.may_read().await || !self.send(Bytes::from_static(b":\n\n")).await {
                        return false;
                    }
                }
            }
        }
    }

    async fn may_read(&self) -> bool {
        self.caller.may_still(self.store.as_ref(), Role::Viewer).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "an event stream ends: its token cannot be looked up");
            false
        })
    }

    /// Whether the reader took it, in time.
    async fn send(&self, piece: Bytes) -> bool {
        matches!(tokio::time::timeout(PATIENCE, self.pieces.send(piece)).await, Ok(Ok(())))
    }
}

/// A record as an event. JSON has no line breaks of its own, so one `data` line holds it.
fn written(log: &str, record: &AuditRecord) -> String {
    let name = record.body.as_ref().and_then(|body| body.get("event")).and_then(|name| name.as_str());
    let data = serde_json::to_string(record).unwrap_or_default();
    let id = place::written(log, LogIndex(record.leaf));
    format!("id: {id}\nevent: {}\ndata: {data}\n\n", name.unwrap_or("erased"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_record_on_one_line() {
        let body = serde_json::json!({"event": "device-retired", "because": "a\nb"});
        let record = AuditRecord { leaf: 7, at: "x".to_owned(), kind: 12, body: Some(body) };
        let text = written("1f2e3d4c", &record);
        assert!(text.starts_with("id: 1f2e3d4c-7\nevent: device-retired\ndata: {") && text.ends_with("}\n\n"));
        assert_eq!(text.lines().count(), 4);
        let erased = written("1f2e3d4c", &AuditRecord { body: None, ..record });
        assert!(erased.contains("event: erased\n"));
    }
}
