//! CSV as RFC 4180 has it, read octet by octet, so that a file may be cut anywhere.

use super::{Fault, Record, UnknownColumns};

/// Reads records.
#[derive(Debug)]
pub(super) struct Records<R: Record> {
    /// The columns of the header; `None` stands for one that is passed over.
    columns: Option<Vec<Option<R::Column>>>,
    at: At,
    /// The fields of the record that are complete, and the one that is not.
    fields: Vec<Vec<u8>>,
    field: Vec<u8>,
    octets: usize,
    /// The line of the next octet, and that on which the record began.
    line: u64,
    began: u64,
}

/// Where in a record the next octet stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum At {
    FieldStart,
    Plain,
    Quoted,
    /// Behind a quote in a quoted field: its end, or the first of two.
    Quote,
    /// In what is left of a record that is wrong.
    Wrong(&'static str),
}

impl<R: Record> Default for Records<R> {
    fn default() -> Self {
        let (fields, field) = (Vec::new(), Vec::new());
        Self { columns: None, at: At::FieldStart, fields, field, octets: 0, line: 1, began: 1 }
    }
}

impl<R: Record> Records<R> {
    pub(super) fn feed(&mut self, octets: &[u8]) -> Vec<Result<R::Row, Fault>> {
        let mut rows = Vec::new();
        for octet in octets {
            if let Some(row) = self.take(*octet) {
                let unreadable = matches!(&row, Err(fault) if fault.reason == verdict::ReasonCode::ImportUnreadable);
                rows.push(row);
                if unreadable {
                    break;
                }
            }
        }
        rows
    }

    /// The file ends here: so does its last record, with or without a line break.
    pub(super) fn finish(&mut self) -> Vec<Result<R::Row, Fault>> {
        if self.at == At::Quoted {
            return vec![Err(Fault::unreadable(self.began, "a quote is opened in this row and never closed"))];
        }
        let last = self.end_of_record();
        let headless = self.columns.is_none() && last.is_none();
        let nothing = headless.then(|| Err(Fault::unreadable(1, format!("there is no header line; {}", names::<R>()))));
        last.or(nothing).into_iter().collect()
    }

    fn take(&mut self, octet: u8) -> Option<Result<R::Row, Fault>> {
        self.octets = self.octets.saturating_add(1);
        if self.octets > R::MAX_ROW {
            let limit = R::MAX_ROW;
            let detail = format!("a row has at most {limit} octets; is a quote opened in this one and never closed?");
            return Some(Err(Fault::unreadable(self.began, detail)));
        }
        let row = match (&self.at, octet) {
            (At::Quoted, b'"') => {
                self.at = At::Quote;
                None
            }
            (At::Quoted, octet) => {
                self.field.push(octet);
                None
            }
            (At::Quote, b'"') => {
                self.field.push(b'"');
                self.at = At::Quoted;
                None
            }
            (_, b'\n') => {
                let row = self.end_of_record();
                self.began = self.line.saturating_add(1);
                row
            }
            (At::Wrong(_), _) => None,
            (_, b',') => {
                self.end_of_field();
                None
            }
            (At::FieldStart, b'"') => {
                self.at = At::Quoted;
                None
            }
            (At::Plain, b'"') => {
                self.at = At::Wrong("a quote inside a field: put the field in quotes, and write the quote twice");
                None
            }
            // Of CR LF, which ends a record. A lone CR is found by whoever reads the field.
            (At::Quote, b'\r') => None,
            (At::Quote, _) => {
                self.at = At::Wrong("text after the quote that ends a field: a quote inside it is written twice");
                None
            }
            (At::FieldStart | At::Plain, octet) => {
                self.field.push(octet);
                self.at = At::Plain;
                None
            }
        };
        if octet == b'\n' {
            self.line = self.line.saturating_add(1);
        }
        row
    }

    fn end_of_field(&mut self) {
        self.fields.push(std::mem::take(&mut self.field));
        self.at = At::FieldStart;
    }

    fn end_of_record(&mut self) -> Option<Result<R::Row, Fault>> {
        if self.at == At::Plain && self.field.last() == Some(&b'\r') {
            self.field.pop();
        }
        let wrong = match self.at {
            At::Wrong(why) => Some(why),
            _ => None,
        };
        self.end_of_field();
        self.octets = 0;
        let fields = std::mem::take(&mut self.fields);
        let line = self.began;
        let Some(columns) = &self.columns else {
            if let Some(why) = wrong {
                return Some(Err(Fault::unreadable(line, format!("header: {why}"))));
            }
            if is_blank(&fields) {
                return None;
            }
            return match header::<R>(&fields) {
                Ok(columns) => {
                    self.columns = Some(columns);
                    None
                }
                Err(why) => Some(Err(Fault::unreadable(line, why))),
            };
        };
        if let Some(why) = wrong {
            return Some(Err(Fault::row(line, why)));
        }
        (!is_blank(&fields)).then(|| record::<R>(line, columns, &fields))
    }
}

/// A line without anything on it, such as the last one of many files.
fn is_blank(fields: &[Vec<u8>]) -> bool {
    matches!(fields, [only] if only.is_empty())
}

fn header<R: Record>(fields: &[Vec<u8>]) -> Result<Vec<Option<R::Column>>, String> {
    let mut columns = Vec::with_capacity(fields.len());
    for field in fields {
        let name = String::from_utf8_lossy(field);
        let name = name.trim();
        let known = R::column(name);
        if known.is_none() && (R::UNKNOWN == UnknownColumns::Refused || name.contains([';', '\t'])) {
            let hint = if name.contains([';', '\t']) { "; columns are separated by commas" } else { "" };
            return Err(format!("there is no column {:?}{hint}; {}", verdict::Trace::readable(name), names::<R>()));
        }
        if known.is_some() && columns.contains(&known) {
            return Err(format!("the column {name} stands here twice"));
        }
        columns.push(known);
    }
    match R::NEEDED.iter().find(|needed| !columns.contains(&Some(**needed))) {
        Some(missing) => Err(format!("the column {} is missing", R::name(*missing))),
        None => Ok(columns),
    }
}

fn names<R: Record>() -> String {
    let names: Vec<_> = R::COLUMNS.iter().map(|column| R::name(*column)).collect();
    format!("a header names some of {}", names.join(", "))
}

fn record<R: Record>(line: u64, columns: &[Option<R::Column>], fields: &[Vec<u8>]) -> Result<R::Row, Fault> {
    if fields.len() != columns.len() {
        let detail = format!("{} fields, and the header has {}", fields.len(), columns.len());
        return Err(Fault::row(line, detail));
    }
    let mut draft = R::default();
    for (column, field) in columns.iter().zip(fields) {
        let Some(column) = *column else { continue };
        let text = std::str::from_utf8(field)
            .map_err(|_| Fault::row(line, format!("{}: is not UTF-8; save the file as UTF-8", R::name(column))))?;
        draft.put(column, text);
    }
    draft.check(line)
}
