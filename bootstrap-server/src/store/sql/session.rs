//! The log at its open end: appends a group of batches in one transaction, and signs what it has become.

use std::time::Duration;

use audit_log::{LogIndex, Salt, UnixMillis, VerifierKey};
use pki::key::random;
use sqlx::{AnyConnection, Connection as _, Executor as _, Row as _, any::AnyRow};

use super::{
    decode::corrupt,
    encode::{self, integer},
    erase,
    head::Head,
    load,
    recent::Recent,
    statement::{Failure, Script},
    target::{Dialect, Target},
};
use crate::{
    audit::CheckpointKey,
    domain::{DeviceId, Proof},
    store::{
        Batch, DatabaseFault, StoreError,
        plan::{self, Directory, Loaded, Needs, Outcome, Situation},
        sqlite,
    },
};

/// How long reading may take, and after that writing. Far more than either needs: a database that is silent for
/// so long has been lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection for writing, and what its owner remembers of the database.
pub(super) struct Session {
    connection: AnyConnection,
    dialect: Dialect,
    head: Head,
    directory: Directory,
    recent: Recent,
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
        let unfolded = target.dialect == Dialect::Sqlite;
        Ok(Self { connection, dialect: target.dialect, head, directory, recent: Recent::default(), unfolded })
    }

    pub(super) const fn head(&self) -> &Head {
        &self.head
    }

    /// For what is no part of the log: its connection, which is in no transaction.
    pub(super) const fn connection(&mut self) -> (&mut AnyConnection, Dialect) {
        (&mut self.connection, self.dialect)
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
        let loaded = within(self.load(batches, proofs, now, key)).await??;
        let head = &self.head;
        let situation = Situation { directory: &self.directory, loaded: &loaded, size: head.tree.size(), now };
        let plan::Plan { outcomes, mut changes } = plan::plan(&situation, batches, salt);
        plan::note_proofs(&mut changes, &loaded, proofs, now);
        let position = LogIndex(head.tree.size().0);
        let mark = changes.leaves.first().map(|row| Mark { position, leaf: row.leaf.encode().to_vec() });
        if mark.is_none() && changes.devices.is_empty() && changes.deliveries.is_empty() {
            // Nothing is appended, so there is nothing to sign or to sync.
            if !self.dialect.has_one_writer() {
                within(self.connection.execute("ROLLBACK")).await??;
            }
            return Ok(outcomes);
        }

        let mut grown = head.clone();
        grown.tree = plan::grown(&head.tree, &changes);
        let followed = changes.touches_directory().then(|| {
            let mut followed = self.directory.clone();
            followed.follow(&changes);
            followed
        });
        let erases = !changes.erased.is_empty() || changes.devices.values().any(Option::is_none);
        let mut script = Script::new(self.dialect);
        for (table, key) in encode::removed(&changes) {
            script.remove(table, key);
        }
        for device in &changes.ledger.forgotten {
            let [maker, serial] = [1, 2].map(|number| script.parameter(number));
            let text = format!("DELETE FROM certificate WHERE manufacturer = {maker} AND serial_number = {serial}");
            script.add(text, vec![device.manufacturer.as_str().into(), device.serial_number.as_str().into()]);
        }
        for rows in encode::written(&mut changes, &loaded, head.log, position.0)? {
            script.insert(rows);
        }
        if mark.is_some() {
            sign(&mut script, &mut grown, head, key)?;
        }
        // With other writers about, the transaction was begun in order to read.
        let mut begin = self.dialect.has_one_writer().then(|| self.dialect.begin_write());
        if !changes.erased.is_empty() {
            if let Some(begin) = begin.take() {
                within(self.connection.execute(begin)).await??;
            }
            within(erase::records(&mut self.connection, self.dialect, self.head.log, &changes.erased)).await??;
        }
        match (within(script.run(&mut self.connection, begin, "COMMIT")).await, mark) {
            (Ok(Ok(())), _) => {}
            (Ok(Err(Failure::AtTheEnd(error))) | Err(error), Some(mark)) => {
                return Err(AppendError::Unsettled { error, mark, outcomes });
            }
            // Nothing was made durable, or it is proofs only, which may be lost.
            (Ok(Err(Failure::Certain(error) | Failure::AtTheEnd(error))) | Err(error), _) => {
                return Err(AppendError::Failed(error));
            }
        }
        self.head = grown;
        self.unfolded |= erases && self.dialect == Dialect::Sqlite;
        if let Some(followed) = followed {
            self.directory = followed;
        }
        if self.dialect.has_one_writer() {
            self.recent.follow(loaded, changes);
        }
        Ok(outcomes)
    }

    /// Finds out what the database holds about all that `batches` and `proofs` name. Where others write too, begins the
    /// transaction first: nobody else appends until it ends.
    async fn load(
        &mut self,
        batches: &[&Batch],
        proofs: &[(DeviceId, Proof)],
        now: UnixMillis,
        key: &CheckpointKey,
    ) -> Result<Loaded, StoreError> {
        let Self { connection, dialect, head, directory, recent, .. } = self;
        if !dialect.has_one_writer() {
            connection.execute(dialect.begin_write()).await?;
            let row = locked(connection, *dialect).await?;
            if !head.is_at(&row)? {
                // Another server wrote since.
                *head = Head::read(connection, &row, key.verifier()).await?;
                *directory = load::directory(connection).await?;
            }
        }
        let mut needs = Needs::of(batches);
        needs.devices.extend(proofs.iter().map(|(id, _)| id.clone()));
        let recalled = recent.recall(&mut needs);
        let mut loaded = load::needs(connection, *dialect, &needs, head.log, super::kept_since(now)).await?;
        loaded.devices.extend(recalled);
        Ok(loaded)
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
        let held = leaf.as_ref() == Some(&mark.leaf);
        if held && self.dialect == Dialect::Sqlite {
            sqlite::sync_again(&mut self.connection).await?;
        }
        Ok(held)
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

/// Reads the head of the log; nobody else appends until the transaction ends.
async fn locked(connection: &mut AnyConnection, dialect: Dialect) -> Result<AnyRow, StoreError> {
    let row = sqlx::query(dialect.lock_head()).fetch_optional(connection).await?;
    row.ok_or_else(|| corrupt("an audit log without a checkpoint"))
}

/// Puts the checkpoint of the tree that has grown in the place of the one that it has grown from. Should another be there,
/// because somebody wrote who should not have, the size becomes NULL, which its column does not take.
fn sign(script: &mut Script, head: &mut Head, before: &Head, key: &CheckpointKey) -> Result<(), StoreError> {
    let checkpoint = key.sign(&head.origin, head.tree.head()).map_err(|error| StoreError::Unsigned(error.into()))?;
    checkpoint.signed_note().clone_into(&mut head.note);
    let frontier: Vec<u8> = head.tree.nodes().iter().flat_map(|node| node.0).collect();
    let [old_size, old_note, size, edge, note] = [1, 2, 3, 4, 5].map(|number| script.parameter(number));
    script.add(
        format!(
            "UPDATE checkpoint SET size = CASE WHEN size = {old_size} AND note = {old_note} THEN {size} END, \
             frontier = {edge}, note = {note}"
        ),
        vec![
            integer(before.tree.size().0)?.into(),
            before.note.as_str().into(),
            integer(head.tree.size().0)?.into(),
            frontier.into(),
            head.note.as_str().into(),
        ],
    );
    Ok(())
}

pub(super) fn salt() -> Result<Salt, StoreError> {
    let entropy =
        random().map_err(|error| StoreError::Database { fault: DatabaseFault::Other, detail: error.to_string() })?;
    Ok(Salt::new(entropy))
}

pub(super) async fn within<T>(work: impl Future<Output = T>) -> Result<T, StoreError> {
    tokio::time::timeout(PATIENCE, work).await.map_err(|_| StoreError::Database {
        fault: DatabaseFault::Unreachable,
        detail: format!("no answer within {} s", PATIENCE.as_secs()),
    })
}

#[cfg(test)]
mod tests {
    use pki::key::FileKey;

    use super::*;
    use crate::{
        audit::Event,
        store::{Location, sql::migrate},
    };

    #[tokio::test]
    async fn what_is_found_after_a_failed_commit_is_made_durable_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sztp.sqlite3");
        sqlite::create(&path).unwrap();
        let target = Target::find(&Location::from(path.as_path())).unwrap();
        let mut connection = target.connect_writer().await.unwrap();
        migrate::forward(&target, &mut connection).await.unwrap();
        connection.close().await.unwrap();

        let key = CheckpointKey::new("test.example/log", Box::new(FileKey::generate_ed25519().unwrap())).unwrap();
        let mut session = Session::open(&target, key.verifier()).await.unwrap();
        let batch = Batch::from(Event::ServerStarted { listen: "here".to_owned() });
        session.append(&[&batch], &[], UnixMillis(1), &key).await.unwrap();
        let leaf: Vec<u8> =
            sqlx::query_scalar("SELECT leaf FROM leaf").fetch_one(&mut session.connection).await.unwrap();
        let log = folder.path().join("sztp.sqlite3-wal");
        assert!(std::fs::metadata(&log).unwrap().len() > 0);

        let position = LogIndex(0);
        assert!(!session.holds(&Mark { position, leaf: vec![0; leaf.len()] }).await.unwrap());
        assert!(std::fs::metadata(&log).unwrap().len() > 0);
        assert!(session.holds(&Mark { position, leaf }).await.unwrap());
        // Its pages stand in the database's own file now.
        assert_eq!(std::fs::metadata(&log).unwrap().len(), 0);
        session.close().await;
    }
}
