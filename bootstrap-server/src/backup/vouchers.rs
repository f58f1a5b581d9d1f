//! Whether the rows of vouchers are what the audit log says.

use std::collections::HashMap;

use super::short::Short;

/// The vouchers of every device, as rows and in the log.
#[derive(Default)]
pub(super) struct Vouchers {
    of: HashMap<Box<str>, Shelf>,
}

/// The vouchers of one device.
#[derive(Default)]
struct Shelf {
    rows: Vec<Row>,
    /// The log's last word is that a voucher was stored of which there is no row.
    lost: bool,
}

/// The row of one voucher.
struct Row {
    line: u64,
    says: Short,
    /// Whether the log says that it was stored.
    stored: bool,
}

impl Vouchers {
    /// Takes a row.
    pub(super) fn row(&mut self, line: u64, device: Box<str>, says: Short) {
        self.of.entry(device).or_default().rows.push(Row { line, says, stored: false });
    }

    /// Takes the record of a voucher that was stored. Releases before schema 4 kept the last one of each device only, so that
    /// of those before it there may be no row.
    pub(super) fn stored(&mut self, device: Box<str>, says: Option<Short>) {
        let shelf = self.of.entry(device).or_default();
        shelf.lost = true;
        for row in shelf.rows.iter_mut().filter(|row| Some(row.says) == says) {
            row.stored = true;
            shelf.lost = false;
        }
    }

    /// Takes the record of a device that was erased, and its vouchers with it.
    pub(super) fn erased(&mut self, device: &str) {
        if let Some(shelf) = self.of.get_mut(device) {
            shelf.lost = false;
            shelf.rows.iter_mut().for_each(|row| row.stored = false);
        }
    }

    /// Those whose rows are not what the log says: the line, and which. What is missing is missing at the `end`.
    pub(super) fn differing(self, end: u64) -> impl Iterator<Item = (u64, String)> {
        self.of.into_iter().filter_map(move |(device, shelf)| {
            let unknown = shelf.rows.iter().find(|row| !row.stored).map(|row| row.line);
            let line = unknown.or_else(|| shelf.lost.then_some(end))?;
            Some((line, format!("voucher {device}")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differing(rows: &[&str], log: &[Option<&str>]) -> Vec<u64> {
        let mut vouchers = Vouchers::default();
        for (line, row) in (1..).zip(rows) {
            vouchers.row(line, "maker/SN-1".into(), Short::of(row.as_bytes()));
        }
        for record in log {
            match record {
                Some(says) => vouchers.stored("maker/SN-1".into(), Some(Short::of(says.as_bytes()))),
                None => vouchers.erased("maker/SN-1"),
            }
        }
        vouchers.differing(9).map(|(line, _)| line).collect()
    }

    #[test]
    fn srv_17_every_row_is_in_the_log_and_the_last_in_the_log_is_a_row() {
        assert!(differing(&["a", "b"], &[Some("a"), Some("b")]).is_empty());
        assert!(differing(&["b"], &[Some("a"), Some("b")]).is_empty(), "an earlier release replaced the first");
        assert_eq!(differing(&["a"], &[Some("a"), Some("b")]), [9]);
        assert_eq!(differing(&["a", "x"], &[Some("a")]), [2]);
        assert_eq!(differing(&["a"], &[Some("a"), None]), [1]);
        assert!(differing(&["b"], &[Some("a"), None, Some("b")]).is_empty());
        assert!(differing(&[], &[Some("a"), None]).is_empty());
    }
}
