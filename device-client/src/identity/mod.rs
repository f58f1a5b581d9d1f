//! Who this device is: its IDevID certificate, key and serial number (IEEE 802.1AR).

pub mod check;
mod enrol;
mod install;
mod make;
mod place;

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use pki::{
    certificate::{Certificate, CertificateError},
    identity::{IdentityError, SerialNumber},
    key::{Access, Exposure, KeyError, Locator, OpenError, OpenKey, PublicKey, Signer},
    tpm::{NvAddress, TpmError},
};

use crate::storage::{Disk, LinuxDisk};

pub use self::{
    enrol::{EnrolError, EnrolPlan, enrol},
    install::{InstallError, Installed, install},
    make::{KeyPlan, Made, MakeError, make},
    place::CertificatePlace,
};

/// Largest file of certificates or keys that is read.
const MAX_FILE: u64 = 1024 * 1024;

/// A device's identity.
#[derive(Debug)]
pub struct Identity {
    /// The IDevID certificate first, then its intermediates (RFC 8572 §5.1; DEV-03).
    pub chain: Vec<Certificate>,
    /// The DevID secret, wherever it is.
    pub key: Arc<OpenKey>,
    /// The serial number that the certificate names (DEV-10).
    pub serial_number: SerialNumber,
}

/// Where an identity is: what the configuration says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdentityPlaces {
    /// The IDevID certificate and its intermediates.
    pub certificate: CertificatePlace,
    /// The IDevID's key: a path, `tpm2:…`, `pkcs11:…`.
    pub key: Locator,
    /// The file with what opens the key: the passphrase of a file, the password of a key in a TPM.
    pub key_passphrase_file: Option<PathBuf>,
}

impl IdentityPlaces {
    /// A certificate and a key that needs no passphrase.
    #[must_use]
    pub const fn new(certificate: CertificatePlace, key: Locator) -> Self {
        Self { certificate, key, key_passphrase_file: None }
    }

    /// Opens the key.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_key(&self) -> Result<OpenKey, OpenError> {
        // RFC 8572 §5.1, §9.3 (DEV-05, ENC-05): what everybody on the device may read is no secret. A group may have been given
        // it on purpose; doctor mentions that.
        let passphrase_file = self.key_passphrase_file.clone();
        self.key.open(&Access { passphrase_file, exposure: Exposure::OwnerAndGroup })
    }
}

impl Identity {
    /// Reads an identity.
    ///
    /// # Errors
    /// [`IdentityFileError`], which names the place.
    pub fn load(places: &IdentityPlaces) -> Result<Self, IdentityFileError> {
        let chain = places.certificate.read()?;
        let key = places.open_key()?;
        let mismatch = || IdentityFileError::KeyMismatch {
            certificate: places.certificate.to_string(),
            key: places.key.to_string(),
        };
        let first =
            chain.first().filter(|first| first.public_key() == Signer::public_key(&key)).ok_or_else(mismatch)?;
        let serial_number = SerialNumber::from_certificate(first)
            .map_err(|source| IdentityFileError::SerialNumber { place: places.certificate.to_string(), source })?;
        Ok(Self { chain, key: Arc::new(key), serial_number })
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
    let read = LinuxDisk.read_bounded(path, MAX_FILE).and_then(|bytes| bytes.ok_or_else(missing));
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
    /// The private key cannot be had.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is nothing in the TPM's NV memory.
    #[error("there is no certificate at {address}")]
    Absent {
        /// Where it should be.
        address: NvAddress,
    },
    /// The TPM's NV memory cannot be read, or holds no certificate.
    #[error("{address}: {source}. {}", source.remedy())]
    Nv {
        /// Where.
        address: NvAddress,
        /// Why.
        source: Box<TpmError>,
    },
    /// The certificate speaks for another key.
    #[error("{key} is not the key of {certificate}")]
    KeyMismatch {
        /// Where the certificate is.
        certificate: String,
        /// Where the key is.
        key: String,
    },
    /// The certificate does not name the device.
    #[error("{place} does not name the device")]
    SerialNumber {
        /// Where the certificate is.
        place: String,
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
            let places = IdentityPlaces::new(certificate.clone().into(), key.clone().into());
            let loaded = Identity::load(&places);
            match loaded {
                Ok(identity) => assert!(opens && identity.serial_number.as_str() == "SN-0001", "{mode:o}"),
                Err(error) => {
                    let is_exposed = matches!(error, IdentityFileError::Open(OpenError::Exposed { .. }));
                    assert!(!opens && is_exposed, "{mode:o}: {error}");
                }
            }
            assert_eq!(is_exposed(&key).unwrap(), is_mentioned, "{mode:o}");
        }
    }
}
