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
