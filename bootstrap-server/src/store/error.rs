//! Why a store did not do what it was asked to.

use std::path::PathBuf;

use pki::key::SignError;

use crate::domain::{
    DeviceId,
    change::ChangeRefused,
    factory::ProductionRefused,
    ledger::{IssueRefused, RevokeRefused},
    masa::MasaRefused,
};

/// How a database failed. Displays as what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatabaseFault {
    /// There is no room left.
    Full,
    /// It takes no changes.
    ReadOnly,
    /// It cannot be reached.
    Unreachable,
    /// It does not let this server in.
    Denied,
    /// It was busy for too long.
    Busy,
    /// Anything else.
    Other,
}

impl std::fmt::Display for DatabaseFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Full => "make room on its disk; the server goes on by itself",
            Self::ReadOnly => "make it writable for this server; the server goes on by itself",
            Self::Unreachable => "start it or correct its address; the server goes on by itself",
            Self::Denied => "correct the user, the password or the rights in the database",
            Self::Busy => "look for what holds it; the server goes on by itself",
            Self::Other => "see the database's own log; the server tries again with the next request",
        })
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database { fault: fault(&error), detail: error.to_string() }
    }
}

/// Sorts a failure by the codes of SQLite (numbers) and PostgreSQL (five characters, its manual's appendix A).
fn fault(error: &sqlx::Error) -> DatabaseFault {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed => DatabaseFault::Unreachable,
        sqlx::Error::PoolTimedOut => DatabaseFault::Busy,
        sqlx::Error::Database(error) => match error.code().as_deref() {
            Some("13" | "53100" | "53200") => DatabaseFault::Full,
            // SQLite's extended codes keep the kind in the lowest octet: 264, 520, … are all "read-only".
            Some("8" | "264" | "520" | "776" | "1032" | "1288" | "1544" | "25006") => DatabaseFault::ReadOnly,
            Some("5" | "6" | "261" | "517" | "55P03" | "53300" | "57014") => DatabaseFault::Busy,
            Some("14") => DatabaseFault::Unreachable,
            Some("28000" | "28P01" | "42501" | "3D000") => DatabaseFault::Denied,
            Some(code) if code.starts_with("08") || code.starts_with("57P") => DatabaseFault::Unreachable,
            _ => DatabaseFault::Other,
        },
        _ => DatabaseFault::Other,
    }
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
    /// Records that were to be erased are not there, or were erased meanwhile.
    #[error("some of these records were erased meanwhile: look which are left")]
    ErasedBefore,
    /// The idempotency key was used meanwhile: what was answered then is kept.
    #[error("this idempotency key was used a moment ago: send the request again for its answer")]
    AnsweredBefore,
    /// The user does not exist.
    #[error("no user {0}")]
    NoUser(String),
    /// Nobody would be left who may administer the server.
    #[error("{0} is the last admin: make somebody else one first")]
    LastAdmin(String),
    /// The device has this very voucher already.
    #[error("{0} has this voucher already")]
    VoucherExists(DeviceId),
    /// The device has [`MAX_VOUCHERS`](super::MAX_VOUCHERS) vouchers.
    #[error("{0} has as many vouchers as one device may have: erase it, and store the one that counts again")]
    VouchersFull(DeviceId),
    /// The user has [`MAX_TOKENS`](super::MAX_TOKENS) tokens.
    #[error("{0} has as many tokens as one user may have: revoke those that nobody uses")]
    TokensFull(String),
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
    /// A production order forbids it.
    #[error(transparent)]
    Production(ProductionRefused),
    /// What was issued before forbids it.
    #[error(transparent)]
    NotIssued(IssueRefused),
    /// The records of the MASA forbid it.
    #[error(transparent)]
    Masa(MasaRefused),
    /// The certificate cannot be revoked.
    #[error(transparent)]
    NotRevoked(RevokeRefused),
    /// Something stored cannot be read back: the database was written by something else, or is damaged.
    #[error("the database holds something unreadable: {what}")]
    Corrupt {
        /// What.
        what: &'static str,
    },
    /// The database did not do it. It may do so later.
    #[error("the database failed: {detail}: {fault}")]
    Database {
        /// What kind of failure it is, and what to do.
        fault: DatabaseFault,
        /// What it said.
        detail: String,
    },
    /// The audit log's key did not sign, so nothing was written: a token that is away. It may do so later.
    #[error("the audit log's key did not sign, and nothing was changed: {0}")]
    Unsigned(SignError),
    /// The database failed at the very end of a change: it may have been made, and may not. It is not tried again.
    #[error(
        "the database failed while the change was being made durable: {detail}: look whether it was made before you repeat it"
    )]
    Unsettled {
        /// What the database said.
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
    /// The database was made by a newer release.
    #[error(
        "the database has schema {found}, and this release knows {known} at most: run the release that wrote it, or a newer one"
    )]
    SchemaNewer {
        /// What it has.
        found: u32,
        /// What this release writes.
        known: u32,
    },
    /// The database was made by an older release, and only reading was asked for.
    #[error("the database has schema {found}, which a server of this release turns into {known}: start it once")]
    SchemaOlder {
        /// What it has.
        found: u32,
        /// What this release reads.
        known: u32,
    },
    /// The database does not sync what it acknowledges.
    #[error("the database has {setting} = {value}, so that what it acknowledges may be lost: set it to on")]
    NotDurable {
        /// Which setting.
        setting: &'static str,
        /// What it is.
        value: String,
    },
    /// A restoration needs an empty database, and this one is none.
    #[error("the database is not empty: restore into a new one")]
    NotEmpty,
    /// What is to be restored is not what was exported.
    #[error("this is no export that can be read: {what}")]
    ImportInvalid {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The location names a kind of database that this program was built without.
    #[error("this program was built without PostgreSQL: name a file, or build it with the feature postgres")]
    PostgresMissing,
    /// The database has another writer.
    #[error("another server has the database open for writing: stop one of the two")]
    InUse,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}
