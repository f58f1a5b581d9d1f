//! What a store gives back of the audit log and of reports.

use std::fmt;

use audit_log::{Leaf, LogIndex, Origin, Salt};
use conveyed_info::rpc::ProgressType;

use super::StoreFuture;
use crate::audit::ReportedKey;

/// Which of a database's logs: a restored database begins a new one and keeps those before. The first is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogNumber(pub u32);

impl fmt::Display for LogNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A place in all the logs of a database, in the order in which they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Which log.
    pub log: LogNumber,
    /// Where in it.
    pub position: LogIndex,
}

impl Place {
    /// The very first.
    pub const FIRST: Self = Self { log: LogNumber(0), position: LogIndex(0) };
}

/// A log that ended with a restoration: nothing is appended to it any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedLog {
    /// Which log.
    pub log: LogNumber,
    /// The name it was published under.
    pub origin: Origin,
    /// The last checkpoint of it that was stored.
    pub checkpoint: String,
}

/// A record of the audit log.
#[derive(Clone, Debug)]
pub struct StoredRecord {
    /// Which log it is in.
    pub log: LogNumber,
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
    /// Which log its leaf is in.
    pub log: LogNumber,
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

/// Every audit log as it was at one moment. What is committed later does not show in it.
///
/// While one is held, the store keeps what was overwritten since: drop it when done.
pub trait LogSnapshot: Send {
    /// The latest signed checkpoint of that moment.
    fn checkpoint(&self) -> Option<&str>;

    /// The logs that had ended at that moment, oldest first.
    fn archived(&self) -> &[ArchivedLog];

    /// As [`Store::records`](super::Store::records): of the log that is written.
    fn records(&mut self, first: LogIndex, limit: u32) -> StoreFuture<'_, Vec<StoredRecord>>;

    /// The same of one of [`LogSnapshot::archived`].
    fn archived_records(&mut self, log: LogNumber, first: LogIndex, limit: u32) -> StoreFuture<'_, Vec<StoredRecord>>;
}
