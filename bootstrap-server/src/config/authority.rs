//! The authorities of a server: whose certificates it issues.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use authority::CertificateAuthority;
use pki::key::Locator;
use serde::Deserialize;

use super::{ConfigError, KeyPlace, certificates, key::locator};
use crate::domain::AuthorityName;

/// An `[[authority]]`: a CA whose key this server has.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AuthoritySection {
    /// Its name, by which profiles and the ledger speak of it. It stays: the ledger goes by it.
    pub name: String,
    /// PEM: its certificate, and those above it.
    pub certificate: PathBuf,
    /// Its key: PEM, or where it is in an HSM or a TPM.
    #[serde(deserialize_with = "locator")]
    pub key: Locator,
    /// The file of the passphrase that opens the key's file.
    #[serde(default)]
    pub passphrase_file: Option<PathBuf>,
}

/// Loads the files that `sections` name.
pub(super) fn load(
    sections: &[AuthoritySection],
    folder: &Path,
) -> Result<BTreeMap<AuthorityName, Arc<CertificateAuthority>>, ConfigError> {
    let mut authorities = BTreeMap::new();
    for section in sections {
        let name = AuthorityName::new(section.name.clone())
            .map_err(|source| ConfigError::AuthorityName { name: section.name.clone(), source })?;
        let chain = certificates(&folder.join(&section.certificate))?;
        let key = KeyPlace::new(folder, &section.key, section.passphrase_file.as_deref()).open()?;
        let authority = CertificateAuthority::from_parts(Box::new(key), chain)
            .map_err(|source| ConfigError::Authority { name: name.clone(), source: Box::new(source) })?;
        if authorities.insert(name.clone(), Arc::new(authority)).is_some() {
            return Err(ConfigError::AuthorityTwice { name });
        }
    }
    Ok(authorities)
}
