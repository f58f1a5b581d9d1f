//! Takes what was exported into an empty database, and begins a new log there.

use std::{fs::File, sync::Arc};

use audit_log::{CompactRange, Origin, TreeSize};
use pki::digest::Digest;
use sqlx::{AnyConnection, Connection as _, Executor as _};

use super::{
    decode::{corrupt, number},
    encode::{self, Rows},
    load, migrate, session,
    statement::{Existing, Script, bound, insert},
    table::{ARCHIVED_LEAF, ARCHIVED_LOG, CHECKPOINT, EXPORTED, LEAF, Table, Value},
    target::{Dialect, Target},
};
use crate::{
    audit::{CheckpointKey, Event},
    domain::{Actor, Role, Token, TokenId, UserName},
    store::{
        Batch, ExportedRow, Location, LogNumber, StoreError,
        plan::{self, Directory, Loaded, Situation},
        sqlite,
    },
};

/// An import under way. Nothing is there before [`Import::finish`]; dropped, it leaves an empty database.
pub struct Import {
    target: Target,
    connection: AnyConnection,
    /// How many logs the exported database had before its last.
    archived: i64,
    /// The last checkpoint of the exported database, and the size of its log.
    last: Option<(i64, String)>,
    _lock: Option<File>,
}

impl std::fmt::Debug for Import {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Import").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Import {
    /// Begins to fill the database at `location`. A file is made; a PostgreSQL database must be there. Either must be
    /// empty.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`] when something is in it, [`StoreError::InUse`] while a server has it open,
    /// [`StoreError::Database`] when it cannot be written.
    pub async fn begin(location: &Location) -> Result<Self, StoreError> {
        if let Location::File(path) = location {
            sqlite::create(path)?;
        }
        let lock = Target::lock(location)?;
        let target = Target::find(location)?;
        let mut connection = target.connect_writer().await?;
        migrate::forward(&target, &mut connection).await?;
        if target.dialect == Dialect::Postgres {
            // Whoever reads a backup from a slow medium may take its time.
            connection.execute("SET idle_in_transaction_session_timeout = 0").await?;
        }
        connection.execute(target.dialect.begin_write()).await?;
        for table in EXPORTED {
            let text = format!("SELECT 1 AS found FROM {} LIMIT 1", table.name);
            let row = bound(text, []).fetch_optional(&mut connection).await?;
            // A server that was started on it left its first, empty checkpoint.
            let counts = table.name != CHECKPOINT.name;
            if row.is_some() && counts {
                return Err(StoreError::NotEmpty);
            }
        }
        connection.execute("DELETE FROM checkpoint").await?;
        Ok(Self { target, connection, archived: 0, last: None, _lock: lock })
    }

    /// Takes rows, in the order in which they were exported.
    ///
    /// # Errors
    /// [`StoreError::ImportInvalid`] for a row that no export has.
    pub async fn take(&mut self, rows: Vec<ExportedRow>) -> Result<(), StoreError> {
        let mut rest = rows.into_iter().peekable();
        while let Some(first) = rest.next() {
            let name = first.table.clone();
            let mut same = vec![first];
            while let Some(row) = rest.next_if(|row| row.table == name) {
                same.push(row);
            }
            let unknown = || StoreError::ImportInvalid { what: "it has a table that is not known" };
            let table = EXPORTED.iter().find(|table| table.name == name).ok_or_else(unknown)?;
            let rows = same.into_iter().map(|row| values(table, row)).collect::<Result<Vec<_>, _>>()?;
            self.put(table, rows).await?;
        }
        Ok(())
    }

    async fn put(&mut self, table: &'static Table, mut rows: Vec<Vec<Value>>) -> Result<(), StoreError> {
        let twice = |_| StoreError::ImportInvalid { what: "it has a row twice" };
        if table.name == CHECKPOINT.name {
            for row in rows {
                let [_, Value::Integer(Some(size)), _, Value::Text(Some(note))] = row.as_slice() else {
                    return Err(StoreError::ImportInvalid { what: "its checkpoint is none" });
                };
                self.last = Some((*size, note.clone()));
            }
            return Ok(());
        }
        let mut table = table;
        if table.name == ARCHIVED_LOG.name {
            self.archived = self.archived.saturating_add(i64::try_from(rows.len()).unwrap_or(i64::MAX));
        }
        if table.name == LEAF.name {
            // What was the last log is one that ended.
            let log = self.archived;
            rows.iter_mut().for_each(|row| row.insert(0, log.into()));
            table = &ARCHIVED_LEAF;
        }
        insert(&mut self.connection, self.target.dialect, Rows { table, existing: Existing::Refused, rows })
            .await
            .map_err(|error| match error {
                StoreError::Database { detail, .. }
                    if detail.contains("UNIQUE") || detail.contains("duplicate key") =>
                {
                    twice(())
                }
                other => other,
            })
    }

    /// Ends the log that was imported and begins a new one, whose first leaf names the old one's origin and `newest`: the
    /// newest checkpoint of it that was published, or the last that was exported when none is told. All becomes durable
    /// here.
    ///
    /// Every token is revoked: which of them were revoked since the export, nobody can say. In their place comes one, whose
    /// secret has the digest `secret`, for a user who is admin.
    ///
    /// # Errors
    /// [`StoreError::ImportInvalid`] when leaves are missing; [`StoreError::Database`] when it cannot be written.
    pub async fn finish(
        mut self,
        key: &Arc<CheckpointKey>,
        newest: Option<String>,
        secret: Option<Digest>,
    ) -> Result<Reopened, StoreError> {
        let leaves = sqlx::query("SELECT COUNT(*) AS leaves FROM archived_leaf WHERE log = $1")
            .bind(self.archived)
            .fetch_one(&mut self.connection)
            .await?;
        let leaves = number(&leaves, "leaves")?;
        let Some((size, note)) = self.last.filter(|(size, _)| u64::try_from(*size) == Ok(leaves) && *size > 0) else {
            return Err(StoreError::ImportInvalid { what: "its log is not as long as its checkpoint says" });
        };
        tracing::info!(size, "a log ended with a restoration");
        let origin = note.lines().next().and_then(Origin::new).ok_or_else(|| corrupt("a checkpoint"))?;
        let row = vec![self.archived.into(), note.as_str().into()];
        let rows = Rows { table: &ARCHIVED_LOG, existing: Existing::Refused, rows: vec![row] };
        insert(&mut self.connection, self.target.dialect, rows).await?;
        // Versions are leaves of the log that is written: the first of the new one made every record what it is.
        self.connection.execute("UPDATE device SET version = 0").await?;
        let event = Event::LogRestored { origin: origin.to_string(), checkpoint: newest.unwrap_or(note) };
        let directory = load::directory(&mut self.connection).await?;
        let tokens = directory.tokens.keys().cloned().map(|token| Event::TokenRevoked { token });
        let mut batch = tokens.fold(Batch::from(event).by(Actor::Console), Batch::and);
        let mut admins = directory.users.iter().filter(|(_, role)| **role == Role::Admin).map(|(name, _)| name);
        let reopened = Reopened {
            revoked: u64::try_from(directory.tokens.len()).unwrap_or(u64::MAX),
            user: secret.and_then(|_| admins.next().cloned()),
        };
        if let (Some(user), Some(digest)) = (reopened.user.clone(), secret) {
            let id = TokenId::new("restore").map_err(|_| corrupt("a token's name"))?;
            let token = Token { id, user, digest, created: super::writer::now(), expires: None };
            batch = batch.and(Event::TokenCreated { token });
        }
        begin_log(
            &mut self.connection,
            self.target.dialect,
            &directory,
            &batch,
            LogNumber(u32::try_from(self.archived.saturating_add(1)).unwrap_or(u32::MAX)),
            key,
        )
        .await?;
        self.connection.execute("COMMIT").await?;
        self.connection.close().await?;
        Ok(reopened)
    }
}

/// Who gets into a restored server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reopened {
    /// How many tokens were revoked: all that there were.
    pub revoked: u64,
    /// Whose the new token is; `None` when none was asked for, or nobody is admin.
    pub user: Option<UserName>,
}

fn values(table: &Table, row: ExportedRow) -> Result<Vec<Value>, StoreError> {
    let misfit = StoreError::ImportInvalid { what: "it has a row that does not fit its table" };
    if row.values.len() != table.columns.len() {
        return Err(misfit);
    }
    let values = table.columns.iter().zip(row.values).map(|((_, kind), value)| Value::imported(*kind, value));
    values.collect::<Option<_>>().ok_or(misfit)
}

/// Writes the first leaf of a log and signs it, under an origin that no other log has: whoever watches the old one must
/// not take this for a rewriting of it.
async fn begin_log(
    connection: &mut AnyConnection,
    dialect: Dialect,
    directory: &Directory,
    first: &Batch,
    log: LogNumber,
    key: &CheckpointKey,
) -> Result<(), StoreError> {
    let now = super::writer::now();
    let loaded = Loaded::default();
    let situation = Situation { directory, loaded: &loaded, size: TreeSize(0), now };
    let plan::Plan { mut changes, outcomes } = plan::plan(&situation, &[first], session::salt);
    outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
    let tree = plan::grown(&CompactRange::new(), &changes);
    let mut script = Script::new(dialect);
    for (table, key) in encode::removed(&changes) {
        script.remove(table, key);
    }
    for rows in encode::written(&mut changes, &loaded, log, 0)? {
        script.insert(rows);
    }
    let origin = key.restored_origin(now).ok_or_else(|| corrupt("the audit log's name"))?;
    let checkpoint = key.sign(&origin, tree.head()).map_err(|error| StoreError::Unsigned(error.into()))?;
    let frontier = tree.nodes().iter().flat_map(|node| node.0).collect::<Vec<u8>>();
    let row = vec![1.into(), encode::integer(tree.size().0)?.into(), frontier.into(), checkpoint.signed_note().into()];
    script.insert(Rows { table: &CHECKPOINT, existing: Existing::Refused, rows: vec![row] });
    script.run_within(connection).await
}
