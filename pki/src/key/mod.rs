//! Public keys, and private keys that may live elsewhere: [`Signer`] signs, [`Decryptor`] decrypts, [`Locator`] says where a key
//! lives and opens it.

mod decrypt;
mod encrypt;
mod entropy;
mod error;
mod exposure;
mod file;
mod locator;
mod open;
mod passphrase;
#[cfg(feature = "pkcs11")]
mod pkcs11;
mod public;
mod spec;

pub use decrypt::{DecryptError, Decryptor, OaepHash, RsaPadding};
pub use encrypt::{Agreed, EncryptError};
#[cfg(feature = "tpm")]
pub(crate) use entropy::Rng;
pub use entropy::{Entropy, NoEntropy, SystemEntropy, random};
pub use error::KeyError;
pub use exposure::{Exposure, FileExposed};
pub use file::{FileKey, Stretching};
pub use locator::{
    Locator, LocatorError, Pkcs11Uri, Pkcs11UriError, TokenChoice, TpmAddress, TpmAddressError, TpmHandle,
    TpmHandleError, TpmKeyAddress, TpmKeyAddressError,
};
pub use open::{Access, OpenError, OpenKey};
pub use passphrase::{Passphrase, PassphraseFileError, PassphraseInvalid};
#[cfg(feature = "pkcs11")]
pub use pkcs11::{KeyUse, Pkcs11Error, TokenKey};
pub(crate) use public::rsa_bits;
pub use public::{KeyType, PublicKey};
pub use spec::{KeySpec, UnknownKeySpec};

use crate::algorithm::SignatureAlgorithm;

/// A private key that can sign: in a file, an HSM or a TPM.
///
/// Whoever builds an artifact prepares the bytes to be signed, has them signed here, and finishes the artifact with the
/// signature; the builder never sees the key. It asks for [`Signer::sign`] and says [`Signer::algorithm`] in the artifact. Only
/// where the peer has a say in the algorithm, in TLS, one of several is asked for.
pub trait Signer: Send + Sync {
    /// The algorithm of the signatures this key makes when it is not asked for another.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// Signs `message` (the message itself, not its digest).
    ///
    /// # Errors
    /// [`SignError`] when the place the key lives in does not answer or refuses.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;

    /// Every algorithm this key signs with, [`Signer::algorithm`] first. Only an RSA key has more than one.
    fn algorithms(&self) -> Vec<SignatureAlgorithm> {
        vec![self.algorithm()]
    }

    /// Signs `message` with one of [`Signer::algorithms`].
    ///
    /// # Errors
    /// [`SignError::Algorithm`] when it is none of these, otherwise as [`Signer::sign`].
    fn sign_with(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        if algorithm == self.algorithm() { self.sign(message) } else { Err(SignError::Algorithm) }
    }

    /// How long a signature may take.
    fn pace(&self) -> Pace {
        Pace::AtOnce
    }
}

/// How long a private key may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// It is in memory: as long as the arithmetic.
    AtOnce,
    /// It is in an HSM or a TPM, and answers after milliseconds or not at all. Not to be waited for where others wait, too.
    Slow,
}

/// The algorithms of a key that signs with this one unless another is asked for.
pub(crate) fn own_first(own: SignatureAlgorithm, public: &PublicKey) -> Vec<SignatureAlgorithm> {
    let others = public.signature_algorithms().into_iter().filter(|algorithm| *algorithm != own);
    std::iter::once(own).chain(others).collect()
}

/// The key did not sign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The key's own store refused or failed.
    #[error("the signing key refused to sign")]
    Refused,
    /// The key does not sign with the algorithm asked for.
    #[error("the key does not sign with this algorithm")]
    Algorithm,
    /// The place that the key lives in did not answer in time.
    #[error("the key's token did not answer in time")]
    TimedOut,
    /// The place that the key lives in cannot be reached, or does not let us in.
    #[error("the key's token cannot be used now: it is not there, or its PIN is refused")]
    Unavailable,
}
