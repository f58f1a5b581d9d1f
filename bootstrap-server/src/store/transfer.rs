//! Everything that is stored, as rows that any kind of database can take in: what backups are made of.

use conveyed_info::{OwnershipVoucher, voucher::Nonce};
use pki::time::Timestamp;

use super::StoreFuture;
use crate::domain::vouching::Summary;

/// The schema that this release writes. Part of what an export says about itself.
pub const SCHEMA_VERSION: u32 = 6;

/// One row of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedRow {
    /// The table's name.
    pub table: String,
    /// The values, in the order of the table's columns.
    pub values: Vec<ExportedValue>,
}

impl ExportedRow {
    /// The same row as this release has it, when one before it exported it.
    #[must_use]
    pub fn brought_forward(mut self) -> Self {
        // Before schema 4 every manufacturer did as IEEE 802.1AR says.
        if self.table == "manufacturer" && self.values.len() == 4 {
            self.values.push(ExportedValue::Text("{}".to_owned()));
        }
        // Before schema 6 no device had a UUID: the column before the last.
        if self.table == "device" && self.values.len() == 21 {
            self.values.insert(20, ExportedValue::Nothing);
        }
        // Before schema 4 a device had one voucher, and nothing was noted beside it.
        if self.table == "voucher"
            && let [_, _, ExportedValue::Octets(artifact)] = self.values.as_slice()
            && let Ok(artifact) = OwnershipVoucher::from_der(artifact.clone())
        {
            let Summary { sha256, created_on, bound, pinned } = Summary::of(&artifact);
            let octets = |octets: Option<&[u8]>| {
                octets.map_or(ExportedValue::Nothing, |octets| ExportedValue::Octets(octets.to_vec()))
            };
            let moment =
                |at: Option<Timestamp>| at.map_or(ExportedValue::Nothing, |at| ExportedValue::Integer(at.unix()));
            self.values.insert(2, octets(Some(sha256.0.as_slice())));
            self.values.extend([
                ExportedValue::Integer(0),
                ExportedValue::Integer(0),
                moment(created_on),
                moment(bound.expires_on()),
                octets(bound.nonce().map(Nonce::octets)),
                octets(pinned.as_ref().map(|digest| digest.0.as_slice())),
            ]);
        }
        self
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_of_an_earlier_export_has_no_uuid() {
        let values = |count: i64| (0..count).map(ExportedValue::Integer).collect::<Vec<_>>();
        let row = ExportedRow { table: "device".to_owned(), values: values(21) };
        let forward = row.brought_forward();
        let expected: Vec<_> =
            values(20).into_iter().chain([ExportedValue::Nothing, ExportedValue::Integer(20)]).collect();
        assert_eq!(forward.values, expected, "its version stays the last one");
        assert_eq!(forward.clone().brought_forward(), forward);
    }
}
