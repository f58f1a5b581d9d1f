//! Making the device's key, in the factory: in its TPM, or in a file where it has none.

use std::path::{Path, PathBuf};

use pki::{
    key::{
        FileKey, KeyError, KeySpec, KeyType, Locator, OpenError, OpenKey, Passphrase, PassphraseFileError, Signer,
        Stretching,
    },
    tpm::{Hierarchy, LabelTooLong, Secret, SecretTooLong, Template, Tpm, TpmAlgorithm, TpmError, Usage},
};

use super::{CertificatePlace, IdentityPlaces};
use crate::storage::{Disk, LinuxDisk};

/// What key is to be made, and where.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeyPlan {
    /// Where.
    pub key: Locator,
    /// The file with what will open it.
    pub passphrase_file: Option<PathBuf>,
    /// Of what kind.
    pub algorithm: KeySpec,
    /// In a TPM: tells keys of one kind apart. The same label gives the same key again.
    pub label: String,
    /// In a TPM: the file with the password of its owner, which keeps a key.
    pub owner_password_file: Option<PathBuf>,
}

impl KeyPlan {
    /// A P-256 key, labelled as the IDevID's, in a TPM whose owner has no password.
    #[must_use]
    pub fn new(key: Locator) -> Self {
        let (passphrase_file, owner_password_file) = (None, None);
        Self { key, passphrase_file, algorithm: KeySpec::P256, label: IDEVID_LABEL.to_owned(), owner_password_file }
    }
}

/// The label of the IDevID's key.
const IDEVID_LABEL: &str = "IDEVID";

/// Whether a key was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It was.
    New,
    /// It was there already.
    Present,
}

/// Makes a key, unless it is there. This can be done again after a cut of power at any moment: a key is there as a whole or not at
/// all, and whatever is there is not replaced.
///
/// In a TPM it is made in the endorsement hierarchy: it comes back, the same, when it is made again after a TPM clear.
///
/// # Errors
/// [`MakeError`].
pub fn make(plan: &KeyPlan) -> Result<(OpenKey, Made), MakeError> {
    let mut places = IdentityPlaces::new(CertificatePlace::File(PathBuf::new()), plan.key.clone());
    places.key_passphrase_file.clone_from(&plan.passphrase_file);
    let made = match &plan.key {
        Locator::Tpm(address) => {
            let algorithm = tpm_algorithm(plan.algorithm).ok_or(MakeError::NotInTpm { algorithm: plan.algorithm })?;
            let template = Template::new(algorithm, Usage::SignAndDecrypt, &plan.label)?;
            let (owner, password) =
                (secret(plan.owner_password_file.as_deref())?, secret(plan.passphrase_file.as_deref())?);
            let mut tpm = Tpm::open(&address.tpm)?;
            let present = tpm.public_at(address.handle)?.is_some();
            tpm.keep_primary(Hierarchy::Endorsement, &template, address.handle, &owner, &password)?;
            if present { Made::Present } else { Made::New }
        }
        Locator::File(path) if !path.try_exists().map_err(|source| unwritable(path, source))? => {
            let key = FileKey::generate(plan.algorithm)?;
            let write =
                |text: &str| LinuxDisk.replace(path, text.as_bytes()).map_err(|source| unwritable(path, source));
            match passphrase(plan.passphrase_file.as_deref())? {
                Some(passphrase) => write(&key.to_encrypted_pem(&passphrase, Stretching::Scrypt)?)?,
                None => write(&key.to_pem())?,
            }
            Made::New
        }
        // A key in a token is made with the token's own tools.
        _ => Made::Present,
    };
    let key = places.open_key()?;
    if !is_of(&key, plan.algorithm) {
        return Err(MakeError::OtherKind { key: plan.key.clone(), algorithm: plan.algorithm });
    }
    Ok((key, made))
}

fn unwritable(path: &Path, source: std::io::Error) -> MakeError {
    MakeError::File { path: path.to_owned(), source }
}

const fn tpm_algorithm(spec: KeySpec) -> Option<TpmAlgorithm> {
    match spec {
        KeySpec::P256 => Some(TpmAlgorithm::P256),
        KeySpec::P384 => Some(TpmAlgorithm::P384),
        KeySpec::Rsa2048 => Some(TpmAlgorithm::Rsa2048),
        _ => None,
    }
}

fn is_of(key: &OpenKey, spec: KeySpec) -> bool {
    let public = Signer::public_key(key);
    match spec {
        KeySpec::P256 => public.key_type() == KeyType::P256,
        KeySpec::P384 => public.key_type() == KeyType::P384,
        KeySpec::P521 => public.key_type() == KeyType::P521,
        KeySpec::Ed25519 => public.key_type() == KeyType::Ed25519,
        KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => public.rsa_modulus_bits() == spec.rsa_bits(),
    }
}

/// The password in a file; none without a file.
pub(super) fn secret(file: Option<&Path>) -> Result<Secret, MakeError> {
    match passphrase(file)? {
        None => Ok(Secret::empty()),
        Some(passphrase) => Ok(Secret::new(passphrase.octets())?),
    }
}

fn passphrase(file: Option<&Path>) -> Result<Option<Passphrase>, MakeError> {
    let read = |path: &Path| {
        Passphrase::from_file(path).map_err(|source| MakeError::Passphrase { path: path.to_owned(), source })
    };
    file.map(read).transpose()
}

/// A key could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MakeError {
    /// A TPM makes no keys of this kind.
    #[error("a TPM is not asked for a key of kind {algorithm}: choose p256, p384 or rsa2048")]
    NotInTpm {
        /// What was asked for.
        algorithm: KeySpec,
    },
    /// There is a key of another kind.
    #[error("{key} is there, and not of kind {algorithm}: choose another place, or remove it if nobody needs it")]
    OtherKind {
        /// Where.
        key: Locator,
        /// What was asked for.
        algorithm: KeySpec,
    },
    /// The label is too long.
    #[error(transparent)]
    Label(#[from] LabelTooLong),
    /// The TPM did not do it.
    #[error("{source}. {}", source.remedy())]
    Tpm {
        /// Why.
        #[from]
        source: TpmError,
    },
    /// The key's file cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The key cannot be made, or encrypted.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The file of a passphrase or password cannot be read.
    #[error("{}: {source}", path.display())]
    Passphrase {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: PassphraseFileError,
    },
    /// The password is too long for a TPM.
    #[error(transparent)]
    Password(#[from] SecretTooLong),
}
