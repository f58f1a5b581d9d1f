//! The key that signs checkpoints.

use audit_log::{Checkpoint, KeyName, KeyNameInvalid, TreeHead, VerifierKey};
use pki::key::{FileKey, KeyError, KeyType, SignError, Signer};

/// The log's own key: Ed25519, and the name under which its checkpoints are published.
pub struct CheckpointKey {
    signer: Box<dyn Signer>,
    verifier: VerifierKey,
}

impl CheckpointKey {
    /// Takes a key and the log's name, which is also its origin.
    ///
    /// # Errors
    /// [`CheckpointKeyError`] when the key is not Ed25519 or the name cannot be one.
    pub fn new(name: &str, signer: Box<dyn Signer>) -> Result<Self, CheckpointKeyError> {
        let public = signer.public_key();
        if public.key_type() != KeyType::Ed25519 {
            return Err(CheckpointKeyError::NotEd25519);
        }
        let octets = public.subject_public_key().try_into().map_err(|_| CheckpointKeyError::NotEd25519)?;
        let verifier = VerifierKey::new(KeyName::new(name)?, octets);
        Ok(Self { signer, verifier })
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

    /// Signs the head of the log.
    ///
    /// # Errors
    /// [`CheckpointKeyError::Sign`] when the key does not sign.
    pub fn sign(&self, head: TreeHead) -> Result<Checkpoint, CheckpointKeyError> {
        let (draft, to_be_signed) = Checkpoint::prepare(&self.verifier, head);
        let signature = self.signer.sign(&to_be_signed)?;
        draft.finish(&signature).map_err(|_| CheckpointKeyError::Sign(SignError::Refused))
    }
}

impl std::fmt::Debug for CheckpointKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckpointKey").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

/// The log's key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointKeyError {
    /// Checkpoints are signed with Ed25519 only (C2SP signed-note).
    #[error("the audit log's key must be Ed25519")]
    NotEd25519,
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
