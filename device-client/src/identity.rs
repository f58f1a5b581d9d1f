//! Who this device is: its IDevID certificate, key and serial number (IEEE 802.1AR).

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use pki::{
    certificate::{Certificate, CertificateError},
    identity::{IdentityError, SerialNumber},
    key::{FileKey, KeyError, PublicKey, Signer},
};

/// Largest file of certificates or keys that is read.
const MAX_FILE: u64 = 1024 * 1024;

/// A device's identity.
#[derive(Debug)]
pub struct Identity {
    /// The IDevID certificate first, then its intermediates (RFC 8572 §5.1; DEV-03).
    pub chain: Vec<Certificate>,
    /// The DevID secret.
    pub key: Arc<FileKey>,
    /// The serial number that the certificate names (DEV-10).
    pub serial_number: SerialNumber,
}

impl Identity {
    /// Reads an identity from its two files.
    ///
    /// # Errors
    /// [`IdentityFileError`], which names the file.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, IdentityFileError> {
        let chain = certificates(certificate)?;
        refuse_public(key)?;
        let secret =
            FileKey::from_pem(&read(key)?).map_err(|source| IdentityFileError::Key { path: key.to_owned(), source })?;
        let first = chain.first().ok_or_else(|| IdentityFileError::Certificate {
            path: certificate.to_owned(),
            source: CertificateError::Pem,
        })?;
        if first.public_key() != secret.public_key() {
            return Err(IdentityFileError::KeyMismatch { certificate: certificate.to_owned(), key: key.to_owned() });
        }
        let serial_number = SerialNumber::from_certificate(first)
            .map_err(|source| IdentityFileError::SerialNumber { path: certificate.to_owned(), source })?;
        Ok(Self { chain, key: Arc::new(secret), serial_number })
    }
}

/// Reads a file of certificates, PEM or DER.
///
/// # Errors
/// [`IdentityFileError`].
pub fn certificates(path: &Path) -> Result<Vec<Certificate>, IdentityFileError> {
    Certificate::chain_from_file(&read(path)?)
        .map_err(|source| IdentityFileError::Certificate { path: path.to_owned(), source })
}

/// Reads a `PUBLIC KEY` PEM file.
///
/// # Errors
/// [`IdentityFileError`].
pub fn public_key(path: &Path) -> Result<PublicKey, IdentityFileError> {
    PublicKey::from_pem(&read(path)?).map_err(|source| IdentityFileError::Key { path: path.to_owned(), source })
}

/// Whether others than its owner may read a key file (DEV-05).
///
/// # Errors
/// As the file system says.
pub fn is_exposed(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

/// RFC 8572 §5.1, §9.3 (DEV-05, ENC-05): what everybody on the device may read is no secret. A group may have been given it
/// on purpose; doctor mentions that.
fn refuse_public(key: &Path) -> Result<(), IdentityFileError> {
    let unreadable = |source| IdentityFileError::Unreadable { path: key.to_owned(), source };
    let mode = fs::metadata(key).map_err(unreadable)?.permissions().mode();
    if mode & 0o007 == 0 { Ok(()) } else { Err(IdentityFileError::Public { path: key.to_owned() }) }
}

fn read(path: &Path) -> Result<Vec<u8>, IdentityFileError> {
    let missing = || io::Error::from(io::ErrorKind::NotFound);
    let read = crate::storage::read_bounded(path, MAX_FILE).and_then(|bytes| bytes.ok_or_else(missing));
    read.map_err(|source| IdentityFileError::Unreadable { path: path.to_owned(), source })
}

/// A file of the factory's data that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityFileError {
    /// The file cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds no certificate, or one that cannot be used.
    #[error("{} holds no usable certificate", path.display())]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: CertificateError,
    },
    /// The file holds no key, or one that cannot be used.
    #[error("{} holds no usable key", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// Everybody may read or write the key.
    #[error("{} is open to everybody on this device: chmod 600 it, and consider the key known", path.display())]
    Public {
        /// Which file.
        path: PathBuf,
    },
    /// The certificate speaks for another key.
    #[error("{} is not the key of {}", key.display(), certificate.display())]
    KeyMismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The certificate does not name the device.
    #[error("{} does not name the device", path.display())]
    SerialNumber {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: IdentityError,
    },
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    #[test]
    fn dev_05_enc_05_a_key_that_everybody_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("idevid.pem"), folder.path().join("idevid.key"));
        let pair = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::from_oid(&[2, 5, 4, 5]), "SN-0001");
        fs::write(&certificate, params.self_signed(&pair).unwrap().pem()).unwrap();
        fs::write(&key, pair.serialize_pem()).unwrap();
        for (mode, opens, is_mentioned) in [
            (0o400, true, false),
            (0o600, true, false),
            (0o640, true, true),
            (0o604, false, true),
            (0o602, false, true),
            (0o644, false, true),
        ] {
            fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
            let loaded = Identity::load(&certificate, &key);
            match loaded {
                Ok(identity) => assert!(opens && identity.serial_number.as_str() == "SN-0001", "{mode:o}"),
                Err(error) => assert!(!opens && matches!(error, IdentityFileError::Public { .. }), "{mode:o}: {error}"),
            }
            assert_eq!(is_exposed(&key).unwrap(), is_mentioned, "{mode:o}");
        }
    }
}
