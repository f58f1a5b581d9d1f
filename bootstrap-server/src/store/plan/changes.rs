//! The rows that a planned group writes.

use std::collections::BTreeMap;

use audit_log::{Leaf, LogIndex, Salt, UnixMillis};
use conveyed_info::{OwnershipVoucher, rpc::ProgressType};
use pki::digest::Digest;

use super::{LedgerChanges, MasaChanges, Production};
use crate::{
    audit::ReportedKey,
    domain::{
        Device, DeviceId, Manufacturer, ManufacturerName, OnboardingProfile, Policies, ProfileName, RevocationLists,
        Token, TokenId, User, UserName,
    },
    store::{KeptAnswer, Place, VoucherKey},
};

/// Rows to write. Where a table's row can go, `None` stands for its removal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    /// Leaves, in order.
    pub(crate) leaves: Vec<LeafRow>,
    /// Which leaf is about which device.
    pub(crate) events: Vec<EventRow>,
    /// Records of devices.
    pub(crate) devices: BTreeMap<DeviceId, Option<Device>>,
    /// Vouchers.
    pub(crate) vouchers: BTreeMap<VoucherKey, Option<VoucherRow>>,
    /// Records whose bodies and salts go, and with them whatever else is stored of them; and the devices they are about.
    pub(crate) erased: BTreeMap<Place, Option<DeviceId>>,
    /// Progress reports.
    pub(crate) reports: Vec<ReportRow>,
    /// Manufacturers.
    pub(crate) manufacturers: BTreeMap<ManufacturerName, Manufacturer>,
    /// Their revocation lists.
    pub(crate) revocation_lists: BTreeMap<ManufacturerName, RevocationLists>,
    /// Profiles.
    pub(crate) profiles: BTreeMap<ProfileName, Option<OnboardingProfile>>,
    /// Users.
    pub(crate) users: BTreeMap<UserName, Option<User>>,
    /// Tokens.
    pub(crate) tokens: BTreeMap<TokenId, Option<Token>>,
    /// The policies in force from now on.
    pub(crate) policies: Option<Policies>,
    /// The next leaf that webhooks are to be told of.
    pub(crate) deliveries: BTreeMap<String, Place>,
    /// What an authority issued and revoked.
    pub(crate) ledger: LedgerChanges,
    /// What a MASA recorded and issued.
    pub(crate) masa: MasaChanges,
    /// Production orders and units.
    pub(crate) production: Production,
    /// Answers that are kept for idempotency keys.
    pub(crate) answers: BTreeMap<(UserName, String), KeptRow>,
}

/// A leaf with what it commits to.
#[derive(Clone, Debug)]
pub(crate) struct LeafRow {
    /// The leaf.
    pub(crate) leaf: Leaf,
    /// Hides the body.
    pub(crate) salt: Salt,
    /// The event.
    pub(crate) body: Vec<u8>,
}

/// A leaf that is about a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventRow {
    /// The device.
    pub(crate) device: DeviceId,
    /// The leaf.
    pub(crate) position: LogIndex,
}

/// A voucher that is stored.
#[derive(Clone, Debug)]
pub(crate) struct VoucherRow {
    /// The artifact.
    pub(crate) artifact: OwnershipVoucher,
    /// The leaf that records it.
    pub(crate) leaf: LogIndex,
}

/// A progress report.
#[derive(Clone, Debug)]
pub(crate) struct ReportRow {
    /// The leaf that records it.
    pub(crate) leaf: LogIndex,
    /// Whose.
    pub(crate) device: DeviceId,
    /// When.
    pub(crate) at: UnixMillis,
    /// What.
    pub(crate) progress_type: ProgressType,
    /// The device's words.
    pub(crate) message: Option<String>,
    /// The keys reported.
    pub(crate) keys: Vec<ReportedKey>,
}

/// An answer for an idempotency key.
#[derive(Clone, Debug)]
pub(crate) struct KeptRow {
    /// Since when.
    pub(crate) at: UnixMillis,
    /// The answer.
    pub(crate) answer: KeptAnswer,
}

impl Changes {
    /// Whether names of the small tables come or go.
    pub(crate) fn touches_directory(&self) -> bool {
        !(self.manufacturers.is_empty() && self.profiles.is_empty() && self.users.is_empty() && self.tokens.is_empty())
    }

    /// What becomes of the vouchers of one device.
    pub(crate) fn vouchers_of<'a>(
        &'a self,
        device: &'a DeviceId,
    ) -> impl Iterator<Item = (&'a VoucherKey, &'a Option<VoucherRow>)> {
        let first = VoucherKey { device: device.clone(), sha256: Digest([0; 32]) };
        self.vouchers.range(first..).take_while(move |(key, _)| key.device == *device)
    }

    /// Adds what came after.
    pub(crate) fn merge(&mut self, later: Self) {
        self.leaves.extend(later.leaves);
        self.events.extend(later.events);
        self.devices.extend(later.devices);
        self.vouchers.extend(later.vouchers);
        self.erased.extend(later.erased);
        self.reports.extend(later.reports);
        self.manufacturers.extend(later.manufacturers);
        self.revocation_lists.extend(later.revocation_lists);
        self.profiles.extend(later.profiles);
        self.users.extend(later.users);
        self.tokens.extend(later.tokens);
        self.policies = later.policies.or_else(|| self.policies.take());
        self.deliveries.extend(later.deliveries);
        self.ledger.merge(later.ledger);
        self.masa.merge(later.masa);
        self.production.merge(later.production);
        self.answers.extend(later.answers);
    }
}
