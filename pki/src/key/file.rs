//! A private key held in memory and kept in a PKCS#8 file.

use const_oid::{ObjectIdentifier, db::rfc5912 as oid};
use der::pem::LineEnding;
use ring::{
    rand::{SecureRandom, SystemRandom},
    signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair},
};
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use super::{PublicKey, SignError, Signer};
use crate::algorithm::SignatureAlgorithm;

const PRIVATE_KEY: &str = "PRIVATE KEY";

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// A software key: PKCS#8 (RFC 5958), unencrypted, in memory that is wiped when the key is dropped.
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
        let document = EcdsaKeyPair::generate_pkcs8(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
            .map_err(|_| KeyError::Entropy)?;
        Self::from_pkcs8_der(document.as_ref())
    }

    /// Makes a new Ed25519 key.
    ///
    /// # Errors
    /// [`KeyError::Entropy`] when the operating system gives no randomness.
    pub fn generate_ed25519() -> Result<Self, KeyError> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| KeyError::Entropy)?;
        Self::from_pkcs8_der(document.as_ref())
    }

    /// Reads a PKCS#8 PrivateKeyInfo: P-256, P-384, Ed25519, or RSA of 2048 bits and more.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] when it is none of these.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let ec = |parameters| AlgorithmIdentifierOwned {
            oid: oid::ID_EC_PUBLIC_KEY,
            parameters: Some(der::Any::from(&parameters)),
        };
        let ecdsa = |algorithm| EcdsaKeyPair::from_pkcs8(algorithm, der, &random);
        let (pair, algorithm, public) = if let Ok(pair) = ecdsa(&signature::ECDSA_P256_SHA256_ASN1_SIGNING) {
            let public = PublicKey::from_parts(ec(oid::SECP_256_R_1), pair.public_key().as_ref())?;
            (Pair::Ecdsa(pair), SignatureAlgorithm::EcdsaSha256, public)
        } else if let Ok(pair) = ecdsa(&signature::ECDSA_P384_SHA384_ASN1_SIGNING) {
            let public = PublicKey::from_parts(ec(oid::SECP_384_R_1), pair.public_key().as_ref())?;
            (Pair::Ecdsa(pair), SignatureAlgorithm::EcdsaSha384, public)
        } else if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            let identifier = SignatureAlgorithm::Ed25519.identifier();
            let public = PublicKey::from_parts(identifier, pair.public_key().as_ref())?;
            (Pair::Ed25519(pair), SignatureAlgorithm::Ed25519, public)
        } else if let Ok(pair) = RsaKeyPair::from_pkcs8(der) {
            let identifier = AlgorithmIdentifierOwned { oid: oid::RSA_ENCRYPTION, parameters: Some(der::Any::null()) };
            let public = PublicKey::from_parts(identifier, pair.public().as_ref())?;
            (Pair::Rsa(pair), SignatureAlgorithm::RsaPkcs1Sha256, public)
        } else {
            return Err(KeyError::Malformed);
        };
        Ok(Self { pair, algorithm, public, pkcs8: Zeroizing::new(der.to_vec()), random })
    }

    /// Reads a `PRIVATE KEY` PEM block (PKCS#8).
    ///
    /// # Errors
    /// [`KeyError::Malformed`] when it holds anything else.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let (label, der) = der::pem::decode_vec(pem).map_err(|_| KeyError::Malformed)?;
        let der = Zeroizing::new(der);
        if label != PRIVATE_KEY {
            return Err(KeyError::Malformed);
        }
        Self::from_pkcs8_der(&der)
    }

    /// As a `PRIVATE KEY` PEM block, to be written to a file that only its owner may read.
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

impl Signer for FileKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        match &self.pair {
            Pair::Ecdsa(pair) => {
                pair.sign(&self.random, message).map(|made| made.as_ref().to_vec()).map_err(|_| SignError::Refused)
            }
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut made = vec![0; pair.public().modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &self.random, message, &mut made)
                    .map_err(|_| SignError::Refused)?;
                Ok(made)
            }
        }
    }
}

impl std::fmt::Debug for FileKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Only what anybody may know.
        write!(f, "FileKey({:?})", self.public)
    }
}

/// Fills `N` octets with randomness from the operating system.
///
/// # Errors
/// [`KeyError::Entropy`] when there is none.
pub fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut octets = [0; N];
    SystemRandom::new().fill(&mut octets).map_err(|_| KeyError::Entropy)?;
    Ok(octets)
}

/// A key could not be read or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The bytes are no key of a form that is read here.
    #[error("not a readable key: expected PKCS#8 or SubjectPublicKeyInfo with P-256, P-384, Ed25519 or RSA")]
    Malformed,
    /// A key of a kind nobody here works with.
    #[error("keys of type {0} are not supported")]
    UnknownType(ObjectIdentifier),
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Entropy,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyType;

    #[test]
    fn a_key_survives_its_file_and_its_signature_verifies() {
        for made in [FileKey::generate_p256().unwrap(), FileKey::generate_ed25519().unwrap()] {
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
        assert_eq!(key.public_key().key_type(), KeyType::P256);
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        assert_eq!(FileKey::from_pem(b"-----BEGIN NONSENSE-----\n").unwrap_err(), KeyError::Malformed);
        assert_eq!(FileKey::from_pkcs8_der(&[0x30, 0x00]).unwrap_err(), KeyError::Malformed);
        assert_eq!(PublicKey::from_spki_der(&[0x30, 0x03, 1, 2]).unwrap_err(), KeyError::Malformed);
    }
}
