//! Devices that were written lately. A device comes back within seconds, again and again, until it is done.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem::take,
};

use crate::{
    domain::{DeviceId, change::VoucherStock},
    store::plan::{Changes, KnownDevice, Loaded, Needs},
};

/// Most devices that are remembered, a few MiB of them. When there are more, all are forgotten.
const ROOM: usize = 8192;

/// What the writer wrote, for as long as nobody else writes.
#[derive(Debug, Default)]
pub(super) struct Recent {
    devices: HashMap<DeviceId, KnownDevice>,
}

impl Recent {
    /// Takes out of `needs` what need not be loaded.
    pub(super) fn recall(&self, needs: &mut Needs) -> BTreeMap<DeviceId, KnownDevice> {
        let (known, unknown): (BTreeSet<_>, _) =
            take(&mut needs.devices).into_iter().partition(|id| self.devices.contains_key(id));
        needs.devices = unknown;
        known.into_iter().filter_map(|id| self.devices.get(&id).cloned().map(|device| (id, device))).collect()
    }

    /// Follows what was written on top of `loaded`.
    pub(super) fn follow(&mut self, loaded: Loaded, changes: Changes) {
        if self.devices.len().saturating_add(loaded.devices.len()) > ROOM {
            self.devices.clear();
        }
        if loaded.devices.len() > ROOM {
            return;
        }
        // Every device that can change was loaded.
        for (id, mut known) in loaded.devices {
            // Vouchers go all at once, when their device is erased; then others may come.
            for (_, voucher) in changes.vouchers_of(&id) {
                known.voucher = VoucherStock::Missing;
                if voucher.is_some() {
                    known.voucher = VoucherStock::Stored;
                    break;
                }
            }
            if let Some(device) = changes.devices.get(&id) {
                known.device.clone_from(device);
            }
            self.devices.insert(id, known);
        }
    }
}

#[cfg(test)]
mod tests {
    use audit_log::{LogIndex, UnixMillis};
    use pki::{digest::Digest, identity::SerialNumber};

    use super::*;
    use crate::{
        domain::{Device, ManufacturerName, State},
        store::VoucherKey,
    };

    fn device(serial: &str, state: State) -> Device {
        let manufacturer = ManufacturerName::new("maker").unwrap();
        let id = DeviceId { manufacturer, serial_number: SerialNumber::new(serial).unwrap() };
        Device::new(id, state, UnixMillis(1), LogIndex(1))
    }

    fn needing(device: &Device) -> Needs {
        Needs { devices: [device.id.clone()].into(), ..Needs::default() }
    }

    #[test]
    fn what_was_written_last_is_what_is_recalled() {
        let mut recent = Recent::default();
        let (before, after) = (device("SN-1", State::Registered), device("SN-1", State::Onboarding(None)));
        assert!(recent.recall(&mut needing(&before)).is_empty());

        let loaded = |device: Option<Device>| {
            let known = KnownDevice { device, voucher: VoucherStock::Stored };
            Loaded { devices: [(before.id.clone(), known)].into(), ..Loaded::default() }
        };
        let mut changes = Changes::default();
        changes.devices.insert(before.id.clone(), Some(after.clone()));
        recent.follow(loaded(Some(before.clone())), changes);
        let mut needs = needing(&before);
        assert_eq!(recent.recall(&mut needs)[&before.id].device, Some(after.clone()));
        assert!(needs.devices.is_empty(), "it is not loaded again");

        // Erased: both are gone, and that is remembered too.
        let mut changes = Changes::default();
        changes.devices.insert(before.id.clone(), None);
        changes.vouchers.insert(VoucherKey { device: before.id.clone(), sha256: Digest([7; 32]) }, None);
        recent.follow(loaded(Some(after)), changes);
        let known = recent.recall(&mut needing(&before)).remove(&before.id).unwrap();
        assert_eq!((known.device, known.voucher), (None, VoucherStock::Missing));
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let mut recent = Recent::default();
        for number in 0..=ROOM {
            let device = device(&format!("SN-{number}"), State::Registered);
            let known = KnownDevice { device: Some(device.clone()), voucher: VoucherStock::Missing };
            recent.follow(Loaded { devices: [(device.id, known)].into(), ..Loaded::default() }, Changes::default());
            assert!(recent.devices.len() <= ROOM);
        }
        assert_eq!(recent.devices.len(), 1);
        let known = |number| {
            let device = device(&format!("SN-{number}"), State::Registered);
            (device.id.clone(), KnownDevice { device: Some(device), voucher: VoucherStock::Missing })
        };
        recent.follow(Loaded { devices: (0..=ROOM).map(known).collect(), ..Loaded::default() }, Changes::default());
        assert_eq!(recent.devices.len(), 0, "nothing that is out of date, nor more than there is room for");
    }
}
