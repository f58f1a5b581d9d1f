//! The listener of EST (RFC 7030), off unless it is there.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use authority::CertificateAuthority;
use pki::{
    certificate::Certificate,
    key::{Locator, OpenKey, Signer},
};
use serde::Deserialize;

use super::{ConfigError, KeyPlace, certificates, key::locator};
use crate::domain::AuthorityName;

/// `[est]`: where devices renew the certificates that they got from their owner.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EstSection {
    /// Address and port.
    pub listen: SocketAddr,
    /// PEM: the server's certificate chain.
    pub certificate: PathBuf,
    /// Its key: PEM, or where it is in an HSM or a TPM.
    #[serde(deserialize_with = "locator")]
    pub key: Locator,
    /// The file of the passphrase that opens the key's file.
    #[serde(default)]
    pub passphrase_file: Option<PathBuf>,
    /// The `[[authority]]` that is meant where a path has no label.
    pub authority: String,
}

/// What EST is served with, loaded and checked.
#[derive(Debug)]
pub struct EstConfig {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The TLS certificate chain.
    pub certificate: Vec<Certificate>,
    /// The TLS key.
    pub key: OpenKey,
    /// The authority that is meant where a path has no label.
    pub authority: AuthorityName,
}

impl EstConfig {
    /// Loads the files that `section` names.
    pub(super) fn load(
        section: &EstSection,
        authorities: &BTreeMap<AuthorityName, Arc<CertificateAuthority>>,
        folder: &Path,
    ) -> Result<Self, ConfigError> {
        let path = folder.join(&section.certificate);
        let place = KeyPlace::new(folder, &section.key, section.passphrase_file.as_deref());
        let (certificate, key) = (certificates(&path)?, place.open()?);
        if certificate.first().is_none_or(|own| own.public_key() != Signer::public_key(&key)) {
            return Err(ConfigError::KeyMismatch { path, key: place.locator().clone() });
        }
        let known = AuthorityName::new(section.authority.clone()).ok().filter(|name| authorities.contains_key(name));
        let unknown = || ConfigError::NoSuchAuthority { name: section.authority.clone() };
        Ok(Self { listen: section.listen, certificate, key, authority: known.ok_or_else(unknown)? })
    }
}
