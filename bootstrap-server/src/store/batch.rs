//! What a store is asked to do, as one piece.

use audit_log::LogIndex;
use pki::digest::Digest;

use super::Place;
use crate::{
    audit::Event,
    domain::{Actor, DeviceId, UserName},
};

/// One or more events that become durable together. There is no change without an event; what says how far a webhook was
/// told of events changes nothing ([`Batch::delivered`]).
#[derive(Clone, Debug)]
pub struct Batch {
    events: Vec<Event>,
    actor: Option<Actor>,
    urgency: Urgency,
    expected: Vec<(DeviceId, LogIndex)>,
    answer: Option<(UserName, String, KeptAnswer)>,
    delivery: Option<(String, Place)>,
}

/// Who waits for a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Urgency {
    /// A device or a person. Goes into the next transaction.
    #[default]
    Interactive,
    /// A long import. Gives way: each transaction takes a little of it.
    Bulk,
}

impl Batch {
    /// How far the webhook of this name was told: `next` is the first leaf that it was not told of. Nothing else is noted so:
    /// it is of no consequence for any device, and a leaf about it would have to be told too.
    #[must_use]
    pub fn delivered(webhook: &str, next: Place) -> Self {
        let delivery = Some((webhook.to_owned(), next));
        let (events, expected) = (Vec::new(), Vec::new());
        Self { events, actor: None, urgency: Urgency::Bulk, expected, answer: None, delivery }
    }

    /// The same batch with one more event.
    #[must_use]
    pub fn and(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    /// The same batch, caused by somebody.
    #[must_use]
    pub fn by(mut self, actor: Actor) -> Self {
        self.actor = Some(actor);
        self
    }

    /// The same batch, which gives way to others.
    #[must_use]
    pub const fn bulk(mut self) -> Self {
        self.urgency = Urgency::Bulk;
        self
    }

    /// The same batch, which fails with [`StoreError::Changed`] unless the device's record has this version.
    ///
    /// [`StoreError::Changed`]: super::StoreError::Changed
    #[must_use]
    pub fn expecting(mut self, device: DeviceId, version: LogIndex) -> Self {
        self.expected.push((device, version));
        self
    }

    /// The same batch; `answer` is kept together with the change, under this user's idempotency key. Fails with
    /// [`StoreError::AnsweredBefore`] when the key was used meanwhile.
    ///
    /// [`StoreError::AnsweredBefore`]: super::StoreError::AnsweredBefore
    #[must_use]
    pub fn answering(mut self, user: UserName, key: String, answer: KeptAnswer) -> Self {
        self.answer = Some((user, key, answer));
        self
    }

    /// The events, in order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Who caused them.
    #[must_use]
    pub const fn actor(&self) -> Option<&Actor> {
        self.actor.as_ref()
    }

    /// Who waits for it.
    #[must_use]
    pub const fn urgency(&self) -> Urgency {
        self.urgency
    }
}

impl Batch {
    /// The records that must not have changed, with the versions that the caller saw.
    pub(super) fn expectations(&self) -> &[(DeviceId, LogIndex)] {
        &self.expected
    }

    /// How far which webhook was told.
    pub(super) fn delivery(&self) -> Option<(&str, Place)> {
        self.delivery.as_ref().map(|(webhook, next)| (webhook.as_str(), *next))
    }

    /// The answer to keep, and under whose key.
    pub(super) const fn answer(&self) -> Option<&(UserName, String, KeptAnswer)> {
        self.answer.as_ref()
    }
}

impl From<Event> for Batch {
    fn from(event: Event) -> Self {
        let (events, expected) = (vec![event], Vec::new());
        Self { events, actor: None, urgency: Urgency::Interactive, expected, answer: None, delivery: None }
    }
}

/// What was answered to a request that named an idempotency key, for whoever sends it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// SHA-256 of the request.
    pub request: Digest,
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// How full a store's queue is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Batches that wait to be written.
    pub waiting: usize,
    /// Batches that may wait.
    pub capacity: usize,
}
