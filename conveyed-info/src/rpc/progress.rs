//! `report-progress` (RFC 8572 §7.2, §7.3).

use std::{fmt, str::FromStr};

use super::INPUT;
use crate::{
    DocumentError, Encoding,
    cms::SignedData,
    document::{Container, Members, Node, Out},
};

macro_rules! progress_types {
    ($($name:ident $text:literal,)*) => {
        /// `progress-type`: the 27 values of RFC 8572 §7.3, in the module's order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ProgressType {
            $(#[doc = concat!("`", $text, "`.")] $name,)*
        }

        impl ProgressType {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As the YANG module spells it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

progress_types! {
    BootstrapInitiated "bootstrap-initiated",
    ParsingInitiated "parsing-initiated",
    ParsingWarning "parsing-warning",
    ParsingError "parsing-error",
    ParsingComplete "parsing-complete",
    BootImageInitiated "boot-image-initiated",
    BootImageWarning "boot-image-warning",
    BootImageError "boot-image-error",
    BootImageMismatch "boot-image-mismatch",
    BootImageInstalledRebooting "boot-image-installed-rebooting",
    BootImageComplete "boot-image-complete",
    PreScriptInitiated "pre-script-initiated",
    PreScriptWarning "pre-script-warning",
    PreScriptError "pre-script-error",
    PreScriptComplete "pre-script-complete",
    ConfigInitiated "config-initiated",
    ConfigWarning "config-warning",
    ConfigError "config-error",
    ConfigComplete "config-complete",
    PostScriptInitiated "post-script-initiated",
    PostScriptWarning "post-script-warning",
    PostScriptError "post-script-error",
    PostScriptComplete "post-script-complete",
    BootstrapWarning "bootstrap-warning",
    BootstrapError "bootstrap-error",
    BootstrapComplete "bootstrap-complete",
    Informational "informational",
}

impl ProgressType {
    /// Whether this report says that a step failed; nothing more comes from that attempt (RFC 8572 §5.6).
    #[must_use]
    pub const fn is_error(self) -> bool {
        matches!(
            self,
            Self::ParsingError
                | Self::BootImageError
                | Self::PreScriptError
                | Self::ConfigError
                | Self::PostScriptError
                | Self::BootstrapError
        )
    }

    /// Whether nothing more is expected from the attempt after this report.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        self.is_error() || matches!(self, Self::BootImageInstalledRebooting | Self::BootstrapComplete)
    }
}

impl fmt::Display for ProgressType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ProgressType {
    type Err = UnknownProgressType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|known| known.as_str() == text).ok_or(UnknownProgressType)
    }
}

/// The text is none of the 27 progress types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of the 27 progress types of RFC 8572 §7.3")]
pub struct UnknownProgressType;

/// One progress report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgressReport {
    /// What happened.
    pub progress_type: ProgressType,
    /// Anything a person should know about it.
    pub message: Option<String>,
    /// The device's SSH host keys; only with `bootstrap-complete` (CLI-79).
    pub ssh_host_keys: Vec<SshHostKey>,
    /// Chains of certificates to authenticate the device by, each a degenerate CMS; only with `bootstrap-complete`.
    pub trust_anchor_certs: Vec<Vec<u8>>,
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
    /// [`DocumentError`] for anything the YANG module does not allow.
    pub fn decode(bytes: &[u8], encoding: Encoding) -> Result<Self, DocumentError> {
        let mut members = Members::of_container(bytes, encoding, INPUT)?;
        let progress_type = members.required("progress-type")?;
        let invalid = progress_type.invalid("one of the 27 progress types");
        let progress_type = progress_type.text()?.parse::<ProgressType>().map_err(|_| invalid)?;
        let message = members.optional("message").map(Node::text).transpose()?;
        let (mut ssh_host_keys, mut trust_anchor_certs) = (Vec::new(), Vec::new());
        // The module's `when`: with any other type these two are not defined and left over below (SRV-14).
        if progress_type == ProgressType::BootstrapComplete {
            ssh_host_keys = decode_host_keys(&mut members)?;
            trust_anchor_certs = decode_trust_anchors(&mut members)?;
        }
        members.finish()?;
        Ok(Self { progress_type, message, ssh_host_keys, trust_anchor_certs })
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
                members.put("ssh-host-keys", Out::Container(list));
            }
            if !self.trust_anchor_certs.is_empty() {
                let chains = self.trust_anchor_certs.iter().cloned().map(Out::Binary).collect();
                let mut list = Container::new();
                list.put("trust-anchor-cert", Out::List(chains));
                members.put("trust-anchor-certs", Out::Container(list));
            }
        }
        members.into_document(INPUT, encoding)
    }
}

impl SshHostKey {
    fn encode(&self) -> Out {
        let mut members = Container::new();
        members.put_text("algorithm", &self.algorithm);
        members.put_binary("key-data", &self.key_data);
        Out::Container(members)
    }
}

fn decode_host_keys(members: &mut Members) -> Result<Vec<SshHostKey>, DocumentError> {
    let Some(container) = members.optional("ssh-host-keys") else { return Ok(Vec::new()) };
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

fn decode_trust_anchors(members: &mut Members) -> Result<Vec<Vec<u8>>, DocumentError> {
    let Some(container) = members.optional("trust-anchor-certs") else { return Ok(Vec::new()) };
    let mut container = container.members()?;
    let list =
        container.optional("trust-anchor-cert").map(|list| list.entries(ProgressReport::MAX_KEYS)).transpose()?;
    container.finish()?;
    let decode = |node: Node| {
        // ART-35: a degenerate SignedData; anything else is a bad value.
        let invalid = node.invalid("a degenerate CMS SignedData in base64");
        let der = node.binary()?;
        SignedData::from_der(&der).map_err(|_| invalid)?;
        Ok(der)
    };
    list.unwrap_or_default().into_iter().map(decode).collect()
}
