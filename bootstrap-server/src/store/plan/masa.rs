//! The part of a plan that is about what a MASA keeps.

use std::collections::BTreeSet;

use audit_log::{LogIndex, UnixMillis};
use authority::masa::{ClaimId, Deed, Owner, OwnerName, ProductLine};
use conveyed_info::voucher::Freshness;
use pki::{identity::SerialNumber, time::Timestamp};

use super::Situation;
use crate::{
    audit::MasaEvent,
    domain::masa::{Claim, Index, MadeDevice, MadeEntry, Stack, VoucherIssue},
    store::StoreError,
};

/// What must be known of a MASA's records before events about them can be planned.
#[derive(Debug, Default)]
pub(crate) struct MasaNeeds {
    /// Every owner: one is held against all others.
    pub(crate) all_owners: bool,
    /// These owners.
    pub(crate) owners: BTreeSet<OwnerName>,
    /// Every product line: they are few.
    pub(crate) all_lines: bool,
    /// Every device of these serial numbers.
    pub(crate) devices: BTreeSet<SerialNumber>,
    /// These claims.
    pub(crate) claims: BTreeSet<ClaimId>,
    /// Whether these claims, which hold nonces, were answered.
    pub(crate) answered: BTreeSet<(SerialNumber, ClaimId)>,
}

impl MasaNeeds {
    /// Adds what `event` asks for.
    pub(super) fn extend(&mut self, event: &MasaEvent) {
        match event {
            MasaEvent::OwnerRecorded { .. } => self.all_owners = true,
            MasaEvent::LineRecorded { .. } => {}
            MasaEvent::DeviceMade { device } => {
                self.all_lines = true;
                self.devices.insert(device.serial_number.clone());
            }
            MasaEvent::OwnershipChanged { device, deed } => {
                if let Deed::Sold { to } | Deed::Released { to, .. } | Deed::Overridden { to: Some(to), .. } = deed {
                    self.owners.insert(to.clone());
                }
                self.devices.insert(device.serial_number.clone());
            }
            MasaEvent::VoucherIssued { issue } => {
                let serial_number = &issue.voucher.serial_number;
                self.devices.insert(serial_number.clone());
                if matches!(issue.voucher.freshness, Freshness::Nonce(_)) {
                    self.answered.insert((serial_number.clone(), issue.claim()));
                }
                self.claims.extend(issue.approval.as_ref().map(|_| issue.claim()));
            }
            MasaEvent::VoucherClaimed { claim } => drop(self.claims.insert(claim.id)),
            MasaEvent::ClaimApproved { claim, .. } => drop(self.claims.insert(*claim)),
        }
    }
}

/// What a planned group changes in a MASA's records.
#[derive(Clone, Debug, Default)]
pub(crate) struct MasaChanges {
    /// What later events of the group are held against.
    index: Index,
    /// Owners to write, each with the leaf that says so.
    pub(crate) owners: Vec<(LogIndex, Owner)>,
    /// Lines to write.
    pub(crate) lines: Vec<ProductLine>,
    /// Devices to write.
    pub(crate) devices: Vec<MadeEntry>,
    /// Deeds to write.
    pub(crate) deeds: Vec<DeedRow>,
    /// Vouchers to write.
    pub(crate) vouchers: Vec<IssueRow>,
    /// Claims to write.
    pub(crate) claims: Vec<Claim>,
}

/// A deed that was done.
#[derive(Clone, Debug)]
pub(crate) struct DeedRow {
    pub(crate) leaf: LogIndex,
    pub(crate) at: UnixMillis,
    pub(crate) device: MadeDevice,
    pub(crate) deed: Deed,
}

/// A voucher that was issued.
#[derive(Clone, Debug)]
pub(crate) struct IssueRow {
    pub(crate) leaf: LogIndex,
    pub(crate) at: UnixMillis,
    pub(crate) issue: VoucherIssue,
}

impl MasaChanges {
    /// Adds what came after.
    pub(super) fn merge(&mut self, later: Self) {
        self.index.merge(later.index);
        self.owners.extend(later.owners);
        self.lines.extend(later.lines);
        self.devices.extend(later.devices);
        self.deeds.extend(later.deeds);
        self.vouchers.extend(later.vouchers);
        self.claims.extend(later.claims);
    }

    /// Makes the changes that `event` stands for, after those in `before`.
    pub(super) fn apply(
        &mut self,
        event: &MasaEvent,
        before: &Self,
        situation: &Situation<'_>,
        leaf: LogIndex,
    ) -> Result<(), StoreError> {
        let known = [&self.index, &before.index, &situation.loaded.masa];
        let known = Stack(&known);
        let at = situation.now;
        let refused = StoreError::Masa;
        match event {
            MasaEvent::OwnerRecorded { owner } => {
                known.may_record_owner(owner).map_err(refused)?;
                self.index.owners.insert(owner.name.clone(), owner.as_ref().clone());
                self.owners.push((leaf, owner.as_ref().clone()));
            }
            MasaEvent::LineRecorded { line } => {
                self.index.lines.insert(line.name.clone(), line.as_ref().clone());
                self.lines.push(line.as_ref().clone());
            }
            MasaEvent::DeviceMade { device } => {
                known.may_make(device).map_err(refused)?;
                self.put(MadeEntry { device: device.clone(), ownership: authority::masa::Ownership::Unsold });
            }
            MasaEvent::OwnershipChanged { device, deed } => {
                let ownership = known.after(device, deed, moment(at)).map_err(refused)?;
                self.put(MadeEntry { device: device.clone(), ownership });
                self.deeds.push(DeedRow { leaf, at, device: device.clone(), deed: deed.clone() });
            }
            MasaEvent::VoucherIssued { issue } => {
                known.may_issue(issue).map_err(refused)?;
                if matches!(issue.voucher.freshness, Freshness::Nonce(_)) {
                    self.index.answered.insert(issue.claim());
                }
                self.vouchers.push(IssueRow { leaf, at, issue: issue.as_ref().clone() });
            }
            MasaEvent::VoucherClaimed { claim } => self.claim(claim.as_ref().clone()),
            MasaEvent::ClaimApproved { claim, by } => {
                let claim = known.approved(claim, by, moment(at)).map_err(refused)?;
                self.claim(claim);
            }
        }
        Ok(())
    }

    fn put(&mut self, entry: MadeEntry) {
        self.index.put(&entry.device, entry.ownership.clone());
        self.devices.push(entry);
    }

    fn claim(&mut self, claim: Claim) {
        self.index.claims.insert(claim.id, claim.clone());
        self.claims.push(claim);
    }
}

fn moment(at: UnixMillis) -> Timestamp {
    Timestamp::from_unix(i64::try_from(at.0 / 1000).unwrap_or(i64::MAX))
}
