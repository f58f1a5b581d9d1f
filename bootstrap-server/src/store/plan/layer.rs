//! One batch at work, on top of those before it in its group.

use std::collections::BTreeSet;

use audit_log::{LogIndex, UnixMillis};
use conveyed_info::OwnershipVoucher;
use pki::digest::Digest;

use super::{Changes, EventRow, KeptRow, LeafRow, ReportRow, Situation, VoucherRow};
use crate::{
    audit::{Erasure, Event},
    domain::{
        Device, DeviceId, ManufacturerName, ProfileName, Role, TokenId, UserName,
        change::{self, ChangeRefused, VoucherStock},
    },
    store::{KeptAnswer, MAX_TOKENS, MAX_VOUCHERS, Place, StoreError, VoucherKey},
};

/// What one batch sees and changes: its own changes first, then those of the batches before it, then the database.
pub(super) struct Layer<'a> {
    situation: &'a Situation<'a>,
    before: &'a Changes,
    own: Changes,
}

impl<'a> Layer<'a> {
    pub(super) fn new(situation: &'a Situation<'a>, before: &'a Changes) -> Self {
        Self { situation, before, own: Changes::default() }
    }

    pub(super) fn into_changes(self) -> Changes {
        self.own
    }

    pub(super) fn next_position(&self) -> LogIndex {
        let planned = self.before.leaves.len().saturating_add(self.own.leaves.len());
        LogIndex(self.situation.size.0.saturating_add(u64::try_from(planned).unwrap_or(u64::MAX)))
    }

    pub(super) fn device(&self, id: &DeviceId) -> Option<&Device> {
        match self.own.devices.get(id).or_else(|| self.before.devices.get(id)) {
            Some(planned) => planned.as_ref(),
            None => self.situation.loaded.devices.get(id).and_then(|known| known.device.as_ref()),
        }
    }

    pub(super) fn append(&mut self, row: LeafRow, about: Option<&DeviceId>) {
        let position = self.next_position();
        self.own.events.extend(about.map(|device| EventRow { device: device.clone(), position }));
        self.own.leaves.push(row);
    }

    pub(super) fn delivered(&mut self, webhook: &str, next: Place) {
        self.own.deliveries.insert(webhook.to_owned(), next);
    }

    pub(super) fn keep_answer(
        &mut self,
        user: &UserName,
        key: &str,
        answer: &KeptAnswer,
        at: UnixMillis,
    ) -> Result<(), StoreError> {
        let place = (user.clone(), key.to_owned());
        if self.before.answers.contains_key(&place) || self.situation.loaded.answers.contains(&place) {
            return Err(StoreError::AnsweredBefore);
        }
        self.own.answers.insert(place, KeptRow { at, answer: answer.clone() });
        Ok(())
    }

    /// Makes the changes that `event` stands for.
    pub(super) fn apply(&mut self, event: &Event, now: UnixMillis) -> Result<(), StoreError> {
        if let Some(id) = event.device() {
            self.move_device(id, event, now)?;
        }
        match event {
            Event::ManufacturerAdded { manufacturer } => {
                self.own.manufacturers.insert(manufacturer.name.clone(), manufacturer.clone());
            }
            Event::RevocationListsStored { lists } => {
                let name = lists.manufacturer();
                if !self.has_manufacturer(name) {
                    return Err(StoreError::NoManufacturer(name.to_string()));
                }
                self.own.revocation_lists.insert(name.clone(), lists.as_ref().clone());
            }
            Event::ProfileApplied { profile } => {
                self.own.profiles.insert(profile.name.clone(), Some(profile.as_ref().clone()));
            }
            Event::ProfileRemoved { profile } => self.remove_profile(profile)?,
            Event::VoucherStored { device, voucher } => self.store_voucher(device, voucher)?,
            Event::DeviceErased { device, .. } => {
                let gone = self.shelf(device).into_iter();
                self.own.vouchers.extend(gone.map(|sha256| (VoucherKey { device: device.clone(), sha256 }, None)));
                self.own.ledger.forgotten.push(device.clone());
            }
            Event::RecordsErased { erasure } => self.erase(erasure)?,
            Event::ProgressReported { device, report, keys, message, .. } => {
                let (leaf, device) = (self.next_position(), device.clone());
                let (message, keys) = (message.clone(), keys.clone());
                self.own.reports.push(ReportRow { leaf, device, at: now, progress_type: *report, message, keys });
            }
            Event::UserChanged { user } => {
                if user.role != Role::Admin {
                    self.leave_an_admin(&user.name)?;
                }
                self.own.users.insert(user.name.clone(), Some(user.clone()));
            }
            Event::UserRemoved { user } => self.remove_user(user)?,
            Event::TokenCreated { token } => {
                self.known_user(&token.user)?;
                if self.tokens_of(&token.user).len() >= MAX_TOKENS {
                    return Err(StoreError::TokensFull(token.user.to_string()));
                }
                self.own.tokens.insert(token.id.clone(), Some(token.clone()));
            }
            Event::TokenRevoked { token } => {
                self.token_owner(token).ok_or_else(|| StoreError::NoToken(token.to_string()))?;
                self.own.tokens.insert(token.clone(), None);
            }
            Event::Ledger(event) => {
                let leaf = self.next_position();
                self.own.ledger.apply(event, &self.before.ledger, self.situation, leaf)?;
            }
            Event::Masa(event) => {
                let leaf = self.next_position();
                self.own.masa.apply(event, &self.before.masa, self.situation, leaf)?;
            }
            Event::Factory(event) => self.own.production.apply(event, &self.before.production, self.situation)?,
            Event::PoliciesApplied { policies, .. } => self.own.policies = Some(policies.as_ref().clone()),
            // Devices move by `change::after`; the rest is on record and changes nothing.
            _ => {}
        }
        Ok(())
    }

    fn move_device(&mut self, id: &DeviceId, event: &Event, now: UnixMillis) -> Result<(), StoreError> {
        if !self.knows_manufacturer(id) {
            return Err(StoreError::NoManufacturer(id.manufacturer.to_string()));
        }
        let before = self.device(id).cloned();
        let after = change::after(before.clone(), self.voucher(id), event, now, self.next_position());
        let after = after.map_err(|refused| match refused {
            ChangeRefused::AlreadyListed => StoreError::DeviceExists(id.clone()),
            ChangeRefused::NotListed => StoreError::NoDevice(id.clone()),
            refused => StoreError::Refused { device: id.clone(), refused },
        })?;
        if before == after {
            return Ok(());
        }
        if let Some(profile) = after.as_ref().and_then(|device| device.profile.as_ref()) {
            self.known_profile(profile)?;
        }
        self.own.devices.insert(id.clone(), after);
        Ok(())
    }

    /// Erases records that are there: each is counted by one event, however many ask for it at once.
    fn erase(&mut self, erasure: &Erasure) -> Result<(), StoreError> {
        for place in erasure.places() {
            let gone = self.before.erased.contains_key(&place) || !self.situation.loaded.erasable.contains(&place);
            if gone || self.own.erased.insert(place, erasure.device().cloned()).is_some() {
                return Err(StoreError::ErasedBefore);
            }
        }
        Ok(())
    }

    fn knows_manufacturer(&self, id: &DeviceId) -> bool {
        self.has_manufacturer(&id.manufacturer)
    }

    fn has_manufacturer(&self, name: &ManufacturerName) -> bool {
        self.own.manufacturers.contains_key(name)
            || self.before.manufacturers.contains_key(name)
            || self.situation.directory.manufacturers.contains(name)
    }

    fn voucher(&self, id: &DeviceId) -> VoucherStock {
        if self.own.vouchers_of(id).chain(self.before.vouchers_of(id)).next().is_none() {
            return self.situation.loaded.devices.get(id).map_or(VoucherStock::Missing, |known| known.voucher);
        }
        if self.shelf(id).is_empty() { VoucherStock::Missing } else { VoucherStock::Stored }
    }

    /// The vouchers that a device has, when they were loaded: those of devices that get one, or lose them.
    fn shelf(&self, id: &DeviceId) -> BTreeSet<Digest> {
        let mut shelf = self.situation.loaded.shelves.get(id).cloned().unwrap_or_default();
        for (key, row) in self.before.vouchers_of(id).chain(self.own.vouchers_of(id)) {
            match row {
                Some(_) => shelf.insert(key.sha256),
                None => shelf.remove(&key.sha256),
            };
        }
        shelf
    }

    fn store_voucher(&mut self, device: &DeviceId, artifact: &OwnershipVoucher) -> Result<(), StoreError> {
        let (sha256, shelf) = (artifact.sha256(), self.shelf(device));
        if shelf.contains(&sha256) {
            return Err(StoreError::VoucherExists(device.clone()));
        }
        if shelf.len() >= MAX_VOUCHERS {
            return Err(StoreError::VouchersFull(device.clone()));
        }
        let row = VoucherRow { artifact: artifact.clone(), leaf: self.next_position() };
        self.own.vouchers.insert(VoucherKey { device: device.clone(), sha256 }, Some(row));
        Ok(())
    }

    fn known_profile(&self, name: &ProfileName) -> Result<(), StoreError> {
        let planned = self.own.profiles.get(name).or_else(|| self.before.profiles.get(name)).map(Option::is_some);
        match planned.unwrap_or_else(|| self.situation.directory.profiles.contains(name)) {
            true => Ok(()),
            false => Err(StoreError::NoProfile(name.to_string())),
        }
    }

    fn remove_profile(&mut self, name: &ProfileName) -> Result<(), StoreError> {
        self.known_profile(name)?;
        let has = |device: &Device| device.profile.as_ref() == Some(name);
        // Those in the database, with the devices that this group is about taken out, and put in as they are now.
        let loaded = &self.situation.loaded;
        let stored = loaded.with_profile.get(name).copied().unwrap_or_default();
        let had =
            loaded.devices.values().filter_map(|known| known.device.as_ref()).filter(|device| has(device)).count();
        let have = loaded.devices.keys().filter_map(|id| self.device(id)).filter(|device| has(device)).count();
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let devices = stored.saturating_sub(count(had)).saturating_add(count(have));
        if devices > 0 {
            return Err(StoreError::ProfileInUse { profile: name.to_string(), devices });
        }
        self.own.profiles.insert(name.clone(), None);
        Ok(())
    }

    /// What a user may do, if there is such a user.
    fn role(&self, name: &UserName) -> Option<Role> {
        match self.own.users.get(name).or_else(|| self.before.users.get(name)) {
            Some(planned) => planned.as_ref().map(|user| user.role),
            None => self.situation.directory.users.get(name).copied(),
        }
    }

    fn known_user(&self, name: &UserName) -> Result<(), StoreError> {
        self.role(name).map(|_| ()).ok_or_else(|| StoreError::NoUser(name.to_string()))
    }

    /// Refuses to take away the last admin: a server without one could not be administered through its API any more.
    /// Here and not in the API, since several servers may share a database.
    fn leave_an_admin(&self, without: &UserName) -> Result<(), StoreError> {
        let stored = self.situation.directory.users.keys();
        let mut all = stored.chain(self.before.users.keys()).chain(self.own.users.keys());
        let is_admin = |name: &UserName| self.role(name) == Some(Role::Admin);
        match is_admin(without) && !all.any(|name| name != without && is_admin(name)) {
            true => Err(StoreError::LastAdmin(without.to_string())),
            false => Ok(()),
        }
    }

    fn token_owner(&self, id: &TokenId) -> Option<&UserName> {
        match self.own.tokens.get(id).or_else(|| self.before.tokens.get(id)) {
            Some(planned) => planned.as_ref().map(|token| &token.user),
            None => self.situation.directory.tokens.get(id),
        }
    }

    /// The tokens that a user has now.
    fn tokens_of(&self, user: &UserName) -> BTreeSet<TokenId> {
        let stored = self.situation.directory.tokens.keys();
        let all = stored.chain(self.before.tokens.keys()).chain(self.own.tokens.keys());
        all.filter(|id| self.token_owner(id) == Some(user)).cloned().collect()
    }

    fn remove_user(&mut self, name: &UserName) -> Result<(), StoreError> {
        self.known_user(name)?;
        self.leave_an_admin(name)?;
        let theirs = self.tokens_of(name);
        self.own.tokens.extend(theirs.into_iter().map(|id| (id, None)));
        self.own.users.insert(name.clone(), None);
        Ok(())
    }
}
