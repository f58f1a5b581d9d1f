//! Devices from a file: octets in, as they arrive; rows and faults out, as they are complete. A file of a million rows needs
//! the memory of its longest row, and sixteen octets for each row by which repetitions are found.
//!
//! | column, member | meaning |
//! |---|---|
//! | `manufacturer` | who made the device; needed |
//! | `serial-number` | as its IDevID has it; needed |
//! | `profile` | what it is to become; needed |
//! | `model` | the maker's name for this kind of device |
//! | `mac-addresses` | hardware addresses: separated by blanks in CSV, an array in JSON |
//! | `uuid` | that of the firmware |
//! | `host`, `slot`, `rack` | the name it is to have, and where it is |
//!
//! CSV is that of RFC 4180 in UTF-8, with a header line that names the columns in any order. JSON is an array of objects, or one
//! object a line. A field that begins with an apostrophe and what a spreadsheet takes for a formula (`'=x`, `'-1`) is
//! meant without the apostrophe: so `sztp` writes it. What is unknown is refused by name: a misspelt column would lose what stands in it.

mod csv;
mod delivery;
mod device;
mod difference;
mod json;
mod order;
mod record;
mod voucher;

pub use delivery::{Column as DeliveryColumn, Delivered, DeliveredRow};
pub use device::{Column as DeviceColumn, Draft as ListedDevice};
pub use difference::Difference;
pub use order::{Column as OrderColumn, OrderRow, OrderedCertificate};
pub use record::{Record, Row, UnknownColumns};
pub use voucher::{BroughtVoucher, VoucherRow};

use std::{
    collections::{HashMap, hash_map::RandomState},
    fmt,
    hash::{BuildHasher, Hash},
};

use verdict::ReasonCode;

use crate::domain::{DeviceId, Particulars, ProfileName};

/// Most rows in a file.
pub const MAX_ROWS: usize = 4_000_000;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// RFC 4180, with a header line: `text/csv`.
    Csv,
    /// One array of objects: `application/json`.
    JsonArray,
    /// One object a line: `application/x-ndjson`.
    JsonLines,
}

impl Form {
    /// The form of this media type, which may carry parameters.
    #[must_use]
    pub fn of_media_type(media_type: &str) -> Option<Self> {
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        let forms =
            [("text/csv", Self::Csv), ("application/json", Self::JsonArray), ("application/x-ndjson", Self::JsonLines)];
        forms.into_iter().find(|(name, _)| essence.eq_ignore_ascii_case(name)).map(|(_, form)| form)
    }
}

/// A row that can be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRow {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// The device.
    pub device: DeviceId,
    /// What it is to become.
    pub profile: ProfileName,
    /// What and where it is.
    pub particulars: Particulars,
}

impl Row for DeviceRow {
    fn line(&self) -> u64 {
        self.line
    }

    fn subject(&self) -> impl Hash + fmt::Display {
        &self.device
    }
}

/// A row that cannot be taken, or the place from which on nothing can ([`ReasonCode::ImportUnreadable`]). The remedy is the
/// reason's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Why.
    pub reason: ReasonCode,
    /// What is wrong with it.
    pub detail: String,
}

impl Fault {
    fn row(line: u64, detail: impl Into<String>) -> Self {
        Self { line, reason: ReasonCode::ImportRowInvalid, detail: detail.into() }
    }

    fn unreadable(line: u64, detail: impl Into<String>) -> Self {
        Self { line, reason: ReasonCode::ImportUnreadable, detail: detail.into() }
    }
}

/// Reads one file, whose rows are what `R` makes of them.
#[derive(Debug)]
pub struct Importer<R: Record = ListedDevice> {
    reader: Reader<R>,
    start: Start,
    /// The line of each device that was read, by a hash under a random key.
    lines: HashMap<u64, u64>,
    hasher: RandomState,
    ended: Ended,
}

#[derive(Debug)]
enum Reader<R: Record> {
    Csv(csv::Records<R>),
    JsonArray(json::Array<R>),
    JsonLines(json::Lines<R>),
}

/// Whether a byte order mark may still come.
#[derive(Debug)]
enum Start {
    Octets(Vec<u8>),
    Passed,
}

/// Whether the file could be read so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    No,
    Yes,
}

impl<R: Record> Importer<R> {
    /// Reads a file of this form.
    #[must_use]
    pub fn new(form: Form) -> Self {
        let reader = match form {
            Form::Csv => Reader::Csv(csv::Records::default()),
            Form::JsonArray => Reader::JsonArray(json::Array::default()),
            Form::JsonLines => Reader::JsonLines(json::Lines::default()),
        };
        let start = Start::Octets(Vec::new());
        Self { reader, start, lines: HashMap::new(), hasher: RandomState::new(), ended: Ended::No }
    }

    /// Takes the next octets of the file; gives what they complete, in the order of the file. After
    /// [`ReasonCode::ImportUnreadable`] there is nothing more.
    pub fn feed(&mut self, octets: &[u8]) -> Vec<Result<R::Row, Fault>> {
        match std::mem::replace(&mut self.start, Start::Passed) {
            Start::Passed => self.read(octets),
            Start::Octets(mut first) => {
                first.extend_from_slice(octets);
                if first.len() < BOM.len() {
                    self.start = Start::Octets(first);
                    return Vec::new();
                }
                self.read_first(&first)
            }
        }
    }

    /// The file ends here.
    pub fn finish(mut self) -> Vec<Result<R::Row, Fault>> {
        let mut rows = match std::mem::replace(&mut self.start, Start::Passed) {
            Start::Octets(first) => self.read_first(&first),
            Start::Passed => Vec::new(),
        };
        if self.ended == Ended::No {
            let last = match &mut self.reader {
                Reader::Csv(records) => records.finish(),
                Reader::JsonArray(array) => array.finish(),
                Reader::JsonLines(lines) => lines.finish(),
            };
            rows.extend(self.accept(last));
        }
        rows
    }

    fn read_first(&mut self, first: &[u8]) -> Vec<Result<R::Row, Fault>> {
        if first.starts_with(&[0xff, 0xfe]) || first.starts_with(&[0xfe, 0xff]) {
            self.ended = Ended::Yes;
            return vec![Err(Fault::unreadable(1, "the file is UTF-16: save it as UTF-8"))];
        }
        self.read(first.strip_prefix(BOM).unwrap_or(first))
    }

    fn read(&mut self, octets: &[u8]) -> Vec<Result<R::Row, Fault>> {
        if self.ended == Ended::Yes {
            return Vec::new();
        }
        let read = match &mut self.reader {
            Reader::Csv(records) => records.feed(octets),
            Reader::JsonArray(array) => array.feed(octets),
            Reader::JsonLines(lines) => lines.feed(octets),
        };
        self.accept(read)
    }

    /// Lets nothing through after the end, and no device twice.
    fn accept(&mut self, read: Vec<Result<R::Row, Fault>>) -> Vec<Result<R::Row, Fault>> {
        let mut accepted = Vec::with_capacity(read.len());
        for row in read {
            let row = row.and_then(|row| self.first_of_its_name(row));
            let unreadable = matches!(&row, Err(fault) if fault.reason == ReasonCode::ImportUnreadable);
            accepted.push(row);
            if unreadable {
                self.ended = Ended::Yes;
                break;
            }
        }
        accepted
    }

    fn first_of_its_name(&mut self, row: R::Row) -> Result<R::Row, Fault> {
        let key = self.hasher.hash_one(row.subject());
        if let Some(first) = self.lines.get(&key) {
            let detail = format!("{} stands on line {first} already", row.subject());
            return Err(Fault { line: row.line(), reason: ReasonCode::ImportRowRepeated, detail });
        }
        if self.lines.len() >= MAX_ROWS {
            let detail = format!("a file has at most {MAX_ROWS} rows: split it, and import the rest by itself");
            return Err(Fault::unreadable(row.line(), detail));
        }
        self.lines.insert(key, row.line());
        Ok(row)
    }
}

/// UTF-8's byte order mark, which spreadsheets write.
const BOM: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAX_ROW: usize = ListedDevice::MAX_ROW;

    fn all(form: Form, chunks: &[&[u8]]) -> Vec<Result<DeviceRow, Fault>> {
        let mut importer = Importer::<ListedDevice>::new(form);
        let mut rows: Vec<_> = chunks.iter().flat_map(|chunk| importer.feed(chunk)).collect();
        rows.extend(importer.finish());
        rows
    }

    fn faults(form: Form, text: &str) -> Vec<(u64, ReasonCode, String)> {
        let rows = all(form, &[text.as_bytes()]);
        rows.into_iter().filter_map(Result::err).map(|it| (it.line, it.reason, it.detail)).collect()
    }

    const HEADER: &str = "manufacturer,serial-number,profile,rack\r\n";

    #[test]
    fn a_file_from_a_spreadsheet() {
        let text = "\u{feff}serial-number,manufacturer,profile,mac-addresses,host,model\r\n\
                    SN-1,acme,bmc,00:00:5e:00:53:01 00-00-5E-00-53-02,\"a \"\"b\"\", c\",\r\n\
                    \r\n\
                    \"SN-2\",acme,bmc,\"\r\n\",,M\r\nSN-3,acme,bmc,,,";
        let rows: Vec<_> = all(Form::Csv, &[text.as_bytes()]).into_iter().map(Result::unwrap).collect();
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 4, 6]);
        assert_eq!(rows[0].particulars.host.as_deref(), Some("a \"b\", c"));
        assert_eq!(rows[0].device.to_string(), "acme/SN-1");
        assert_eq!(rows[0].particulars.mac_addresses.len(), 2);
        assert_eq!((rows[0].particulars.model.as_deref(), rows[1].particulars.model.as_deref()), (None, Some("M")));
        assert_eq!(rows[1].profile.as_str(), "bmc");
    }

    #[test]
    fn the_three_forms_say_the_same() {
        let csv = format!("{HEADER}acme,SN-1,bmc,r1\nacme,SN-2,bmc,\n");
        let object =
            |serial, rack| format!(r#"{{"manufacturer":"acme","serial-number":"{serial}","profile":"bmc"{rack}}}"#);
        let (one, two) = (object("SN-1", r#","rack":"r1""#), object("SN-2", ""));
        let without_lines = |form, text: &str| {
            all(form, &[text.as_bytes()])
                .into_iter()
                .map(|row| DeviceRow { line: 0, ..row.unwrap() })
                .collect::<Vec<_>>()
        };
        let rows = without_lines(Form::Csv, &csv);
        assert_eq!(rows.len(), 2);
        assert_eq!(without_lines(Form::JsonLines, &format!("{one}\r\n\n{two}")), rows);
        assert_eq!(without_lines(Form::JsonArray, &format!(" [ {one} ,\n{two} ]\n")), rows);
        assert!(all(Form::JsonArray, &[b"[]"]).is_empty() && all(Form::JsonLines, &[b""]).is_empty());
    }

    #[test]
    fn every_fault_has_its_line_and_the_other_rows_are_taken() {
        let text = format!(
            "{HEADER}acme,SN-1,bmc,r1\nacme,,bmc,r1\nacme,SN-3,bmc\nacme,SN-4,b m c,\nacme,\"SN\"5,bmc,\n\
             acme,SN-1,bmc,r2\nac\"me,SN-6,bmc,\nacme,SN-7,bmc,\n"
        );
        let rows = all(Form::Csv, &[text.as_bytes()]);
        let taken: Vec<_> = rows.iter().flatten().map(|row| row.line).collect();
        assert_eq!(taken, [2, 9]);
        let faults = faults(Form::Csv, &text);
        let said: Vec<_> = faults.iter().map(|(line, _, detail)| (*line, detail.as_str())).collect();
        for ((line, detail), (expected, part)) in said.iter().zip([
            (3, "serial-number"),
            (4, "3 fields"),
            (5, "profile"),
            (6, "after the quote"),
            (7, "line 2 already"),
            (8, "quote inside"),
        ]) {
            assert!(*line == expected && detail.contains(part), "line {line}: {detail}");
        }
        assert_eq!(faults.len(), 6);
        assert_eq!(faults[4].1, ReasonCode::ImportRowRepeated);
    }

    #[test]
    fn what_makes_a_file_unreadable_is_said_once_and_ends_it() {
        let unclosed = format!("{HEADER}acme,SN-1,bmc,r1\nacme,\"SN-2,bmc,r1\nacme,SN-3,bmc,r1\n");
        let long = format!("{HEADER}acme,SN-1,bmc,\"{}", "x".repeat(2 * MAX_ROW));
        for (form, text, line, part) in [
            (Form::Csv, "manufacturer,serial-number,profile,colour\n", 1, "\"colour\""),
            (Form::Csv, "manufacturer,serial-number\nacme,SN-1\n", 1, "profile"),
            (Form::Csv, "rack,manufacturer,serial-number,profile,rack\n", 1, "twice"),
            (Form::Csv, "", 1, "header"),
            (Form::Csv, &unclosed, 3, "never closed"),
            (Form::Csv, &long, 2, "65536"),
            (Form::JsonArray, "{}", 1, "["),
            (Form::JsonArray, "[{}", 1, "ends"),
            (Form::JsonArray, "[] x", 1, "after"),
            (Form::JsonArray, "[{} {}]", 1, "comma"),
            (Form::JsonArray, "[\n1]", 2, "object"),
        ] {
            let faults: Vec<_> = faults(form, text);
            let (at, reason, detail) = faults.last().unwrap();
            assert_eq!((*at, *reason), (line, ReasonCode::ImportUnreadable), "{detail}");
            assert!(detail.contains(part), "{detail}");
        }
        let mut importer = Importer::<ListedDevice>::new(Form::Csv);
        assert_eq!(importer.feed(b"colour\nacme\n").len(), 1);
        assert!(importer.feed(b"more\n").is_empty() && importer.finish().is_empty());
        let utf16 = all(Form::Csv, &[&[0xff, 0xfe, b'm', 0]]);
        assert!(utf16[0].as_ref().unwrap_err().detail.contains("UTF-16"));
    }

    #[test]
    fn a_bad_object_does_not_hide_the_next_one() {
        let good = r#"{"manufacturer":"acme","serial-number":"SN-1","profile":"bmc"}"#;
        let bad = [r#"{"manufacturer":"acme","colour":"red"}"#, r#"{"manufacturer":1}"#, r#"{"manufacturer":"acme"}"#];
        for bad in bad {
            let lines = all(Form::JsonLines, &[format!("{bad}\n{good}\n").as_bytes()]);
            let array = all(Form::JsonArray, &[format!("[{bad},\n{good}]").as_bytes()]);
            for rows in [lines, array] {
                assert!(matches!(&rows[0], Err(fault) if fault.line == 1), "{rows:?}");
                assert!(matches!(&rows[1], Ok(row) if row.line == 2), "{rows:?}");
            }
        }
        assert!(faults(Form::JsonLines, r#"{"colour":"red"}"#)[0].2.contains("colour"));
        // On one line, as programs write it, each is named by its place.
        let one_line = faults(Form::JsonArray, &format!(r#"[{good},{{"colour":"red"}},{{"manufacturer":1}}]"#));
        assert_eq!(
            one_line.iter().map(|it| it.2.split(':').next().unwrap()).collect::<Vec<_>>(),
            ["object 2", "object 3"]
        );
        let long = format!("{{\"rack\":\"{}\"}}\n{good}\n", "x".repeat(MAX_ROW));
        let rows = all(Form::JsonLines, &[long.as_bytes()]);
        assert!(rows[0].as_ref().unwrap_err().detail.contains("65536") && rows[1].is_ok(), "{rows:?}");
    }

    #[test]
    fn a_long_file_streams() {
        let mut importer = Importer::<ListedDevice>::new(Form::Csv);
        importer.feed(HEADER.as_bytes());
        let (mut chunk, mut taken) = (String::new(), 0);
        for block in 0..20 {
            chunk.clear();
            for number in 0..10_000 {
                chunk.push_str(&format!("acme,SN-{block}-{number},bmc,r{block}\n"));
            }
            let rows = importer.feed(chunk.as_bytes());
            assert!(rows.iter().all(Result::is_ok));
            taken += rows.len();
        }
        assert_eq!((taken, importer.finish().len()), (200_000, 0));
    }

    proptest! {
        #[test]
        fn how_a_file_is_cut_into_pieces_changes_nothing(
            text in "[a-c,\"\r\n{}\\[\\]:]{0,200}",
            cuts in proptest::collection::vec(0_usize..200, 0..5),
            header in any::<bool>(),
        ) {
            let text = if header { format!("{HEADER}{text}") } else { text };
            let bytes = text.as_bytes();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for cut in cuts {
                chunks.push(&bytes[from..cut]);
                from = cut;
            }
            chunks.push(&bytes[from..]);
            for form in [Form::Csv, Form::JsonArray, Form::JsonLines] {
                prop_assert_eq!(all(form, &chunks), all(form, &[bytes]));
            }
        }
    }
}
