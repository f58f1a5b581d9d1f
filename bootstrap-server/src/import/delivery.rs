//! What a delivery list says. It was made by somebody else and for something else, so that little is asked of it: a column
//! with serial numbers, under any of the names that people give it.

use pki::identity::SerialNumber;
use serde::Deserialize;

use super::{Fault, Record, Row, UnknownColumns, record::unquoted};

/// A row of a delivery list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveredRow {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// The serial number as it stands there, without the blanks around it.
    pub serial_number: SerialNumber,
    /// Who made the device, as the list has it.
    pub manufacturer: Option<String>,
    /// The maker's name for this kind of device.
    pub model: Option<String>,
}

impl Row for DeliveredRow {
    fn line(&self) -> u64 {
        self.line
    }

    fn subject(&self) -> impl std::hash::Hash + std::fmt::Display {
        Subject(self.manufacturer.as_deref(), self.serial_number.as_str())
    }
}

#[derive(Hash)]
struct Subject<'a>(Option<&'a str>, &'a str);

impl std::fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.1)
    }
}

/// The members of a row, as they were written. Others are passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Delivered {
    #[serde(alias = "serial", alias = "serial_number", alias = "serialNumber", alias = "sn")]
    serial_number: Option<String>,
    #[serde(default)]
    manufacturer: Option<String>,
    #[serde(default)]
    model: Option<String>,
}

/// A member that a row may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The serial number.
    SerialNumber,
    /// Who made the device.
    Manufacturer,
    /// The maker's name for this kind of device.
    Model,
}

impl Record for Delivered {
    type Row = DeliveredRow;
    type Column = Column;

    const MAX_ROW: usize = 64 * 1024;
    const COLUMNS: &'static [Column] = &[Column::SerialNumber, Column::Manufacturer, Column::Model];
    const NEEDED: &'static [Column] = &[Column::SerialNumber];
    const UNKNOWN: UnknownColumns = UnknownColumns::PassedOver;

    fn name(column: Column) -> &'static str {
        match column {
            Column::SerialNumber => "serial-number",
            Column::Manufacturer => "manufacturer",
            Column::Model => "model",
        }
    }

    fn column(name: &str) -> Option<Column> {
        let letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        match letters.to_ascii_lowercase().as_str() {
            "serialnumber" | "serial" | "serialno" | "serialnr" | "sn" => Some(Column::SerialNumber),
            "manufacturer" | "maker" | "make" | "mfr" => Some(Column::Manufacturer),
            "model" | "hwmodel" | "productid" | "pid" => Some(Column::Model),
            _ => None,
        }
    }

    fn put(&mut self, column: Column, text: &str) {
        let member = match column {
            Column::SerialNumber => &mut self.serial_number,
            Column::Manufacturer => &mut self.manufacturer,
            Column::Model => &mut self.model,
        };
        let text = unquoted(text.trim());
        *member = (!text.is_empty()).then(|| text.to_owned());
    }

    fn check(self, line: u64) -> Result<DeliveredRow, Fault> {
        let serial_number = self.serial_number.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let serial_number = serial_number.ok_or_else(|| Fault::row(line, "serial-number: is missing"))?;
        let serial_number =
            SerialNumber::new(serial_number).map_err(|why| Fault::row(line, format!("serial-number: {why}")))?;
        Ok(DeliveredRow { line, serial_number, manufacturer: self.manufacturer, model: self.model })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{Form, Importer};

    #[test]
    fn a_list_that_was_made_for_something_else_is_read() {
        let text = "PO Number,S/N,Maker,Qty\r\n4711, sn-1 ,Example,1\r\n4711,'=2,,1\r\n,,,\r\n4711,sn-1,Example,1\r\n";
        let mut importer = Importer::<Delivered>::new(Form::Csv);
        let mut rows = importer.feed(text.as_bytes());
        rows.extend(importer.finish());
        let read: Vec<_> = rows.iter().flatten().map(|row| (row.line, row.serial_number.as_str())).collect();
        assert_eq!(read, [(2, "sn-1"), (3, "=2")]);
        assert_eq!(rows[0].as_ref().unwrap().manufacturer.as_deref(), Some("Example"));
        assert!(rows[2].as_ref().unwrap_err().detail.contains("missing"));
        assert!(rows[3].as_ref().unwrap_err().detail.contains("line 2 already"));
        let one = |form, text: &str| Importer::<Delivered>::new(form).feed(text.as_bytes()).remove(0);
        let json = one(Form::JsonLines, "{\"serial\":\"A-1\",\"po\":7}\n").unwrap();
        assert_eq!(json.serial_number.as_str(), "A-1");
        let headless = one(Form::Csv, "A-1\nA-2\n").unwrap_err();
        assert!(headless.detail.contains("serial-number is missing"), "{}", headless.detail);
        let semicolons = one(Form::Csv, "serial;maker\nA;B\n").unwrap_err();
        assert!(semicolons.detail.contains("commas"), "{}", semicolons.detail);
    }
}
