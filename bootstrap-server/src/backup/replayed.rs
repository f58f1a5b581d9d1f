//! Devices, made again from the log by the rules that made them the first time.
//!
//! Of each is kept what its next record needs, and digests of the rest: there may be a million of them.

use std::collections::HashMap;

use audit_log::{LogIndex, UnixMillis};
use pki::identity::SerialNumber;
use serde_json::json;
use verdict::ReasonCode;

use super::{derived::device_key, short::Short};
use crate::{
    domain::{
        Alarm, Deed, Device, DeviceId, ManufacturerName, Particulars, ProfileName, State,
        change::{VoucherStock, after_deed},
        replay::deed_of,
    },
    store::ExportedValue,
};

/// The columns that the log decides, in the order of the row: profile, state and its detail.
const DECIDED: std::ops::Range<usize> = 2..5;
/// As [`DECIDED`]: model, MAC addresses, host, slot, rack and UUID.
const WRITTEN_DOWN: std::ops::Range<usize> = 15..21;

/// Every device, as its row says and as the log says.
#[derive(Default)]
pub(super) struct Devices {
    all: HashMap<Box<str>, Replayed>,
    profiles: Profiles,
}

#[derive(Default)]
struct Replayed {
    /// The row: on which line, and what it says.
    row: Option<(u64, Short)>,
    device: Option<Kept>,
    vouched: bool,
    /// The log cannot be followed to the end: it was written by a release that wrote less down.
    lost: bool,
}

/// A device between two of its records. What no later record depends on is not kept.
#[derive(Clone, Copy)]
struct Kept {
    state: State,
    profile: Option<u32>,
    particulars: Short,
    in_an_attempt: bool,
    alarm: Option<ReasonCode>,
}

/// Names of profiles, of which there are few.
#[derive(Default)]
struct Profiles {
    names: Vec<ProfileName>,
    numbers: HashMap<ProfileName, u32>,
}

impl Profiles {
    fn number(&mut self, name: &ProfileName) -> Option<u32> {
        if let Some(number) = self.numbers.get(name) {
            return Some(*number);
        }
        let number = u32::try_from(self.names.len()).ok()?;
        self.names.push(name.clone());
        self.numbers.insert(name.clone(), number);
        Some(number)
    }

    fn name(&self, number: u32) -> Option<&ProfileName> {
        self.names.get(usize::try_from(number).ok()?)
    }
}

impl Devices {
    /// Takes a row; `None` when it has not the shape of one.
    pub(super) fn row(
        &mut self,
        line: u64,
        manufacturer: &str,
        serial_number: &str,
        values: &[ExportedValue],
    ) -> Option<()> {
        let texts = |columns: std::ops::Range<usize>| -> Option<Vec<_>> {
            let texts = values.get(columns)?.iter().map(|value| match value {
                ExportedValue::Nothing => Some(None),
                ExportedValue::Text(text) => Some(Some(text.as_str())),
                _ => None,
            });
            texts.collect()
        };
        let says = decided(&texts(DECIDED)?, written_down(&texts(WRITTEN_DOWN)?));
        self.all.entry(device_key(manufacturer, serial_number)).or_default().row = Some((line, says));
        Some(())
    }

    /// Takes a record about a device.
    pub(super) fn record(
        &mut self,
        (manufacturer, serial_number): (&str, &str),
        body: &[u8],
        time: UnixMillis,
        at: LogIndex,
    ) {
        let (Ok(name), Ok(serial)) = (ManufacturerName::new(manufacturer), SerialNumber::new(serial_number)) else {
            return;
        };
        let known = self.all.entry(device_key(manufacturer, serial_number)).or_default();
        let Some(deed) = deed_of(body) else {
            known.lost = true;
            return;
        };
        let Some(deed) = deed else { return };
        if deed == Deed::Erased {
            // It takes whatever there was, of which the records may be gone already.
            *known = Replayed { row: known.row, ..Replayed::default() };
            return;
        }
        known.vouched |= deed == Deed::VoucherStored;
        let voucher = if known.vouched { VoucherStock::Stored } else { VoucherStock::Missing };
        let id = DeviceId { manufacturer: name, serial_number: serial };
        let before = known.device.take();
        let particulars = match &deed {
            Deed::Registered { particulars, .. } | Deed::Changed { particulars, .. } => of_particulars(particulars),
            _ => before.map_or_else(|| of_particulars(&Particulars::default()), |device| device.particulars),
        };
        match after_deed(before.map(|kept| kept.device(&id, &self.profiles)), &id, voucher, deed, time, at) {
            Ok(after) => known.device = after.and_then(|device| Kept::of(&device, particulars, &mut self.profiles)),
            Err(_) => known.lost = true,
        }
    }

    /// Those whose row is not what the log made of them: the line, and which.
    pub(super) fn differing(self, end: u64) -> impl Iterator<Item = (u64, String)> {
        let Self { all, profiles } = self;
        all.into_iter().filter_map(move |(key, known)| {
            let made = known.device.map(|device| device.row(&profiles));
            let line = match (known.row, made) {
                _ if known.lost => return None,
                (Some((_, row)), Some(made)) if row == made => return None,
                (Some((line, _)), _) => line,
                (None, Some(_)) => end,
                (None, None) => return None,
            };
            Some((line, format!("device {key}")))
        })
    }
}

impl Kept {
    /// `None` when there are more profiles than can be told apart.
    fn of(device: &Device, particulars: Short, profiles: &mut Profiles) -> Option<Self> {
        let profile = match &device.profile {
            Some(name) => Some(profiles.number(name)?),
            None => None,
        };
        Some(Self {
            state: device.state,
            profile,
            particulars,
            in_an_attempt: device.attempt_since.is_some(),
            alarm: device.alarm.map(|alarm| alarm.reason),
        })
    }

    /// The device again, with what later records depend on: not when something was, but that it was.
    fn device(self, id: &DeviceId, profiles: &Profiles) -> Device {
        let at = UnixMillis(0);
        let mut device = Device::new(id.clone(), self.state, at, LogIndex(0));
        device.profile = self.profile.and_then(|number| profiles.name(number).cloned());
        device.attempt_since = self.in_an_attempt.then_some(at);
        device.alarm = self.alarm.map(|reason| Alarm { reason, at });
        device
    }

    /// What its row must say.
    fn row(self, profiles: &Profiles) -> Short {
        let profile = self.profile.and_then(|number| profiles.name(number)).map(ProfileName::as_str);
        decided(&[profile, Some(self.state.as_str()), self.state.detail()], self.particulars)
    }
}

fn of_particulars(particulars: &Particulars) -> Short {
    let macs = particulars.mac_addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let uuid = particulars.uuid.map(|uuid| uuid.to_string());
    written_down(&[
        particulars.model.as_deref(),
        Some(&macs),
        particulars.host.as_deref(),
        particulars.slot.as_deref(),
        particulars.rack.as_deref(),
        uuid.as_deref(),
    ])
}

fn written_down(columns: &[Option<&str>]) -> Short {
    Short::of(json!(columns).to_string().as_bytes())
}

fn decided(columns: &[Option<&str>], written_down: Short) -> Short {
    Short::of(json!([columns, written_down.0]).to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_devices_are_kept_in_little_room() {
        // Of each there is one entry, with its name beside it.
        let entry = size_of::<Box<str>>() + size_of::<Replayed>();
        assert!(entry <= 112, "{entry} octets");
    }
}
