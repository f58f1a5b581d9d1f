//! The one writer: group commit without a timer.
//!
//! A transaction takes whatever queued while the one before it was being synced. A single caller pays one sync; a
//! thousand callers pay a few. After a failure, such as a full disk, the writer reads the file again before the next
//! group, and goes on once that succeeds.

use std::{fs::File, sync::Arc};

use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};
use tokio::sync::{mpsc, oneshot};

use super::{
    SCHEMA,
    log::{OpenLog, Outcome},
};
use crate::{
    audit::CheckpointKey,
    store::{Batch, StoreError},
};

/// Most batches in one transaction: bounds how long the first of them waits.
const GROUP: usize = 512;

/// A batch and whoever waits for it.
pub(super) struct Pending {
    batch: Batch,
    done: oneshot::Sender<Outcome>,
}

impl Pending {
    pub(super) fn new(batch: Batch) -> (Self, oneshot::Receiver<Outcome>) {
        let (done, waiting) = oneshot::channel();
        (Self { batch, done }, waiting)
    }

    fn answer(self, outcome: Outcome) {
        // A caller that went away has nobody to tell; what it asked for is durable all the same.
        let _told = self.done.send(outcome);
    }
}

pub(super) struct Writer {
    options: SqliteConnectOptions,
    key: Arc<CheckpointKey>,
    /// None after a failure, until the file has been read again.
    log: Option<OpenLog>,
    /// Keeps other writers out until the last connection of this one is closed.
    _lock: File,
}

impl Writer {
    /// Opens the database for its only writer, which holds `lock`.
    pub(super) async fn open(
        options: SqliteConnectOptions,
        key: Arc<CheckpointKey>,
        lock: File,
    ) -> Result<Self, StoreError> {
        let mut connection = options.connect().await?;
        sqlx::raw_sql(SCHEMA).execute(&mut connection).await?;
        let log = OpenLog::resume(connection, &key).await?;
        Ok(Self { options, key, log: Some(log), _lock: lock })
    }

    /// Runs until every sender is gone and the queue is empty.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Pending>) {
        let mut group = Vec::with_capacity(GROUP);
        while queue.recv_many(&mut group, GROUP).await > 0 {
            self.commit(&mut group).await;
        }
        if let Some(log) = self.log.take() {
            log.close().await;
        }
    }

    /// Commits a group and answers everybody in it.
    async fn commit(&mut self, group: &mut Vec<Pending>) {
        let batches: Vec<&Batch> = group.iter().map(|pending| &pending.batch).collect();
        match self.append(&batches).await {
            Ok(outcomes) => {
                for (pending, outcome) in group.drain(..).zip(outcomes) {
                    pending.answer(outcome);
                }
            }
            Err(error) => {
                tracing::error!(%error, "a transaction failed");
                for pending in group.drain(..) {
                    pending.answer(Err(error.clone()));
                }
            }
        }
    }

    /// Appends to the log. It is kept only if that succeeds, and read afresh from the file if there is none.
    async fn append(&mut self, batches: &[&Batch]) -> Result<Vec<Outcome>, StoreError> {
        let mut log = match self.log.take() {
            Some(log) => log,
            None => OpenLog::resume(self.options.connect().await?, &self.key).await?,
        };
        let outcomes = log.append(batches, &self.key).await;
        match &outcomes {
            Ok(_) => self.log = Some(log),
            Err(_) => log.close().await,
        }
        outcomes
    }
}
