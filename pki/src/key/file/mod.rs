//! A private key held in memory and kept in a file.

mod decrypt;
mod read;
mod sign;

use der::pem::LineEnding;
use p521::{elliptic_curve::Generate, pkcs8::EncodePrivateKey};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair},
};
use zeroize::Zeroizing;

use self::sign::Pair;
use super::{KeyError, PublicKey, SystemEntropy, entropy::Rng};
use crate::algorithm::SignatureAlgorithm;

const PRIVATE_KEY: &str = "PRIVATE KEY";

/// A software key, unencrypted, in memory that is wiped when the key is dropped. It signs and it decrypts.
///
/// How the file is protected (mode 0600, where it lies) is the caller's business.
pub struct FileKey {
    pair: Pair,
    algorithm: SignatureAlgorithm,
    public: PublicKey,
    pkcs8: Zeroizing<Vec<u8>>,
    random: SystemRandom,
}

impl FileKey {
    /// Makes a new P-256 key; its signatures are ECDSA with SHA-256.
    ///
    /// # Errors
    /// [`KeyError::Entropy`] when the operating system gives no randomness.
    pub fn generate_p256() -> Result<Self, KeyError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
            .map_err(|_| KeyError::Entropy)?;
        Self::from_pkcs8_der(document.as_ref())
    }

    /// Makes a new P-384 key; its signatures are ECDSA with SHA-384.
    ///
    /// # Errors
    /// [`KeyError::Entropy`] when the operating system gives no randomness.
    pub fn generate_p384() -> Result<Self, KeyError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, &SystemRandom::new())
            .map_err(|_| KeyError::Entropy)?;
        Self::from_pkcs8_der(document.as_ref())
    }

    /// Makes a new P-521 key; its signatures are ECDSA with SHA-512.
    ///
    /// # Errors
    /// [`KeyError::Entropy`] when the operating system gives no randomness.
    pub fn generate_p521() -> Result<Self, KeyError> {
        let key =
            p521::SecretKey::try_generate_from_rng(&mut Rng(&mut SystemEntropy)).map_err(|_| KeyError::Entropy)?;
        Self::from_pkcs8_der(key.to_pkcs8_der().map_err(|_| KeyError::Malformed)?.as_bytes())
    }

    /// Makes a new Ed25519 key.
    ///
    /// # Errors
    /// [`KeyError::Entropy`] when the operating system gives no randomness.
    pub fn generate_ed25519() -> Result<Self, KeyError> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| KeyError::Entropy)?;
        Self::from_pkcs8_der(document.as_ref())
    }

    /// As a `PRIVATE KEY` PEM block (PKCS#8), to be written to a file that only its owner may read.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(der::pem::encode_string(PRIVATE_KEY, LineEnding::LF, &self.pkcs8).unwrap_or_default())
    }

    /// The PKCS#8 document, for a TLS stack that wants the key itself.
    #[must_use]
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.pkcs8
    }
}

impl std::fmt::Debug for FileKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Only what anybody may know.
        write!(f, "FileKey({:?})", self.public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{KeyType, Signer};

    #[test]
    fn a_key_survives_its_file_and_its_signature_verifies() {
        for (made, kind) in [
            (FileKey::generate_p256().unwrap(), KeyType::P256),
            (FileKey::generate_p384().unwrap(), KeyType::P384),
            (FileKey::generate_p521().unwrap(), KeyType::P521),
            (FileKey::generate_ed25519().unwrap(), KeyType::Ed25519),
        ] {
            assert_eq!(made.public_key().key_type(), kind);
            let read = FileKey::from_pem(made.to_pem().as_bytes()).unwrap();
            let signature = read.sign(b"message").unwrap();
            made.algorithm().verify(made.public_key(), b"message", &signature).unwrap();
            made.algorithm().verify(made.public_key(), b"messagf", &signature).unwrap_err();
            let public = PublicKey::from_pem(made.public_key().to_pem().as_bytes()).unwrap();
            assert_eq!(&public, made.public_key());
        }
    }

    #[test]
    fn debug_shows_nothing_private() {
        let key = FileKey::generate_p256().unwrap();
        let shown = format!("{key:?}");
        assert!(shown.contains("P256") && shown.len() < 120, "{shown}");
    }
}
