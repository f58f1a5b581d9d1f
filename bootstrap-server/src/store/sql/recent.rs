//! Devices that were written lately. A device comes back within seconds, again and again, until it is done.

use std::{
    collections::{BTreeMap, HashMap},
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
        let (known, unknown) = take(&mut needs.devices).into_iter().partition(|id| self.devices.contains_key(id));
        needs.devices = unknown;
        let known: std::collections::BTreeSet<DeviceId> = known;
        known.into_iter().filter_map(|id| self.devices.get(&id).cloned().map(|device| (id, device))).collect()
    }

    /// Follows what was written on top of `loaded`.
    pub(super) fn follow(&mut self, loaded: Loaded, changes: Changes) {
        if self.devices.len().saturating_add(loaded.devices.len()) > ROOM {
            self.devices.clear();
        }
        // Every device that can change was loaded.
        for (id, mut known) in loaded.devices {
            if changes.vouchers.contains_key(&id) {
                known.voucher = VoucherStock::Stored;
            }
            if let Some(device) = changes.devices.get(&id) {
                known.device = Some(device.clone());
            }
            self.devices.insert(id, known);
        }
    }
}
