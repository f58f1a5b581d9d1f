//! Public keys, and private keys that may live elsewhere: [`Signer`] signs, [`Decryptor`] decrypts.

mod decrypt;
mod encrypt;
mod entropy;
mod error;
mod file;
mod public;

pub use decrypt::{DecryptError, Decryptor, OaepHash, RsaPadding};
pub use encrypt::{Agreed, EncryptError};
pub use entropy::{Entropy, NoEntropy, SystemEntropy, random};
pub use error::KeyError;
pub use file::FileKey;
pub(crate) use public::rsa_bits;
pub use public::{KeyType, PublicKey};

use crate::algorithm::SignatureAlgorithm;

/// A private key that can sign: in a file, an HSM or a TPM.
///
/// Whoever builds an artifact prepares the bytes to be signed, has them signed here, and finishes the artifact with the
/// signature; the builder never sees the key.
pub trait Signer: Send + Sync {
    /// The algorithm of the signatures this key makes.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// Signs `message` (the message itself, not its digest).
    ///
    /// # Errors
    /// [`SignError`] when the place the key lives in does not answer or refuses.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// The key did not sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The key's own store refused or failed.
    #[error("the signing key refused to sign")]
    Refused,
}
