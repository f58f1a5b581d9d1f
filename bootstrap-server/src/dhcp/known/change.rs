//! What a part of the log says about devices and profiles, as far as DHCP is concerned.

use std::collections::{BTreeMap, BTreeSet};

use pki::identity::SerialNumber;
use serde_json::Value;

use crate::{
    domain::{Deed, DeviceId, ManufacturerName, Particulars, ProfileName, replay::deed_of},
    store::StoredRecord,
};

/// What some records change.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Devices, each once.
    pub(super) devices: BTreeMap<DeviceId, Change>,
    /// Profiles.
    pub(super) profiles: BTreeSet<ProfileName>,
    /// Whether a record matters that was erased.
    pub(super) unreadable: bool,
}

/// What becomes of a device.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It came onto the list, and this is all of it: an import need not ask the database for each of its devices.
    Registered { profile: ProfileName, particulars: Box<Particulars> },
    /// Its record says.
    Other,
}

/// Kinds of records after which DHCP may know something else: of a profile applied or removed; of a device registered, admitted, approved,
/// retired, reprovisioned, changed or erased. All others pass by unread.
const KINDS: &[u16] = &[3, 18, 4, 10, 12, 13, 14, 15, 28];

impl Changes {
    pub(super) fn of(records: &[StoredRecord]) -> Self {
        let mut changes = Self::default();
        for record in records {
            let matters = record.leaf().is_none_or(|leaf| KINDS.contains(&leaf.kind().0));
            if matters && changes.add(record).is_none() {
                changes.unreadable = true;
            }
        }
        changes
    }

    fn add(&mut self, record: &StoredRecord) -> Option<()> {
        let (_, body) = record.opening.as_ref()?;
        let json: Value = serde_json::from_slice(body).ok()?;
        let Some(about) = json.get("device") else {
            let name = ProfileName::new(json.get("profile")?.as_str()?).ok()?;
            self.profiles.insert(name);
            return Some(());
        };
        let text = |member: &str| about.get(member)?.as_str();
        let device = DeviceId {
            manufacturer: ManufacturerName::new(text("manufacturer")?).ok()?,
            serial_number: SerialNumber::new(text("serial-number")?).ok()?,
        };
        let change = match deed_of(body) {
            Some(Some(Deed::Registered { profile, particulars })) if !self.devices.contains_key(&device) => {
                Change::Registered { profile, particulars: Box::new(particulars) }
            }
            // Whatever else it was, or what a newer server wrote: the record has what came of it.
            _ => Change::Other,
        };
        self.devices.insert(device, change);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Event;

    fn device() -> DeviceId {
        DeviceId {
            manufacturer: ManufacturerName::new("acme").unwrap(),
            serial_number: SerialNumber::new("SN-1").unwrap(),
        }
    }

    #[test]
    fn every_kind_that_matters_is_read_and_no_other() {
        let (device, profile) = (device(), ProfileName::new("bmc").unwrap());
        let because = String::new;
        let source = std::net::IpAddr::from([192, 0, 2, 1]);
        let particulars = Box::<Particulars>::default;
        let document = "post-configuration-script = 'x'";
        let applied = crate::domain::OnboardingProfile::from_toml(profile.clone(), document).unwrap();
        let matter = [
            Event::ProfileApplied { profile: Box::new(applied) },
            Event::ProfileRemoved { profile: profile.clone() },
            Event::DeviceRegistered { device: device.clone(), profile: profile.clone(), particulars: particulars() },
            Event::DeviceAdmitted { device: device.clone(), source, profile: profile.clone() },
            Event::DeviceApproved { device: device.clone(), profile: None, because: because() },
            Event::DeviceRetired { device: device.clone(), because: because() },
            Event::DeviceReprovisioned { device: device.clone(), because: because() },
            Event::DeviceChanged { device: device.clone(), profile: None, particulars: particulars() },
            Event::DeviceErased { device: device.clone(), because: because() },
        ];
        assert_eq!(matter.iter().map(|event| event.kind().0).collect::<Vec<_>>(), KINDS);
        let returned = Event::DeviceReturned { device, source };
        assert!(!KINDS.contains(&returned.kind().0));
    }
}
