//! What a row says otherwise than the list does. A row that is silent about something leaves it as it is.

use super::{
    DeviceRow, Record,
    device::{Column, Draft},
};
use crate::domain::{Device, Particulars};

/// One thing that a row says and the list has otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its column.
    pub column: &'static str,
    /// What the list has.
    pub listed: Option<String>,
    /// What the row says.
    pub row: String,
}

impl DeviceRow {
    /// How the row differs from the record of its device, in the order of the columns.
    #[must_use]
    pub fn differences(&self, device: &Device) -> Vec<Difference> {
        let Particulars { model, mac_addresses, uuid, host, slot, rack } = &self.particulars;
        let (listed, profile) = (&device.particulars, Some(self.profile.to_string()));
        let macs = Some(mac_addresses).filter(|it| !it.is_empty()).map(|it| joined(it));
        let listed_macs = Some(&listed.mac_addresses).filter(|it| !it.is_empty()).map(|it| joined(it));
        let members = [
            (Column::Profile, device.profile.as_ref().map(ToString::to_string), profile),
            (Column::Model, listed.model.clone(), model.clone()),
            (Column::MacAddresses, listed_macs, macs),
            (Column::Uuid, listed.uuid.map(|it| it.to_string()), uuid.map(|it| it.to_string())),
            (Column::Host, listed.host.clone(), host.clone()),
            (Column::Slot, listed.slot.clone(), slot.clone()),
            (Column::Rack, listed.rack.clone(), rack.clone()),
        ];
        let differing = members.into_iter().filter_map(|(column, listed, row)| {
            let row = row.filter(|row| listed.as_ref() != Some(row))?;
            Some(Difference { column: Draft::name(column), listed, row })
        });
        differing.collect()
    }

    /// What is written down about the device, with what the row says in its place.
    #[must_use]
    pub fn over(&self, listed: Particulars) -> Particulars {
        let Particulars { model, mac_addresses, uuid, host, slot, rack } = self.particulars.clone();
        Particulars {
            model: model.or(listed.model),
            mac_addresses: if mac_addresses.is_empty() { listed.mac_addresses } else { mac_addresses },
            uuid: uuid.or(listed.uuid),
            host: host.or(listed.host),
            slot: slot.or(listed.slot),
            rack: rack.or(listed.rack),
        }
    }
}

fn joined(addresses: &[impl ToString]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use audit_log::{LogIndex, UnixMillis};
    use pki::identity::SerialNumber;

    use super::*;
    use crate::domain::{DeviceId, ManufacturerName, ProfileName, State};

    #[test]
    fn a_row_differs_in_what_it_says_and_not_in_what_it_leaves_out() {
        let id = DeviceId {
            manufacturer: ManufacturerName::new("maker").unwrap(),
            serial_number: SerialNumber::new("SN-1").unwrap(),
        };
        let text = |text: &str| Some(text.to_owned());
        let mut device = Device::new(id.clone(), State::Registered, UnixMillis(0), LogIndex(0));
        device.profile = Some(ProfileName::new("bmc").unwrap());
        device.particulars = Particulars {
            host: text("h"),
            rack: text("r7"),
            mac_addresses: vec!["00:00:5e:00:53:01".parse().unwrap()],
            ..Particulars::default()
        };
        let particulars = Particulars { rack: text("r8"), slot: text("u1"), ..Particulars::default() };
        let row = DeviceRow { line: 2, device: id, profile: ProfileName::new("bmc").unwrap(), particulars };
        let differences = row.differences(&device);
        let told: Vec<_> = differences.iter().map(|it| (it.column, it.listed.as_deref(), it.row.as_str())).collect();
        assert_eq!(told, [("slot", None, "u1"), ("rack", Some("r7"), "r8")]);
        let over = row.over(device.particulars.clone());
        assert_eq!((over.host, over.slot, over.rack, over.mac_addresses.len()), (text("h"), text("u1"), text("r8"), 1));
        device.particulars = row.over(device.particulars);
        assert_eq!(row.differences(&device), []);
        device.profile = None;
        assert_eq!(row.differences(&device)[0].column, "profile");
    }
}
