//! Requests for certificates, many in one file.

use operator_api::NewCertificate;
use serde::Deserialize;

use super::{Fault, Record, Row, UnknownColumns, record::unquoted};

/// A request that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRow {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// What it asks for. Its request may be the name of a file, where files are at hand.
    pub wanted: NewCertificate,
}

impl Row for OrderRow {
    fn line(&self) -> u64 {
        self.line
    }

    /// A device gets one certificate of a file, and a request is answered once.
    fn subject(&self) -> impl std::hash::Hash + std::fmt::Display {
        let NewCertificate { csr, profile, serial_number, .. } = &self.wanted;
        match serial_number {
            Some(serial_number) => Subject(serial_number.clone(), profile.clone()),
            None => Subject(csr.clone(), None),
        }
    }
}

#[derive(Hash)]
struct Subject(String, Option<String>);

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.starts_with("-----") || self.0.len() > 255 {
            f.write_str("this request")
        } else {
            f.write_str(&self.0)
        }
    }
}

/// The members of a row, as they were written.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OrderedCertificate {
    csr: Option<String>,
    #[serde(default)]
    profile: Option<String>,
    #[serde(default)]
    authority: Option<String>,
    #[serde(default)]
    serial_number: Option<String>,
    #[serde(default)]
    renews: Option<String>,
    #[serde(default)]
    because: Option<String>,
}

/// A member that a row may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The request.
    Csr,
    /// The profile.
    Profile,
    /// The authority.
    Authority,
    /// The device.
    SerialNumber,
    /// What is renewed.
    Renews,
    /// Why there is to be another.
    Because,
}

impl Record for OrderedCertificate {
    type Row = OrderRow;
    type Column = Column;

    /// Base64 of the longest request, and what stands beside it.
    const MAX_ROW: usize = 160 * 1024;
    const COLUMNS: &'static [Column] =
        &[Column::Csr, Column::Profile, Column::Authority, Column::SerialNumber, Column::Renews, Column::Because];
    const NEEDED: &'static [Column] = &[Column::Csr];
    const UNKNOWN: UnknownColumns = UnknownColumns::Refused;

    fn name(column: Column) -> &'static str {
        match column {
            Column::Csr => "csr",
            Column::Profile => "profile",
            Column::Authority => "authority",
            Column::SerialNumber => "serial-number",
            Column::Renews => "renews",
            Column::Because => "because",
        }
    }

    fn put(&mut self, column: Column, text: &str) {
        let member = match column {
            Column::Csr => &mut self.csr,
            Column::Profile => &mut self.profile,
            Column::Authority => &mut self.authority,
            Column::SerialNumber => &mut self.serial_number,
            Column::Renews => &mut self.renews,
            Column::Because => &mut self.because,
        };
        let text = unquoted(text);
        *member = (!text.is_empty()).then(|| text.to_owned());
    }

    fn check(self, line: u64) -> Result<OrderRow, Fault> {
        let Self { csr, profile, authority, serial_number, renews, because } = self;
        let csr = csr.filter(|csr| !csr.trim().is_empty()).ok_or_else(|| Fault::row(line, "csr: is missing"))?;
        Ok(OrderRow { line, wanted: NewCertificate { csr, profile, authority, serial_number, renews, because } })
    }
}
