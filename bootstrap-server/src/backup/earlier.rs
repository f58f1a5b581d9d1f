//! Rows of earlier schemas, brought forward as the migrations bring databases forward.

use crate::store::{ExportedRow, ExportedValue};

/// The row as this release has it, of a backup whose rows have this schema.
pub(super) fn forward(schema: u32, mut row: ExportedRow) -> ExportedRow {
    // Migration 0004.
    if schema < 4 && row.table == "manufacturer" {
        row.values.push(ExportedValue::Text("{}".to_owned()));
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manufacturer_of_before_gets_what_the_migration_gives_it() {
        let text = |text: &str| ExportedValue::Text(text.to_owned());
        let row = |values| ExportedRow { table: "manufacturer".to_owned(), values };
        let before = row(vec![text("maker"), text("PEM"), text(""), text("attribute")]);
        let now = row(vec![text("maker"), text("PEM"), text(""), text("attribute"), text("{}")]);
        assert_eq!(forward(3, before), now);
        assert_eq!(forward(4, now.clone()), now);
    }
}
