//! The algorithms of signature and hash nodes, by the names that mkimage gives them.

use der::Decode;
use pki::{
    algorithm::{AlgorithmError, SignatureAlgorithm, ecdsa_der_from_raw, verify_pss_any_salt},
    digest::HashAlgorithm,
    key::{KeyType, PublicKey},
};

use crate::error::FitError;

/// How a configuration is signed: the `algo` and `padding` of a signature node. SHA-1 is missing on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FitAlgorithm {
    hash: HashAlgorithm,
    scheme: Scheme,
}

/// The second half of `algo`, with the padding of RSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scheme {
    Rsa { bits: RsaBits, padding: Padding },
    EcdsaP256,
}

/// How an RSA signature is padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Padding {
    /// `pkcs-1.5`: RSASSA-PKCS1-v1_5 (RFC 8017 §8.2); what an absent `padding` means.
    Pkcs1,
    /// `pss`: RSASSA-PSS (RFC 8017 §8.1), with a salt of any length; mkimage makes it as long as the key allows.
    Pss,
}

/// The sizes of RSA moduli that mkimage knows and that are large enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum RsaBits {
    B2048,
    B3072,
    B4096,
}

impl FitAlgorithm {
    /// From the properties `algo` (`sha256,rsa2048`) and `padding` of a signature node.
    ///
    /// # Errors
    /// [`FitError::Algorithm`] when it is unknown or too weak.
    pub fn from_names(algo: &str, padding: Option<&str>) -> Result<Self, FitError> {
        let unknown =
            || FitError::Algorithm(padding.map_or_else(|| algo.to_owned(), |padding| format!("{algo} {padding}")));
        let (hash, key) = algo.split_once(',').ok_or_else(unknown)?;
        let hash = hash_from_name(hash).ok_or_else(unknown)?;
        let padding = match padding {
            None | Some("pkcs-1.5") => Padding::Pkcs1,
            Some("pss") => Padding::Pss,
            Some(_) => return Err(unknown()),
        };
        let scheme = match key {
            "rsa2048" => Scheme::Rsa { bits: RsaBits::B2048, padding },
            "rsa3072" => Scheme::Rsa { bits: RsaBits::B3072, padding },
            "rsa4096" => Scheme::Rsa { bits: RsaBits::B4096, padding },
            "ecdsa256" if hash == HashAlgorithm::Sha256 => Scheme::EcdsaP256,
            _ => return Err(unknown()),
        };
        Ok(Self { hash, scheme })
    }

    /// What the signatures that a [`Signer`](pki::key::Signer) of this key makes are called: SHA-256 with ECDSA P-256
    /// or with RSA and PKCS#1 padding. None for keys that no boot loader understands.
    #[must_use]
    pub fn for_key(key: &PublicKey) -> Option<Self> {
        let scheme = match key.key_type() {
            KeyType::P256 => Scheme::EcdsaP256,
            KeyType::Rsa => Scheme::Rsa { bits: RsaBits::of(key)?, padding: Padding::Pkcs1 },
            _ => return None,
        };
        Some(Self { hash: HashAlgorithm::Sha256, scheme })
    }

    /// The property `algo`.
    #[must_use]
    pub fn algo(self) -> String {
        let key = match self.scheme {
            Scheme::Rsa { bits: RsaBits::B2048, .. } => "rsa2048",
            Scheme::Rsa { bits: RsaBits::B3072, .. } => "rsa3072",
            Scheme::Rsa { bits: RsaBits::B4096, .. } => "rsa4096",
            Scheme::EcdsaP256 => "ecdsa256",
        };
        format!("{},{key}", hash_name(self.hash))
    }

    /// The property `padding`; none where there is nothing to pad.
    #[must_use]
    pub const fn padding(self) -> Option<&'static str> {
        match self.scheme {
            Scheme::Rsa { padding: Padding::Pkcs1, .. } => Some("pkcs-1.5"),
            Scheme::Rsa { padding: Padding::Pss, .. } => Some("pss"),
            Scheme::EcdsaP256 => None,
        }
    }

    /// The length of the property `value` in bytes.
    #[must_use]
    pub const fn signature_length(self) -> usize {
        match self.scheme {
            Scheme::Rsa { bits: RsaBits::B2048, .. } => 256,
            Scheme::Rsa { bits: RsaBits::B3072, .. } => 384,
            Scheme::Rsa { bits: RsaBits::B4096, .. } => 512,
            Scheme::EcdsaP256 => 2 * P256_SCALAR,
        }
    }

    /// Verifies the property `value` over the signed bytes.
    ///
    /// # Errors
    /// [`AlgorithmError::KeyMismatch`] for a key of another kind or size, [`AlgorithmError::BadSignature`] when it does
    /// not verify.
    pub fn verify(self, key: &PublicKey, message: &[u8], value: &[u8]) -> Result<(), AlgorithmError> {
        match self.scheme {
            Scheme::Rsa { bits, .. } if RsaBits::of(key) != Some(bits) => Err(AlgorithmError::KeyMismatch),
            Scheme::EcdsaP256 if key.key_type() != KeyType::P256 => Err(AlgorithmError::KeyMismatch),
            _ if value.len() != self.signature_length() => Err(AlgorithmError::BadSignature),
            Scheme::Rsa { padding: Padding::Pss, .. } => verify_pss_any_salt(self.hash, key, message, value),
            Scheme::Rsa { padding: Padding::Pkcs1, .. } => {
                let algorithm = match self.hash {
                    HashAlgorithm::Sha256 => SignatureAlgorithm::RsaPkcs1Sha256,
                    HashAlgorithm::Sha384 => SignatureAlgorithm::RsaPkcs1Sha384,
                    HashAlgorithm::Sha512 => SignatureAlgorithm::RsaPkcs1Sha512,
                };
                algorithm.verify(key, message, value)
            }
            // A FIT carries r and s as two plain 32-byte numbers, not as the DER that the rest of the world uses.
            Scheme::EcdsaP256 => SignatureAlgorithm::EcdsaSha256.verify(key, message, &ecdsa_der_from_raw(value)?),
        }
    }

    /// Brings a signature as a [`Signer`](pki::key::Signer) makes it into the form of the property `value`; none when it
    /// is not a signature of this algorithm.
    pub(crate) fn value_from_signature(self, signature: &[u8]) -> Option<Vec<u8>> {
        match self.scheme {
            Scheme::Rsa { .. } => (signature.len() == self.signature_length()).then(|| signature.to_vec()),
            Scheme::EcdsaP256 => {
                let pair = UnsignedPair::from_der(signature).ok()?;
                let mut value = vec![0; 2 * P256_SCALAR];
                let (r, s) = value.split_at_mut(P256_SCALAR);
                for (scalar, room) in [(pair.first, r), (pair.second, s)] {
                    let start = room.len().checked_sub(scalar.as_bytes().len())?;
                    room.get_mut(start..)?.copy_from_slice(scalar.as_bytes());
                }
                Some(value)
            }
        }
    }
}

impl RsaBits {
    fn of(key: &PublicKey) -> Option<Self> {
        if key.key_type() != KeyType::Rsa {
            return None;
        }
        // RFC 8017 §A.1.1: modulus and public exponent.
        let modulus = UnsignedPair::from_der(key.subject_public_key()).ok()?.first;
        match modulus.as_bytes().len() {
            256 => Some(Self::B2048),
            384 => Some(Self::B3072),
            512 => Some(Self::B4096),
            _ => None,
        }
    }
}

/// Two unsigned numbers: an RSAPublicKey (RFC 8017 §A.1.1) or an ECDSA signature (RFC 3279 §2.2.3).
#[derive(der::Sequence)]
struct UnsignedPair<'a> {
    first: der::asn1::UintRef<'a>,
    second: der::asn1::UintRef<'a>,
}

/// The hash function of this name in a FIT. CRC-32, MD5 and SHA-1 exist there too, and are refused here.
pub(crate) fn hash_from_name(name: &str) -> Option<HashAlgorithm> {
    [HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512]
        .into_iter()
        .find(|hash| hash_name(*hash) == name)
}

/// The name of a hash function in a FIT.
pub(crate) const fn hash_name(hash: HashAlgorithm) -> &'static str {
    match hash {
        HashAlgorithm::Sha256 => "sha256",
        HashAlgorithm::Sha384 => "sha384",
        HashAlgorithm::Sha512 => "sha512",
    }
}

const P256_SCALAR: usize = 32;

#[cfg(test)]
mod tests {
    use pki::key::{FileKey, Signer};

    use super::*;

    #[test]
    fn names_survive_a_round_trip() {
        for (algo, padding) in
            [("sha256,rsa2048", Some("pss")), ("sha512,rsa4096", Some("pkcs-1.5")), ("sha256,ecdsa256", None)]
        {
            let read = FitAlgorithm::from_names(algo, padding).unwrap();
            assert_eq!((read.algo().as_str(), read.padding()), (algo, padding));
        }
        assert_eq!(FitAlgorithm::from_names("sha384,rsa3072", None).unwrap().padding(), Some("pkcs-1.5"));
    }

    #[test]
    fn unknown_and_weak_algorithms_are_refused() {
        for (algo, padding) in [
            ("sha1,rsa2048", None),
            ("md5,rsa2048", None),
            ("sha256,rsa1024", None),
            ("sha256", None),
            ("sha512,ecdsa256", None),
            ("sha256,rsa2048", Some("none")),
        ] {
            assert!(matches!(FitAlgorithm::from_names(algo, padding), Err(FitError::Algorithm(_))), "{algo}");
        }
    }

    #[test]
    fn an_ecdsa_signature_changes_form_and_still_verifies() {
        let key = FileKey::generate_p256().unwrap();
        let algorithm = FitAlgorithm::for_key(key.public_key()).unwrap();
        // Short scalars need padding; with enough signatures some are short.
        for round in 0..64_u32 {
            let message = round.to_be_bytes();
            let value = algorithm.value_from_signature(&key.sign(&message).unwrap()).unwrap();
            assert_eq!(value.len(), algorithm.signature_length());
            algorithm.verify(key.public_key(), &message, &value).unwrap();
            algorithm.verify(key.public_key(), b"other", &value).unwrap_err();
            algorithm.verify(key.public_key(), &message, &value[..63]).unwrap_err();
        }
    }

    #[test]
    fn a_key_of_another_kind_verifies_nothing() {
        let p256 = FileKey::generate_p256().unwrap();
        let ed25519 = FileKey::generate_ed25519().unwrap();
        assert!(FitAlgorithm::for_key(ed25519.public_key()).is_none());
        let rsa = FitAlgorithm::from_names("sha256,rsa2048", Some("pss")).unwrap();
        assert_eq!(rsa.verify(p256.public_key(), b"", &[0; 256]), Err(AlgorithmError::KeyMismatch));
        assert_eq!(rsa.value_from_signature(&[0; 255]), None);
    }
}
