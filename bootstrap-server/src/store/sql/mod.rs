//! The store, on SQLite or PostgreSQL: the same statements, the same plan, the same writer.

mod conditions;
mod decode;
mod devices;
mod encode;
mod erase;
pub(super) mod factory;
mod head;
mod import;
#[cfg(test)]
mod jumps;
pub(super) mod leases;
pub(super) mod ledger;
mod load;
pub(super) mod masa;
mod migrate;
mod profiles;
mod proofs;
mod queue;
mod read;
mod recent;
mod session;
mod snapshot;
mod statement;
mod table;
mod target;
mod vouchers;
mod writer;

pub use import::{Import, Reopened};

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
    time::Duration,
};

use audit_log::{LogIndex, Salt, TreeSize, UnixMillis};
use pki::{digest::Digest, identity::SerialNumber, time::Timestamp};
use sqlx::{AnyPool, Connection as _, Executor as _};
use tokio::{
    sync::watch,
    task::{AbortHandle, JoinHandle},
};

use self::{
    profiles::Profiles,
    proofs::Proofs,
    queue::Entrance,
    session::Session,
    snapshot::{Everything, Snapshot},
    target::{Dialect, Target},
    writer::Writer,
};
use super::{
    ArchivedLog, Backlog, Batch, Census, DeviceFilter, Export, KeptAnswer, Location, LogNumber, LogSnapshot, Page,
    Place, Stock, Store, StoreError, StoreFuture, StoredRecord, StoredReport, StoredVoucher, Strays, VoucherFilter,
    VoucherKey,
    plan::{self, Needs, Situation},
    postgres, sqlite,
};
use crate::{
    audit::{CheckpointKey, ReportedKey},
    domain::{
        Deadlines, Device, DeviceId, Dossier, Manufacturer, OnboardingProfile, Policies, ProfileName, Proof, Token,
        User, UserName, identification::StoredLists,
    },
    metrics::Metrics,
};

/// How often a server looks whether another one has committed. What DHCP knows of devices may be a second behind.
const LOOK: Duration = Duration::from_millis(500);
/// How long an answer is kept for an idempotency key, in milliseconds.
const KEPT: u64 = 24 * 3600 * 1000;

/// A store in a database. One writer gathers what is waiting into one transaction; readers never wait for it.
#[derive(Debug)]
pub struct SqlStore {
    target: Target,
    readers: AnyPool,
    log: LogNumber,
    proofs: Arc<Proofs>,
    profiles: Profiles,
    growth: watch::Receiver<TreeSize>,
    metrics: Arc<OnceLock<Metrics>>,
    entrance: Option<Entrance>,
    writer: Option<JoinHandle<()>>,
    /// Looks for what other servers commit.
    lookout: Option<AbortHandle>,
}

impl SqlStore {
    /// Opens a database for reading and writing, and brings its schema to that of this release. Checkpoints are signed
    /// with `key`.
    ///
    /// A file is never made by the way: an empty one in the place of a lost one would look like a log without a past. A
    /// PostgreSQL database must be there; an empty one is filled with tables.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such file, [`StoreError::InUse`] while another store has the file open for
    /// writing, [`StoreError::Database`] when it cannot be opened, [`StoreError::Corrupt`] when its audit log does not fit
    /// its own checkpoint, [`StoreError::NotDurable`] when it does not sync what it acknowledges,
    /// [`StoreError::SchemaNewer`] when a newer release wrote it.
    pub async fn open(location: impl Into<Location>, key: Arc<CheckpointKey>) -> Result<Self, StoreError> {
        let location = &location.into();
        let lock = Target::lock(location)?;
        let target = Target::find(location)?;
        let mut connection = target.connect_writer().await?;
        migrate::forward(&target, &mut connection).await?;
        connection.close().await?;
        let session = Session::open(&target, key.verifier()).await?;
        let (log, size) = (session.head().log, session.head().tree.size());
        let readers = target.readers().await?;
        let proofs = Arc::new(Proofs::default());
        let (growth, growing) = watch::channel(size);
        let lookout = (target.dialect == Dialect::Postgres).then(|| {
            let (readers, growth) = (readers.clone(), growth.clone());
            tokio::spawn(look_out(readers, growth)).abort_handle()
        });
        let (entrance, queue) = queue::queue();
        let metrics = Arc::default();
        let writer = Writer {
            target: target.clone(),
            key,
            proofs: Arc::clone(&proofs),
            growth,
            metrics: Arc::clone(&metrics),
            session: Some(session),
            _lock: lock,
        };
        let writer = Some(tokio::spawn(writer.run(queue)));
        Ok(Self {
            target,
            readers,
            log,
            proofs,
            profiles: Profiles::default(),
            growth: growing,
            metrics,
            entrance: Some(entrance),
            writer,
            lookout,
        })
    }

    /// Makes the file, readable by its owner only, unless there is one; then as [`SqlStore::open`].
    ///
    /// # Errors
    /// [`StoreError::Database`] when the file cannot be made; otherwise as [`SqlStore::open`].
    pub async fn create(location: impl Into<Location>, key: Arc<CheckpointKey>) -> Result<Self, StoreError> {
        let location = location.into();
        if let Location::File(path) = &location {
            sqlite::create(path)?;
        }
        Self::open(location, key).await
    }

    /// Writes the whole database anew, without what is left in unused parts of it: copies of what was erased. Takes as long as
    /// the database is large, and as much room again.
    ///
    /// # Errors
    /// [`StoreError::InUse`] while a server has the file open, [`StoreError::Database`] when there is no room or right for it.
    pub async fn compact(location: &Location) -> Result<(), StoreError> {
        let _lock = Target::lock(location)?;
        let target = Target::find(location)?;
        let mut connection = target.connect_writer().await?;
        migrate::check(&target, &mut connection).await?;
        connection.execute(sqlx::raw_sql(target.dialect.compact())).await?;
        connection.close().await?;
        Ok(())
    }

    /// Opens a database for reading only: servers may be writing it.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such file, [`StoreError::Database`] when it cannot be opened,
    /// [`StoreError::SchemaOlder`] and [`StoreError::SchemaNewer`] when its schema is not that of this release.
    pub async fn open_read_only(location: impl Into<Location>) -> Result<Self, StoreError> {
        let target = Target::find(&location.into())?;
        let readers = target.readers().await?;
        let mut connection = readers.acquire().await?;
        migrate::check(&target, &mut connection).await?;
        let log = head::current_log(&mut connection).await?;
        drop(connection);
        let (_, growth) = watch::channel(TreeSize(read::size(&readers).await?));
        let proofs = Arc::default();
        Ok(Self {
            target,
            readers,
            log,
            proofs,
            profiles: Profiles::default(),
            growth,
            metrics: Arc::default(),
            entrance: None,
            writer: None,
            lookout: None,
        })
    }

    /// What PostgreSQL says of the settings that decide whether what it acknowledged survives a power cut; nothing for a file,
    /// of which the server itself sees to that.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it cannot be asked.
    pub async fn durability(&self) -> Result<Vec<(&'static str, String)>, StoreError> {
        match self.target.dialect {
            Dialect::Sqlite => Ok(Vec::new()),
            Dialect::Postgres => postgres::durability(&mut *self.readers.acquire().await?).await,
        }
    }

    /// Counts and measures its transactions in `metrics` from now on. Whoever says so first is heard.
    pub fn count_in(&self, metrics: Metrics) {
        self.metrics.get_or_init(|| metrics);
    }

    /// Waits until nothing can be written any more although nobody closed the store: its writer has ended, which only a
    /// fault of ours makes it do.
    pub(crate) async fn writer_gone(&self) {
        match &self.entrance {
            Some(entrance) => entrance.closed().await,
            None => std::future::pending().await,
        }
    }

    /// Ends the writer as a panic would.
    #[cfg(test)]
    pub(crate) fn kill_writer(&self) {
        self.writer.as_ref().unwrap().abort();
    }

    /// Takes every connection for reading, so that nobody else has one.
    #[cfg(test)]
    pub(crate) async fn hold_readers(&self) -> Vec<impl Drop + use<>> {
        let mut held = Vec::new();
        while let Ok(Ok(reader)) = tokio::time::timeout(Duration::from_millis(300), self.readers.acquire()).await {
            held.push(reader);
        }
        held
    }

    /// Waits until everything that was handed over is durable, and closes the database.
    pub async fn close(mut self) {
        // Readers first: the connection that closes last folds the write-ahead log into the file, and must be able to.
        self.readers.close().await;
        drop(self.entrance.take());
        if let Some(writer) = self.writer.take() {
            // The writer ends when its queue does; a panic in it has been reported to whoever was waiting.
            let _ended = writer.await;
        }
    }

    pub(super) const fn readers(&self) -> &AnyPool {
        &self.readers
    }

    const fn dialect(&self) -> Dialect {
        self.target.dialect
    }

    async fn plan_only(&self, batch: Batch) -> Result<(), StoreError> {
        let mut connection = self.readers.acquire().await?;
        let directory = load::directory(&mut connection).await?;
        let now = writer::now();
        let dialect = self.target.dialect;
        let loaded = load::needs(&mut connection, dialect, &Needs::of(&[&batch]), self.log, kept_since(now)).await?;
        let situation = Situation { directory: &directory, loaded: &loaded, size: *self.growth.borrow(), now };
        // Nothing of it is kept, so nothing has to be hidden.
        let plan::Plan { outcomes, .. } = plan::plan(&situation, &[&batch], || Ok(Salt::new([0; Salt::LEN])));
        outcomes.into_iter().next().unwrap_or(Err(StoreError::Closed)).map(|_| ())
    }
}

impl Drop for SqlStore {
    fn drop(&mut self) {
        if let Some(lookout) = self.lookout.take() {
            lookout.abort();
        }
    }
}

const fn kept_since(now: UnixMillis) -> UnixMillis {
    UnixMillis(now.0.saturating_sub(KEPT))
}

/// Tells whoever follows the log when another server has committed.
async fn look_out(readers: AnyPool, growth: watch::Sender<TreeSize>) {
    let mut ticks = tokio::time::interval(LOOK);
    while !readers.is_closed() {
        ticks.tick().await;
        if let Ok(size) = read::size(&readers).await {
            growth.send_if_modified(|known| {
                let grown = known.0 < size;
                if grown {
                    *known = TreeSize(size);
                }
                grown
            });
        }
    }
}

impl Store for SqlStore {
    fn commit(&self, batch: Batch) -> StoreFuture<'_, LogIndex> {
        Box::pin(async move { self.entrance.as_ref().ok_or(StoreError::Closed)?.commit(batch).await })
    }

    fn rehearse(&self, batch: Batch) -> StoreFuture<'_, ()> {
        Box::pin(self.plan_only(batch))
    }

    fn note_proof(&self, device: &DeviceId, proof: Proof) {
        self.proofs.note(device, proof);
    }

    fn manufacturers(&self) -> StoreFuture<'_, Vec<Manufacturer>> {
        Box::pin(read::manufacturers(&self.readers))
    }

    fn revocation_lists<'a>(&'a self, known: &'a StoredLists) -> StoreFuture<'a, StoredLists> {
        Box::pin(read::revocation_lists(&self.readers, known))
    }

    fn profiles(&self) -> StoreFuture<'_, Vec<OnboardingProfile>> {
        Box::pin(read::profiles(&self.readers))
    }

    fn profile<'a>(&'a self, name: &'a ProfileName) -> StoreFuture<'a, Option<Arc<OnboardingProfile>>> {
        Box::pin(read::profile(&self.readers, &self.profiles, name))
    }

    fn vouchers<'a>(
        &'a self,
        filter: &'a VoucherFilter,
        page: Page<VoucherKey>,
    ) -> StoreFuture<'a, Vec<StoredVoucher>> {
        Box::pin(async move { vouchers::page(&self.readers, filter, &page).await })
    }

    fn vouchers_ending(&self, moment: Timestamp) -> StoreFuture<'_, u64> {
        Box::pin(vouchers::ending(&self.readers, moment))
    }

    fn stock<'a>(&'a self, serial_numbers: &'a BTreeSet<SerialNumber>) -> StoreFuture<'a, Vec<Stock>> {
        Box::pin(vouchers::stock(&self.readers, self.target.dialect, serial_numbers))
    }

    fn dossier<'a>(&'a self, device: &'a DeviceId) -> StoreFuture<'a, Dossier> {
        Box::pin(read::dossier(&self.readers, &self.profiles, device))
    }

    fn devices_named<'a>(&'a self, serial_number: &'a SerialNumber) -> StoreFuture<'a, Vec<DeviceId>> {
        Box::pin(read::devices_named(&self.readers, serial_number))
    }

    fn devices<'a>(&'a self, filter: &'a DeviceFilter, page: Page<DeviceId>) -> StoreFuture<'a, Vec<Device>> {
        Box::pin(async move { read::devices(&self.readers, filter, &page).await })
    }

    fn census(&self, now: UnixMillis, deadlines: Deadlines) -> StoreFuture<'_, Vec<Census>> {
        Box::pin(async move { devices::census(&self.readers, now, &deadlines).await })
    }

    fn reports<'a>(&'a self, device: &'a DeviceId) -> StoreFuture<'a, Vec<StoredReport>> {
        Box::pin(read::reports(&self.readers, device))
    }

    fn history<'a>(&'a self, device: &'a DeviceId, first: Place, limit: u32) -> StoreFuture<'a, Vec<StoredRecord>> {
        Box::pin(read::history(&self.readers, device, first, limit))
    }

    fn latest<'a>(&'a self, device: &'a DeviceId, limit: u32) -> StoreFuture<'a, Vec<StoredRecord>> {
        Box::pin(read::latest(&self.readers, device, limit))
    }

    fn policies(&self) -> StoreFuture<'_, Option<Policies>> {
        Box::pin(read::policies(&self.readers))
    }

    fn delivered<'a>(&'a self, webhook: &'a str) -> StoreFuture<'a, Option<Place>> {
        Box::pin(read::delivered(&self.readers, webhook))
    }

    fn reported_keys(&self, report: Place) -> StoreFuture<'_, Vec<ReportedKey>> {
        Box::pin(read::reported_keys(&self.readers, report))
    }

    fn strays(&self, page: Page<DeviceId>) -> StoreFuture<'_, Strays> {
        Box::pin(async move { devices::strays(&self.readers, &page).await })
    }

    fn users(&self) -> StoreFuture<'_, Vec<User>> {
        Box::pin(read::users(&self.readers))
    }

    fn tokens(&self) -> StoreFuture<'_, Vec<Token>> {
        Box::pin(read::tokens(&self.readers))
    }

    fn token(&self, digest: Digest) -> StoreFuture<'_, Option<(Token, User)>> {
        Box::pin(read::token(&self.readers, digest))
    }

    fn kept_answer<'a>(&'a self, user: &'a UserName, key: &'a str) -> StoreFuture<'a, Option<KeptAnswer>> {
        Box::pin(read::kept_answer(&self.readers, user, key, kept_since(writer::now())))
    }

    fn records(&self, first: LogIndex, limit: u32) -> StoreFuture<'_, Vec<StoredRecord>> {
        Box::pin(async move { read::records(&mut *self.readers.acquire().await?, self.log, first, limit).await })
    }

    fn checkpoint(&self) -> StoreFuture<'_, Option<String>> {
        Box::pin(async move { read::checkpoint(&mut *self.readers.acquire().await?).await })
    }

    fn log(&self) -> LogNumber {
        self.log
    }

    fn growth(&self) -> watch::Receiver<TreeSize> {
        self.growth.clone()
    }

    fn takes_changes(&self) -> bool {
        self.entrance.as_ref().is_some_and(|entrance| !entrance.is_closed())
    }

    fn backlog(&self) -> Backlog {
        self.entrance.as_ref().map_or_else(Backlog::default, Entrance::backlog)
    }

    fn log_snapshot(&self) -> StoreFuture<'_, Box<dyn LogSnapshot>> {
        Box::pin(async {
            let snapshot: Box<dyn LogSnapshot> = Box::new(Snapshot::take(&self.target).await?);
            Ok(snapshot)
        })
    }

    fn archived_logs(&self) -> StoreFuture<'_, Vec<ArchivedLog>> {
        Box::pin(async { read::archived_logs(&mut *self.readers.acquire().await?).await })
    }

    fn export(&self) -> StoreFuture<'_, Box<dyn Export>> {
        Box::pin(async {
            let everything: Box<dyn Export> = Box::new(Everything::take(&self.target).await?);
            Ok(everything)
        })
    }
}
