//! The one way to a private key: a [`Locator`] is opened.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use zeroize::Zeroizing;

use super::{
    DecryptError, Decryptor, Exposure, FileExposed, FileKey, KeyError, Locator, Pace, Passphrase, PassphraseFileError,
    PublicKey, RsaPadding, SignError, Signer,
};
use crate::algorithm::SignatureAlgorithm;
#[cfg(feature = "tpm")]
use crate::tpm::{Secret, SecretTooLong, TpmError, TpmKey};

/// Longest key file that is read, in octets.
const MAX_FILE: u64 = 1024 * 1024;

/// What is needed to open a key beside its place.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The file of the passphrase that opens an encrypted key file.
    pub passphrase_file: Option<PathBuf>,
    /// Who else may read a key file.
    pub exposure: Exposure,
}

impl Access {
    /// For a key file that only its owner may read, with the passphrase in this file when it has one.
    #[must_use]
    pub fn with_passphrase_file(passphrase_file: Option<PathBuf>) -> Self {
        Self { passphrase_file, exposure: Exposure::OwnerOnly }
    }

    fn passphrase(&self) -> Result<Option<Passphrase>, OpenError> {
        let read = |path: &PathBuf| {
            Passphrase::from_file(path).map_err(|source| OpenError::Passphrase { path: path.clone(), source })
        };
        self.passphrase_file.as_ref().map(read).transpose()
    }
}

/// A private key that is ready to be used, wherever it is. It signs; whether it also decrypts is known.
#[derive(Clone)]
pub struct OpenKey {
    signer: Arc<dyn Signer>,
    algorithm: SignatureAlgorithm,
    decryptor: Option<Arc<dyn Decryptor>>,
}

impl OpenKey {
    /// A key that signs, and one with the same public half that decrypts, where there is one.
    #[must_use]
    pub fn new(signer: Arc<dyn Signer>, decryptor: Option<Arc<dyn Decryptor>>) -> Self {
        Self { algorithm: signer.algorithm(), signer, decryptor }
    }

    /// The same key, signing with another of its algorithms.
    ///
    /// # Errors
    /// [`KeyError::Algorithm`] when the key does not make such signatures.
    pub fn with_algorithm(self, algorithm: SignatureAlgorithm) -> Result<Self, KeyError> {
        if self.signer.algorithms().contains(&algorithm) {
            Ok(Self { algorithm, ..self })
        } else {
            Err(KeyError::Algorithm)
        }
    }

    /// What decrypts, when the key can.
    #[must_use]
    pub fn decryptor(&self) -> Option<Arc<dyn Decryptor>> {
        self.decryptor.clone()
    }

    /// What signs, to be shared.
    #[must_use]
    pub fn signer(&self) -> Arc<dyn Signer> {
        Arc::clone(&self.signer)
    }
}

impl Signer for OpenKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn public_key(&self) -> &PublicKey {
        self.signer.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.signer.sign_with(self.algorithm, message)
    }

    fn algorithms(&self) -> Vec<SignatureAlgorithm> {
        let others = self.signer.algorithms().into_iter().filter(|algorithm| *algorithm != self.algorithm);
        std::iter::once(self.algorithm).chain(others).collect()
    }

    fn sign_with(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.signer.sign_with(algorithm, message)
    }

    fn pace(&self) -> Pace {
        self.signer.pace()
    }
}

impl Decryptor for OpenKey {
    fn public_key(&self) -> &PublicKey {
        self.signer.public_key()
    }

    fn decrypt_rsa(&self, padding: RsaPadding, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
        self.decryptor.as_ref().ok_or(DecryptError::KeyMismatch)?.decrypt_rsa(padding, ciphertext)
    }

    fn agree(&self, peer: &PublicKey) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
        self.decryptor.as_ref().ok_or(DecryptError::KeyMismatch)?.agree(peer)
    }
}

impl From<FileKey> for OpenKey {
    fn from(key: FileKey) -> Self {
        let key = Arc::new(key);
        let decryptor: Arc<dyn Decryptor> = Arc::<FileKey>::clone(&key);
        Self::new(key, Some(decryptor))
    }
}

#[cfg(feature = "tpm")]
impl From<TpmKey> for OpenKey {
    fn from(key: TpmKey) -> Self {
        let decrypts = key.decrypts();
        let key = Arc::new(key);
        let decryptor: Option<Arc<dyn Decryptor>> = if decrypts { Some(Arc::<TpmKey>::clone(&key)) } else { None };
        Self::new(key, decryptor)
    }
}

impl std::fmt::Debug for OpenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Only what anybody may know.
        write!(f, "OpenKey({:?})", self.signer.public_key())
    }
}

impl Locator {
    /// Opens the key: reads its file, or logs in to its token.
    ///
    /// # Errors
    /// [`OpenError`], which says where the key should be.
    pub fn open(&self, access: &Access) -> Result<OpenKey, OpenError> {
        match self {
            Self::File(path) => self.open_file(path, access).map(OpenKey::from),
            #[cfg(feature = "pkcs11")]
            Self::Pkcs11(uri) => {
                uri.open().map_err(|source| OpenError::Pkcs11 { locator: self.clone(), source: Box::new(source) })
            }
            #[cfg(not(feature = "pkcs11"))]
            Self::Pkcs11(_) => Err(OpenError::NotBuilt { locator: self.clone(), feature: "pkcs11" }),
            #[cfg(feature = "tpm")]
            Self::Tpm(address) => {
                let password = access.passphrase()?;
                let refused = |source| OpenError::Tpm { locator: self.clone(), source: Box::new(source) };
                let password = password.map_or_else(|| Ok(Secret::empty()), |it| Secret::new(it.octets()));
                let password = password.map_err(|source| OpenError::TpmPassword { locator: self.clone(), source })?;
                TpmKey::open(address, password).map(OpenKey::from).map_err(refused)
            }
            #[cfg(not(feature = "tpm"))]
            Self::Tpm(_) => Err(OpenError::NotBuilt { locator: self.clone(), feature: "tpm" }),
        }
    }

    /// Reads the key itself, for the few that need to have it: those that write it anew.
    ///
    /// # Errors
    /// As [`Locator::open`], and [`OpenError::NotAFile`].
    pub fn read_file(&self, access: &Access) -> Result<FileKey, OpenError> {
        match self {
            Self::File(path) => self.open_file(path, access),
            _ => Err(OpenError::NotAFile { locator: self.clone() }),
        }
    }

    fn open_file(&self, path: &Path, access: &Access) -> Result<FileKey, OpenError> {
        let unreadable = |source| OpenError::Unreadable { path: path.to_owned(), source };
        // Asked of the file that is open, which nobody can exchange any more.
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        access
            .exposure
            .check(&metadata)
            .map_err(|FileExposed { mode }| OpenError::Exposed { path: path.to_owned(), mode })?;
        let mut octets = Zeroizing::new(Vec::with_capacity(8 * 1024));
        file.take(MAX_FILE).read_to_end(&mut octets).map_err(unreadable)?;
        let passphrase = access.passphrase()?;
        FileKey::from_file(&octets, passphrase.as_ref())
            .map_err(|source| OpenError::Key { path: path.to_owned(), source })
    }
}

/// A private key cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Its file cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may read its file (SEC-14).
    #[error("{}: others may read this private key (mode {mode:03o}); run `chmod 600 {}`", path.display(), path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Its file holds no usable key.
    #[error("{}: {source}", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// The file of its passphrase gives none.
    #[error("the passphrase in {}: {source}", path.display())]
    Passphrase {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: PassphraseFileError,
    },
    /// Its token does not give it to us.
    #[cfg(feature = "pkcs11")]
    #[error("{locator}: {source}")]
    Pkcs11 {
        /// Where the key is.
        locator: Locator,
        /// Why.
        source: Box<super::Pkcs11Error>,
    },
    /// The key itself is wanted, which only a file gives away.
    #[error("{locator} is no file: a key that lives elsewhere cannot be read, only used")]
    NotAFile {
        /// Where the key is.
        locator: Locator,
    },
    /// The TPM does not have it, or cannot be asked.
    #[cfg(feature = "tpm")]
    #[error("{locator}: {source}. {}", source.remedy())]
    Tpm {
        /// Where the key is.
        locator: Locator,
        /// Why.
        source: Box<TpmError>,
    },
    /// The key's password is longer than a TPM takes.
    #[cfg(feature = "tpm")]
    #[error("{locator}: {source}")]
    TpmPassword {
        /// Where the key is.
        locator: Locator,
        /// How long it may be.
        source: SecretTooLong,
    },
    /// This program was built without what reaches the key.
    #[error("{locator}: this program was built without the feature `{feature}`; build it with `--features {feature}`")]
    NotBuilt {
        /// Where the key is.
        locator: Locator,
        /// What is missing.
        feature: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;
    use crate::key::Stretching;

    fn file(folder: &Path, name: &str, octets: &[u8], mode: u32) -> Locator {
        let path = folder.join(name);
        fs::write(&path, octets).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        Locator::File(path)
    }

    #[test]
    fn sec_14_a_key_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let key = FileKey::generate_p256().unwrap();
        let open = |mode, exposure| {
            let locator = file(folder.path(), "a.key", key.to_pem().as_bytes(), mode);
            locator.open(&Access { passphrase_file: None, exposure })
        };
        for mode in [0o600, 0o400] {
            let opened = open(mode, Exposure::OwnerOnly).unwrap();
            assert_eq!(Signer::public_key(&opened), Signer::public_key(&key));
            assert!(opened.decryptor().is_some());
        }
        for mode in [0o640, 0o604, 0o601, 0o620, 0o660] {
            let refused = open(mode, Exposure::OwnerOnly).unwrap_err();
            assert!(matches!(refused, OpenError::Exposed { mode: found, .. } if found == mode), "{refused}");
            assert!(refused.to_string().contains("chmod 600"), "{refused}");
        }
        open(0o640, Exposure::OwnerAndGroup).unwrap();
        open(0o644, Exposure::OwnerAndGroup).unwrap_err();
    }

    #[test]
    fn sec_15_a_key_behind_a_passphrase_is_opened_with_its_file_and_not_without() {
        let folder = tempfile::tempdir().unwrap();
        let key = FileKey::generate_p256().unwrap();
        let passphrase = Passphrase::new(Zeroizing::new(b"correct horse".to_vec())).unwrap();
        let pem = key.to_encrypted_pem(&passphrase, Stretching::Scrypt).unwrap();
        let locator = file(folder.path(), "a.key", pem.as_bytes(), 0o600);
        let with = |octets: &[u8], mode| {
            let passphrase = file(folder.path(), "passphrase", octets, mode);
            locator.open(&Access::with_passphrase_file(passphrase.file().map(Path::to_owned)))
        };
        assert_eq!(Signer::public_key(&with(b"correct horse\n", 0o600).unwrap()), Signer::public_key(&key));
        let wrong = with(b"wrong", 0o600).unwrap_err();
        assert!(matches!(wrong, OpenError::Key { source: KeyError::WrongPassphrase, .. }), "{wrong}");
        let open = with(b"correct horse\n", 0o644).unwrap_err();
        assert!(matches!(open, OpenError::Passphrase { .. }) && open.to_string().contains("chmod 600"), "{open}");
        let without = locator.open(&Access::default()).unwrap_err();
        assert!(matches!(without, OpenError::Key { source: KeyError::Encrypted, .. }), "{without}");
    }

    #[test]
    fn what_is_not_there_or_no_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Locator::File(folder.path().join("none")).open(&Access::default()).unwrap_err();
        assert!(missing.to_string().contains("none"), "{missing}");
        let noise = file(folder.path(), "noise", b"noise", 0o600).open(&Access::default()).unwrap_err();
        assert!(matches!(noise, OpenError::Key { source: KeyError::Malformed, .. }));
        let folder = Locator::File(folder.path().to_owned()).open(&Access::default()).unwrap_err();
        assert!(matches!(folder, OpenError::Unreadable { .. }), "{folder}");
    }
}
