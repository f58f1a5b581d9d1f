//! Encrypting to a public key; the other side of [`super::Decryptor`].

use rsa::{
    Oaep,
    pkcs1::DecodeRsaPublicKey,
    traits::{PaddingScheme, PublicKeyParts},
};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Entropy, KeyType, NoEntropy, PublicKey, entropy::Rng};

/// What comes of agreeing on a secret with a key that exists for this once.
pub struct Agreed {
    /// The ephemeral public key: an uncompressed point (SEC 1 §2.3.3). The private half is gone.
    pub ephemeral_point: Vec<u8>,
    /// The x coordinate of the shared point, as long as the curve's field (SEC 1 §3.3.1).
    pub secret: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Agreed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Agreed(..)")
    }
}

impl PublicKey {
    /// Elliptic curves: makes an ephemeral key and agrees with this one on a secret (ECDH; SEC 1 §3.3.1).
    ///
    /// # Errors
    /// [`EncryptError`].
    pub fn agree_ephemeral(&self, entropy: &mut dyn Entropy) -> Result<Agreed, EncryptError> {
        macro_rules! on {
            ($curve:ident, $octets:literal, $mask:literal) => {{
                let recipient = $curve::PublicKey::from_sec1_bytes(self.subject_public_key())
                    .map_err(|_| EncryptError::KeyUnusable)?;
                let mut candidate = Zeroizing::new([0_u8; $octets]);
                // Zero and numbers above the group's order are no keys; all but one in billions are below it.
                for _ in 0..ATTEMPTS {
                    entropy.fill(candidate.as_mut())?;
                    if let Some(first) = candidate.first_mut() {
                        *first &= $mask;
                    }
                    if let Ok(ephemeral) = $curve::SecretKey::from_slice(candidate.as_ref()) {
                        use $curve::elliptic_curve::sec1::ToSec1Point;
                        return Ok(Agreed {
                            ephemeral_point: ephemeral.public_key().to_sec1_point(false).as_bytes().to_vec(),
                            secret: Zeroizing::new(ephemeral.diffie_hellman(&recipient).raw_secret_bytes().to_vec()),
                        });
                    }
                }
                Err(EncryptError::NoEntropy(NoEntropy))
            }};
        }
        match self.key_type() {
            KeyType::P256 => on!(p256, 32, 0xff),
            KeyType::P384 => on!(p384, 48, 0xff),
            KeyType::P521 => on!(p521, 66, 0x01),
            KeyType::Rsa | KeyType::RsaPss | KeyType::Ed25519 => Err(EncryptError::KeyMismatch),
        }
    }

    /// RSA: encrypts `message` with OAEP, SHA-256 over the empty label and in MGF1 (RFC 8017 §7.1.1).
    ///
    /// # Errors
    /// [`EncryptError`].
    pub fn encrypt_oaep_sha256(&self, message: &[u8], entropy: &mut dyn Entropy) -> Result<Vec<u8>, EncryptError> {
        if self.key_type() != KeyType::Rsa {
            return Err(EncryptError::KeyMismatch);
        }
        let key =
            rsa::RsaPublicKey::from_pkcs1_der(self.subject_public_key()).map_err(|_| EncryptError::KeyUnusable)?;
        if !(2048..=8192).contains(&key.n().bits()) {
            return Err(EncryptError::KeyUnusable);
        }
        Oaep::<Sha256>::new().encrypt(&mut Rng(entropy), &key, message).map_err(|error| match error {
            rsa::Error::Rng => EncryptError::NoEntropy(NoEntropy),
            _ => EncryptError::KeyUnusable,
        })
    }
}

const ATTEMPTS: u8 = 64;

/// Nothing could be encrypted to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptError {
    /// A key of a kind that cannot do this.
    #[error("a key of this kind cannot do that")]
    KeyMismatch,
    /// The key itself: a point off its curve, an RSA modulus outside 2048 to 8192 bits.
    #[error("the public key is unusable")]
    KeyUnusable,
    /// No randomness.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{FileKey, SystemEntropy};

    struct Nothing;

    impl Entropy for Nothing {
        fn fill(&mut self, _: &mut [u8]) -> Result<(), NoEntropy> {
            Err(NoEntropy)
        }
    }

    /// A source that is stuck: zero is no private key, and must not become one.
    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoEntropy> {
            octets.fill(0);
            Ok(())
        }
    }

    #[test]
    fn without_entropy_nothing_is_made() {
        let key = FileKey::generate_p256().unwrap();
        let key = crate::key::Signer::public_key(&key);
        let refused = EncryptError::NoEntropy(NoEntropy);
        assert_eq!(key.agree_ephemeral(&mut Nothing).unwrap_err(), refused);
        assert_eq!(key.agree_ephemeral(&mut Zeros).unwrap_err(), refused);
        let agreed = key.agree_ephemeral(&mut SystemEntropy).unwrap();
        assert_eq!((agreed.ephemeral_point.len(), agreed.secret.len()), (65, 32));
        assert_ne!(agreed.ephemeral_point, key.agree_ephemeral(&mut SystemEntropy).unwrap().ephemeral_point);
    }

    #[test]
    fn a_key_does_only_what_its_kind_can() {
        let ed25519 = FileKey::generate_ed25519().unwrap();
        let ed25519 = crate::key::Signer::public_key(&ed25519);
        assert_eq!(ed25519.agree_ephemeral(&mut SystemEntropy).unwrap_err(), EncryptError::KeyMismatch);
        assert_eq!(ed25519.encrypt_oaep_sha256(b"k", &mut SystemEntropy), Err(EncryptError::KeyMismatch));
    }
}
