//! The embedded store: SQLite in WAL mode, every commit synced.

mod apply;
mod files;
mod log;
mod read;
mod snapshot;
mod writer;

use std::{path::Path, sync::Arc};

use audit_log::{LogIndex, TreeSize, UnixMillis};
use pki::{digest::Digest, identity::SerialNumber};
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{
    Backlog, Batch, Census, DeviceFilter, KeptAnswer, LogSnapshot, Page, Store, StoreError, StoreFuture, StoredRecord,
    StoredReport,
};
use crate::{
    audit::CheckpointKey,
    domain::{Deadlines, Device, DeviceId, Dossier, Manufacturer, OnboardingProfile, Proof, Token, User, UserName},
};

const SCHEMA: &str = include_str!("schema.sql");
/// Batches that may wait for the writer; beyond that callers wait to be let in.
const QUEUE: usize = 4096;
const READERS: u32 = 4;

/// A store in one file. One writer gathers what is waiting into one transaction; readers never wait for it.
#[derive(Debug)]
pub struct SqliteStore {
    readers: SqlitePool,
    queue: Option<mpsc::Sender<writer::Pending>>,
    writer: Option<JoinHandle<()>>,
}

impl SqliteStore {
    /// Opens a database that exists, for reading and writing. Checkpoints are signed with `key`.
    ///
    /// A database is never made by the way: an empty one in the place of a lost one would look like a log without a
    /// past.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such file, [`StoreError::InUse`] while another store has it open for
    /// writing, [`StoreError::Database`] when it cannot be opened, [`StoreError::Corrupt`] when its audit log does not
    /// fit its own checkpoint.
    pub async fn open(path: &Path, key: Arc<CheckpointKey>) -> Result<Self, StoreError> {
        let path = files::find(path)?;
        let lock = files::lock(&path)?;
        let writer = writer::Writer::open(options(&path), key, lock).await?;
        let readers = readers(&path).await?;
        let (queue, pending) = mpsc::channel(QUEUE);
        let writer = tokio::spawn(writer.run(pending));
        Ok(Self { readers, queue: Some(queue), writer: Some(writer) })
    }

    /// Makes the database, readable by its owner only, unless there is one; then as [`SqliteStore::open`].
    ///
    /// # Errors
    /// [`StoreError::Database`] when the file cannot be made; otherwise as [`SqliteStore::open`].
    pub async fn create(path: &Path, key: Arc<CheckpointKey>) -> Result<Self, StoreError> {
        files::create(path)?;
        Self::open(path, key).await
    }

    /// Opens the file for reading only: another process may be writing it.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such file, [`StoreError::Database`] when it cannot be opened.
    pub async fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { readers: readers(&files::find(path)?).await?, queue: None, writer: None })
    }

    /// Waits until everything that was handed over is durable, and closes the file.
    pub async fn close(mut self) {
        // Readers first: the connection that closes last folds the write-ahead log into the file, and must be able to.
        self.readers.close().await;
        drop(self.queue.take());
        if let Some(writer) = self.writer.take() {
            // The writer ends when its queue does; a panic in it has been reported to whoever was waiting.
            let _ended = writer.await;
        }
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        // FULL syncs the write-ahead log at every commit: what was acknowledged survives a power cut.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(std::time::Duration::from_secs(10))
}

async fn readers(path: &Path) -> Result<SqlitePool, StoreError> {
    let pool = SqlitePoolOptions::new().max_connections(READERS);
    Ok(pool.connect_with(options(path).read_only(true)).await?)
}

impl Store for SqliteStore {
    fn commit(&self, batch: Batch) -> StoreFuture<'_, LogIndex> {
        Box::pin(async move {
            let (pending, done) = writer::Pending::new(batch);
            let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
            queue.send(pending).await.map_err(|_| StoreError::Closed)?;
            done.await.map_err(|_| StoreError::Closed)?
        })
    }

    fn manufacturers(&self) -> StoreFuture<'_, Vec<Manufacturer>> {
        Box::pin(read::manufacturers(&self.readers))
    }

    fn dossier<'a>(&'a self, device: &'a DeviceId) -> StoreFuture<'a, Dossier> {
        Box::pin(read::dossier(&self.readers, device))
    }

    fn devices<'a>(&'a self, filter: &'a DeviceFilter, page: Page<DeviceId>) -> StoreFuture<'a, Vec<Device>> {
        Box::pin(async move {
            let mut devices = read::devices(&self.readers).await?;
            devices.retain(|device| {
                page.after.as_ref().is_none_or(|after| device.id > *after)
                    && filter.state.as_ref().is_none_or(|state| device.state.as_str() == state)
            });
            devices.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX));
            Ok(devices)
        })
    }

    fn devices_named<'a>(&'a self, serial_number: &'a SerialNumber) -> StoreFuture<'a, Vec<DeviceId>> {
        Box::pin(async move {
            let devices = read::devices(&self.readers).await?;
            Ok(devices.into_iter().map(|it| it.id).filter(|id| id.serial_number == *serial_number).collect())
        })
    }

    fn profiles(&self) -> StoreFuture<'_, Vec<OnboardingProfile>> {
        Box::pin(read::profiles(&self.readers))
    }

    // The rest comes with the store that both databases share.

    fn rehearse(&self, _: Batch) -> StoreFuture<'_, ()> {
        Box::pin(async { Err(StoreError::Closed) })
    }

    fn note_proof(&self, _: &DeviceId, _: Proof) {}

    fn census(&self, _: UnixMillis, _: Deadlines) -> StoreFuture<'_, Vec<Census>> {
        Box::pin(async { Err(StoreError::Closed) })
    }

    fn history<'a>(&'a self, _: &'a DeviceId, _: LogIndex, _: u32) -> StoreFuture<'a, Vec<StoredRecord>> {
        Box::pin(async { Err(StoreError::Closed) })
    }

    fn users(&self) -> StoreFuture<'_, Vec<User>> {
        Box::pin(async { Err(StoreError::Closed) })
    }

    fn tokens(&self) -> StoreFuture<'_, Vec<Token>> {
        Box::pin(async { Err(StoreError::Closed) })
    }

    fn token(&self, _: Digest) -> StoreFuture<'_, Option<(Token, User)>> {
        Box::pin(async { Err(StoreError::Closed) })
    }

    fn kept_answer<'a>(&'a self, _: &'a UserName, _: &'a str) -> StoreFuture<'a, Option<KeptAnswer>> {
        Box::pin(async { Err(StoreError::Closed) })
    }

    fn growth(&self) -> watch::Receiver<TreeSize> {
        watch::channel(TreeSize(0)).1
    }

    fn reports<'a>(&'a self, device: &'a DeviceId) -> StoreFuture<'a, Vec<StoredReport>> {
        Box::pin(read::reports(&self.readers, device))
    }

    fn records(&self, first: LogIndex, limit: u32) -> StoreFuture<'_, Vec<StoredRecord>> {
        Box::pin(read::records(&self.readers, first, limit))
    }

    fn checkpoint(&self) -> StoreFuture<'_, Option<String>> {
        Box::pin(read::checkpoint(&self.readers))
    }

    fn backlog(&self) -> Backlog {
        let queue = self.queue.as_ref();
        queue.map_or_else(Backlog::default, |queue| Backlog {
            waiting: queue.max_capacity().saturating_sub(queue.capacity()),
            capacity: queue.max_capacity(),
        })
    }

    fn log_snapshot(&self) -> StoreFuture<'_, Box<dyn LogSnapshot>> {
        Box::pin(async {
            let snapshot: Box<dyn LogSnapshot> = Box::new(snapshot::SqliteSnapshot::take(&self.readers).await?);
            Ok(snapshot)
        })
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database { detail: error.to_string() }
    }
}
