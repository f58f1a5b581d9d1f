//! Audit events. An event is both the record of a change and the change itself: the store knows how to apply each.
//!
//! The number of a kind is part of the log's format: kinds are added to, never changed.

use std::net::IpAddr;

use audit_log::Kind;
use conveyed_info::{OwnershipVoucher, rpc::ProgressType};
use pki::digest::Digest;
use verdict::ReasonCode;

use super::{Answer, Basis, Erasure, FactoryEvent, LeaseEvent, LedgerEvent, MasaEvent};
use crate::domain::{
    ActivationCode, Departures, DeviceId, Manufacturer, OnboardingProfile, Particulars, Policies, ProfileName,
    RevocationLists, Token, TokenId, User, UserName,
};

/// Something that happened. Bodies hold digests of artifacts and documents, never their bytes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The server began to serve.
    ServerStarted {
        /// Where it listens for devices.
        listen: String,
    },
    /// A manufacturer and its anchors were added or replaced.
    ManufacturerAdded {
        /// The manufacturer.
        manufacturer: Manufacturer,
    },
    /// A manufacturer's revocation lists were put in the place of those before.
    RevocationListsStored {
        /// All of them.
        lists: Box<RevocationLists>,
    },
    /// A profile was added or replaced.
    ProfileApplied {
        /// The profile.
        profile: Box<OnboardingProfile>,
    },
    /// A device was put on the owner's list.
    DeviceRegistered {
        /// The device.
        device: DeviceId,
        /// What it is to become.
        profile: ProfileName,
        /// What and where it is.
        particulars: Box<Particulars>,
    },
    /// A device's voucher was stored or replaced.
    VoucherStored {
        /// The device.
        device: DeviceId,
        /// The voucher.
        voucher: OwnershipVoucher,
    },
    /// A device sent a nonce, and its manufacturer was asked for a voucher that holds it (RFC 8572 §7.3; SRV-07).
    VoucherFetched {
        /// The device.
        device: DeviceId,
        /// Where it called from.
        source: IpAddr,
        /// What came of it.
        outcome: Fetched,
    },
    /// A genuine device is waiting for a person: nobody registered it, or it came back.
    DeviceHeld {
        /// The device.
        device: DeviceId,
        /// Where it called from.
        source: IpAddr,
        /// Why.
        reason: ReasonCode,
    },
    /// A device asked for bootstrapping data and was answered.
    Answered {
        /// The device.
        device: DeviceId,
        /// Where it called from.
        source: IpAddr,
        /// SHA-256 of the certificate it proved its identity with; of the salt and the hash of its activation code, when
        /// it has none.
        certificate: Digest,
        /// What it was given.
        answer: Answer,
        /// What that was made from.
        basis: Basis,
        /// In what the exchange departed from the default.
        departures: Departures,
    },
    /// A device reported progress.
    ProgressReported {
        /// The device.
        device: DeviceId,
        /// Where it called from.
        source: IpAddr,
        /// What it reported.
        report: ProgressType,
        /// The keys it can be authenticated by from now on (RFC 8572 §7.3), only with `bootstrap-complete`.
        keys: Vec<ReportedKey>,
        /// Its message, if any, cut to [`MAX_MESSAGE`] octets.
        message: Option<String>,
        /// In what the exchange departed from the default.
        departures: Departures,
    },
    /// Peers that did not get as far as being a device, summed.
    ConnectionsRefused {
        /// Where they called from; `None` sums those of many sources.
        source: Option<IpAddr>,
        /// Why they were refused.
        reason: ReasonCode,
        /// What was wrong with the last of them.
        detail: String,
        /// How many.
        count: u64,
    },
    /// A genuine device that nobody registered was taken in, as the owner's policy has it.
    DeviceAdmitted {
        /// The device.
        device: DeviceId,
        /// Where it called from.
        source: IpAddr,
        /// What it is to become.
        profile: ProfileName,
    },
    /// A genuine device was turned away.
    DeviceRefused {
        /// The device.
        device: DeviceId,
        /// Where it called from.
        source: IpAddr,
        /// Why.
        reason: ReasonCode,
    },
    /// Somebody let a held or refused device through.
    DeviceApproved {
        /// The device.
        device: DeviceId,
        /// What it is to become, where that changes or was open.
        profile: Option<ProfileName>,
        /// Why, in that person's words.
        because: String,
    },
    /// Somebody took a device out of service.
    DeviceRetired {
        /// The device.
        device: DeviceId,
        /// Why, in that person's words.
        because: String,
    },
    /// Somebody lets a device begin again, whatever state it is in.
    DeviceReprovisioned {
        /// The device.
        device: DeviceId,
        /// Why, in that person's words.
        because: String,
    },
    /// Somebody changed what is written down about a device.
    DeviceChanged {
        /// The device.
        device: DeviceId,
        /// What it is to become, where that changes.
        profile: Option<ProfileName>,
        /// What and where it is, as a whole.
        particulars: Box<Particulars>,
    },
    /// A device was given an activation code.
    ActivationCodeSet {
        /// The device.
        device: DeviceId,
        /// What is kept of the code.
        code: ActivationCode,
    },
    /// A device did something that does not fit.
    AlarmRaised {
        /// The device.
        device: DeviceId,
        /// Where it called from.
        source: IpAddr,
        /// What.
        alarm: ReasonCode,
    },
    /// Somebody looked into a device's alarm.
    AlarmCleared {
        /// The device.
        device: DeviceId,
        /// What came of it, in that person's words.
        because: String,
    },
    /// A bootstrapped device is back in factory state and may be: its profile says that it keeps nothing.
    DeviceReturned {
        /// The device.
        device: DeviceId,
        /// Where it called from.
        source: IpAddr,
    },
    /// The owner's policies as the server has them from now on (RFC 8572 §9.10; SRV-21).
    PoliciesApplied {
        /// All of them.
        policies: Box<Policies>,
        /// Those before, if there were any.
        before: Option<Box<Policies>>,
    },
    /// The configuration says what would let devices do more than was accepted; what was accepted stays in force.
    PoliciesProposed {
        /// What it says.
        policies: Box<Policies>,
        /// What stays in force.
        before: Box<Policies>,
    },
    /// A profile was removed.
    ProfileRemoved {
        /// The profile.
        profile: ProfileName,
    },
    /// A user was added, or given another role.
    UserChanged {
        /// The user.
        user: User,
    },
    /// A user was removed, and with it its tokens.
    UserRemoved {
        /// The user.
        user: UserName,
    },
    /// A token was made.
    TokenCreated {
        /// The token.
        token: Token,
    },
    /// A token no longer opens anything.
    TokenRevoked {
        /// The token.
        token: TokenId,
    },
    /// A device is taken off the list to be forgotten. Its record and its voucher go with this event, what the log holds about
    /// it, this event included, with the [`Event::RecordsErased`] that follow.
    DeviceErased {
        /// The device.
        device: DeviceId,
        /// Why, in that person's words.
        because: String,
    },
    /// Bodies and salts of records were erased. Which device they were about is not said: that would be what was to be
    /// forgotten.
    RecordsErased {
        /// Which, and why.
        erasure: Box<Erasure>,
    },
    /// A backup is about to be taken: what is stored leaves the server after this.
    BackupBegun,
    /// A backup was taken.
    BackupTaken {
        /// SHA-256 of the backup.
        backup: Digest,
    },
    /// Other keys than before sign the log's checkpoints from here on.
    LogKeysChanged {
        /// Each of them, as whoever verifies takes it.
        keys: Vec<String>,
    },
    /// A DHCP server that nobody told this one of was seen at work; once an hour for each server and network.
    DhcpOtherServerSeen {
        /// Which, and where.
        other: Box<OtherServer>,
    },
    /// An authority issued something, or took it back.
    Ledger(LedgerEvent),
    /// A MASA did something, or was told something.
    Masa(MasaEvent),
    /// Something happened under a production order.
    Factory(FactoryEvent),
    /// A person did something about leases of DHCP.
    Leases(LeaseEvent),
    /// The first event of a log that follows one that was restored from a backup, which it does not continue.
    LogRestored {
        /// The origin of the log before.
        origin: String,
        /// The newest checkpoint of it that was known, as published: a signed note.
        checkpoint: String,
    },
}

/// A DHCP server that answers where this one does. Its name is what it says of itself; anybody can say anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherServer {
    /// Its address, or its DUID in hexadecimal.
    pub server: String,
    /// 4 or 6.
    pub ip_version: u8,
    /// The interface by which its client was heard.
    pub interface: String,
    /// The relay agent by which its client was heard, if it was one.
    pub relay: Option<IpAddr>,
    /// The client that spoke with it: its hardware address, or its DUID in hexadecimal.
    pub client: Option<String>,
}

/// What came of asking a manufacturer for a voucher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// A voucher with this SHA-256, which the device was given.
    Voucher(Digest),
    /// None, or none that the device could use.
    Nothing(ReasonCode),
}

/// Longest message of a progress report that is kept, in octets.
pub const MAX_MESSAGE: usize = 16 * 1024;

/// A key or certificate chain that a device reported with `bootstrap-complete`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedKey {
    /// The SSH algorithm, or `trust-anchor-cert` for a certificate chain.
    pub kind: String,
    /// SSH wire form (RFC 4253 §6.6), or degenerate CMS.
    pub data: Vec<u8>,
}

impl Event {
    /// The number that stands in the leaf.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        Kind(match self {
            Self::ServerStarted { .. } => 1,
            Self::ManufacturerAdded { .. } => 2,
            Self::ProfileApplied { .. } => 3,
            Self::DeviceRegistered { .. } => 4,
            Self::VoucherStored { .. } => 5,
            Self::DeviceHeld { .. } => 6,
            Self::Answered { .. } => 7,
            Self::ProgressReported { .. } => 8,
            Self::ConnectionsRefused { .. } => 9,
            Self::DeviceAdmitted { .. } => 10,
            Self::DeviceRefused { .. } => 11,
            Self::DeviceApproved { .. } => 12,
            Self::DeviceRetired { .. } => 13,
            Self::DeviceReprovisioned { .. } => 14,
            Self::DeviceChanged { .. } => 15,
            Self::ActivationCodeSet { .. } => 16,
            Self::AlarmRaised { .. } => 17,
            Self::ProfileRemoved { .. } => 18,
            Self::UserChanged { .. } => 19,
            Self::UserRemoved { .. } => 20,
            Self::TokenCreated { .. } => 21,
            Self::TokenRevoked { .. } => 22,
            Self::BackupTaken { .. } => 23,
            Self::LogRestored { .. } => 24,
            Self::AlarmCleared { .. } => 25,
            Self::DeviceReturned { .. } => 26,
            Self::PoliciesApplied { .. } => 27,
            Self::DeviceErased { .. } => 28,
            Self::RecordsErased { .. } => 29,
            Self::BackupBegun => 30,
            Self::PoliciesProposed { .. } => 31,
            Self::RevocationListsStored { .. } => 50,
            Self::VoucherFetched { .. } => 55,
            Self::LogKeysChanged { .. } => 65,
            Self::DhcpOtherServerSeen { .. } => 70,
            Self::Ledger(event) => return event.kind(),
            Self::Masa(event) => return event.kind(),
            Self::Factory(event) => return event.kind(),
            Self::Leases(event) => return event.kind(),
        })
    }

    /// Its name, as its body has it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ServerStarted { .. } => "server-started",
            Self::ManufacturerAdded { .. } => "manufacturer-added",
            Self::ProfileApplied { .. } => "profile-applied",
            Self::RevocationListsStored { .. } => "revocation-lists-stored",
            Self::DeviceRegistered { .. } => "device-registered",
            Self::VoucherStored { .. } => "voucher-stored",
            Self::VoucherFetched { .. } => "voucher-fetched",
            Self::LogKeysChanged { .. } => "log-keys-changed",
            Self::DhcpOtherServerSeen { .. } => "dhcp-other-server-seen",
            Self::DeviceHeld { .. } => "device-held",
            Self::Answered { .. } => "answered",
            Self::ProgressReported { .. } => "progress-reported",
            Self::ConnectionsRefused { .. } => "connections-refused",
            Self::DeviceAdmitted { .. } => "device-admitted",
            Self::DeviceRefused { .. } => "device-refused",
            Self::DeviceApproved { .. } => "device-approved",
            Self::DeviceRetired { .. } => "device-retired",
            Self::DeviceReprovisioned { .. } => "device-reprovisioned",
            Self::DeviceChanged { .. } => "device-changed",
            Self::ActivationCodeSet { .. } => "activation-code-set",
            Self::AlarmRaised { .. } => "alarm-raised",
            Self::AlarmCleared { .. } => "alarm-cleared",
            Self::DeviceReturned { .. } => "device-returned",
            Self::PoliciesApplied { .. } => "policies-applied",
            Self::PoliciesProposed { .. } => "policies-proposed",
            Self::ProfileRemoved { .. } => "profile-removed",
            Self::UserChanged { .. } => "user-changed",
            Self::UserRemoved { .. } => "user-removed",
            Self::TokenCreated { .. } => "token-created",
            Self::TokenRevoked { .. } => "token-revoked",
            Self::DeviceErased { .. } => "device-erased",
            Self::RecordsErased { .. } => "records-erased",
            Self::BackupBegun => "backup-begun",
            Self::BackupTaken { .. } => "backup-taken",
            Self::LogRestored { .. } => "log-restored",
            Self::Ledger(event) => event.name(),
            Self::Masa(event) => event.name(),
            Self::Factory(event) => event.name(),
            Self::Leases(event) => event.name(),
        }
    }

    /// The device it is about, if it is about one.
    #[must_use]
    pub const fn device(&self) -> Option<&DeviceId> {
        match self {
            Self::DeviceRegistered { device, .. }
            | Self::VoucherStored { device, .. }
            | Self::VoucherFetched { device, .. }
            | Self::DeviceHeld { device, .. }
            | Self::Answered { device, .. }
            | Self::ProgressReported { device, .. }
            | Self::DeviceAdmitted { device, .. }
            | Self::DeviceRefused { device, .. }
            | Self::DeviceApproved { device, .. }
            | Self::DeviceRetired { device, .. }
            | Self::DeviceReprovisioned { device, .. }
            | Self::DeviceChanged { device, .. }
            | Self::ActivationCodeSet { device, .. }
            | Self::AlarmRaised { device, .. }
            | Self::AlarmCleared { device, .. }
            | Self::DeviceReturned { device, .. }
            | Self::DeviceErased { device, .. } => Some(device),
            Self::Ledger(event) => event.device(),
            Self::ServerStarted { .. }
            | Self::Masa(_)
            | Self::Factory(_)
            | Self::Leases(_)
            | Self::ManufacturerAdded { .. }
            | Self::RevocationListsStored { .. }
            | Self::ProfileApplied { .. }
            | Self::ProfileRemoved { .. }
            | Self::PoliciesApplied { .. }
            | Self::PoliciesProposed { .. }
            | Self::ConnectionsRefused { .. }
            | Self::UserChanged { .. }
            | Self::UserRemoved { .. }
            | Self::TokenCreated { .. }
            | Self::TokenRevoked { .. }
            | Self::RecordsErased { .. }
            | Self::LogKeysChanged { .. }
            | Self::DhcpOtherServerSeen { .. }
            | Self::BackupBegun
            | Self::BackupTaken { .. }
            | Self::LogRestored { .. } => None,
        }
    }
}
