//! The one writer of this process: group commit without a timer.
//!
//! A transaction takes whatever queued while the one before it was being synced. A single caller pays one sync; a
//! thousand callers pay a few. After a failure, such as a full disk or a lost connection, the writer connects and reads
//! the database again before the next group, and goes on once that succeeds.

use std::{
    fs::File,
    sync::{Arc, OnceLock},
    time::Duration,
};

use audit_log::{TreeSize, UnixMillis};
use tokio::{sync::watch, time::Instant};

use super::{
    proofs::Proofs,
    queue::{Group, Pending, Queue, Wake},
    session::{AppendError, Mark, Session},
    target::Target,
};
use crate::{
    audit::CheckpointKey,
    metrics::Metrics,
    store::{Batch, DatabaseFault, StoreError, plan::Outcome},
};

/// Most proofs of identity that go along with a transaction.
const PROOFS: usize = 128;
/// How long the writer tries to find out what became of a COMMIT that failed, and how often.
const SETTLE: Duration = Duration::from_secs(10);
const SETTLE_AGAIN: Duration = Duration::from_millis(200);

pub(super) struct Writer {
    pub(super) target: Target,
    pub(super) key: Arc<CheckpointKey>,
    pub(super) proofs: Arc<Proofs>,
    pub(super) growth: watch::Sender<TreeSize>,
    /// Where transactions are counted, once somebody has said so.
    pub(super) metrics: Arc<OnceLock<Metrics>>,
    /// None after a failure, until the database has been read again.
    pub(super) session: Option<Session>,
    /// Keeps other writers out of a file until the last connection of this one is closed.
    pub(super) _lock: Option<File>,
}

impl Writer {
    /// Runs until everybody who could hand over a batch is gone and the queue is empty.
    pub(super) async fn run(mut self, mut queue: Queue) {
        let mut group = Group::default();
        loop {
            match queue.next(&mut group).await {
                Wake::Group => {
                    // Each by itself: what fails with the one does not fail with the other.
                    if !group.leases.is_empty() {
                        self.lend(&mut group.leases).await;
                    }
                    if !group.batches.is_empty() {
                        self.commit(&mut group.batches).await;
                    }
                }
                Wake::Idle => self.tidy().await,
                Wake::Closed => break,
            }
        }
        self.note_proofs().await;
        if let Some(session) = self.session.take() {
            session.close().await;
        }
    }

    /// Commits a group and answers everybody in it.
    async fn commit(&mut self, group: &mut Vec<Pending>) {
        let batches: Vec<&Batch> = group.iter().map(|pending| &pending.batch).collect();
        let outcomes = match self.append(&batches).await {
            // Something in this group may be what the database does not take: let nobody else suffer for it. Or somebody
            // else wrote, so that what was remembered is not what is there any more: a new session knows better.
            Err(error) if is_worth_another_try(&error) => {
                let mut outcomes = Vec::with_capacity(batches.len());
                for batch in &batches {
                    let outcome = self.append(&[batch]).await;
                    outcomes.push(outcome.and_then(|one| one.into_iter().next().unwrap_or(Err(StoreError::Closed))));
                }
                outcomes
            }
            Err(error) => vec![Err(error); batches.len()],
            Ok(outcomes) => outcomes,
        };
        for (pending, outcome) in group.drain(..).zip(outcomes) {
            pending.answer(outcome);
        }
    }

    /// Appends to the log. The session is kept only if that succeeds, and made afresh if there is none.
    async fn append(&mut self, batches: &[&Batch]) -> Result<Vec<Outcome>, StoreError> {
        let begin = Instant::now();
        let outcomes = self.transact(batches).await?;
        if let Some(metrics) = self.metrics.get() {
            metrics.committed(batches.len(), begin.elapsed());
        }
        Ok(outcomes)
    }

    async fn transact(&mut self, batches: &[&Batch]) -> Result<Vec<Outcome>, StoreError> {
        let proofs = self.proofs.take(PROOFS);
        let appended = match self.session().await {
            Ok(mut session) => {
                let appended = session.append(batches, &proofs, now(), &self.key).await;
                match &appended {
                    Ok(_) => self.keep(session),
                    Err(_) => session.close().await,
                }
                appended
            }
            Err(error) => Err(AppendError::Failed(error)),
        };
        match appended {
            Ok(outcomes) => Ok(outcomes),
            Err(AppendError::Failed(error)) => {
                self.proofs.restore(proofs);
                tracing::error!(%error, "a transaction failed");
                Err(error)
            }
            Err(AppendError::Unsettled { error, mark, outcomes }) => {
                tracing::error!(%error, "a COMMIT failed");
                self.settle(error, &mark, outcomes).await
            }
        }
    }

    /// Finds out what became of a transaction whose COMMIT failed.
    async fn settle(
        &mut self,
        error: StoreError,
        mark: &Mark,
        outcomes: Vec<Outcome>,
    ) -> Result<Vec<Outcome>, StoreError> {
        let deadline = Instant::now() + SETTLE;
        loop {
            let held = match self.session().await {
                Ok(mut session) => {
                    let held = session.holds(mark).await;
                    match held {
                        Ok(_) => self.keep(session),
                        Err(_) => session.close().await,
                    }
                    held
                }
                Err(error) => Err(error),
            };
            match held {
                Ok(true) => return Ok(outcomes),
                Ok(false) => return Err(error),
                Err(again) if Instant::now() > deadline => {
                    tracing::error!(error = %again, "what became of a transaction is not known");
                    return Err(StoreError::Unsettled { detail: error.to_string() });
                }
                Err(_) => tokio::time::sleep(SETTLE_AGAIN).await,
            }
        }
    }

    /// The session that is open, or a new one.
    pub(super) async fn session(&mut self) -> Result<Session, StoreError> {
        match self.session.take() {
            Some(session) => Ok(session),
            None => Session::open(&self.target, self.key.verifier()).await,
        }
    }

    pub(super) fn keep(&mut self, session: Session) {
        let size = session.head().tree.size();
        // Another server may have been seen to be further.
        self.growth.send_if_modified(|known| known.0 < size.0 && std::mem::replace(known, size) != size);
        self.session = Some(session);
    }

    /// What is done when there is time for it.
    async fn tidy(&mut self) {
        self.note_proofs().await;
        if let Ok(mut session) = self.session().await {
            let tidied = match session.purge(now()).await {
                Ok(()) => session.fold().await,
                Err(error) => Err(error),
            };
            match tidied {
                Ok(()) => self.keep(session),
                Err(error) => {
                    tracing::warn!(%error, "what is no longer wanted could not be removed");
                    session.close().await;
                }
            }
        }
    }

    /// Writes the proofs of identity that nothing took along.
    async fn note_proofs(&mut self) {
        loop {
            let proofs = self.proofs.take(PROOFS);
            if proofs.is_empty() {
                return;
            }
            let Ok(mut session) = self.session().await else { return self.proofs.restore(proofs) };
            match session.append(&[], &proofs, now(), &self.key).await {
                Ok(_) => self.keep(session),
                Err(_) => {
                    session.close().await;
                    return self.proofs.restore(proofs);
                }
            }
        }
    }
}

/// Whether a group failed for something that may be in one of its batches, or in what its session remembered, so that each
/// batch is worth trying by itself. What may have come through is not tried again: it would be made twice.
const fn is_worth_another_try(error: &StoreError) -> bool {
    matches!(error, StoreError::Database { fault: DatabaseFault::Other, .. })
}

/// The time that leaves get.
pub(super) fn now() -> UnixMillis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_come_through_is_not_tried_again() {
        let detail = || "disk I/O error".to_owned();
        assert!(is_worth_another_try(&StoreError::Database { fault: DatabaseFault::Other, detail: detail() }));
        assert!(!is_worth_another_try(&StoreError::Database { fault: DatabaseFault::Full, detail: detail() }));
        assert!(!is_worth_another_try(&StoreError::Unsettled { detail: detail() }));
    }
}
