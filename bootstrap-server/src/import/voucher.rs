//! Vouchers as they are brought, one JSON object a line.

use base64::{Engine, engine::general_purpose::STANDARD};
use conveyed_info::{OwnershipVoucher, voucher::ForeignForm};
use serde::Deserialize;

use super::{Fault, Record, Row, UnknownColumns};
use crate::domain::ManufacturerName;

/// A voucher that was brought.
#[derive(Clone, Debug)]
pub struct VoucherRow {
    /// The line on which it stands, from 1.
    pub line: u64,
    /// What whoever brought it calls it: the name of a file, say.
    pub name: Option<String>,
    /// Whose it is said to be.
    pub manufacturer: Option<ManufacturerName>,
    /// The artifact.
    pub artifact: OwnershipVoucher,
}

impl Row for VoucherRow {
    fn line(&self) -> u64 {
        self.line
    }

    /// Each line is for itself: a voucher that comes twice is there the second time.
    fn subject(&self) -> impl std::hash::Hash + std::fmt::Display {
        self.line
    }
}

/// The members of a line, as they were written.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BroughtVoucher {
    name: Option<String>,
    manufacturer: Option<String>,
    voucher: String,
}

/// Longest name that is told back, in characters.
const MAX_NAME: usize = 255;

impl Record for BroughtVoucher {
    type Row = VoucherRow;
    type Column = std::convert::Infallible;

    /// Base64 of the longest artifact, and a name.
    const MAX_ROW: usize = 704 * 1024;
    const COLUMNS: &'static [Self::Column] = &[];
    const NEEDED: &'static [Self::Column] = &[];
    const UNKNOWN: UnknownColumns = UnknownColumns::Refused;

    fn name(column: Self::Column) -> &'static str {
        match column {}
    }

    fn put(&mut self, column: Self::Column, _: &str) {
        match column {}
    }

    fn check(self, line: u64) -> Result<VoucherRow, Fault> {
        let name = self.name.map(|name| name.chars().take(MAX_NAME).collect::<String>());
        let wrong = |detail: String| {
            let detail = name.as_ref().map_or_else(|| detail.clone(), |name| format!("{name}: {detail}"));
            Fault::row(line, detail)
        };
        let manufacturer = self.manufacturer.map(ManufacturerName::new).transpose();
        let manufacturer = manufacturer.map_err(|error| wrong(format!("manufacturer: {error}")))?;
        let octets = STANDARD.decode(self.voucher.trim());
        let octets = octets.map_err(|error| wrong(format!("voucher: is no base64: {error}")))?;
        // BIS-09: other signed forms are told by their name.
        if let Some(form) = ForeignForm::detect(&octets) {
            return Err(wrong(format!("this is {form}")));
        }
        let artifact = OwnershipVoucher::from_der(octets).map_err(|error| wrong(format!("voucher: {error}")))?;
        Ok(VoucherRow { line, name, manufacturer, artifact })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{Form, Importer};

    fn read(text: &str) -> Result<VoucherRow, Fault> {
        Importer::<BroughtVoucher>::new(Form::JsonLines).feed(format!("{text}\n").as_bytes()).remove(0)
    }

    #[test]
    fn bis_09_a_voucher_in_another_signed_form_is_refused_by_its_name() {
        let jws = STANDARD.encode(br#"{"payload":"e30","signatures":[{"protected":"e30","signature":"AA"}]}"#);
        for (voucher, form) in [(jws, "JWS"), (STANDARD.encode([0xd2, 0x84, 0x40]), "COSE")] {
            let fault = read(&format!(r#"{{"name":"a.jws","voucher":"{voucher}"}}"#)).unwrap_err();
            assert!(fault.detail.starts_with("a.jws: ") && fault.detail.contains(form), "{}", fault.detail);
        }
        let plain = read(r#"{"voucher":"MAA=","manufacturer":"maker"}"#).unwrap();
        assert_eq!((plain.line, plain.artifact.der()), (1, &[0x30, 0][..]));
        assert!(read(r#"{"voucher":"?"}"#).unwrap_err().detail.contains("base64"));
        assert!(read(r#"{"voucher":"MAA=","manufacturer":"a b"}"#).unwrap_err().detail.contains("manufacturer"));
    }
}
