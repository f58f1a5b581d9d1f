//! The one writer: group commit without a timer.
//!
//! A transaction takes whatever queued while the one before it was being synced. A single caller pays one sync; a
//! thousand callers pay a few.

use std::sync::Arc;

use audit_log::{CompactRange, Leaf, LogIndex, NodeHash, Salt, TreeSize, UnixMillis, UnverifiedCheckpoint};
use pki::key::random;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::apply;
use crate::{
    audit::CheckpointKey,
    store::{Batch, StoreError},
};

/// Most batches in one transaction: bounds how long the first of them waits.
const GROUP: usize = 512;

/// A batch and whoever waits for it.
pub(super) struct Pending {
    batch: Batch,
    done: oneshot::Sender<Result<LogIndex, StoreError>>,
}

impl Pending {
    pub(super) fn new(batch: Batch) -> (Self, oneshot::Receiver<Result<LogIndex, StoreError>>) {
        let (done, waiting) = oneshot::channel();
        (Self { batch, done }, waiting)
    }
}

/// A batch that was tried, and what its caller will hear once the transaction is durable.
struct Tried {
    done: oneshot::Sender<Result<LogIndex, StoreError>>,
    outcome: Result<LogIndex, StoreError>,
}

pub(super) struct Writer {
    connection: SqliteConnection,
    tree: CompactRange,
    key: Arc<CheckpointKey>,
}

impl Writer {
    /// Takes up the log where it ends. The tree must be the one that the last checkpoint signed.
    pub(super) async fn resume(mut connection: SqliteConnection, key: Arc<CheckpointKey>) -> Result<Self, StoreError> {
        let stored: Option<(i64, Vec<u8>, String)> =
            sqlx::query_as("SELECT size, frontier, note FROM checkpoint").fetch_optional(&mut connection).await?;
        let leaves: i64 =
            sqlx::query_scalar("SELECT COALESCE(MAX(position) + 1, 0) FROM leaf").fetch_one(&mut connection).await?;
        let corrupt = |what| StoreError::Corrupt { what };
        let Some((size, frontier, note)) = stored else {
            return if leaves == 0 {
                Ok(Self { connection, tree: CompactRange::new(), key })
            } else {
                Err(corrupt("an audit log without a checkpoint"))
            };
        };
        if size != leaves {
            return Err(corrupt("an audit log of another length than its checkpoint"));
        }
        let nodes = frontier.chunks(32).map(|node| node.try_into().map(NodeHash)).collect::<Result<_, _>>();
        let nodes = nodes.map_err(|_| corrupt("the edge of the audit log's tree"))?;
        let size = u64::try_from(size).map_err(|_| corrupt("the size of the audit log"))?;
        let tree =
            CompactRange::resume(TreeSize(size), nodes).map_err(|_| corrupt("the edge of the audit log's tree"))?;
        let checkpoint = UnverifiedCheckpoint::parse(note.as_bytes())
            .ok()
            .and_then(|checkpoint| checkpoint.verify(key.verifier()).ok())
            .ok_or_else(|| corrupt("a checkpoint that this log's key did not sign"))?;
        if *checkpoint.head() != tree.head() {
            return Err(corrupt("an audit log that is not the one its checkpoint signed"));
        }
        Ok(Self { connection, tree, key })
    }

    /// Runs until every sender is gone and the queue is empty.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Pending>) {
        let mut group = Vec::with_capacity(GROUP);
        while queue.recv_many(&mut group, GROUP).await > 0 {
            self.commit(&mut group).await;
        }
        if let Err(error) = self.connection.close().await {
            tracing::error!(%error, "closing the database");
        }
    }

    /// Commits a group and answers everybody in it. A batch that cannot be applied fails alone.
    async fn commit(&mut self, group: &mut Vec<Pending>) {
        let before = self.tree.clone();
        let mut tried = Vec::with_capacity(group.len());
        match self.transaction(group, &mut tried).await {
            Ok(()) => {
                for Tried { done, outcome } in tried {
                    // A caller that went away has nobody to tell; what it asked for is durable all the same.
                    let _told = done.send(outcome);
                }
            }
            Err(error) => {
                // Nothing of the group happened: the tree goes back to where the database is.
                self.tree = before;
                tracing::error!(%error, "a transaction failed");
                let waiting = tried.into_iter().map(|it| it.done).chain(group.drain(..).map(|it| it.done));
                for done in waiting {
                    let _told = done.send(Err(error.clone()));
                }
            }
        }
    }

    async fn transaction(&mut self, group: &mut Vec<Pending>, tried: &mut Vec<Tried>) -> Result<(), StoreError> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        for Pending { batch, done } in group.drain(..) {
            let mut savepoint = transaction.begin().await?;
            let mut tree = self.tree.clone();
            match apply_batch(&mut savepoint, &mut tree, &batch).await {
                Ok(first) => {
                    savepoint.commit().await?;
                    self.tree = tree;
                    tried.push(Tried { done, outcome: Ok(first) });
                }
                Err(error) => {
                    savepoint.rollback().await?;
                    tried.push(Tried { done, outcome: Err(error) });
                }
            }
        }
        let failed = |_| StoreError::Corrupt { what: "a checkpoint that could not be signed" };
        let checkpoint = self.key.sign(self.tree.head()).map_err(failed)?;
        let size =
            i64::try_from(self.tree.size().0).map_err(|_| StoreError::Corrupt { what: "the audit log's size" })?;
        sqlx::query(
            "INSERT INTO checkpoint (only, size, frontier, note) VALUES (1, $1, $2, $3)
             ON CONFLICT (only) DO UPDATE SET size = $1, frontier = $2, note = $3",
        )
        .bind(size)
        .bind(self.tree.nodes().iter().flat_map(|node| node.0).collect::<Vec<u8>>())
        .bind(checkpoint.signed_note())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// Applies the events of one batch and appends their leaves; gives the index of the first.
async fn apply_batch(
    connection: &mut SqliteConnection,
    tree: &mut CompactRange,
    batch: &Batch,
) -> Result<LogIndex, StoreError> {
    let first = LogIndex(tree.size().0);
    let now = UnixMillis(now_millis());
    for event in batch.events() {
        let body = event.body();
        let salt = Salt::new(random().map_err(|error| StoreError::Database { detail: error.to_string() })?);
        let leaf = Leaf::commit_to(now, event.kind(), &salt, &body);
        let position = i64::try_from(tree.append(leaf.hash()).0)
            .map_err(|_| StoreError::Corrupt { what: "the audit log's size" })?;
        sqlx::query("INSERT INTO leaf (position, leaf, salt, body) VALUES ($1, $2, $3, $4)")
            .bind(position)
            .bind(leaf.encode().as_slice())
            .bind(salt.as_bytes().as_slice())
            .bind(body)
            .execute(&mut *connection)
            .await?;
        apply::event(connection, event, position, now).await?;
    }
    Ok(first)
}

fn now_millis() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
