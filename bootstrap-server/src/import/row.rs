//! What a row says, from whatever form: one set of rules for all.

use pki::identity::SerialNumber;
use serde::Deserialize;

use super::{Fault, Row};
use crate::domain::{DeviceId, ManufacturerName, Particulars, ProfileName};

/// The members of a row, as they were written.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Draft {
    manufacturer: Option<String>,
    serial_number: Option<String>,
    profile: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    mac_addresses: Vec<String>,
    #[serde(default)]
    host: Option<String>,
    #[serde(default)]
    slot: Option<String>,
    #[serde(default)]
    rack: Option<String>,
}

/// A member that a row may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Manufacturer,
    SerialNumber,
    Profile,
    Model,
    MacAddresses,
    Host,
    Slot,
    Rack,
}

impl Column {
    pub(super) const ALL: [Self; 8] = [
        Self::Manufacturer,
        Self::SerialNumber,
        Self::Profile,
        Self::Model,
        Self::MacAddresses,
        Self::Host,
        Self::Slot,
        Self::Rack,
    ];
    pub(super) const NEEDED: [Self; 3] = [Self::Manufacturer, Self::SerialNumber, Self::Profile];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Manufacturer => "manufacturer",
            Self::SerialNumber => "serial-number",
            Self::Profile => "profile",
            Self::Model => "model",
            Self::MacAddresses => "mac-addresses",
            Self::Host => "host",
            Self::Slot => "slot",
            Self::Rack => "rack",
        }
    }
}

/// The text without the apostrophe that keeps a spreadsheet from running it.
fn unquoted(text: &str) -> &str {
    let rest = text.trim_start_matches('\'');
    match text.strip_prefix('\'') {
        Some(meant) if rest.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) => meant,
        _ => text,
    }
}

impl Draft {
    /// Takes a field of a table. An empty one says nothing.
    pub(super) fn put(&mut self, column: Column, text: &str) {
        let text = unquoted(text.trim());
        if text.is_empty() {
            return;
        }
        let member = match column {
            Column::MacAddresses => {
                self.mac_addresses = text.split_whitespace().map(str::to_owned).collect();
                return;
            }
            Column::Manufacturer => &mut self.manufacturer,
            Column::SerialNumber => &mut self.serial_number,
            Column::Profile => &mut self.profile,
            Column::Model => &mut self.model,
            Column::Host => &mut self.host,
            Column::Slot => &mut self.slot,
            Column::Rack => &mut self.rack,
        };
        *member = Some(text.to_owned());
    }

    pub(super) fn check(self, line: u64) -> Result<Row, Fault> {
        let wrong =
            |column: Column, why: &dyn std::fmt::Display| Fault::row(line, format!("{}: {why}", column.as_str()));
        let needed = |column: Column, text: Option<String>| text.ok_or_else(|| wrong(column, &"is missing"));
        let manufacturer = needed(Column::Manufacturer, self.manufacturer)?;
        let serial_number = needed(Column::SerialNumber, self.serial_number)?;
        let profile = needed(Column::Profile, self.profile)?;
        if self.mac_addresses.len() > Particulars::MAX_MAC_ADDRESSES {
            return Err(wrong(Column::MacAddresses, &format!("more than {}", Particulars::MAX_MAC_ADDRESSES)));
        }
        let macs = self.mac_addresses.iter().map(|text| text.parse());
        let text = |column: Column, text: Option<String>| match text {
            Some(text) if text.chars().count() > Particulars::MAX_TEXT => {
                Err(wrong(column, &format!("more than {} characters", Particulars::MAX_TEXT)))
            }
            Some(text) if text.chars().any(char::is_control) => {
                Err(wrong(column, &"holds a control character, such as a line break"))
            }
            other => Ok(other.filter(|text| !text.is_empty())),
        };
        Ok(Row {
            line,
            device: DeviceId {
                manufacturer: ManufacturerName::new(manufacturer).map_err(|why| wrong(Column::Manufacturer, &why))?,
                serial_number: SerialNumber::new(serial_number).map_err(|why| wrong(Column::SerialNumber, &why))?,
            },
            profile: ProfileName::new(profile).map_err(|why| wrong(Column::Profile, &why))?,
            particulars: Particulars {
                mac_addresses: macs.collect::<Result<_, _>>().map_err(|why| wrong(Column::MacAddresses, &why))?,
                model: text(Column::Model, self.model)?,
                host: text(Column::Host, self.host)?,
                slot: text(Column::Slot, self.slot)?,
                rack: text(Column::Rack, self.rack)?,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_apostrophe_that_guards_a_formula_is_taken_away() {
        for (field, meant) in
            [("'=1+1", "=1+1"), ("''-1", "'-1"), ("'@x", "@x"), ("'quoted'", "'quoted'"), ("'", "'"), ("a'=b", "a'=b")]
        {
            assert_eq!(unquoted(field), meant);
        }
    }
}
