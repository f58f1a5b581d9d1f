//! `[registrar]`: what the server shows manufacturers when it asks them for vouchers.

use std::{path::Path, sync::Arc};

use pki::{
    certificate::Certificate,
    key::{OpenKey, Signer},
};

use super::{ConfigError, KeyFiles, KeyPlace, certificates};

/// A registrar of the owner (RFC 8995 §2.2): it asks manufacturers' MASAs for vouchers, and signs that it does.
#[derive(Clone, Debug)]
pub struct Registrar {
    /// Its certificate, and those above it up to one that manufacturers know.
    pub chain: Arc<[Certificate]>,
    /// Its key: for requests, and for the TLS in which they are sent.
    pub key: Arc<OpenKey>,
}

/// Loads the files that `section` names.
pub(super) fn load(section: &KeyFiles, folder: &Path) -> Result<Registrar, ConfigError> {
    let path = folder.join(&section.certificate);
    let place = KeyPlace::new(folder, &section.key, section.passphrase_file.as_deref());
    let (chain, key) = (certificates(&path)?, place.open()?);
    if chain.first().is_none_or(|own| own.public_key() != Signer::public_key(&key)) {
        return Err(ConfigError::KeyMismatch { path, key: place.locator().clone() });
    }
    Ok(Registrar { chain: chain.into(), key: Arc::new(key) })
}
