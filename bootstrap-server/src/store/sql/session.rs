//! The log at its open end: appends a group of batches in one transaction, and signs what it has become.

use std::time::Duration;

use audit_log::{LogIndex, Salt, UnixMillis, VerifierKey};
use pki::key::random;
use sqlx::{AnyConnection, Connection as _, Row as _, any::AnyRow};

use super::{
    decode::corrupt,
    encode::{self, integer},
    erase,
    head::Head,
    load,
    statement::{Existing, insert},
    table::{self, Table, Value},
    target::{Dialect, Target},
};
use crate::{
    audit::CheckpointKey,
    domain::{DeviceId, Proof},
    store::{
        Batch, DatabaseFault, StoreError,
        plan::{self, Directory, Needs, Outcome, Situation},
        sqlite,
    },
};

/// How long a transaction may take, and after that its COMMIT. Far more than either needs: a database that is silent for
/// so long has been lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection for writing, and what its owner remembers of the database.
pub(super) struct Session {
    connection: AnyConnection,
    dialect: Dialect,
    head: Head,
    directory: Directory,
    /// Whether what was erased may stand in the write-ahead log still. At first nobody knows.
    unfolded: bool,
}

/// Why a group was not appended.
#[derive(Debug)]
pub(super) enum AppendError {
    /// It was not, for certain.
    Failed(StoreError),
    /// Its COMMIT failed: whether it came through is known only to whoever reads the database again.
    Unsettled {
        error: StoreError,
        /// Where to look, and what is there if it came through. No other writer can have made the same leaf.
        mark: Mark,
        outcomes: Vec<Outcome>,
    },
}

/// A leaf by which a transaction can be recognised.
#[derive(Debug)]
pub(super) struct Mark {
    position: LogIndex,
    leaf: Vec<u8>,
}

impl From<StoreError> for AppendError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<sqlx::Error> for AppendError {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Session {
    /// Connects to a database that has the schema of this release.
    pub(super) async fn open(target: &Target, key: &VerifierKey) -> Result<Self, StoreError> {
        let mut connection = target.connect_writer().await?;
        let mut transaction = connection.begin_with(target.dialect.begin_write()).await?;
        // A new database has no checkpoint yet. One that has leaves must have one.
        sqlx::query(
            "INSERT INTO checkpoint (number, size, frontier, note) SELECT 1, 0, $1, ''
             WHERE NOT EXISTS (SELECT 1 FROM leaf) ON CONFLICT (number) DO NOTHING",
        )
        .bind(Vec::<u8>::new())
        .execute(&mut *transaction)
        .await?;
        let row = locked(&mut transaction, target.dialect).await?;
        let head = Head::read(&mut transaction, &row, key).await?;
        let directory = load::directory(&mut transaction).await?;
        transaction.commit().await?;
        Ok(Self { connection, dialect: target.dialect, head, directory, unfolded: target.dialect == Dialect::Sqlite })
    }

    pub(super) const fn head(&self) -> &Head {
        &self.head
    }

    /// Appends `batches` in one transaction; says what became of each. A batch that cannot be applied fails alone.
    ///
    /// After an error this session is of no use any more: what state its transaction is in is not known.
    pub(super) async fn append(
        &mut self,
        batches: &[&Batch],
        proofs: &[(DeviceId, Proof)],
        now: UnixMillis,
        key: &CheckpointKey,
    ) -> Result<Vec<Outcome>, AppendError> {
        let Self { connection, dialect, head, directory, unfolded } = self;
        let mut transaction = within(connection.begin_with(dialect.begin_write())).await??;
        let prepare = async {
            let row = locked(&mut transaction, *dialect).await?;
            if !head.is_at(&row)? {
                // Another server wrote since.
                *head = Head::read(&mut transaction, &row, key.verifier()).await?;
                *directory = load::directory(&mut transaction).await?;
            }
            let mut needs = Needs::of(batches);
            needs.devices.extend(proofs.iter().map(|(id, _)| id.clone()));
            let loaded = load::needs(&mut transaction, &needs, head.log, super::kept_since(now)).await?;
            let situation = Situation { directory, loaded: &loaded, size: head.tree.size(), now };
            let plan::Plan { outcomes, mut changes } = plan::plan(&situation, batches, salt);
            plan::note_proofs(&mut changes, &loaded, proofs);

            let mut next = Next { head: head.clone(), directory: None, mark: None, erased: false };
            next.head.tree = plan::grown(&head.tree, &changes);
            if changes.touches_directory() {
                let mut followed = directory.clone();
                followed.follow(&changes);
                next.directory = Some(followed);
            }
            let first = changes.leaves.first();
            next.mark =
                first.map(|row| Mark { position: LogIndex(head.tree.size().0), leaf: row.leaf.encode().to_vec() });
            next.erased = !changes.erased.is_empty() || changes.devices.values().any(Option::is_none);
            let wrote = next.mark.is_some() || !(changes.devices.is_empty() && changes.deliveries.is_empty());
            for (table, key) in encode::removed(&changes) {
                remove(&mut transaction, table, key).await?;
            }
            erase::records(&mut transaction, head.log, &changes.erased).await?;
            for rows in encode::written(changes, head.log, head.tree.size().0)? {
                let existing = if rows.table.name == table::LEAF.name { Existing::Refused } else { Existing::Replaced };
                insert(&mut transaction, rows.table, existing, rows.rows).await?;
            }
            if next.mark.is_some() {
                sign(&mut transaction, &mut next.head, key).await?;
            }
            Ok::<_, StoreError>((outcomes, next, wrote))
        };
        let (outcomes, next, wrote) = within(prepare).await??;
        if !wrote {
            // Nothing was appended, so there is nothing to sign or to sync.
            transaction.rollback().await?;
            return Ok(outcomes);
        }
        let committed = within(transaction.commit()).await.and_then(|done| Ok(done?));
        match (committed, next.mark) {
            (Ok(()), _) => {}
            (Err(error), Some(mark)) => return Err(AppendError::Unsettled { error, mark, outcomes }),
            // Proofs only, which may be lost.
            (Err(error), None) => return Err(AppendError::Failed(error)),
        }
        *head = next.head;
        *unfolded |= next.erased && *dialect == Dialect::Sqlite;
        if let Some(followed) = next.directory {
            *directory = followed;
        }
        Ok(outcomes)
    }

    /// Whether the transaction with this mark came through. Waits for it to end, should it be under way still.
    pub(super) async fn holds(&mut self, mark: &Mark) -> Result<bool, StoreError> {
        let mut transaction = self.connection.begin_with(self.dialect.begin_write()).await?;
        locked(&mut transaction, self.dialect).await?;
        let leaf: Option<Vec<u8>> = sqlx::query_scalar("SELECT leaf FROM leaf WHERE position = $1")
            .bind(integer(mark.position.0)?)
            .fetch_optional(&mut *transaction)
            .await?;
        transaction.rollback().await?;
        Ok(leaf.as_ref() == Some(&mark.leaf))
    }

    /// Removes answers that nobody will ask for again.
    pub(super) async fn purge(&mut self, now: UnixMillis) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM kept_answer WHERE at < $1")
            .bind(encode::millis(super::kept_since(now)))
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }

    /// Empties SQLite's write-ahead log once something was erased, unless a reader is in the way: then later.
    pub(super) async fn fold(&mut self) -> Result<(), StoreError> {
        if self.unfolded {
            let [impatient, fold, patient] = sqlite::FOLD;
            sqlx::query(impatient).execute(&mut self.connection).await?;
            let row = sqlx::query(fold).fetch_one(&mut self.connection).await?;
            sqlx::query(patient).execute(&mut self.connection).await?;
            self.unfolded = row.try_get::<i64, _>(0)? != 0;
        }
        Ok(())
    }

    pub(super) async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::warn!(%error, "closing the database");
        }
    }
}

/// What the session remembers once the transaction is through.
struct Next {
    head: Head,
    directory: Option<Directory>,
    mark: Option<Mark>,
    erased: bool,
}

/// Reads the head of the log; nobody else appends until the transaction ends.
async fn locked(connection: &mut AnyConnection, dialect: Dialect) -> Result<AnyRow, StoreError> {
    let row = sqlx::query(dialect.lock_head()).fetch_optional(connection).await?;
    row.ok_or_else(|| corrupt("an audit log without a checkpoint"))
}

/// Puts the checkpoint of the tree that has grown in the place of the last.
async fn sign(connection: &mut AnyConnection, head: &mut Head, key: &CheckpointKey) -> Result<(), StoreError> {
    let checkpoint =
        key.sign(&head.origin, head.tree.head()).map_err(|_| corrupt("a checkpoint that could not be signed"))?;
    checkpoint.signed_note().clone_into(&mut head.note);
    sqlx::query("UPDATE checkpoint SET size = $1, frontier = $2, note = $3")
        .bind(integer(head.tree.size().0)?)
        .bind(head.tree.nodes().iter().flat_map(|node| node.0).collect::<Vec<u8>>())
        .bind(head.note.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn remove(connection: &mut AnyConnection, table: &Table, key: Vec<Value>) -> Result<(), StoreError> {
    let columns = table.columns.iter().zip(1..=key.len());
    let equal: Vec<_> = columns.map(|((name, _), number)| format!("{name} = ${number}")).collect();
    let text = format!("DELETE FROM {} WHERE {}", table.name, equal.join(" AND "));
    super::statement::bound(text, key).execute(connection).await?;
    Ok(())
}

pub(super) fn salt() -> Result<Salt, StoreError> {
    let entropy =
        random().map_err(|error| StoreError::Database { fault: DatabaseFault::Other, detail: error.to_string() })?;
    Ok(Salt::new(entropy))
}

async fn within<T>(work: impl Future<Output = T>) -> Result<T, StoreError> {
    tokio::time::timeout(PATIENCE, work).await.map_err(|_| StoreError::Database {
        fault: DatabaseFault::Unreachable,
        detail: format!("no answer within {} s", PATIENCE.as_secs()),
    })
}
