//! The authorities of a server: whose certificates it issues.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use authority::CertificateAuthority;
use serde::Deserialize;

use super::{ConfigError, certificates, key};
use crate::domain::AuthorityName;

/// An `[[authority]]`: a CA whose key this server has.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AuthoritySection {
    /// Its name, by which profiles and the ledger speak of it. It stays: the ledger goes by it.
    pub name: String,
    /// PEM: its certificate, and those above it.
    pub certificate: PathBuf,
    /// PEM: its key.
    pub key: PathBuf,
}

/// Loads the files that `sections` name.
pub(super) fn load(
    sections: &[AuthoritySection],
    at: &dyn Fn(&Path) -> PathBuf,
) -> Result<BTreeMap<AuthorityName, Arc<CertificateAuthority>>, ConfigError> {
    let mut authorities = BTreeMap::new();
    for section in sections {
        let name = AuthorityName::new(section.name.clone())
            .map_err(|source| ConfigError::AuthorityName { name: section.name.clone(), source })?;
        let chain = certificates(&at(&section.certificate))?;
        let authority = CertificateAuthority::from_parts(Box::new(key(&at(&section.key))?), chain)
            .map_err(|source| ConfigError::Authority { name: name.clone(), source: Box::new(source) })?;
        if authorities.insert(name.clone(), Arc::new(authority)).is_some() {
            return Err(ConfigError::AuthorityTwice { name });
        }
    }
    Ok(authorities)
}
