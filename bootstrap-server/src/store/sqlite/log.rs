//! The log at its open end: appends a group of batches in one transaction, and signs what it has become.

use audit_log::{CompactRange, Leaf, LogIndex, NodeHash, Salt, TreeSize, UnixMillis, UnverifiedCheckpoint};
use pki::key::random;
use sqlx::{Connection, SqliteConnection, sqlite::SqliteQueryResult};

use super::apply;
use crate::{
    audit::CheckpointKey,
    store::{Batch, StoreError},
};

/// What became of one batch of a group.
pub(super) type Outcome = Result<LogIndex, StoreError>;

/// A connection for writing, and the tree over the leaves that are in the database.
pub(super) struct OpenLog {
    connection: SqliteConnection,
    tree: CompactRange,
}

impl OpenLog {
    /// Takes up the log where it ends. The tree must be the one that the last checkpoint signed.
    pub(super) async fn resume(mut connection: SqliteConnection, key: &CheckpointKey) -> Result<Self, StoreError> {
        let stored: Option<(i64, Vec<u8>, String)> =
            sqlx::query_as("SELECT size, frontier, note FROM checkpoint").fetch_optional(&mut connection).await?;
        let (leaves, end): (i64, i64) = sqlx::query_as("SELECT COUNT(*), COALESCE(MAX(position) + 1, 0) FROM leaf")
            .fetch_one(&mut connection)
            .await?;
        if leaves != end {
            return Err(corrupt("an audit log with a leaf missing"));
        }
        let Some((size, frontier, note)) = stored else {
            return if leaves == 0 {
                Ok(Self { connection, tree: CompactRange::new() })
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
        Ok(Self { connection, tree })
    }

    /// Appends `batches` in one transaction; gives what became of each. A batch that cannot be applied fails alone.
    ///
    /// After an error of the whole, this log is of no use any more: what state the transaction is in, and whether a
    /// COMMIT that failed came through, is known only to whoever reads the file again.
    pub(super) async fn append(&mut self, batches: &[&Batch], key: &CheckpointKey) -> Result<Vec<Outcome>, StoreError> {
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        let mut tree = self.tree.clone();
        let mut outcomes = Vec::with_capacity(batches.len());
        for batch in batches {
            let mut savepoint = transaction.begin().await?;
            let mut grown = tree.clone();
            match apply_batch(&mut savepoint, &mut grown, batch).await {
                Ok(first) => {
                    savepoint.commit().await?;
                    tree = grown;
                    outcomes.push(Ok(first));
                }
                // It was not this batch's fault, and the next would fare no better.
                Err(error @ (StoreError::Database { .. } | StoreError::InUse)) => return Err(error),
                Err(error) => {
                    savepoint.rollback().await?;
                    outcomes.push(Err(error));
                }
            }
        }
        if tree.size() == self.tree.size() {
            // Nothing was appended, so there is nothing to sign or to sync.
            transaction.rollback().await?;
            return Ok(outcomes);
        }
        sign(&mut transaction, self.tree.size(), &tree, key).await?;
        transaction.commit().await?;
        self.tree = tree;
        Ok(outcomes)
    }

    pub(super) async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::error!(%error, "closing the database");
        }
    }
}

/// Puts the checkpoint of `tree` in the place of the one that signed `before` leaves, and of no other.
async fn sign(
    connection: &mut SqliteConnection,
    before: TreeSize,
    tree: &CompactRange,
    key: &CheckpointKey,
) -> Result<(), StoreError> {
    let checkpoint = key
        .sign(&audit_log::Origin::from(key.verifier().name()), tree.head())
        .map_err(|_| corrupt("a checkpoint that could not be signed"))?;
    let replaced = sqlx::query(
        "INSERT INTO checkpoint (only, size, frontier, note)
         SELECT 1, $1, $2, $3 WHERE COALESCE((SELECT size FROM checkpoint), 0) = $4
         ON CONFLICT (only) DO UPDATE SET size = $1, frontier = $2, note = $3",
    )
    .bind(integer(tree.size().0)?)
    .bind(tree.nodes().iter().flat_map(|node| node.0).collect::<Vec<u8>>())
    .bind(checkpoint.signed_note())
    .bind(integer(before.0)?)
    .execute(connection)
    .await?;
    one_row(&replaced)
}

/// Applies the events of one batch and appends their leaves; gives the index of the first.
async fn apply_batch(connection: &mut SqliteConnection, tree: &mut CompactRange, batch: &Batch) -> Outcome {
    let first = LogIndex(tree.size().0);
    let now = UnixMillis(now_millis());
    for event in batch.events() {
        let body = event.body(batch.actor());
        let salt = Salt::new(random().map_err(|error| StoreError::Database { detail: error.to_string() })?);
        let leaf = Leaf::commit_to(now, event.kind(), &salt, &body);
        let position = integer(tree.append(leaf.hash()).0)?;
        let appended = sqlx::query(
            "INSERT INTO leaf (position, leaf, salt, body) VALUES ($1, $2, $3, $4) ON CONFLICT (position) DO NOTHING",
        )
        .bind(position)
        .bind(leaf.encode().as_slice())
        .bind(salt.as_bytes().as_slice())
        .bind(body)
        .execute(&mut *connection)
        .await?;
        one_row(&appended)?;
        apply::event(connection, event, position, now).await?;
    }
    Ok(first)
}

/// A place in the log that is not as this writer left it was taken by another one.
fn one_row(result: &SqliteQueryResult) -> Result<(), StoreError> {
    if result.rows_affected() == 1 { Ok(()) } else { Err(StoreError::InUse) }
}

fn integer(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| corrupt("the audit log's size"))
}

const fn corrupt(what: &'static str) -> StoreError {
    StoreError::Corrupt { what }
}

fn now_millis() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
