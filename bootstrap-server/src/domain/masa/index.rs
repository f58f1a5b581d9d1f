//! The records that a new one is held against, and the rules.

use std::collections::{BTreeMap, BTreeSet};

use authority::masa::{
    Approval, ApprovalError, ClaimId, Deed, LineName, Owner, OwnerName, Owners, Ownership, Person, ProductLine,
    Proposer, SerialNumbers,
};
use conveyed_info::voucher::Freshness;
use pki::{identity::SerialNumber, time::Timestamp};

use super::{Claim, MadeDevice, MasaRefused, Standing, VoucherIssue};

/// Records of a MASA, by what they are found by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    pub(crate) owners: BTreeMap<OwnerName, Owner>,
    pub(crate) lines: BTreeMap<LineName, ProductLine>,
    pub(crate) devices: BTreeMap<SerialNumber, BTreeMap<LineName, Ownership>>,
    pub(crate) claims: BTreeMap<ClaimId, Claim>,
    /// Claims with a nonce that were answered: there is one answer for ever.
    pub(crate) answered: BTreeSet<ClaimId>,
}

impl Index {
    /// Takes in what came after.
    pub(crate) fn merge(&mut self, later: Self) {
        self.owners.extend(later.owners);
        self.lines.extend(later.lines);
        for (serial_number, lines) in later.devices {
            self.devices.entry(serial_number).or_default().extend(lines);
        }
        self.claims.extend(later.claims);
        self.answered.extend(later.answered);
    }

    /// Takes a device in, or whose it is now.
    pub(crate) fn put(&mut self, device: &MadeDevice, ownership: Ownership) {
        self.devices.entry(device.serial_number.clone()).or_default().insert(device.line.clone(), ownership);
    }
}

/// Several indexes as one, the latest first: what a later one says goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stack<'a>(pub(crate) &'a [&'a Index]);

impl<'a> Stack<'a> {
    fn owner(self, name: &OwnerName) -> Result<&'a Owner, MasaRefused> {
        let found = self.0.iter().find_map(|index| index.owners.get(name));
        found.ok_or_else(|| MasaRefused::NoOwner(name.clone()))
    }

    fn line(self, name: &LineName) -> Result<&'a ProductLine, MasaRefused> {
        let found = self.0.iter().find_map(|index| index.lines.get(name));
        found.ok_or_else(|| MasaRefused::NoLine(name.clone()))
    }

    fn ownership(self, serial_number: &SerialNumber, line: &LineName) -> Option<&'a Ownership> {
        self.0.iter().find_map(|index| index.devices.get(serial_number)?.get(line))
    }

    fn lines_of(self, serial_number: &SerialNumber) -> BTreeSet<&'a LineName> {
        self.0.iter().filter_map(|index| index.devices.get(serial_number)).flat_map(BTreeMap::keys).collect()
    }

    /// Whether this owner can stand beside the others.
    pub(crate) fn may_record_owner(self, new: &Owner) -> Result<(), MasaRefused> {
        let mut all: BTreeMap<&OwnerName, &Owner> = BTreeMap::new();
        for index in self.0.iter().rev() {
            all.extend(&index.owners);
        }
        all.insert(&new.name, new);
        Owners::new(all.into_values().cloned().collect()).map(|_| ()).map_err(MasaRefused::Owners)
    }

    /// Whether this device can be told from every other (RFC 8366 §5.3; VCH-09).
    pub(crate) fn may_make(self, device: &MadeDevice) -> Result<(), MasaRefused> {
        let line = self.line(&device.line)?;
        for other in self.lines_of(&device.serial_number) {
            if *other == device.line {
                return Err(MasaRefused::DeviceExists(device.clone()));
            }
            let told_apart = match (&line.serial_numbers, &self.line(other)?.serial_numbers) {
                (SerialNumbers::Shared { idevid_issuer: one }, SerialNumbers::Shared { idevid_issuer: other }) => {
                    one != other
                }
                _ => false,
            };
            if !told_apart {
                return Err(MasaRefused::SerialTaken { device: device.clone(), other: other.clone() });
            }
        }
        Ok(())
    }

    /// Whose the device is after a deed.
    pub(crate) fn after(self, device: &MadeDevice, deed: &Deed, at: Timestamp) -> Result<Ownership, MasaRefused> {
        let before = self.ownership(&device.serial_number, &device.line);
        let before = before.ok_or_else(|| MasaRefused::NoDevice(device.clone()))?;
        match deed {
            Deed::Sold { to } | Deed::Released { to, .. } | Deed::Overridden { to: Some(to), .. } => {
                self.owner(to)?;
            }
            _ => {}
        }
        before.after(deed, at).map_err(|why| MasaRefused::Deed { device: device.clone(), why })
    }

    /// Whether the records are what they were when this voucher was decided on.
    pub(crate) fn may_issue(self, issue: &VoucherIssue) -> Result<(), MasaRefused> {
        let (claim, serial_number) = (issue.claim(), &issue.voucher.serial_number);
        let moved = || MasaRefused::Moved(serial_number.clone());
        match &issue.standing {
            Standing::Unlisted if !self.lines_of(serial_number).is_empty() => return Err(moved()),
            Standing::Unlisted => {}
            Standing::Listed { line, ownership } => {
                self.ownership(serial_number, line).filter(|it| *it == ownership).ok_or_else(moved)?;
            }
        }
        // One answer for one nonce, however many servers were asked at once.
        let is_nonced = matches!(issue.voucher.freshness, Freshness::Nonce(_));
        if is_nonced && self.0.iter().any(|index| index.answered.contains(&claim)) {
            return Err(MasaRefused::IssuedBefore(claim));
        }
        match &issue.approval {
            Some(approval) if self.claim(&claim)?.approval.as_ref() != Some(approval) => {
                Err(MasaRefused::Approval(ApprovalError::OtherClaim))
            }
            _ => Ok(()),
        }
    }

    fn claim(self, id: &ClaimId) -> Result<&'a Claim, MasaRefused> {
        self.0.iter().find_map(|index| index.claims.get(id)).ok_or(MasaRefused::NoClaim(*id))
    }

    /// The claim with this person's word.
    pub(crate) fn approved(self, id: &ClaimId, by: &Person, at: Timestamp) -> Result<Claim, MasaRefused> {
        let claim = self.claim(id)?;
        match &claim.by {
            // RFC 8366 §7.2: two persons are two.
            Proposer::Person(person) if person == by => {
                Err(MasaRefused::Approval(ApprovalError::SamePerson { person: person.clone() }))
            }
            _ => {
                let approval = Some(Approval { claim: *id, by: by.clone(), at });
                Ok(Claim { approval, ..claim.clone() })
            }
        }
    }
}
