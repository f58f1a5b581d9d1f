//! The audit log as it was at one moment, while the writer goes on.

use audit_log::LogIndex;
use sqlx::{Sqlite, SqlitePool, Transaction};

use super::read;
use crate::store::{LogSnapshot, StoreError, StoreFuture, StoredRecord};

/// A read transaction. In WAL mode it sees the database as it was at its first read, which is that of the checkpoint.
pub(super) struct SqliteSnapshot {
    transaction: Transaction<'static, Sqlite>,
    checkpoint: Option<String>,
}

impl SqliteSnapshot {
    pub(super) async fn take(readers: &SqlitePool) -> Result<Self, StoreError> {
        let mut transaction = readers.begin().await?;
        let checkpoint = read::checkpoint(&mut *transaction).await?;
        Ok(Self { transaction, checkpoint })
    }
}

impl LogSnapshot for SqliteSnapshot {
    fn checkpoint(&self) -> Option<&str> {
        self.checkpoint.as_deref()
    }

    fn records(&mut self, first: LogIndex, limit: u32) -> StoreFuture<'_, Vec<StoredRecord>> {
        Box::pin(read::records(&mut *self.transaction, first, limit))
    }
}
