//! CSV as RFC 4180 has it, read octet by octet, so that a file may be cut anywhere.

use super::{
    Fault, MAX_ROW, Row,
    row::{Column, Draft},
};

/// Reads records.
#[derive(Debug)]
pub(super) struct Records {
    columns: Option<Vec<Column>>,
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

impl Default for Records {
    fn default() -> Self {
        let (fields, field) = (Vec::new(), Vec::new());
        Self { columns: None, at: At::FieldStart, fields, field, octets: 0, line: 1, began: 1 }
    }
}

impl Records {
    pub(super) fn feed(&mut self, octets: &[u8]) -> Vec<Result<Row, Fault>> {
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
    pub(super) fn finish(&mut self) -> Vec<Result<Row, Fault>> {
        if self.at == At::Quoted {
            return vec![Err(Fault::unreadable(self.began, "a quote is opened in this row and never closed"))];
        }
        let last = self.end_of_record();
        let headless = self.columns.is_none() && last.is_none();
        let nothing = headless.then(|| Err(Fault::unreadable(1, format!("there is no header line; {}", names()))));
        last.or(nothing).into_iter().collect()
    }

    fn take(&mut self, octet: u8) -> Option<Result<Row, Fault>> {
        self.octets = self.octets.saturating_add(1);
        if self.octets > MAX_ROW {
            let detail = format!("a row has at most {MAX_ROW} octets; is a quote opened in this one and never closed?");
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

    fn end_of_record(&mut self) -> Option<Result<Row, Fault>> {
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
            return match header(&fields) {
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
        (!is_blank(&fields)).then(|| record(line, columns, &fields))
    }
}

/// A line without anything on it, such as the last one of many files.
fn is_blank(fields: &[Vec<u8>]) -> bool {
    matches!(fields, [only] if only.is_empty())
}

fn header(fields: &[Vec<u8>]) -> Result<Vec<Column>, String> {
    let mut columns = Vec::with_capacity(Column::ALL.len());
    for field in fields {
        let name = String::from_utf8_lossy(field);
        let name = name.trim();
        let known = Column::ALL.into_iter().find(|column| column.as_str() == name);
        let column = known.ok_or_else(|| {
            let hint = if name.contains([';', '\t']) { "; columns are separated by commas" } else { "" };
            format!("there is no column {:?}{hint}; {}", verdict::Trace::readable(name), names())
        })?;
        if columns.contains(&column) {
            return Err(format!("the column {name} stands here twice"));
        }
        columns.push(column);
    }
    match Column::NEEDED.into_iter().find(|needed| !columns.contains(needed)) {
        Some(missing) => Err(format!("the column {} is missing", missing.as_str())),
        None => Ok(columns),
    }
}

fn names() -> String {
    let names = Column::ALL.map(Column::as_str);
    format!("a header names some of {}", names.join(", "))
}

fn record(line: u64, columns: &[Column], fields: &[Vec<u8>]) -> Result<Row, Fault> {
    if fields.len() != columns.len() {
        let detail = format!("{} fields, and the header has {}", fields.len(), columns.len());
        return Err(Fault::row(line, detail));
    }
    let mut draft = Draft::default();
    for (column, field) in columns.iter().zip(fields) {
        let text = std::str::from_utf8(field)
            .map_err(|_| Fault::row(line, format!("{}: is not UTF-8; save the file as UTF-8", column.as_str())))?;
        draft.put(*column, text);
    }
    draft.check(line)
}
