//! The database as it was at one moment, while the writer goes on: its logs, or everything.

use std::collections::VecDeque;

use audit_log::LogIndex;
use sqlx::{AnyConnection, Executor as _, Row as _, TypeInfo as _, ValueRef as _, any::AnyRow};

use super::{
    decode::corrupt,
    read,
    statement::bound,
    table::{EXPORTED, Kind, Table, Value},
    target::Target,
};
use crate::store::{
    ArchivedLog, Export, ExportedRow, ExportedValue, LogNumber, LogSnapshot, StoreError, StoreFuture, StoredRecord,
};

/// Rows of an export read at a time.
const PAGE: i64 = 2048;

/// Begins a transaction that sees one moment on a connection of its own. It ends when the connection is closed.
async fn moment(target: &Target) -> Result<AnyConnection, StoreError> {
    let mut connection = target.connect_reader().await?;
    connection.execute(target.dialect.begin_snapshot()).await?;
    Ok(connection)
}

/// The audit logs.
pub(super) struct Snapshot {
    connection: AnyConnection,
    log: LogNumber,
    checkpoint: Option<String>,
    archived: Vec<ArchivedLog>,
}

impl Snapshot {
    pub(super) async fn take(target: &Target) -> Result<Self, StoreError> {
        let mut connection = moment(target).await?;
        // The first reading decides which moment it is.
        let checkpoint = read::checkpoint(&mut connection).await?;
        let log = super::head::current_log(&mut connection).await?;
        let archived = read::archived_logs(&mut connection).await?;
        Ok(Self { connection, log, checkpoint, archived })
    }
}

impl LogSnapshot for Snapshot {
    fn checkpoint(&self) -> Option<&str> {
        self.checkpoint.as_deref()
    }

    fn archived(&self) -> &[ArchivedLog] {
        &self.archived
    }

    fn records(&mut self, first: LogIndex, limit: u32) -> StoreFuture<'_, Vec<StoredRecord>> {
        Box::pin(read::records(&mut self.connection, self.log, first, limit))
    }

    fn archived_records(&mut self, log: LogNumber, first: LogIndex, limit: u32) -> StoreFuture<'_, Vec<StoredRecord>> {
        Box::pin(read::archived_records(&mut self.connection, log, first, limit))
    }
}

/// Everything.
pub(super) struct Everything {
    connection: AnyConnection,
    checkpoint: Option<String>,
    tables: VecDeque<&'static Table>,
    /// The key of the last row that was read of the first table.
    after: Option<Vec<Value>>,
}

impl Everything {
    pub(super) async fn take(target: &Target) -> Result<Self, StoreError> {
        let mut connection = moment(target).await?;
        let checkpoint = read::checkpoint(&mut connection).await?;
        Ok(Self { connection, checkpoint, tables: EXPORTED.iter().copied().collect(), after: None })
    }

    async fn page(&mut self) -> Result<Vec<ExportedRow>, StoreError> {
        while let Some(table) = self.tables.front() {
            let mut values = self.after.take().unwrap_or_default();
            let after = if values.is_empty() {
                String::new()
            } else {
                let numbers: Vec<_> = (1..=values.len()).map(|number| format!("${number}")).collect();
                format!("WHERE ({}) > ({}) ", table.key_list(), numbers.join(", "))
            };
            values.push(PAGE.into());
            let text = format!(
                "SELECT {} FROM {} {after}ORDER BY {} LIMIT ${}",
                table.column_list(),
                table.name,
                table.key_list(),
                values.len()
            );
            let rows = bound(text, values).fetch_all(&mut self.connection).await?;
            let rows = rows.iter().map(|row| exported(table, row)).collect::<Result<Vec<_>, _>>()?;
            let Some(last) = rows.last() else {
                self.tables.pop_front();
                continue;
            };
            let key = table.columns.iter().take(table.key).zip(&last.values);
            let key = key.map(|((_, kind), value)| Value::imported(*kind, value.clone()));
            self.after = Some(key.collect::<Option<_>>().ok_or_else(|| corrupt("a key"))?);
            return Ok(rows);
        }
        Ok(Vec::new())
    }
}

impl Export for Everything {
    fn checkpoint(&self) -> Option<&str> {
        self.checkpoint.as_deref()
    }

    fn next(&mut self) -> StoreFuture<'_, Vec<ExportedRow>> {
        Box::pin(self.page())
    }
}

fn exported(table: &Table, row: &AnyRow) -> Result<ExportedRow, StoreError> {
    let values = table.columns.iter().enumerate().map(|(index, (_, kind))| {
        let raw = row.try_get_raw(index)?;
        if raw.is_null() || raw.type_info().is_null() {
            return Ok(ExportedValue::Nothing);
        }
        Ok(match kind {
            Kind::Integer => ExportedValue::Integer(row.try_get(index)?),
            Kind::Text => ExportedValue::Text(row.try_get(index)?),
            Kind::Octets => ExportedValue::Octets(row.try_get(index)?),
        })
    });
    Ok(ExportedRow { table: table.name.to_owned(), values: values.collect::<Result<_, StoreError>>()? })
}
