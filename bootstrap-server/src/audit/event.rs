//! Audit events. An event is both the record of a change and the change itself: the store knows how to apply each.
//!
//! The number of a kind and the members of its body are part of the log's format: they are added to, never changed.

use std::net::IpAddr;

use audit_log::Kind;
use conveyed_info::{OwnershipVoucher, rpc::ProgressType};
use pki::digest::{Digest, sha256};
use serde_json::{Value, json};
use verdict::ReasonCode;

use crate::domain::{DeviceId, Manufacturer, OnboardingProfile, ProfileName};

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
    },
    /// A device's voucher was stored or replaced.
    VoucherStored {
        /// The device.
        device: DeviceId,
        /// The voucher.
        voucher: OwnershipVoucher,
    },
    /// A genuine device is waiting for a person.
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
        /// The certificate it proved its identity with.
        certificate: Digest,
        /// What it was given.
        answer: Answer,
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

/// What a device was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A redirect to a server that it can authenticate.
    Redirect {
        /// SHA-256 of the conveyed information artifact.
        conveyed_information: Digest,
    },
    /// Its onboarding information.
    Onboarding {
        /// SHA-256 of the conveyed information artifact.
        conveyed_information: Digest,
    },
    /// Nothing.
    Nothing {
        /// Why.
        reason: ReasonCode,
    },
}

impl Answer {
    /// SHA-256 of the conveyed information given, if any.
    #[must_use]
    pub const fn conveyed_information(self) -> Option<Digest> {
        match self {
            Self::Redirect { conveyed_information } | Self::Onboarding { conveyed_information } => {
                Some(conveyed_information)
            }
            Self::Nothing { .. } => None,
        }
    }
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
        })
    }

    /// The device it is about, if it is about one.
    #[must_use]
    pub const fn device(&self) -> Option<&DeviceId> {
        match self {
            Self::DeviceRegistered { device, .. }
            | Self::VoucherStored { device, .. }
            | Self::DeviceHeld { device, .. }
            | Self::Answered { device, .. }
            | Self::ProgressReported { device, .. } => Some(device),
            Self::ServerStarted { .. }
            | Self::ManufacturerAdded { .. }
            | Self::ProfileApplied { .. }
            | Self::ConnectionsRefused { .. } => None,
        }
    }

    /// The body that the leaf commits to: one JSON object.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let about = |device: &DeviceId| json!({"manufacturer": device.manufacturer.as_str(), "serial-number": device.serial_number.as_str()});
        let body: Value = match self {
            Self::ServerStarted { listen } => {
                json!({"event": "server-started", "listen": listen, "version": env!("CARGO_PKG_VERSION")})
            }
            Self::ManufacturerAdded { manufacturer } => {
                let anchors = manufacturer.anchors.iter().map(|anchor| anchor.sha256().to_string());
                json!({"event": "manufacturer-added", "manufacturer": manufacturer.name.as_str(),
                       "anchors": anchors.collect::<Vec<_>>()})
            }
            Self::ProfileApplied { profile } => {
                json!({"event": "profile-applied", "profile": profile.name.as_str(),
                       "document": sha256(profile.document().as_bytes()).to_string()})
            }
            Self::DeviceRegistered { device, profile } => {
                json!({"event": "device-registered", "device": about(device), "profile": profile.as_str()})
            }
            Self::VoucherStored { device, voucher } => {
                json!({"event": "voucher-stored", "device": about(device), "voucher": voucher.sha256().to_string()})
            }
            Self::DeviceHeld { device, source, reason } => {
                json!({"event": "device-held", "device": about(device), "source": source, "reason": reason})
            }
            Self::Answered { device, source, certificate, answer } => {
                let answer = match answer {
                    Answer::Redirect { conveyed_information } => {
                        json!({"redirect": conveyed_information.to_string()})
                    }
                    Answer::Onboarding { conveyed_information } => {
                        json!({"onboarding": conveyed_information.to_string()})
                    }
                    Answer::Nothing { reason } => json!({"nothing": reason}),
                };
                json!({"event": "answered", "device": about(device), "source": source,
                       "certificate": certificate.to_string(), "answer": answer})
            }
            Self::ProgressReported { device, source, report, keys, message } => {
                let keys = keys.iter().map(|key| json!({"kind": key.kind, "sha256": sha256(&key.data).to_string()}));
                json!({"event": "progress-reported", "device": about(device), "source": source,
                       "progress-type": report.as_str(), "keys": keys.collect::<Vec<_>>(), "message": message})
            }
            Self::ConnectionsRefused { source, reason, detail, count } => {
                json!({"event": "connections-refused", "source": source, "reason": reason, "detail": detail,
                       "count": count})
            }
        };
        body.to_string().into_bytes()
    }
}
