//! What the server keeps, and the one way in.

pub mod sqlite;
mod transfer;

pub use transfer::{Export, ExportedRow, ExportedValue, SCHEMA_VERSION};

use std::{future::Future, path::PathBuf, pin::Pin};

use audit_log::{Leaf, LogIndex, Salt, TreeSize, UnixMillis};
use conveyed_info::rpc::ProgressType;
use pki::{digest::Digest, identity::SerialNumber};
use tokio::sync::watch;

use crate::{
    audit::{Event, ReportedKey},
    domain::{
        Actor, Deadlines, Device, DeviceId, Dossier, Manufacturer, ManufacturerName, OnboardingProfile, ProfileName,
        Proof, Token, User, UserName, change::ChangeRefused,
    },
};

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

    /// Every profile, by name.
    fn profiles(&self) -> StoreFuture<'_, Vec<OnboardingProfile>>;

    /// What is known about one device, with its voucher and profile.
    fn dossier<'a>(&'a self, device: &'a DeviceId) -> StoreFuture<'a, Dossier>;

    /// The devices with this serial number: one for each manufacturer that has one.
    fn devices_named<'a>(&'a self, serial_number: &'a SerialNumber) -> StoreFuture<'a, Vec<DeviceId>>;

    /// A page of the devices that `filter` lets through, by manufacturer and serial number.
    fn devices<'a>(&'a self, filter: &'a DeviceFilter, page: Page<DeviceId>) -> StoreFuture<'a, Vec<Device>>;

    /// How many devices are in each state, and how many of them are past that state's deadline.
    fn census(&self, now: UnixMillis, deadlines: Deadlines) -> StoreFuture<'_, Vec<Census>>;

    /// What a device reported, oldest first.
    fn reports<'a>(&'a self, device: &'a DeviceId) -> StoreFuture<'a, Vec<StoredReport>>;

    /// The records of the log that are about a device, oldest first, from `first` on.
    fn history<'a>(&'a self, device: &'a DeviceId, first: LogIndex, limit: u32) -> StoreFuture<'a, Vec<StoredRecord>>;

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

    /// The size of the log, which changes whenever something was committed, by this server or another.
    fn growth(&self) -> watch::Receiver<TreeSize>;

    /// How many batches wait for a transaction: what decides whether more work is taken in. A store that has no queue
    /// says so by a capacity of 0.
    fn backlog(&self) -> Backlog {
        Backlog::default()
    }

    /// The audit log as it is now, to be read in pages while others go on writing.
    fn log_snapshot(&self) -> StoreFuture<'_, Box<dyn LogSnapshot>>;
}

/// How full a store's queue is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Batches that wait to be written.
    pub waiting: usize,
    /// Batches that may wait.
    pub capacity: usize,
}

/// Which devices are wanted. Each member that is there narrows the choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceFilter {
    /// Of this manufacturer.
    pub manufacturer: Option<ManufacturerName>,
    /// In the state of this name.
    pub state: Option<String>,
    /// With this profile.
    pub profile: Option<ProfileName>,
    /// In this rack.
    pub rack: Option<String>,
    /// With this host name.
    pub host: Option<String>,
    /// Whose serial number starts so.
    pub serial_prefix: Option<String>,
    /// With an alarm.
    pub alarmed: Option<Alarmed>,
    /// Past the deadline of their state.
    pub stuck: Option<Stuck>,
}

/// Devices with an alarm only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarmed;

/// Stuck devices only, judged by these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// The time.
    pub now: UnixMillis,
    /// The deadlines.
    pub deadlines: Deadlines,
}

/// A part of a long list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<K> {
    /// What the page before ended with.
    pub after: Option<K>,
    /// Most that is wanted.
    pub limit: u32,
}

/// How many devices are in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Census {
    /// The state's name.
    pub state: &'static str,
    /// How many are in it.
    pub devices: u64,
    /// How many of them are stuck.
    pub stuck: u64,
    /// How many of them have an alarm.
    pub alarmed: u64,
}

/// What was answered to a request that named an idempotency key, for whoever sends it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// SHA-256 of the request.
    pub request: Digest,
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
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
    actor: Option<Actor>,
    urgency: Urgency,
    expected: Vec<(DeviceId, LogIndex)>,
    answer: Option<(UserName, String, KeptAnswer)>,
}

/// Who waits for a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Urgency {
    /// A device or a person. Goes into the next transaction.
    #[default]
    Interactive,
    /// A long import. Gives way: each transaction takes a little of it.
    Bulk,
}

impl Batch {
    /// The same batch with one more event.
    #[must_use]
    pub fn and(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    /// The same batch, caused by somebody.
    #[must_use]
    pub fn by(mut self, actor: Actor) -> Self {
        self.actor = Some(actor);
        self
    }

    /// The same batch, which gives way to others.
    #[must_use]
    pub const fn bulk(mut self) -> Self {
        self.urgency = Urgency::Bulk;
        self
    }

    /// The same batch, which fails with [`StoreError::Changed`] unless the device's record has this version.
    #[must_use]
    pub fn expecting(mut self, device: DeviceId, version: LogIndex) -> Self {
        self.expected.push((device, version));
        self
    }

    /// The same batch; `answer` is kept together with the change, under this user's idempotency key. Fails with
    /// [`StoreError::AnsweredBefore`] when the key was used meanwhile.
    #[must_use]
    pub fn answering(mut self, user: UserName, key: String, answer: KeptAnswer) -> Self {
        self.answer = Some((user, key, answer));
        self
    }

    /// The events, in order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Who caused them.
    #[must_use]
    pub const fn actor(&self) -> Option<&Actor> {
        self.actor.as_ref()
    }

    /// Who waits for it.
    #[must_use]
    pub const fn urgency(&self) -> Urgency {
        self.urgency
    }
}

impl From<Event> for Batch {
    fn from(event: Event) -> Self {
        Self { events: vec![event], actor: None, urgency: Urgency::Interactive, expected: Vec::new(), answer: None }
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
    /// The event is not possible in the state that the device is in.
    #[error("{device}: {refused}")]
    Refused {
        /// Which device.
        device: DeviceId,
        /// Why.
        refused: ChangeRefused,
    },
    /// The record is not the one that the caller saw.
    #[error("{0} was changed meanwhile: look at it again")]
    Changed(DeviceId),
    /// The idempotency key was used meanwhile: what was answered then is kept.
    #[error("this idempotency key was used a moment ago: send the request again for its answer")]
    AnsweredBefore,
    /// The user does not exist.
    #[error("no user {0}")]
    NoUser(String),
    /// The token does not exist.
    #[error("no token {0}")]
    NoToken(String),
    /// Devices still have the profile.
    #[error("the profile {profile} is that of {devices} devices: give them another one first")]
    ProfileInUse {
        /// Which profile.
        profile: String,
        /// How many devices.
        devices: u64,
    },
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
