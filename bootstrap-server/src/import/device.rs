//! What a row about a device says, from whatever form: one set of rules for all.

use pki::identity::SerialNumber;
use serde::Deserialize;

use super::{DeviceRow, Fault, Record, UnknownColumns, record::unquoted};
use crate::domain::{DeviceId, ManufacturerName, Particulars, ProfileName};

/// The members of a row, as they were written.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Draft {
    manufacturer: Option<String>,
    serial_number: Option<String>,
    profile: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    mac_addresses: Vec<String>,
    #[serde(default)]
    uuid: Option<String>,
    #[serde(default)]
    host: Option<String>,
    #[serde(default)]
    slot: Option<String>,
    #[serde(default)]
    rack: Option<String>,
}

/// A member that a row may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Who made the device.
    Manufacturer,
    /// Its serial number.
    SerialNumber,
    /// What it is to become.
    Profile,
    /// The maker's name for this kind of device.
    Model,
    /// Hardware addresses.
    MacAddresses,
    /// The UUID of its firmware.
    Uuid,
    /// The name it is to have.
    Host,
    /// The slot it is in.
    Slot,
    /// The rack it is in.
    Rack,
}

impl Record for Draft {
    type Row = DeviceRow;
    type Column = Column;

    const MAX_ROW: usize = 64 * 1024;
    const COLUMNS: &'static [Column] = &[
        Column::Manufacturer,
        Column::SerialNumber,
        Column::Profile,
        Column::Model,
        Column::MacAddresses,
        Column::Uuid,
        Column::Host,
        Column::Slot,
        Column::Rack,
    ];
    const NEEDED: &'static [Column] = &[Column::Manufacturer, Column::SerialNumber, Column::Profile];
    const UNKNOWN: UnknownColumns = UnknownColumns::Refused;

    fn name(column: Column) -> &'static str {
        match column {
            Column::Manufacturer => "manufacturer",
            Column::SerialNumber => "serial-number",
            Column::Profile => "profile",
            Column::Model => "model",
            Column::MacAddresses => "mac-addresses",
            Column::Uuid => "uuid",
            Column::Host => "host",
            Column::Slot => "slot",
            Column::Rack => "rack",
        }
    }

    fn put(&mut self, column: Column, text: &str) {
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
            Column::Uuid => &mut self.uuid,
            Column::Host => &mut self.host,
            Column::Slot => &mut self.slot,
            Column::Rack => &mut self.rack,
        };
        *member = Some(text.to_owned());
    }

    fn check(self, line: u64) -> Result<DeviceRow, Fault> {
        let wrong =
            |column: Column, why: &dyn std::fmt::Display| Fault::row(line, format!("{}: {why}", Self::name(column)));
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
        Ok(DeviceRow {
            line,
            device: DeviceId {
                manufacturer: ManufacturerName::new(manufacturer).map_err(|why| wrong(Column::Manufacturer, &why))?,
                serial_number: SerialNumber::new(serial_number).map_err(|why| wrong(Column::SerialNumber, &why))?,
            },
            profile: ProfileName::new(profile).map_err(|why| wrong(Column::Profile, &why))?,
            particulars: Particulars {
                mac_addresses: macs.collect::<Result<_, _>>().map_err(|why| wrong(Column::MacAddresses, &why))?,
                uuid: self.uuid.map(|text| text.parse().map_err(|why| wrong(Column::Uuid, &why))).transpose()?,
                model: text(Column::Model, self.model)?,
                host: text(Column::Host, self.host)?,
                slot: text(Column::Slot, self.slot)?,
                rack: text(Column::Rack, self.rack)?,
            },
        })
    }
}
