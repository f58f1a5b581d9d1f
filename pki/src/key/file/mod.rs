//! A private key held in memory and kept in a file.

mod decrypt;
mod encrypted;
mod read;
mod sign;

use der::pem::LineEnding;
use p521::{elliptic_curve::Generate, pkcs8::EncodePrivateKey};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair},
};
use rsa::{RsaPrivateKey, pkcs1::EncodeRsaPrivateKey};
use zeroize::Zeroizing;

pub use self::encrypted::Stretching;
use self::sign::Pair;
use super::{
    Entropy, KeyError, KeySpec, PublicKey, SystemEntropy,
    entropy::{Rng, Unfailing},
};
use crate::algorithm::SignatureAlgorithm;

const PRIVATE_KEY: &str = "PRIVATE KEY";

/// A software key in memory that is wiped when the key is dropped. It signs and it decrypts.
///
/// It knows nothing of files: [`Locator::open`](super::Locator::open) reads them, and looks at who else may.
pub struct FileKey {
    pair: Pair,
    algorithm: SignatureAlgorithm,
    public: PublicKey,
    pkcs8: Zeroizing<Vec<u8>>,
    random: SystemRandom,
}

impl FileKey {
    /// Makes a new key.
    ///
    /// RSA keys are made by the `rsa` crate: ring makes none, and aws-lc-rs is not for devices. What finding the primes leaks through time (RUSTSEC-2023-0071 is about decrypting) is seen by nobody who
    /// could not read the file.
    ///
    /// # Errors
    /// [`KeyError::Entropy`] when the operating system gives no randomness.
    pub fn generate(spec: KeySpec) -> Result<Self, KeyError> {
        let (random, entropy) = (SystemRandom::new(), |_| KeyError::Entropy);
        match spec {
            KeySpec::P256 => {
                let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).map_err(entropy)?;
                Self::from_pkcs8_der(made.as_ref())
            }
            KeySpec::P384 => {
                let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, &random).map_err(entropy)?;
                Self::from_pkcs8_der(made.as_ref())
            }
            KeySpec::P521 => {
                let made = p521::SecretKey::try_generate_from_rng(&mut Rng(&mut SystemEntropy));
                let made = made.map_err(|_| KeyError::Entropy)?.to_pkcs8_der().map_err(|_| KeyError::Malformed)?;
                Self::from_pkcs8_der(made.as_bytes())
            }
            KeySpec::Ed25519 => {
                Self::from_pkcs8_der(Ed25519KeyPair::generate_pkcs8(&random).map_err(entropy)?.as_ref())
            }
            KeySpec::Rsa2048 => Self::generate_rsa(&mut SystemEntropy, 2048),
            KeySpec::Rsa3072 => Self::generate_rsa(&mut SystemEntropy, 3072),
            KeySpec::Rsa4096 => Self::generate_rsa(&mut SystemEntropy, 4096),
        }
    }

    fn generate_rsa(entropy: &mut dyn Entropy, bits: usize) -> Result<Self, KeyError> {
        let mut random = Unfailing::new(entropy);
        let made = RsaPrivateKey::new(&mut random, bits);
        random.finish().map_err(|_| KeyError::Entropy)?;
        let pkcs1 = made.ok().and_then(|made| made.to_pkcs1_der().ok()).ok_or(KeyError::Malformed)?;
        Self::from_pkcs1_der(pkcs1.as_bytes())
    }

    /// Makes a new P-256 key; its signatures are ECDSA with SHA-256.
    ///
    /// # Errors
    /// As [`FileKey::generate`].
    pub fn generate_p256() -> Result<Self, KeyError> {
        Self::generate(KeySpec::P256)
    }

    /// Makes a new P-384 key; its signatures are ECDSA with SHA-384.
    ///
    /// # Errors
    /// As [`FileKey::generate`].
    pub fn generate_p384() -> Result<Self, KeyError> {
        Self::generate(KeySpec::P384)
    }

    /// Makes a new P-521 key; its signatures are ECDSA with SHA-512.
    ///
    /// # Errors
    /// As [`FileKey::generate`].
    pub fn generate_p521() -> Result<Self, KeyError> {
        Self::generate(KeySpec::P521)
    }

    /// Makes a new Ed25519 key.
    ///
    /// # Errors
    /// As [`FileKey::generate`].
    pub fn generate_ed25519() -> Result<Self, KeyError> {
        Self::generate(KeySpec::Ed25519)
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
    use crate::key::{KeyType, NoEntropy, Signer};

    #[test]
    fn a_key_survives_its_file_and_its_signature_verifies() {
        for (spec, kind) in [
            (KeySpec::P256, KeyType::P256),
            (KeySpec::P384, KeyType::P384),
            (KeySpec::P521, KeyType::P521),
            (KeySpec::Rsa2048, KeyType::Rsa),
            (KeySpec::Ed25519, KeyType::Ed25519),
        ] {
            let made = FileKey::generate(spec).unwrap();
            assert_eq!((made.public_key().key_type(), made.public_key().rsa_modulus_bits()), (kind, spec.rsa_bits()));
            let read = FileKey::from_pem(made.to_pem().as_bytes()).unwrap();
            for algorithm in made.algorithms() {
                let signature = read.sign_with(algorithm, b"message").unwrap();
                algorithm.verify(made.public_key(), b"message", &signature).unwrap();
                algorithm.verify(made.public_key(), b"messagf", &signature).unwrap_err();
            }
            assert_eq!(made.algorithms().first(), Some(&made.algorithm()));
            let public = PublicKey::from_pem(made.public_key().to_pem().as_bytes()).unwrap();
            assert_eq!(&public, made.public_key());
        }
    }

    #[test]
    fn without_entropy_no_rsa_key_is_made() {
        struct Nothing;

        impl Entropy for Nothing {
            fn fill(&mut self, _: &mut [u8]) -> Result<(), NoEntropy> {
                Err(NoEntropy)
            }
        }

        assert_eq!(FileKey::generate_rsa(&mut Nothing, 2048).unwrap_err(), KeyError::Entropy);
    }

    #[test]
    fn debug_shows_nothing_private() {
        let key = FileKey::generate_p256().unwrap();
        let shown = format!("{key:?}");
        assert!(shown.contains("P256") && shown.len() < 120, "{shown}");
    }
}
