//! The two steps of opening: what the private key must do, and what comes of it.

use pki::{
    digest::HashAlgorithm,
    key::{DecryptError, Decryptor, PublicKey, RsaPadding},
};
use zeroize::Zeroizing;

use super::{ContentCipher, EnvelopeLeniency, Enveloped, OpenError, Opened, recipient::Unwrap};

/// What a private key must do for an envelope to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyWork {
    /// Decrypt with RSA; see [`Decryptor::decrypt_rsa`].
    DecryptRsa {
        /// How the content key is padded.
        padding: RsaPadding,
        /// The encrypted content key.
        ciphertext: Vec<u8>,
    },
    /// Agree with this key on a secret; see [`Decryptor::agree`].
    Agree {
        /// The originator's key.
        peer: PublicKey,
    },
}

impl KeyWork {
    /// Has `key` do it.
    ///
    /// # Errors
    /// As [`Decryptor`]'s two methods.
    pub fn perform(&self, key: &dyn Decryptor) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
        match self {
            Self::DecryptRsa { padding, ciphertext } => key.decrypt_rsa(*padding, ciphertext),
            Self::Agree { peer } => key.agree(peer),
        }
    }
}

/// An envelope that waits for a private key to do its work.
#[derive(Clone, Debug)]
pub struct Pending<'a> {
    envelope: &'a Enveloped,
    work: KeyWork,
    unwrap: Unwrap<'a>,
    leniencies: Vec<EnvelopeLeniency>,
}

impl<'a> Pending<'a> {
    pub(super) const fn new(
        envelope: &'a Enveloped,
        work: KeyWork,
        unwrap: Unwrap<'a>,
        leniencies: Vec<EnvelopeLeniency>,
    ) -> Self {
        Self { envelope, work, unwrap, leniencies }
    }

    /// What the key must do.
    #[must_use]
    pub const fn work(&self) -> &KeyWork {
        &self.work
    }

    /// Goes on with what the key gave, or with its failure.
    ///
    /// # Errors
    /// [`OpenError::Failed`] whatever is wrong (ENC-12).
    pub fn finish(self, done: Result<Zeroizing<Vec<u8>>, DecryptError>) -> Result<Opened, OpenError> {
        let Enveloped { encryption, associated, ciphertext, tag, declared, .. } = self.envelope;
        let key = match (done.ok(), self.unwrap) {
            (Some(key), Unwrap::Nothing) => Some(key),
            (Some(secret), Unwrap::Agreement { agreement, ukm, wrapped_key }) => {
                agreement.unwrap(&secret, ukm, wrapped_key)
            }
            (None, _) => None,
        };
        let key = key.filter(|key| key.len() == encryption.cipher.key_octets());
        // RFC 3218 §2.3.2: whoever sends wrong keys must not learn from an error, nor from the time it takes, that the key was
        // wrong. So the content is decrypted under some other key, and what comes of it is thrown away.
        let usable = key.is_some();
        let key = key.unwrap_or_else(|| substitute(ciphertext, encryption.cipher));
        let plaintext = encryption.decrypt(&key, associated, ciphertext, tag).filter(|_| usable);
        Opened::read(*declared, &plaintext.ok_or(OpenError::Failed)?, self.leniencies)
    }
}

/// A key that decrypts nothing, made without randomness.
fn substitute(ciphertext: &[u8], cipher: ContentCipher) -> Zeroizing<Vec<u8>> {
    let mut key = HashAlgorithm::Sha256.digest(ciphertext);
    key.truncate(cipher.key_octets());
    Zeroizing::new(key)
}
