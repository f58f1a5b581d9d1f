//! What a person writes into `sztp.toml`.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use pki::key::Locator;
use serde::Deserialize;

use super::{
    AuthorityListener, AuthoritySection, ConfigError, DeadlinesSection, EstSection, FactorySection, MasaSection,
    PolicySection, PublicationListener, RetentionSection, key::locator,
};
use crate::{
    admission::Limits,
    domain::TomlFault,
    outward::{WebhookSection, http::OutboundSection},
};

/// The document. Paths are relative to the folder it lies in.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Document {
    /// The listener for devices. A server without one onboards none: it is an authority alone.
    #[serde(default)]
    pub device_listener: Option<DeviceListener>,
    /// A second listener, for devices that can do no better than TLS 1.2 and certificates signed with SHA-1.
    #[serde(default)]
    pub legacy_device_listener: Option<LegacyDeviceListener>,
    /// The listener for operators. Without one nobody administers the server while it runs.
    #[serde(default)]
    pub operator_listener: Option<OperatorListener>,
    /// Revoked device certificates.
    #[serde(default)]
    pub device_revocation: DeviceRevocation,
    /// How much a peer may cost.
    #[serde(default)]
    pub limits: Limits,
    /// The owner's certificate, and the key that signs conveyed information. Goes with the listener for devices.
    #[serde(default)]
    pub owner: Option<KeyFiles>,
    /// What it shows manufacturers when it asks them for vouchers. Goes with the listener for devices.
    #[serde(default)]
    pub registrar: Option<KeyFiles>,
    /// Whose certificates it issues.
    #[serde(default, rename = "authority")]
    pub authorities: Vec<AuthoritySection>,
    /// Where certificates and vouchers are asked for.
    #[serde(default)]
    pub authority_listener: Option<AuthorityListener>,
    /// What signs vouchers.
    #[serde(default)]
    pub masa: Option<MasaSection>,
    /// Renewal of devices' certificates.
    #[serde(default)]
    pub est: Option<EstSection>,
    /// Stations of a factory line, which enrol units under production orders.
    #[serde(default)]
    pub factory: Option<FactorySection>,
    /// Where revocation lists and answers about certificates are.
    #[serde(default)]
    pub publication_listener: Option<PublicationListener>,
    /// The SQLite file, or the address of a PostgreSQL database: `postgres://user@host/database`.
    pub database: String,
    /// The audit log.
    pub audit: Audit,
    /// Boot images to serve, by their SHA-256.
    #[serde(default)]
    pub images: Vec<PathBuf>,
    /// What becomes of devices that nobody registered.
    #[serde(default)]
    pub policy: PolicySection,
    /// What kind of bootstrap server it is (RFC 8572 §7.3): `redirect-server`, or that and `onboarding-server`, which is the
    /// default. A redirect server sends devices to other servers, as their profiles have it, and onboards none.
    #[serde(default)]
    pub roles: Option<Vec<String>>,
    /// Who is told of events.
    #[serde(default, rename = "webhook")]
    pub webhooks: Vec<WebhookSection>,
    /// How others are reached.
    #[serde(default)]
    pub outbound: OutboundSection,
    /// How long devices and operators may take.
    #[serde(default)]
    pub deadlines: DeadlinesSection,
    /// How long records are kept.
    #[serde(default)]
    pub retention: RetentionSection,
    /// A DHCPv4 server beside it.
    #[serde(default)]
    pub dhcp4: Option<netboot::policy::Dhcp4Policy>,
    /// A DHCPv6 server beside it.
    #[serde(default)]
    pub dhcp6: Option<netboot::policy::Dhcp6Policy>,
}

impl Document {
    /// Reads `sztp.toml`, and none of the files it names.
    ///
    /// # Errors
    /// [`ConfigError::NotThere`], [`ConfigError::File`], [`ConfigError::NotText`] or [`ConfigError::Toml`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let octets = std::fs::read(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => ConfigError::NotThere { path: path.to_owned() },
            _ => ConfigError::File { path: path.to_owned(), source },
        })?;
        let text = String::from_utf8(octets).map_err(|_| ConfigError::NotText { path: path.to_owned() })?;
        toml::from_str(&text)
            .map_err(|error| ConfigError::Toml { path: path.to_owned(), source: TomlFault::new(&error, &text) })
    }
}

/// Where devices connect, and what they are told about it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DeviceListener {
    /// Address and port.
    pub listen: SocketAddr,
    /// The names and addresses devices reach it by, in the order in which they should try. They must stand in the
    /// certificate.
    pub names: Vec<String>,
    /// The port in redirects, where it is not the one listened on.
    #[serde(default)]
    pub public_port: Option<u16>,
    /// PEM: the server's certificate chain.
    pub certificate: PathBuf,
    /// Its key: PEM, or where it is in an HSM or a TPM.
    #[serde(deserialize_with = "locator")]
    pub key: Locator,
    /// The file of the passphrase that opens the key's file.
    #[serde(default)]
    pub passphrase_file: Option<PathBuf>,
    /// PEM: the chain that redirects name as trust anchor, lowest CA first, root last.
    pub trust_anchor: PathBuf,
    /// Whether key exchange is hybrid with a post-quantum method where the device can do that; it is unless said
    /// otherwise.
    #[serde(default = "yes")]
    pub post_quantum: bool,
}

/// Where old devices connect. Names and trust anchor are those of the other listener.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LegacyDeviceListener {
    /// Address and port.
    pub listen: SocketAddr,
    /// The port in redirects, where it is not the one listened on.
    #[serde(default)]
    pub public_port: Option<u16>,
    /// PEM: the server's certificate chain, with an RSA key where devices know nothing else.
    pub certificate: PathBuf,
    /// Its key: PEM, or where it is in an HSM or a TPM.
    #[serde(deserialize_with = "locator")]
    pub key: Locator,
    /// The file of the passphrase that opens the key's file.
    #[serde(default)]
    pub passphrase_file: Option<PathBuf>,
}

/// Where operators connect. Devices never do.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OperatorListener {
    /// Address and port.
    pub listen: SocketAddr,
    /// PEM: the server's certificate chain, as operators' programs know its issuer.
    pub certificate: PathBuf,
    /// Its key: PEM, or where it is in an HSM or a TPM.
    #[serde(deserialize_with = "locator")]
    pub key: Locator,
    /// The file of the passphrase that opens the key's file.
    #[serde(default)]
    pub passphrase_file: Option<PathBuf>,
}

/// What is known of revoked device certificates.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct DeviceRevocation {
    /// Revocation lists of manufacturers, PEM or DER; read again when they change, and when the server reloads.
    pub lists: Vec<PathBuf>,
    /// What a certificate is worth of which nothing is known.
    pub demand: RevocationDemand,
}

/// How much must be known of a device certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationDemand {
    /// One that a list revokes is refused; one of which nothing is known is not.
    #[default]
    WhenAvailable,
    /// A list that holds now must show that it is not revoked, or it is refused.
    Required,
}

const fn yes() -> bool {
    true
}

/// A certificate chain and its key, PEM.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KeyFiles {
    /// The chain, end entity first.
    pub certificate: PathBuf,
    /// The key: PEM, or where it is in an HSM or a TPM.
    #[serde(deserialize_with = "locator")]
    pub key: Locator,
    /// The file of the passphrase that opens the key's file.
    #[serde(default)]
    pub passphrase_file: Option<PathBuf>,
}

/// A key that signs checkpoints beside the log's own: the next one before it takes over, or the one before.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AlsoSigns {
    /// Ed25519: PEM, or where it is in an HSM.
    #[serde(deserialize_with = "locator")]
    pub key: Locator,
    /// The file of the passphrase that opens the key's file.
    #[serde(default)]
    pub passphrase_file: Option<PathBuf>,
}

/// The audit log's identity.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Audit {
    /// The log's name, which stands in every checkpoint: a schema-less URL such as `sztp.example.net/log`.
    pub origin: String,
    /// Ed25519: PEM, or where it is in an HSM.
    #[serde(deserialize_with = "locator")]
    pub key: Locator,
    /// The file of the passphrase that opens the key's file.
    #[serde(default)]
    pub passphrase_file: Option<PathBuf>,
    /// Keys that sign checkpoints beside it.
    #[serde(default)]
    pub also: Vec<AlsoSigns>,
}
