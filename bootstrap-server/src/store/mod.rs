//! What the server keeps, and the one way in.
//!
//! [`SqlStore`] is the store, on SQLite or on PostgreSQL.

mod batch;
mod error;
mod factory;
mod filter;
mod leases;
mod ledger;
mod location;
mod masa;
mod plan;
mod postgres;
mod record;
mod sql;
mod sqlite;
mod transfer;
mod voucher;

pub use batch::{Backlog, Batch, KeptAnswer, Urgency};
pub use error::{DatabaseFault, StoreError};
pub use factory::Factory;
pub use filter::{Alarmed, Census, DeviceFilter, Page, Strays, Stuck};
pub use leases::{Ended, LeaseFilter, Leases};
pub use ledger::Ledger;
pub use location::Location;
pub use masa::{MasaRecords, OwnersVersion};
pub use record::{ArchivedLog, LogNumber, LogSnapshot, Place, RecordDamage, StoredRecord, StoredReport};
pub use sql::{Import, Reopened, SqlStore};
pub use transfer::{Export, ExportedRow, ExportedValue, SCHEMA_VERSION};
pub use voucher::{LastOnes, Listed, MAX_VOUCHERS, Stock, StockListed, StoredVoucher, VoucherFilter, VoucherKey};

use std::{collections::BTreeSet, future::Future, pin::Pin, sync::Arc};

use audit_log::{LogIndex, TreeSize, UnixMillis};
use pki::{digest::Digest, identity::SerialNumber, time::Timestamp};
use tokio::sync::watch;

use crate::{
    audit::ReportedKey,
    domain::identification::StoredLists,
    domain::{
        Deadlines, Device, DeviceId, Dossier, Manufacturer, OnboardingProfile, Policies, ProfileName, Proof, Token,
        User, UserName,
    },
};

/// Most reports of one device that are given back.
pub const MAX_REPORTS: u32 = 500;

/// Most tokens of one user: the store keeps the names of all tokens in memory, and whoever may look may make some.
pub const MAX_TOKENS: usize = 64;

/// What a store's operations give back.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A store. [`Store::commit`] is the only operation that changes anything that somebody decided.
pub trait Store: Send + Sync {
    /// Applies the events of `batch` and appends their leaves, in one transaction that is durable when this returns.
    /// Gives the position of the first leaf.
    ///
    /// Fails as a whole or not at all. Many callers may share a transaction; the failure of one does not touch another.
    fn commit(&self, batch: Batch) -> StoreFuture<'_, LogIndex>;

    /// Says what [`Store::commit`] would say now, and changes nothing.
    fn rehearse(&self, batch: Batch) -> StoreFuture<'_, ()>;

    /// Notes that a device proved its identity although nothing changed. Kept with some later commit; lost in a crash.
    fn note_proof(&self, device: &DeviceId, proof: Proof);

    /// Every manufacturer.
    fn manufacturers(&self) -> StoreFuture<'_, Vec<Manufacturer>>;

    /// The revocation lists of all manufacturers. Those that `known` holds are not read again.
    fn revocation_lists<'a>(&'a self, known: &'a StoredLists) -> StoreFuture<'a, StoredLists>;

    /// Every profile, by name.
    fn profiles(&self) -> StoreFuture<'_, Vec<OnboardingProfile>>;

    /// The profile of this name, if there is one.
    fn profile<'a>(&'a self, name: &'a ProfileName) -> StoreFuture<'a, Option<Arc<OnboardingProfile>>>;

    /// A page of the vouchers that `filter` lets through, by device and digest.
    fn vouchers<'a>(&'a self, filter: &'a VoucherFilter, page: Page<VoucherKey>)
    -> StoreFuture<'a, Vec<StoredVoucher>>;

    /// How many devices that were not onboarded yet, or are on no list, have a voucher that ends before `moment` and none
    /// that lasts until then.
    fn vouchers_ending(&self, moment: Timestamp) -> StoreFuture<'_, u64>;

    /// What is in stock under each of these serial numbers, whoever made the devices: of those of which anything is.
    fn stock<'a>(&'a self, serial_numbers: &'a BTreeSet<SerialNumber>) -> StoreFuture<'a, Vec<Stock>>;

    /// What is known about one device, with its vouchers and profile.
    fn dossier<'a>(&'a self, device: &'a DeviceId) -> StoreFuture<'a, Dossier>;

    /// The devices with this serial number: one for each manufacturer that has one.
    fn devices_named<'a>(&'a self, serial_number: &'a SerialNumber) -> StoreFuture<'a, Vec<DeviceId>>;

    /// A page of the devices that `filter` lets through, by manufacturer and serial number.
    fn devices<'a>(&'a self, filter: &'a DeviceFilter, page: Page<DeviceId>) -> StoreFuture<'a, Vec<Device>>;

    /// How many devices are in each state, and how many of them are past that state's deadline.
    fn census(&self, now: UnixMillis, deadlines: Deadlines) -> StoreFuture<'_, Vec<Census>>;

    /// What a device reported, oldest first: the latest [`MAX_REPORTS`], since a device may report without end.
    fn reports<'a>(&'a self, device: &'a DeviceId) -> StoreFuture<'a, Vec<StoredReport>>;

    /// The records that are about a device, in all logs, oldest first, from `first` on.
    fn history<'a>(&'a self, device: &'a DeviceId, first: Place, limit: u32) -> StoreFuture<'a, Vec<StoredRecord>>;

    /// The latest `limit` records that are about a device, in all logs, oldest first.
    fn latest<'a>(&'a self, device: &'a DeviceId, limit: u32) -> StoreFuture<'a, Vec<StoredRecord>>;

    /// The policies in force: those that were accepted last. A new database has none.
    fn policies(&self) -> StoreFuture<'_, Option<Policies>>;

    /// The next leaf that this webhook is to be told of, as [`Batch::delivered`] noted it.
    fn delivered<'a>(&'a self, webhook: &'a str) -> StoreFuture<'a, Option<Place>>;

    /// The keys that a device reported with the report in this leaf.
    fn reported_keys(&self, report: Place) -> StoreFuture<'_, Vec<ReportedKey>>;

    /// A page of the devices that records speak of, by manufacturer and serial number: those of them that are on no list and
    /// have no voucher.
    fn strays(&self, page: Page<DeviceId>) -> StoreFuture<'_, Strays>;

    /// Every user, by name.
    fn users(&self) -> StoreFuture<'_, Vec<User>>;

    /// Every token, by user and age.
    fn tokens(&self) -> StoreFuture<'_, Vec<Token>>;

    /// The token with this digest of its secret, and whose it is.
    fn token(&self, digest: Digest) -> StoreFuture<'_, Option<(Token, User)>>;

    /// What was answered under an idempotency key of this user, if anything.
    fn kept_answer<'a>(&'a self, user: &'a UserName, key: &'a str) -> StoreFuture<'a, Option<KeptAnswer>>;

    /// At most `limit` records of the audit log from `first` on, in order. A leaf that was removed is passed over.
    fn records(&self, first: LogIndex, limit: u32) -> StoreFuture<'_, Vec<StoredRecord>>;

    /// The latest signed checkpoint.
    fn checkpoint(&self) -> StoreFuture<'_, Option<String>>;

    /// Which log is written. Stays the same while a store is open.
    fn log(&self) -> LogNumber;

    /// The size of the log, which changes whenever something was committed, by this server or another.
    fn growth(&self) -> watch::Receiver<TreeSize>;

    /// How many batches wait for a transaction: what decides whether more work is taken in. A store that has no queue
    /// says so by a capacity of 0.
    fn backlog(&self) -> Backlog {
        Backlog::default()
    }

    /// Whether anything can be changed. False for a store that is read only, and for one whose writer has ended, which
    /// does not come back.
    fn takes_changes(&self) -> bool {
        true
    }

    /// All audit logs as they are now, to be read in pages while others go on writing.
    fn log_snapshot(&self) -> StoreFuture<'_, Box<dyn LogSnapshot>>;

    /// The logs that ended when the database was restored, oldest first.
    fn archived_logs(&self) -> StoreFuture<'_, Vec<ArchivedLog>>;

    /// Everything that is stored, as it is now, to be read in pages while others go on writing.
    fn export(&self) -> StoreFuture<'_, Box<dyn Export>>;
}
