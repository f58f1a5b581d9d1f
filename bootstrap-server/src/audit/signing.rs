//! The key that signs checkpoints.

use audit_log::{Checkpoint, KeyName, KeyNameInvalid, Origin, TreeHead, UnixMillis, VerifierKey};
use pki::key::{FileKey, KeyError, KeyType, SignError, Signer};

/// The log's own key: Ed25519, and the name under which its checkpoints are published. Others may sign beside it: the next key,
/// before it takes over, and the one before, for as long as somebody knows no other.
pub struct CheckpointKey {
    signer: Box<dyn Signer>,
    verifier: VerifierKey,
    also: Vec<(Box<dyn Signer>, VerifierKey)>,
}

impl CheckpointKey {
    /// Takes a key and the log's name, which is also its origin.
    ///
    /// # Errors
    /// [`CheckpointKeyError`] when the key is not Ed25519 or the name cannot be one.
    pub fn new(name: &str, signer: Box<dyn Signer>) -> Result<Self, CheckpointKeyError> {
        let verifier = verifier(name, signer.as_ref())?;
        Ok(Self { signer, verifier, also: Vec::new() })
    }

    /// The same key, with another that signs every checkpoint beside it, under the same name.
    ///
    /// # Errors
    /// As [`CheckpointKey::new`], and [`CheckpointKeyError::Twice`] when it signs already.
    pub fn and(mut self, signer: Box<dyn Signer>) -> Result<Self, CheckpointKeyError> {
        let verifier = verifier(self.verifier.name().as_str(), signer.as_ref())?;
        if self.verifiers().any(|known| *known == verifier) {
            return Err(CheckpointKeyError::Twice);
        }
        self.also.push((signer, verifier));
        Ok(self)
    }

    /// Reads the key from a PKCS#8 PEM file's bytes.
    ///
    /// # Errors
    /// As [`CheckpointKey::new`], and [`CheckpointKeyError::Key`].
    pub fn from_pem(name: &str, pem: &[u8]) -> Result<Self, CheckpointKeyError> {
        Self::new(name, Box::new(FileKey::from_pem(pem)?))
    }

    /// What others verify checkpoints with.
    #[must_use]
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// What others verify checkpoints with: this key, and those that sign beside it.
    pub fn verifiers(&self) -> impl Iterator<Item = &VerifierKey> {
        std::iter::once(&self.verifier).chain(self.also.iter().map(|(_, verifier)| verifier))
    }

    /// Signs the head of the log with this origin.
    ///
    /// # Errors
    /// [`CheckpointKeyError::Sign`] when the key does not sign.
    pub fn sign(&self, origin: &Origin, head: TreeHead) -> Result<Checkpoint, CheckpointKeyError> {
        let (draft, to_be_signed) = Checkpoint::prepare_of(origin.clone(), &self.verifier, head);
        let signature = self.signer.sign(&to_be_signed)?;
        let rejected = |_| CheckpointKeyError::Sign(SignError::Refused);
        let mut checkpoint = draft.finish(&signature).map_err(rejected)?;
        for (signer, verifier) in &self.also {
            checkpoint = checkpoint.signed_also(verifier, &signer.sign(&to_be_signed)?).map_err(rejected)?;
        }
        Ok(checkpoint)
    }
}

fn verifier(name: &str, signer: &dyn Signer) -> Result<VerifierKey, CheckpointKeyError> {
    let public = signer.public_key();
    if public.key_type() != KeyType::Ed25519 {
        return Err(CheckpointKeyError::NotEd25519);
    }
    let octets = public.subject_public_key().try_into().map_err(|_| CheckpointKeyError::NotEd25519)?;
    Ok(VerifierKey::new(KeyName::new(name)?, octets))
}

impl CheckpointKey {
    /// Signs something that is no checkpoint, and cannot be taken for one: it must begin with a line of its own kind.
    pub(crate) fn sign_message(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.signer.sign(message)
    }

    /// The origin of a log that begins when a database is restored: the key's name and the time, so that no two logs
    /// have the same one.
    pub(crate) fn restored_origin(&self, now: UnixMillis) -> Option<Origin> {
        Origin::new(format!("{}/{}", self.verifier.name(), now.0))
    }
}

/// The origin of a checkpoint, when it is that of a log of this key: the key's name, or what
/// [`CheckpointKey::restored_origin`] makes of it.
pub(crate) fn origin_of(note: &str, key: &VerifierKey) -> Option<Origin> {
    let line = note.lines().next()?;
    let rest = line.strip_prefix(key.name().as_str())?;
    let ours = rest.is_empty()
        || rest
            .strip_prefix('/')
            .is_some_and(|time| !time.is_empty() && time.bytes().all(|digit| digit.is_ascii_digit()));
    if ours { Origin::new(line) } else { None }
}

impl std::fmt::Debug for CheckpointKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckpointKey").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

impl From<CheckpointKeyError> for SignError {
    fn from(error: CheckpointKeyError) -> Self {
        match error {
            CheckpointKeyError::Sign(error) => error,
            _ => Self::Refused,
        }
    }
}

/// The log's key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointKeyError {
    /// Checkpoints are signed with Ed25519 only (C2SP signed-note).
    #[error("the audit log's key must be Ed25519")]
    NotEd25519,
    /// One key is named for two roles.
    #[error("the key signs already: name another one under [[audit.also]], or none")]
    Twice,
    /// The log's name cannot be one.
    #[error("the audit log's name: {0}")]
    Name(#[from] KeyNameInvalid),
    /// The key cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}
