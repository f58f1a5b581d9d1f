//! Onboarding information (RFC 8572 §2.2, §6.2).

use pki::digest::Digest;

use crate::{
    DocumentError,
    document::{Container, Members, Node, Out},
};

/// The module of conveyed information, and of the hash algorithms it names.
const MODULE: &str = "ietf-sztp-conveyed-info";

/// What a device is to install, run and configure, in this order: boot image, pre-configuration script, configuration,
/// post-configuration script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnboardingInformation {
    /// The image the device must be running.
    pub boot_image: Option<BootImage>,
    /// Runs before the configuration.
    pub pre_configuration_script: Option<Script>,
    /// The initial configuration.
    pub configuration: Option<Configuration>,
    /// Runs after the configuration.
    pub post_configuration_script: Option<Script>,
}

/// The boot image criteria, and where a fitting image is found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootImage {
    /// Name of the operating system.
    pub os_name: Option<String>,
    /// Its version.
    pub os_version: Option<String>,
    /// Where to download it, in order of preference.
    pub download_uris: Vec<String>,
    /// SHA-256 of the image file. Hashes by algorithms that are unknown here are dropped on reading (CLI-63). The module
    /// has no place for it without a download URI (CLI-64): [`crate::make`] refuses that, and it is not written.
    pub sha256: Option<Digest>,
}

/// An executable, in whatever form the device's manufacturer defines.
#[derive(Clone, PartialEq, Eq)]
pub struct Script(pub Vec<u8>);

/// A configuration and how it is applied: both together or not at all (CLI-73).
#[derive(Clone, PartialEq, Eq)]
pub struct Configuration {
    /// Merge into the running configuration, or replace it.
    pub handling: ConfigurationHandling,
    /// The configuration's bytes, in the device's own format.
    pub content: Vec<u8>,
}

/// `configuration-handling`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigurationHandling {
    /// Merge into the running configuration.
    Merge,
    /// Replace the running configuration.
    Replace,
}

impl ConfigurationHandling {
    /// As the YANG module spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Replace => "replace",
        }
    }
}

// Scripts and configurations may hold secrets: their sizes are shown, never their bytes.
impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Script({} octets)", self.0.len())
    }
}

impl std::fmt::Debug for Configuration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Configuration({}, {} octets)", self.handling.as_str(), self.content.len())
    }
}

impl OnboardingInformation {
    pub(super) fn decode(mut members: Members) -> Result<Self, DocumentError> {
        let boot_image = members.optional("boot-image").map(BootImage::decode).transpose()?;
        let handling = members.optional("configuration-handling").map(decode_handling).transpose()?;
        let content = members.optional("configuration").map(Node::binary).transpose()?;
        let configuration = match (handling, content) {
            (None, None) => None,
            (Some(handling), Some(content)) => Some(Configuration { handling, content }),
            (None, Some(_)) => {
                return Err(DocumentError::MissingMember { path: members.path_of("configuration-handling") });
            }
            (Some(_), None) => return Err(DocumentError::MissingMember { path: members.path_of("configuration") }),
        };
        let mut script = |name| members.optional(name).map(Node::binary).transpose().map(|bytes| bytes.map(Script));
        let pre_configuration_script = script("pre-configuration-script")?;
        let post_configuration_script = script("post-configuration-script")?;
        members.finish()?;
        Ok(Self { boot_image, pre_configuration_script, configuration, post_configuration_script })
    }

    pub(super) fn encode(&self) -> Container {
        let mut members = Container::new();
        if let Some(image) = &self.boot_image {
            members.put("boot-image", Out::Container(image.encode()));
        }
        if let Some(configuration) = &self.configuration {
            members.put_text("configuration-handling", configuration.handling.as_str());
        }
        if let Some(script) = &self.pre_configuration_script {
            members.put_binary("pre-configuration-script", &script.0);
        }
        if let Some(configuration) = &self.configuration {
            members.put_binary("configuration", &configuration.content);
        }
        if let Some(script) = &self.post_configuration_script {
            members.put_binary("post-configuration-script", &script.0);
        }
        members
    }
}

fn decode_handling(node: Node) -> Result<ConfigurationHandling, DocumentError> {
    let invalid = node.invalid("merge or replace");
    match node.text()?.as_str() {
        "merge" => Ok(ConfigurationHandling::Merge),
        "replace" => Ok(ConfigurationHandling::Replace),
        _ => Err(invalid),
    }
}

impl BootImage {
    /// Most download URIs of one image.
    pub const MAX_URIS: usize = 16;
    const MAX_VERIFICATIONS: usize = 8;

    fn decode(node: Node) -> Result<Self, DocumentError> {
        let mut members = node.members()?;
        let os_name = members.optional("os-name").map(Node::text).transpose()?;
        let os_version = members.optional("os-version").map(Node::text).transpose()?;
        let download_uris = match members.optional("download-uri") {
            Some(list) => list.entries(Self::MAX_URIS)?.into_iter().map(Node::text).collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        let verifications = members.optional("image-verification");
        // The module's `must`: image-verification needs download-uri (CLI-64).
        if download_uris.is_empty() && verifications.is_some() {
            return Err(DocumentError::MissingMember { path: members.path_of("download-uri") });
        }
        let sha256 = match verifications {
            Some(list) => decode_verifications(list.entries(Self::MAX_VERIFICATIONS)?)?,
            None => None,
        };
        members.finish()?;
        Ok(Self { os_name, os_version, download_uris, sha256 })
    }

    fn encode(&self) -> Container {
        let mut members = Container::new();
        if let Some(name) = &self.os_name {
            members.put_text("os-name", name);
        }
        if let Some(version) = &self.os_version {
            members.put_text("os-version", version);
        }
        if !self.download_uris.is_empty() {
            let uris = self.download_uris.iter().cloned().map(Out::Text).collect();
            members.put("download-uri", Out::List(uris));
            if let Some(digest) = &self.sha256 {
                let mut verification = Container::new();
                verification.put("hash-algorithm", Out::Identity(MODULE, "sha-256".to_owned()));
                verification.put_text("hash-value", &colon_separated(digest));
                members.put("image-verification", Out::List(vec![Out::Container(verification)]));
            }
        }
        members
    }
}

/// The SHA-256 among the hashes. The list's key is the algorithm, so none may stand twice.
fn decode_verifications(entries: Vec<Node>) -> Result<Option<Digest>, DocumentError> {
    let mut seen = Vec::new();
    let mut sha256 = None;
    for entry in entries {
        let twice = entry.invalid("a list in which no hash-algorithm stands twice");
        let mut members = entry.members()?;
        let algorithm = members.required("hash-algorithm")?.identity(Some(MODULE))?;
        let value = members.required("hash-value")?;
        members.finish()?;
        if seen.contains(&algorithm) {
            return Err(twice);
        }
        let wrong_length = value.invalid("32 pairs of hex digits joined by colons");
        let octets = decode_hash(value)?;
        if (algorithm.0.as_str(), algorithm.1.as_str()) == (MODULE, "sha-256") {
            sha256 = Some(Digest(octets.try_into().map_err(|_| wrong_length)?));
        }
        seen.push(algorithm);
    }
    Ok(sha256)
}

/// `yang:hex-string` of any length: pairs of hex digits in either case, joined by colons.
fn decode_hash(node: Node) -> Result<Vec<u8>, DocumentError> {
    let invalid = node.invalid("pairs of hex digits joined by colons");
    let text = node.text()?;
    text.split(':')
        .map(|pair| match pair.as_bytes() {
            [high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => u8::from_str_radix(pair, 16).ok(),
            _ => None,
        })
        .collect::<Option<_>>()
        .ok_or(invalid)
}

fn colon_separated(digest: &Digest) -> String {
    digest.0.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(":")
}
