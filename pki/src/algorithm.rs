//! Signature algorithms: which there are, how they are named in DER, and how one signature is verified.

use const_oid::{ObjectIdentifier, db::rfc5912 as oid};
use der::Encode;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use spki::AlgorithmIdentifierOwned;

use crate::{
    digest::HashAlgorithm,
    key::{KeyType, PublicKey},
};

pub(crate) const ID_ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// A signature algorithm that this project makes or accepts. SHA-1 and MD5 are missing on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// ECDSA with SHA-256; the signature is the DER SEQUENCE of r and s (RFC 5480).
    EcdsaSha256,
    /// ECDSA with SHA-384.
    EcdsaSha384,
    /// ECDSA with SHA-512.
    EcdsaSha512,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2).
    RsaPkcs1Sha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RsaPkcs1Sha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RsaPkcs1Sha512,
    /// Ed25519 (RFC 8032); hashes by itself.
    Ed25519,
}

impl SignatureAlgorithm {
    /// From an AlgorithmIdentifier as it stands in a certificate or, for signers that are exact, in CMS.
    ///
    /// # Errors
    /// [`AlgorithmError::Unknown`] when the identifier is none of ours.
    pub fn from_identifier(identifier: &AlgorithmIdentifierOwned) -> Result<Self, AlgorithmError> {
        Ok(match identifier.oid {
            oid::ECDSA_WITH_SHA_256 => Self::EcdsaSha256,
            oid::ECDSA_WITH_SHA_384 => Self::EcdsaSha384,
            oid::ECDSA_WITH_SHA_512 => Self::EcdsaSha512,
            oid::SHA_256_WITH_RSA_ENCRYPTION => Self::RsaPkcs1Sha256,
            oid::SHA_384_WITH_RSA_ENCRYPTION => Self::RsaPkcs1Sha384,
            oid::SHA_512_WITH_RSA_ENCRYPTION => Self::RsaPkcs1Sha512,
            ID_ED25519 => Self::Ed25519,
            other => return Err(AlgorithmError::Unknown(other)),
        })
    }

    /// From the pair of identifiers in a CMS SignerInfo, where `rsaEncryption` may stand for RSA with the digest named
    /// beside it (RFC 3370 §3.2).
    ///
    /// # Errors
    /// [`AlgorithmError::Unknown`], or [`AlgorithmError::DigestMismatch`] when the two name different digests.
    pub fn from_cms(
        digest: &AlgorithmIdentifierOwned,
        identifier: &AlgorithmIdentifierOwned,
    ) -> Result<Self, AlgorithmError> {
        let hash = hash_from_oid(digest.oid)?;
        if identifier.oid == oid::RSA_ENCRYPTION {
            return Ok(match hash {
                HashAlgorithm::Sha256 => Self::RsaPkcs1Sha256,
                HashAlgorithm::Sha384 => Self::RsaPkcs1Sha384,
                HashAlgorithm::Sha512 => Self::RsaPkcs1Sha512,
            });
        }
        let algorithm = Self::from_identifier(identifier)?;
        // RFC 8419 §3.1 wants SHA-512 beside Ed25519; OpenSSL agrees.
        if algorithm.hash() == hash { Ok(algorithm) } else { Err(AlgorithmError::DigestMismatch) }
    }

    /// The AlgorithmIdentifier of this algorithm.
    #[must_use]
    pub fn identifier(self) -> AlgorithmIdentifierOwned {
        let (oid, parameters) = match self {
            Self::EcdsaSha256 => (oid::ECDSA_WITH_SHA_256, None),
            Self::EcdsaSha384 => (oid::ECDSA_WITH_SHA_384, None),
            Self::EcdsaSha512 => (oid::ECDSA_WITH_SHA_512, None),
            // RFC 4055 §5: the parameters of these three are NULL, not absent.
            Self::RsaPkcs1Sha256 => (oid::SHA_256_WITH_RSA_ENCRYPTION, Some(der::Any::null())),
            Self::RsaPkcs1Sha384 => (oid::SHA_384_WITH_RSA_ENCRYPTION, Some(der::Any::null())),
            Self::RsaPkcs1Sha512 => (oid::SHA_512_WITH_RSA_ENCRYPTION, Some(der::Any::null())),
            Self::Ed25519 => (ID_ED25519, None),
        };
        AlgorithmIdentifierOwned { oid, parameters }
    }

    /// The digest that goes with this algorithm, also in a CMS message-digest attribute.
    #[must_use]
    pub const fn hash(self) -> HashAlgorithm {
        match self {
            Self::EcdsaSha256 | Self::RsaPkcs1Sha256 => HashAlgorithm::Sha256,
            Self::EcdsaSha384 | Self::RsaPkcs1Sha384 => HashAlgorithm::Sha384,
            Self::EcdsaSha512 | Self::RsaPkcs1Sha512 | Self::Ed25519 => HashAlgorithm::Sha512,
        }
    }

    /// Verifies `signature` over `message` with `key`.
    ///
    /// # Errors
    /// [`AlgorithmError::KeyMismatch`] when the key is of another kind, [`AlgorithmError::BadSignature`] when it does
    /// not verify.
    pub fn verify(self, key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), AlgorithmError> {
        if self == Self::EcdsaSha512 && key.key_type() == KeyType::P521 {
            let verifier = p521::ecdsa::VerifyingKey::from_sec1_bytes(key.subject_public_key())
                .map_err(|_| AlgorithmError::KeyMismatch)?;
            let signature =
                p521::ecdsa::DerSignature::from_bytes(signature).map_err(|_| AlgorithmError::BadSignature)?;
            use p521::ecdsa::signature::hazmat::PrehashVerifier;
            return verifier
                .verify_prehash(&self.hash().digest(message), &signature)
                .map_err(|_| AlgorithmError::BadSignature);
        }
        let algorithm = self.ring(key.key_type()).ok_or(AlgorithmError::KeyMismatch)?;
        UnparsedPublicKey::new(algorithm, key.subject_public_key())
            .verify(message, signature)
            .map_err(|_| AlgorithmError::BadSignature)
    }

    fn ring(self, key: KeyType) -> Option<&'static dyn VerificationAlgorithm> {
        Some(match (self, key) {
            (Self::EcdsaSha256, KeyType::P256) => &signature::ECDSA_P256_SHA256_ASN1,
            (Self::EcdsaSha256, KeyType::P384) => &signature::ECDSA_P384_SHA256_ASN1,
            (Self::EcdsaSha384, KeyType::P256) => &signature::ECDSA_P256_SHA384_ASN1,
            (Self::EcdsaSha384, KeyType::P384) => &signature::ECDSA_P384_SHA384_ASN1,
            (Self::RsaPkcs1Sha256, KeyType::Rsa) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (Self::RsaPkcs1Sha384, KeyType::Rsa) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (Self::RsaPkcs1Sha512, KeyType::Rsa) => &signature::RSA_PKCS1_2048_8192_SHA512,
            (Self::Ed25519, KeyType::Ed25519) => &signature::ED25519,
            _ => return None,
        })
    }
}

/// The AlgorithmIdentifier of a digest, without parameters (RFC 5754 §2).
#[must_use]
pub fn digest_identifier(hash: HashAlgorithm) -> AlgorithmIdentifierOwned {
    let oid = match hash {
        HashAlgorithm::Sha256 => oid::ID_SHA_256,
        HashAlgorithm::Sha384 => oid::ID_SHA_384,
        HashAlgorithm::Sha512 => oid::ID_SHA_512,
    };
    AlgorithmIdentifierOwned { oid, parameters: None }
}

fn hash_from_oid(oid: ObjectIdentifier) -> Result<HashAlgorithm, AlgorithmError> {
    Ok(match oid {
        oid::ID_SHA_256 => HashAlgorithm::Sha256,
        oid::ID_SHA_384 => HashAlgorithm::Sha384,
        oid::ID_SHA_512 => HashAlgorithm::Sha512,
        other => return Err(AlgorithmError::Unknown(other)),
    })
}

/// Verifies an RSASSA-PSS signature (MGF1 with the same hash) whose salt may have any length.
///
/// Kept apart from [`SignatureAlgorithm`] because only boot images need it: mkimage makes salts as long as the key
/// allows, which ring refuses.
///
/// # Errors
/// [`AlgorithmError::KeyMismatch`] when the key is not RSA of 2048 to 8192 bits, [`AlgorithmError::BadSignature`]
/// when it does not verify.
pub fn verify_pss_any_salt(
    hash: HashAlgorithm,
    key: &PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<(), AlgorithmError> {
    use rsa::{pss, signature::Verifier, traits::PublicKeyParts};

    let key = rsa_public_key(key)?;
    if !(2048..=8192).contains(&key.n().bits()) {
        return Err(AlgorithmError::KeyMismatch);
    }
    let signature = pss::Signature::try_from(signature).map_err(|_| AlgorithmError::BadSignature)?;
    match hash {
        HashAlgorithm::Sha256 => {
            pss::VerifyingKey::<sha2::Sha256>::new_with_auto_salt_len(key).verify(message, &signature)
        }
        HashAlgorithm::Sha384 => {
            pss::VerifyingKey::<sha2::Sha384>::new_with_auto_salt_len(key).verify(message, &signature)
        }
        HashAlgorithm::Sha512 => {
            pss::VerifyingKey::<sha2::Sha512>::new_with_auto_salt_len(key).verify(message, &signature)
        }
    }
    .map_err(|_| AlgorithmError::BadSignature)
}

fn rsa_public_key(key: &PublicKey) -> Result<rsa::RsaPublicKey, AlgorithmError> {
    if key.key_type() != KeyType::Rsa {
        return Err(AlgorithmError::KeyMismatch);
    }
    rsa::pkcs1::DecodeRsaPublicKey::from_pkcs1_der(key.subject_public_key()).map_err(|_| AlgorithmError::KeyMismatch)
}

/// Re-encodes a raw ECDSA signature (r ‖ s, as boot images and TPMs carry it) as the DER SEQUENCE of RFC 3279 §2.2.3.
///
/// # Errors
/// [`AlgorithmError::BadSignature`] when the length is odd or zero.
pub fn ecdsa_der_from_raw(raw: &[u8]) -> Result<Vec<u8>, AlgorithmError> {
    #[derive(der::Sequence)]
    struct EcdsaSigValue<'a> {
        r: der::asn1::UintRef<'a>,
        s: der::asn1::UintRef<'a>,
    }

    if raw.is_empty() || !raw.len().is_multiple_of(2) {
        return Err(AlgorithmError::BadSignature);
    }
    let (r, s) = raw.split_at(raw.len() / 2);
    let value = |bytes| der::asn1::UintRef::new(bytes).map_err(|_| AlgorithmError::BadSignature);
    EcdsaSigValue { r: value(r)?, s: value(s)? }.to_der().map_err(|_| AlgorithmError::BadSignature)
}

/// Why a signature was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AlgorithmError {
    /// An algorithm that is unknown here or too weak to be accepted.
    #[error("algorithm {0} is unknown or too weak")]
    Unknown(ObjectIdentifier),
    /// The digest named beside the signature is not the one the signature uses.
    #[error("the digest algorithm does not go with the signature algorithm")]
    DigestMismatch,
    /// The key cannot be used with this algorithm.
    #[error("the key is of another kind than the signature")]
    KeyMismatch,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    BadSignature,
}

#[cfg(test)]
mod tests {
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
    };

    use super::*;
    use crate::key::{FileKey, Signer};

    const ALL: [SignatureAlgorithm; 6] = [
        SignatureAlgorithm::EcdsaSha256,
        SignatureAlgorithm::EcdsaSha384,
        SignatureAlgorithm::RsaPkcs1Sha256,
        SignatureAlgorithm::RsaPkcs1Sha384,
        SignatureAlgorithm::RsaPkcs1Sha512,
        SignatureAlgorithm::Ed25519,
    ];

    fn bare(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
        AlgorithmIdentifierOwned { oid, parameters: None }
    }

    #[test]
    fn every_algorithm_is_named_and_found_by_its_identifier() {
        for algorithm in ALL {
            assert_eq!(SignatureAlgorithm::from_identifier(&algorithm.identifier()), Ok(algorithm));
            let digest = digest_identifier(algorithm.hash());
            assert_eq!(SignatureAlgorithm::from_cms(&digest, &algorithm.identifier()), Ok(algorithm));
        }
    }

    #[test]
    fn rsa_encryption_takes_the_digest_beside_it() {
        // RFC 3370 §3.2: what OpenSSL writes for every RSA signature in CMS.
        let named = |hash| SignatureAlgorithm::from_cms(&digest_identifier(hash), &bare(oid::RSA_ENCRYPTION));
        assert_eq!(named(HashAlgorithm::Sha256), Ok(SignatureAlgorithm::RsaPkcs1Sha256));
        assert_eq!(named(HashAlgorithm::Sha384), Ok(SignatureAlgorithm::RsaPkcs1Sha384));
        assert_eq!(named(HashAlgorithm::Sha512), Ok(SignatureAlgorithm::RsaPkcs1Sha512));
    }

    #[test]
    fn weak_unknown_and_contradicting_algorithms_are_refused() {
        // ART-30.
        let sha1 = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
        let ecdsa_sha1 = ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");
        assert_eq!(SignatureAlgorithm::from_identifier(&bare(ecdsa_sha1)), Err(AlgorithmError::Unknown(ecdsa_sha1)));
        let rsa = bare(oid::RSA_ENCRYPTION);
        assert_eq!(SignatureAlgorithm::from_cms(&bare(sha1), &rsa), Err(AlgorithmError::Unknown(sha1)));
        // rsaEncryption names no digest, so that it cannot stand alone.
        assert!(SignatureAlgorithm::from_identifier(&rsa).is_err());
        let (digest, other) = (digest_identifier(HashAlgorithm::Sha384), SignatureAlgorithm::EcdsaSha256);
        let refused = SignatureAlgorithm::from_cms(&digest, &other.identifier());
        assert_eq!(refused, Err(AlgorithmError::DigestMismatch));
    }

    #[test]
    fn a_key_verifies_only_what_its_kind_can_have_made() {
        let key = FileKey::generate_p256().unwrap();
        let signature = key.sign(b"message").unwrap();
        for algorithm in ALL {
            let expected = match algorithm {
                SignatureAlgorithm::EcdsaSha256 => Ok(()),
                // ECDSA over P-256 with SHA-384 is legal, and this is not such a signature.
                SignatureAlgorithm::EcdsaSha384 => Err(AlgorithmError::BadSignature),
                _ => Err(AlgorithmError::KeyMismatch),
            };
            assert_eq!(algorithm.verify(key.public_key(), b"message", &signature), expected, "{algorithm:?}");
        }
        let refused = verify_pss_any_salt(HashAlgorithm::Sha256, key.public_key(), b"message", &signature);
        assert_eq!(refused, Err(AlgorithmError::KeyMismatch));
    }

    #[test]
    fn raw_ecdsa_becomes_der_and_verifies() {
        // RFC 3279 §2.2.3. Many, so that integers with a high first bit and with leading zeros are among them.
        let key = FileKey::generate_p256().unwrap();
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.pkcs8_der(), &random).unwrap();
        for _ in 0..300 {
            let raw = pair.sign(&random, b"message").unwrap();
            let der = ecdsa_der_from_raw(raw.as_ref()).unwrap();
            key.algorithm().verify(key.public_key(), b"message", &der).unwrap();
        }
    }

    #[test]
    fn raw_ecdsa_integers_are_minimal() {
        let mut raw = [0; 64];
        (raw[31], raw[32]) = (0x7f, 0x80);
        let der = ecdsa_der_from_raw(&raw).unwrap();
        assert_eq!(der[..7], [0x30, 0x26, 0x02, 0x01, 0x7f, 0x02, 0x21]);
        assert_eq!(der[7..9], [0x00, 0x80]);
        assert_eq!(ecdsa_der_from_raw(&[]), Err(AlgorithmError::BadSignature));
        assert_eq!(ecdsa_der_from_raw(&[1, 2, 3]), Err(AlgorithmError::BadSignature));
    }
}
