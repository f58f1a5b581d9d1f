//! `report-progress` (RFC 8572 §7.2, §7.3).

use super::{INPUT, ProgressType};
use crate::{
    DocumentError, Encoding,
    document::{Container, Members, Node, Out},
    information::TrustAnchor,
    profile::{Grants, InputProfile, Leniency, Lenient},
};

const HOST_KEYS: &str = "ssh-host-keys";
const TRUST_ANCHORS: &str = "trust-anchor-certs";

/// One progress report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgressReport {
    /// What happened.
    pub progress_type: ProgressType,
    /// Anything a person should know about it.
    pub message: Option<String>,
    /// The device's SSH host keys; only with `bootstrap-complete` (CLI-79).
    pub ssh_host_keys: Vec<SshHostKey>,
    /// Chains of certificates to authenticate the device by; only with `bootstrap-complete`.
    pub trust_anchor_certs: Vec<TrustAnchorCert>,
}

/// One `trust-anchor-cert`: whoever trusts its root, or the lowest CA in it, can authenticate the device (RFC 8572 §7.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustAnchorCert {
    /// One chain of CA certificates up to its self-signed root (ART-35).
    Chain(TrustAnchor),
    /// Something else, of which nothing is known ([`Leniency::OpaqueTrustAnchor`]).
    Opaque(Vec<u8>),
}

impl TrustAnchorCert {
    /// The octets as the device sent them: a degenerate CMS, when it is a chain.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        match self {
            Self::Chain(chain) => chain.der(),
            Self::Opaque(octets) => octets,
        }
    }
}

/// An SSH host key (RFC 4253 §6.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshHostKey {
    /// Such as `ssh-ed25519`.
    pub algorithm: String,
    /// The wire form: the algorithm's name and the key, each with its length.
    pub key_data: Vec<u8>,
}

impl ProgressReport {
    const MAX_KEYS: usize = 32;

    /// A report with nothing but its type.
    #[must_use]
    pub const fn new(progress_type: ProgressType) -> Self {
        Self { progress_type, message: None, ssh_host_keys: Vec::new(), trust_anchor_certs: Vec::new() }
    }

    /// The same report with a message.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Reads a request body.
    ///
    /// # Errors
    /// [`DocumentError`] for anything the YANG module does not allow, or a trust anchor that is no chain (ART-35).
    pub fn decode(bytes: &[u8], encoding: Encoding) -> Result<Self, DocumentError> {
        Self::decode_with(bytes, encoding, InputProfile::Strict).map(|read| read.value)
    }

    /// Reads a request body as [`ProgressReport::decode`], but for what `profile` passes over.
    ///
    /// # Errors
    /// As [`ProgressReport::decode`].
    pub fn decode_with(
        bytes: &[u8],
        encoding: Encoding,
        profile: InputProfile,
    ) -> Result<Lenient<Self>, DocumentError> {
        let mut grants = Grants::new(profile);
        let mut members = Members::of_container(bytes, encoding, INPUT)?;
        let progress_type = members.required("progress-type")?;
        let invalid = progress_type.invalid("one of the 27 progress types");
        let progress_type = progress_type.text()?.parse::<ProgressType>().map_err(|_| invalid)?;
        let message = members.optional("message").map(Node::text).transpose()?;
        let (mut ssh_host_keys, mut trust_anchor_certs) = (Vec::new(), Vec::new());
        // The module's `when`: with any other type these two are not defined and left over below (SRV-14).
        if progress_type == ProgressType::BootstrapComplete {
            ssh_host_keys = decode_host_keys(&mut members)?;
            trust_anchor_certs = decode_trust_anchors(&mut members, &mut grants)?;
        } else if profile.leniencies().contains(&Leniency::EmptyKeyContainers) {
            for name in [HOST_KEYS, TRUST_ANCHORS] {
                if members.take_hollow(name) {
                    grants.allow(Leniency::EmptyKeyContainers);
                }
            }
        }
        grants.finish(members)?;
        Ok(grants.into_lenient(Self { progress_type, message, ssh_host_keys, trust_anchor_certs }))
    }

    /// Writes a request body.
    #[must_use]
    pub fn encode(&self, encoding: Encoding) -> Vec<u8> {
        let mut members = Container::new();
        members.put_text("progress-type", self.progress_type.as_str());
        if let Some(message) = &self.message {
            members.put_text("message", message);
        }
        if self.progress_type == ProgressType::BootstrapComplete {
            if !self.ssh_host_keys.is_empty() {
                let keys = self.ssh_host_keys.iter().map(SshHostKey::encode).collect();
                let mut list = Container::new();
                list.put("ssh-host-key", Out::List(keys));
                members.put(HOST_KEYS, Out::Container(list));
            }
            if !self.trust_anchor_certs.is_empty() {
                let chains = self.trust_anchor_certs.iter().map(|it| Out::Binary(it.der().to_vec())).collect();
                let mut list = Container::new();
                list.put("trust-anchor-cert", Out::List(chains));
                members.put(TRUST_ANCHORS, Out::Container(list));
            }
        }
        members.into_document(INPUT, encoding)
    }
}

impl SshHostKey {
    /// The format that the key says it has, by its first field (RFC 4253 §6.6; SRV-15). `None` when there is no such
    /// field, or nothing after it.
    #[must_use]
    pub fn format(&self) -> Option<&str> {
        let (length, rest) = self.key_data.split_first_chunk::<4>()?;
        let (name, key) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        str::from_utf8(name).ok().filter(|name| !name.is_empty() && !key.is_empty())
    }

    /// Whether key and algorithm belong together (SRV-15): one name, or one of the signature algorithms of RFC 8332 §3
    /// for a key of format `ssh-rsa`.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        self.format().is_some_and(|format| {
            format == self.algorithm
                || format == "ssh-rsa" && matches!(self.algorithm.as_str(), "rsa-sha2-256" | "rsa-sha2-512")
        })
    }

    fn encode(&self) -> Out {
        let mut members = Container::new();
        members.put_text("algorithm", &self.algorithm);
        members.put_binary("key-data", &self.key_data);
        Out::Container(members)
    }
}

fn decode_host_keys(members: &mut Members) -> Result<Vec<SshHostKey>, DocumentError> {
    let Some(container) = members.optional(HOST_KEYS) else { return Ok(Vec::new()) };
    let mut container = container.members()?;
    let list = container.optional("ssh-host-key").map(|list| list.entries(ProgressReport::MAX_KEYS)).transpose()?;
    container.finish()?;
    let decode = |node: Node| {
        let mut members = node.members()?;
        let algorithm = members.required("algorithm")?.text()?;
        let key_data = members.required("key-data")?.binary()?;
        members.finish()?;
        Ok(SshHostKey { algorithm, key_data })
    };
    list.unwrap_or_default().into_iter().map(decode).collect()
}

fn decode_trust_anchors(members: &mut Members, grants: &mut Grants) -> Result<Vec<TrustAnchorCert>, DocumentError> {
    let Some(container) = members.optional(TRUST_ANCHORS) else { return Ok(Vec::new()) };
    let mut container = container.members()?;
    let list =
        container.optional("trust-anchor-cert").map(|list| list.entries(ProgressReport::MAX_KEYS)).transpose()?;
    container.finish()?;
    let decode = |node: Node| {
        let invalid = node.invalid("a degenerate CMS SignedData holding one chain up to its root");
        let der = node.binary()?;
        match TrustAnchor::from_degenerate_der(&der) {
            Ok(chain) => Ok(TrustAnchorCert::Chain(chain)),
            Err(_) if grants.allow(Leniency::OpaqueTrustAnchor) => Ok(TrustAnchorCert::Opaque(der)),
            Err(_) => Err(invalid),
        }
    };
    list.unwrap_or_default().into_iter().map(decode).collect()
}
