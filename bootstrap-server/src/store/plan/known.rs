//! What a group of batches is about, and what the database holds about that.

use std::collections::{BTreeMap, BTreeSet};

use pki::digest::Digest;

use super::{Changes, FactoryNeeds, LedgerNeeds, MasaNeeds, Production};
use crate::{
    audit::Event,
    domain::{
        Device, DeviceId, ManufacturerName, ProfileName, Role, TokenId, UserName, change::VoucherStock, ledger::Index,
        masa,
    },
    store::{Batch, Place},
};

/// What must be loaded before a group can be planned.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    /// These devices, and whether they have vouchers.
    pub(crate) devices: BTreeSet<DeviceId>,
    /// Which vouchers these devices have.
    pub(crate) shelves: BTreeSet<DeviceId>,
    /// How many devices have these profiles.
    pub(crate) leaving: BTreeSet<ProfileName>,
    /// Which of these records are there.
    pub(crate) erasing: BTreeSet<Place>,
    /// Which of these idempotency keys were used.
    pub(crate) answers: BTreeSet<(UserName, String)>,
    /// What was issued.
    pub(crate) ledger: LedgerNeeds,
    /// What a MASA keeps.
    pub(crate) masa: MasaNeeds,
    /// Production orders.
    pub(crate) factory: FactoryNeeds,
}

impl Needs {
    /// What `batches` name.
    pub(crate) fn of(batches: &[&Batch]) -> Self {
        let mut needs = Self::default();
        for batch in batches {
            for event in batch.events() {
                needs.devices.extend(event.device().cloned());
                match event {
                    Event::ProfileRemoved { profile } => drop(needs.leaving.insert(profile.clone())),
                    Event::VoucherStored { device, .. } | Event::DeviceErased { device, .. } => {
                        needs.shelves.insert(device.clone());
                    }
                    Event::RecordsErased { erasure } => needs.erasing.extend(erasure.places()),
                    Event::Ledger(event) => needs.ledger.extend(event),
                    Event::Masa(event) => needs.masa.extend(event),
                    Event::Factory(event) => needs.factory.extend(event),
                    _ => {}
                }
            }
            needs.devices.extend(batch.expectations().iter().map(|(device, _)| device.clone()));
            needs.answers.extend(batch.answer().map(|(user, key, _)| (user.clone(), key.clone())));
        }
        needs
    }
}

/// What the database holds about the needs of a group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loaded {
    /// Everything about the devices that were named.
    pub(crate) devices: BTreeMap<DeviceId, KnownDevice>,
    /// The vouchers of the devices that get one, or lose them.
    pub(crate) shelves: BTreeMap<DeviceId, BTreeSet<Digest>>,
    /// How many devices have each profile that is to go.
    pub(crate) with_profile: BTreeMap<ProfileName, u64>,
    /// The records that are there, of those that are to be erased.
    pub(crate) erasable: BTreeSet<Place>,
    /// The idempotency keys that were used.
    pub(crate) answers: BTreeSet<(UserName, String)>,
    /// The certificates that new ones are held against.
    pub(crate) ledger: Index,
    /// The records of a MASA that new ones are held against.
    pub(crate) masa: masa::Index,
    /// The production orders and units that are named.
    pub(crate) production: Production,
}

/// What the database holds about one device.
#[derive(Clone, Debug)]
pub(crate) struct KnownDevice {
    /// Its record, when it is on the list.
    pub(crate) device: Option<Device>,
    /// Whether its voucher is stored.
    pub(crate) voucher: VoucherStock,
}

/// The small tables, which the writer keeps in memory: their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Directory {
    /// Every manufacturer.
    pub(crate) manufacturers: BTreeSet<ManufacturerName>,
    /// Every profile.
    pub(crate) profiles: BTreeSet<ProfileName>,
    /// Every user, and what it may do.
    pub(crate) users: BTreeMap<UserName, Role>,
    /// Every token, and whose it is.
    pub(crate) tokens: BTreeMap<TokenId, UserName>,
}

impl Directory {
    /// Follows what was written.
    pub(crate) fn follow(&mut self, changes: &Changes) {
        self.manufacturers.extend(changes.manufacturers.keys().cloned());
        for (name, profile) in &changes.profiles {
            match profile {
                Some(_) => self.profiles.insert(name.clone()),
                None => self.profiles.remove(name),
            };
        }
        for (name, user) in &changes.users {
            match user {
                Some(user) => self.users.insert(name.clone(), user.role),
                None => self.users.remove(name),
            };
        }
        for (id, token) in &changes.tokens {
            match token {
                Some(token) => self.tokens.insert(id.clone(), token.user.clone()),
                None => self.tokens.remove(id),
            };
        }
    }
}
