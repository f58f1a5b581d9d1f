//! What the server keeps, and the one way in.

pub mod sqlite;

use std::{future::Future, path::PathBuf, pin::Pin};

use audit_log::{Leaf, LogIndex, Salt};
use conveyed_info::rpc::ProgressType;

use crate::{
    audit::{Event, ReportedKey},
    domain::{Device, DeviceId, Dossier, Manufacturer},
};

/// What a store's operations give back.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A store. [`Store::commit`] is the only operation that changes anything.
pub trait Store: Send + Sync {
    /// Applies the events of `batch` and appends their leaves, in one transaction that is durable when this returns.
    ///
    /// Fails as a whole or not at all. Many callers may share a transaction; the failure of one does not touch another.
    fn commit(&self, batch: Batch) -> StoreFuture<'_, LogIndex>;

    /// Every manufacturer.
    fn manufacturers(&self) -> StoreFuture<'_, Vec<Manufacturer>>;

    /// One device, with its voucher and profile.
    fn dossier<'a>(&'a self, device: &'a DeviceId) -> StoreFuture<'a, Option<Dossier>>;

    /// Every device, by name.
    fn devices(&self) -> StoreFuture<'_, Vec<Device>>;

    /// What a device reported, oldest first.
    fn reports<'a>(&'a self, device: &'a DeviceId) -> StoreFuture<'a, Vec<StoredReport>>;

    /// At most `limit` records of the audit log from `first` on, in order. A leaf that was removed is passed over.
    fn records(&self, first: LogIndex, limit: u32) -> StoreFuture<'_, Vec<StoredRecord>>;

    /// The latest signed checkpoint.
    fn checkpoint(&self) -> StoreFuture<'_, Option<String>>;

    /// The audit log as it is now, to be read in pages while others go on writing.
    fn log_snapshot(&self) -> StoreFuture<'_, Box<dyn LogSnapshot>>;
}

/// The audit log as it was at one moment. What is committed later does not show in it.
///
/// While one is held, the store keeps what was overwritten since: drop it when done.
pub trait LogSnapshot: Send {
    /// The latest signed checkpoint of that moment.
    fn checkpoint(&self) -> Option<&str>;

    /// As [`Store::records`].
    fn records(&mut self, first: LogIndex, limit: u32) -> StoreFuture<'_, Vec<StoredRecord>>;
}

/// One or more events that become durable together. There is no empty batch, and no change without an event.
#[derive(Clone, Debug)]
pub struct Batch {
    events: Vec<Event>,
}

impl Batch {
    /// The same batch with one more event.
    #[must_use]
    pub fn and(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    /// The events, in order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }
}

impl From<Event> for Batch {
    fn from(event: Event) -> Self {
        Self { events: vec![event] }
    }
}

/// A record of the audit log.
#[derive(Clone, Debug)]
pub struct StoredRecord {
    /// Where in the log it stands.
    pub position: LogIndex,
    /// The leaf's octets.
    pub leaf: Vec<u8>,
    /// Salt and body, unless erased or damaged.
    pub opening: Option<(Salt, Vec<u8>)>,
    /// Why there is no opening although the record was not erased.
    pub damage: Option<RecordDamage>,
}

impl StoredRecord {
    /// The leaf, when it can be read.
    #[must_use]
    pub fn leaf(&self) -> Option<Leaf> {
        Leaf::decode(&self.leaf).ok()
    }
}

/// What no server leaves behind beside a leaf: salt and body are stored together and erased together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordDamage {
    /// There is a salt without a body.
    #[error("the body is gone, but not its salt")]
    BodyMissing,
    /// There is a body without a salt.
    #[error("the salt is gone, but not its body")]
    SaltMissing,
    /// The salt has not the 32 octets of a salt, but this many.
    #[error("the salt has {0} octets instead of 32")]
    SaltLength(usize),
}

/// A progress report as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReport {
    /// The leaf that records it.
    pub leaf: LogIndex,
    /// When it came, in milliseconds since the epoch.
    pub at: u64,
    /// What was reported.
    pub progress_type: ProgressType,
    /// The device's message.
    pub message: Option<String>,
    /// The keys it reported, with `bootstrap-complete` only.
    pub keys: Vec<ReportedKey>,
}

/// The store did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The device is on the list already.
    #[error("the device {0} is registered already")]
    DeviceExists(DeviceId),
    /// The device is not on the list.
    #[error("no device {0}")]
    NoDevice(DeviceId),
    /// The profile does not exist.
    #[error("no profile {0}")]
    NoProfile(String),
    /// The manufacturer does not exist.
    #[error("no manufacturer {0}")]
    NoManufacturer(String),
    /// Something stored cannot be read back: the database was written by something else, or is damaged.
    #[error("the database holds something unreadable: {what}")]
    Corrupt {
        /// What.
        what: &'static str,
    },
    /// The database failed: disk full, damaged file, or locked by another process.
    #[error("the database failed: {detail}")]
    Database {
        /// What it said.
        detail: String,
    },
    /// There is no database where one is expected.
    #[error(
        "there is no database at {}: correct the path or bring the file back from a backup, a server does not start a \
         new one in its place",
        path.display()
    )]
    Missing {
        /// Where.
        path: PathBuf,
    },
    /// The database has another writer.
    #[error("another server has the database open for writing: stop one of the two")]
    InUse,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}
