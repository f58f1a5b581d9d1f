//! How a webhook does, for people who ask.

use std::sync::{Mutex, PoisonError};

use audit_log::{TreeSize, UnixMillis};

use crate::store::{LogNumber, Place};

/// How one webhook does.
#[derive(Debug)]
pub(crate) struct Standing {
    name: String,
    now: Mutex<Now>,
}

#[derive(Clone, Debug)]
struct Now {
    next: Option<Place>,
    failing: Option<(UnixMillis, String)>,
}

/// What is wrong with a receiver: since when, and what it was the last time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failing {
    pub(crate) since: UnixMillis,
    pub(crate) error: String,
}

impl Standing {
    pub(super) const fn new(name: String) -> Self {
        Self { name, now: Mutex::new(Now { next: None, failing: None }) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How many leaves of this log it has still to be told of, or to pass over. One that is in an earlier log has all of it
    /// before it.
    pub(crate) fn behind(&self, log: LogNumber, size: TreeSize) -> u64 {
        match self.locked().next {
            Some(next) if next.log == log => size.0.saturating_sub(next.position.0),
            Some(_) => size.0,
            None => 0,
        }
    }

    pub(crate) fn failing(&self) -> Option<Failing> {
        self.locked().failing.clone().map(|(since, error)| Failing { since, error })
    }

    pub(super) fn is_at(&self, next: Place) {
        self.locked().next = Some(next);
    }

    /// Notes a failure; tells whether it is the first after something went well.
    pub(super) fn failed(&self, at: UnixMillis, error: String) -> bool {
        let mut now = self.locked();
        let since = now.failing.as_ref().map(|(since, _)| *since);
        now.failing = Some((since.unwrap_or(at), error));
        since.is_none()
    }

    /// Notes that all is well; tells whether it was not before.
    pub(super) fn succeeded(&self) -> bool {
        self.locked().failing.take().is_some()
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
