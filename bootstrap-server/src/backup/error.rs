//! What can be wrong with a backup, and where.

use audit_log::KeyId;
use verdict::Refusal;

use crate::audit::Unaccounted;

/// A backup cannot be used. The line is that of the file, the first being 1.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct BackupInvalid {
    /// Where.
    pub line: u64,
    /// Why.
    pub fault: BackupFault,
}

/// Why a backup cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupFault {
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// The first line is not that of a backup.
    #[error("this is no backup: `sztp backup --out FILE` makes one")]
    NoBackup,
    /// It was written in a form that this release does not know.
    #[error(
        "it has form {found} and schema {schema}, made by release {server}: restore it with that release or a newer one"
    )]
    TooNew {
        /// The form's number.
        found: u32,
        /// The schema's number.
        schema: u32,
        /// The release that made it.
        server: String,
    },
    /// The file ends in the middle.
    #[error("the file ends here, before its last line: it was cut off, take the copy that is whole")]
    Truncated,
    /// Something follows the last line.
    #[error("something follows the end of the backup")]
    Trailing,
    /// A line is longer than any row.
    #[error("the line has more than {max} octets: no row has", max = super::MAX_LINE)]
    TooLong,
    /// A line is no row.
    #[error("the line cannot be read: it was altered or damaged")]
    Malformed,
    /// A row has other columns than its table, or a table is not known.
    #[error("a row that does not fit the table {table}")]
    Row {
        /// The table.
        table: String,
    },
    /// A row comes before one that belongs before it.
    #[error("a row of {table} out of order: rows were moved or repeated")]
    Order {
        /// The table.
        table: String,
    },
    /// The rows are not as many as were written.
    #[error("{found} rows of {table}, and {written} were written")]
    Count {
        /// The table.
        table: String,
        /// How many there are.
        found: u64,
        /// How many the last line says.
        written: u64,
    },
    /// The digest of what is before the last line is another one.
    #[error("the lines before have another digest than was written: one of them was altered")]
    Digest,
    /// The seal is not by the log's key.
    #[error("the seal is not that of the log's key over these lines: {}", .0.detail)]
    Seal(Refusal),
    /// It is the backup of another log than the one asked for.
    #[error(
        "it is sealed by the key {found}, and the one of this server is {expected}: name the configuration that it belongs to"
    )]
    OtherKey {
        /// The key in the backup.
        found: KeyId,
        /// The key expected.
        expected: KeyId,
    },
    /// The checkpoint in the first line is not the one among the rows.
    #[error("the checkpoint is not the one that the first line names")]
    OtherCheckpoint,
    /// There is no log: a server that was started has one.
    #[error("it holds no audit log: nothing was ever committed to that database")]
    NoLog,
    /// A leaf, a record or a checkpoint does not fit.
    #[error("{}", .0.detail)]
    Log(Refusal),
    /// Records are empty, and nothing in the log erased them.
    #[error(transparent)]
    Unaccounted(#[from] Unaccounted),
    /// A row says something else than the audit log.
    #[error("{what} is not what the audit log says it is")]
    NotDerived {
        /// Which row: table and key.
        what: String,
    },
}

impl BackupFault {
    pub(super) const fn at(self, line: u64) -> BackupInvalid {
        BackupInvalid { line, fault: self }
    }
}
