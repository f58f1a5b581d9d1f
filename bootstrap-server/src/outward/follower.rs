//! Follows the log for one webhook: every record it chose, in order, until the receiver says that it has it.

use std::{sync::Arc, time::Duration};

use audit_log::LogIndex;
use tokio::{sync::watch, time::Instant};

use super::{Standing, Webhook, message::Message, post::Poster};
use crate::{
    api,
    audit::CheckpointKey,
    store::{Batch, LogNumber, Place, Store, StoreError, StoredRecord},
};

/// Records read at a time.
const PAGE: u32 = 100;
/// How long a receiver that fails is left alone: at first, and at most.
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often it is written down how far a webhook was told. What it was told since is told again after a crash.
const NOTE: Duration = Duration::from_secs(1);
/// How often the log is looked at where the store does not say that it grew.
const LOOK: Duration = Duration::from_secs(1);

/// Follows the log for one webhook.
pub(crate) struct Follower {
    webhook: Webhook,
    poster: Poster,
    standing: Arc<Standing>,
    store: Arc<dyn Store>,
    key: Arc<CheckpointKey>,
    /// How far it was told when that was last written down.
    noted: Option<Place>,
    noted_at: Instant,
}

impl Follower {
    pub(crate) fn new(webhook: Webhook, store: Arc<dyn Store>, key: Arc<CheckpointKey>) -> Self {
        let standing = Arc::new(Standing::new(webhook.name.clone()));
        let poster = Poster::new(webhook.clone());
        Self { webhook, poster, standing, store, key, noted: None, noted_at: Instant::now() }
    }

    /// How it does, while it runs and after.
    pub(crate) fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.standing)
    }

    /// Runs until the server stops, and writes down how far it came.
    pub(crate) async fn run(mut self, mut stopping: watch::Receiver<()>) {
        let mut next = None;
        tokio::select! {
            () = self.follow(&mut next) => {}
            _ = stopping.changed() => {}
        }
        if let Some(next) = next {
            self.note(next).await;
        }
    }

    /// Never ends. `next` is at any time the first record that the receiver has not confirmed.
    async fn follow(&mut self, next: &mut Option<Place>) {
        let mut growth = self.store.growth();
        let mut place = self.begin().await;
        loop {
            self.standing.is_at(place);
            *next = Some(place);
            // Seen before it is read: what comes in between makes the next wait short.
            growth.mark_unchanged();
            let records = match self.page(place).await {
                Ok(records) => records,
                Err(error) => {
                    self.trouble(error.to_string());
                    tokio::time::sleep(LOOK).await;
                    continue;
                }
            };
            if records.is_empty() {
                if place.log < self.store.log() {
                    // A restoration began another log, which goes on where this one ended.
                    place = Place { log: LogNumber(place.log.0.saturating_add(1)), position: LogIndex(0) };
                    continue;
                }
                // Whatever was wrong is over: nothing waits.
                let _recovered = self.standing.succeeded();
                self.note_now_and_then(place).await;
                if self.noted == Some(place) {
                    if growth.changed().await.is_err() {
                        tokio::time::sleep(LOOK).await;
                    }
                } else {
                    // What was told is to be written down soon, also when nothing more happens.
                    let _grown = tokio::time::timeout(NOTE, growth.changed()).await;
                }
                continue;
            }
            for record in records {
                self.tell(&record).await;
                place = Place { log: place.log, position: LogIndex(record.position.0.saturating_add(1)) };
                *next = Some(place);
                self.standing.is_at(place);
                self.note_now_and_then(place).await;
            }
        }
    }

    /// Where it goes on. A webhook that is new is told of what happens from now on, and that is written down at once.
    async fn begin(&mut self) -> Place {
        loop {
            match self.store.delivered(&self.webhook.name).await {
                Ok(Some(place)) => {
                    self.noted = Some(place);
                    return place;
                }
                Ok(None) => {
                    let place = Place { log: self.store.log(), position: LogIndex(self.store.growth().borrow().0) };
                    self.note(place).await;
                    if self.noted.is_some() {
                        return place;
                    }
                }
                Err(error) => self.trouble(error.to_string()),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn page(&self, place: Place) -> Result<Vec<StoredRecord>, StoreError> {
        if place.log == self.store.log() {
            self.store.records(place.position, PAGE).await
        } else {
            self.store.log_snapshot().await?.archived_records(place.log, place.position, PAGE).await
        }
    }

    /// Tells the receiver of a record, if it wants to hear of it, until it has it.
    async fn tell(&mut self, record: &StoredRecord) {
        let mut pause = PAUSE;
        loop {
            let message = match self.message(record).await {
                Ok(Some(message)) => message,
                Ok(None) => return,
                Err(error) => {
                    self.trouble(error);
                    tokio::time::sleep(pause).await;
                    pause = longer(pause);
                    continue;
                }
            };
            match self.poster.post(&message).await {
                Ok(()) => {
                    if self.standing.succeeded() {
                        tracing::info!(webhook = self.webhook.name, "the receiver takes events again");
                    }
                    return;
                }
                Err(error) => self.trouble(error.to_string()),
            }
            tokio::time::sleep(pause).await;
            pause = longer(pause);
        }
    }

    /// The message for a record; `None` when the receiver does not want to hear of it.
    async fn message(&self, record: &StoredRecord) -> Result<Option<Message>, String> {
        // `sztp audit verify` is who complains of a leaf that cannot be read.
        let Some(shown) = api::record(record) else { return Ok(None) };
        let body = shown.body.as_ref();
        let event = body.and_then(|body| body.get("event")).and_then(serde_json::Value::as_str);
        if let Some(events) = &self.webhook.events
            && !event.is_some_and(|event| events.contains(event))
        {
            return Ok(None);
        }
        // RFC 8572 Appendix C.3: the keys with the completion, so that the device can be authenticated from now on.
        let has_keys = body.and_then(|body| body.get("keys")?.as_array()).is_some_and(|keys| !keys.is_empty());
        let place = Place { log: record.log, position: record.position };
        let keys = match has_keys {
            true => self.store.reported_keys(place).await.map_err(|error| error.to_string())?,
            false => Vec::new(),
        };
        Message::new(record.log, shown, &keys, &self.key).map(Some).map_err(|error| error.to_string())
    }

    async fn note_now_and_then(&mut self, next: Place) {
        if self.noted != Some(next) && self.noted_at.elapsed() >= NOTE {
            self.note(next).await;
        }
    }

    /// Writes down how far the receiver was told. It may fail: then it is told again.
    async fn note(&mut self, next: Place) {
        if self.noted == Some(next) {
            return;
        }
        match self.store.commit(Batch::delivered(&self.webhook.name, next)).await {
            Ok(_) => (self.noted, self.noted_at) = (Some(next), Instant::now()),
            Err(error) => {
                tracing::warn!(webhook = self.webhook.name, %error, "how far it was told is not written down")
            }
        }
    }

    fn trouble(&self, error: String) {
        if self.standing.failed(api::now(), error.clone()) {
            tracing::warn!(
                webhook = self.webhook.name,
                error,
                "a webhook fails, and is tried again until it has every event"
            );
        }
    }
}

/// The next pause: twice as long, and not the same for all that fail together.
fn longer(pause: Duration) -> Duration {
    let spread = pki::key::random::<1>().map_or(0, |[octet]| octet);
    (pause * 2).min(LONGEST_PAUSE).mul_f64(0.75 + f64::from(spread) / 1024.0)
}
