//! What a person writes into `sztp.toml`.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::ConfigError;

/// The document. Paths are relative to the folder it lies in.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Document {
    /// The listener for devices.
    pub device_listener: DeviceListener,
    /// The owner's certificate, and the key that signs conveyed information.
    pub owner: KeyFiles,
    /// The SQLite file.
    pub database: PathBuf,
    /// The audit log.
    pub audit: Audit,
    /// Boot images to serve, by their SHA-256.
    #[serde(default)]
    pub images: Vec<PathBuf>,
    /// A DHCPv4 server beside it.
    #[serde(default)]
    pub dhcp4: Option<netboot::policy::Dhcp4Policy>,
}

impl Document {
    /// Reads `sztp.toml`, and none of the files it names.
    ///
    /// # Errors
    /// [`ConfigError::File`], [`ConfigError::NotText`] or [`ConfigError::Toml`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let octets = std::fs::read(path).map_err(|source| ConfigError::File { path: path.to_owned(), source })?;
        let text = String::from_utf8(octets).map_err(|_| ConfigError::NotText { path: path.to_owned() })?;
        toml::from_str(&text).map_err(|source| ConfigError::Toml { path: path.to_owned(), source })
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
    /// PEM: its key.
    pub key: PathBuf,
    /// PEM: the chain that redirects name as trust anchor, lowest CA first, root last.
    pub trust_anchor: PathBuf,
}

/// A certificate chain and its key, PEM.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KeyFiles {
    /// The chain, end entity first.
    pub certificate: PathBuf,
    /// PKCS#8.
    pub key: PathBuf,
}

/// The audit log's identity.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Audit {
    /// The log's name, which stands in every checkpoint: a schema-less URL such as `sztp.example.net/log`.
    pub origin: String,
    /// Ed25519, PKCS#8 PEM.
    pub key: PathBuf,
}
