//! Everything that is stored, as rows that any kind of database can take in: what backups are made of.

use super::StoreFuture;

/// The schema that this release writes. Part of what an export says about itself.
pub const SCHEMA_VERSION: u32 = 4;

/// One row of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedRow {
    /// The table's name.
    pub table: String,
    /// The values, in the order of the table's columns.
    pub values: Vec<ExportedValue>,
}

/// The value of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportedValue {
    /// There is none.
    Nothing,
    /// A number.
    Integer(i64),
    /// A text.
    Text(String),
    /// Octets.
    Octets(Vec<u8>),
}

/// The whole content of a database as it was at one moment.
///
/// While one is held, the database keeps what was overwritten since: drop it when done.
pub trait Export: Send {
    /// The latest signed checkpoint of that moment.
    fn checkpoint(&self) -> Option<&str>;

    /// The next rows: some thousands at most, and none at the end. Tables come one after another, rows in a fixed order.
    fn next(&mut self) -> StoreFuture<'_, Vec<ExportedRow>>;
}
