//! What the server keeps, and the one way in.

pub mod sqlite;

use std::{future::Future, pin::Pin};

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

    /// At most `limit` records of the audit log from `first` on.
    fn records(&self, first: LogIndex, limit: u32) -> StoreFuture<'_, Vec<StoredRecord>>;

    /// The latest signed checkpoint.
    fn checkpoint(&self) -> StoreFuture<'_, Option<String>>;
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
    /// The leaf's octets.
    pub leaf: Vec<u8>,
    /// Salt and body, unless erased.
    pub opening: Option<(Salt, Vec<u8>)>,
}

impl StoredRecord {
    /// The leaf, when it can be read.
    #[must_use]
    pub fn leaf(&self) -> Option<Leaf> {
        Leaf::decode(&self.leaf).ok()
    }
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
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}
