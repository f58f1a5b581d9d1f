//! What a device knows before it asks anybody: the factory's data, and the situation it starts in.

use std::sync::Arc;

use conveyed_info::{
    information::TrustAnchor,
    rpc::SshHostKey,
    verify::VoucherFacts,
    voucher::{Assertion, Nonce},
};
use pki::{certificate::Certificate, identity::SerialNumber, key::Decryptor};
use verdict::Digest;

use super::{AllowedTargets, History};
use crate::{BasicCredentials, Server};

/// Which of the configured sources, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceIndex(pub usize);

/// A server of the factory's list (RFC 8572 §5.1; WKS-01).
#[derive(Clone, Debug)]
pub struct WellKnownServer {
    /// Where it is.
    pub server: Server,
    /// What its certificate must validate to, for the connection to be trusted.
    pub anchors: Vec<Certificate>,
}

/// Whether boot images must carry a signature of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageSignature {
    /// The device holds image keys: what its boot loader would refuse is never installed.
    Required,
    /// The device holds none; the hash in the onboarding information is what there is to verify an image by.
    NotConfigured,
}

/// What ends bootstrapping (RFC 8572 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// The agent's own marker alone.
    Marker,
    /// A variable that the owner's configuration is expected to turn off (CLI-77), besides the marker.
    Variable,
}

/// What the message of the final report is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinalReport {
    /// A statement under the device's key, so that nobody who runs the server can invent it.
    Signed,
    /// Nothing.
    Plain,
}

/// What does not change from one attempt to the next.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The device's own serial number.
    pub serial_number: SerialNumber,
    /// The device's IDevID certificate.
    pub idevid: Certificate,
    /// The key that opens what was encrypted to the IDevID certificate: its own, which may do both (RFC 8572 §9.13; ENC-05).
    pub decryption_key: Option<Arc<dyn Decryptor>>,
    /// What voucher signers must chain to.
    pub voucher_anchors: Vec<Certificate>,
    /// The factory's list.
    pub well_known: Vec<WellKnownServer>,
    /// The voucher assertions that are accepted.
    pub accepted_assertions: Vec<Assertion>,
    /// Where untrusted redirects may lead although the address is loopback, link-local or multicast (SEC-10).
    pub allowed_targets: AllowedTargets,
    /// Hardware model, told to trusted servers only (CLI-21, CLI-22).
    pub hw_model: Option<String>,
    /// What the device shows to authenticated servers beside its certificate (RFC 8572 §5.3; DEV-04, CLI-11).
    pub credentials: Option<BasicCredentials>,
    /// Sent with `bootstrap-complete` (CLI-79).
    pub ssh_host_keys: Vec<SshHostKey>,
    /// Sent with `bootstrap-complete`, too: what the device is authenticated by from now on (ART-35).
    pub trust_anchors: Vec<TrustAnchor>,
    /// What ends bootstrapping.
    pub switch: Switch,
    /// What the message of `bootstrap-complete` is.
    pub final_report: FinalReport,
    /// Whether boot images must be signed.
    pub image_signature: ImageSignature,
    /// What each source is called, in the order in which they are asked.
    pub sources: Vec<String>,
}

/// The image that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunningImage {
    /// Name of the operating system.
    pub os_name: Option<String>,
    /// Its version.
    pub os_version: Option<String>,
    /// Digest of the image file, where it was installed by this agent.
    pub sha256: Option<Digest>,
}

/// What is the case when an attempt begins.
#[derive(Clone, Debug)]
pub struct Situation {
    /// The image that runs.
    pub running: RunningImage,
    /// Digest of the image that will be booted next, where this agent installed one.
    pub installed: Option<Digest>,
    /// Fresh randomness for this attempt, when the clock cannot be believed (CLI-23).
    pub nonce: Option<Nonce>,
    /// What earlier attempts did.
    pub history: History,
    /// The newest voucher that was ever accepted (SEC-03).
    pub newest_voucher: Option<VoucherFacts>,
}
