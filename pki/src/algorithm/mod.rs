//! Signature algorithms: which there are, how they are named in DER, and how one signature is verified.

mod ecdsa;
mod error;
mod identifier;
mod pss;

use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

pub(crate) use self::identifier::ID_ED25519;
use self::pss::Salt;
pub use self::{
    ecdsa::ecdsa_der_from_raw,
    error::AlgorithmError,
    identifier::digest_identifier,
    pss::{PssParameters, verify_pss_any_salt},
};
use crate::{
    digest::HashAlgorithm,
    key::{KeyType, PublicKey},
};

/// The shortest RSA modulus that is trusted, in bits (NIST SP 800-131A).
pub const MIN_RSA_BITS: usize = 2048;

/// A signature algorithm that this project makes or accepts. SHA-1 and MD5 are missing on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// ECDSA with SHA-256; the signature is the DER SEQUENCE of r and s (RFC 5480). Of whichever curve the key is.
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
    /// RSASSA-PSS (RFC 8017 §8.1).
    RsaPss(PssParameters),
    /// Ed25519 (RFC 8032); hashes by itself.
    Ed25519,
}

impl SignatureAlgorithm {
    /// The digest that goes with this algorithm, also in a CMS message-digest attribute.
    #[must_use]
    pub const fn hash(self) -> HashAlgorithm {
        match self {
            Self::EcdsaSha256 | Self::RsaPkcs1Sha256 => HashAlgorithm::Sha256,
            Self::EcdsaSha384 | Self::RsaPkcs1Sha384 => HashAlgorithm::Sha384,
            Self::EcdsaSha512 | Self::RsaPkcs1Sha512 | Self::Ed25519 => HashAlgorithm::Sha512,
            Self::RsaPss(parameters) => parameters.hash,
        }
    }

    /// Verifies `signature` over `message` with `key`.
    ///
    /// # Errors
    /// [`AlgorithmError::KeyMismatch`] when the key is of another kind or restricted to other parameters,
    /// [`AlgorithmError::RsaTooShort`] when it has less than [`MIN_RSA_BITS`], [`AlgorithmError::BadSignature`] when it
    /// does not verify.
    pub fn verify(self, key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), AlgorithmError> {
        let algorithm: &dyn VerificationAlgorithm = match (self, key.key_type()) {
            (Self::EcdsaSha256, KeyType::P256) => &signature::ECDSA_P256_SHA256_ASN1,
            (Self::EcdsaSha256, KeyType::P384) => &signature::ECDSA_P384_SHA256_ASN1,
            (Self::EcdsaSha384, KeyType::P256) => &signature::ECDSA_P256_SHA384_ASN1,
            (Self::EcdsaSha384, KeyType::P384) => &signature::ECDSA_P384_SHA384_ASN1,
            (Self::EcdsaSha256 | Self::EcdsaSha384 | Self::EcdsaSha512, _) => {
                return ecdsa::verify_digest(key, &self.hash().digest(message), signature);
            }
            (Self::RsaPkcs1Sha256, KeyType::Rsa) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (Self::RsaPkcs1Sha384, KeyType::Rsa) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (Self::RsaPkcs1Sha512, KeyType::Rsa) => &signature::RSA_PKCS1_2048_8192_SHA512,
            (Self::RsaPss(parameters), KeyType::Rsa | KeyType::RsaPss) => {
                // RFC 4055 §1.2: a key of type id-RSASSA-PSS may say which parameters alone it is good for.
                if key.pss_restriction().is_some_and(|restriction| !restriction.allows(parameters)) {
                    return Err(AlgorithmError::KeyMismatch);
                }
                return pss::verify(parameters.hash, Salt::Exactly(parameters.salt_length), key, message, signature);
            }
            (Self::Ed25519, KeyType::Ed25519) => &signature::ED25519,
            _ => return Err(AlgorithmError::KeyMismatch),
        };
        if key.key_type() == KeyType::Rsa {
            check_rsa_size(key)?;
        }
        UnparsedPublicKey::new(algorithm, key.subject_public_key())
            .verify(message, signature)
            .map_err(|_| AlgorithmError::BadSignature)
    }
}

/// Whether this names RSA PKCS#1 v1.5 with SHA-1, which is no [`SignatureAlgorithm`].
pub(crate) fn is_rsa_with_sha1(identifier: &spki::AlgorithmIdentifierOwned) -> bool {
    // RFC 8017 appendix A.2.4, and the older name of OIW.
    [const_oid::db::rfc5912::SHA_1_WITH_RSA_ENCRYPTION, OIW_SHA_1_WITH_RSA].contains(&identifier.oid)
}

/// Verifies such a signature: for factory certificates of old devices, and only where a policy says so.
pub(crate) fn verify_rsa_sha1(key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), AlgorithmError> {
    if key.key_type() != KeyType::Rsa {
        return Err(AlgorithmError::KeyMismatch);
    }
    check_rsa_size(key)?;
    UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, key.subject_public_key())
        .verify(message, signature)
        .map_err(|_| AlgorithmError::BadSignature)
}

const OIW_SHA_1_WITH_RSA: const_oid::ObjectIdentifier = const_oid::ObjectIdentifier::new_unwrap("1.3.14.3.2.29");

fn check_rsa_size(key: &PublicKey) -> Result<(), AlgorithmError> {
    match key.rsa_modulus_bits() {
        None => Err(AlgorithmError::KeyMismatch),
        Some(bits) if bits < MIN_RSA_BITS => Err(AlgorithmError::RsaTooShort(bits)),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use const_oid::{ObjectIdentifier, db::rfc5912 as oid};
    use der::{Decode, Encode, asn1::UintRef};
    use rsa::pkcs1::RsaPublicKeyRef;
    use spki::AlgorithmIdentifierOwned;

    use super::*;
    use crate::key::{FileKey, Signer};

    /// Every algorithm, PSS with several salts.
    pub(super) fn every() -> Vec<SignatureAlgorithm> {
        let mut every = vec![
            SignatureAlgorithm::EcdsaSha256,
            SignatureAlgorithm::EcdsaSha384,
            SignatureAlgorithm::EcdsaSha512,
            SignatureAlgorithm::RsaPkcs1Sha256,
            SignatureAlgorithm::RsaPkcs1Sha384,
            SignatureAlgorithm::RsaPkcs1Sha512,
            SignatureAlgorithm::Ed25519,
        ];
        for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512] {
            for salt_length in [0, 20, 32, 222, u16::MAX] {
                every.push(SignatureAlgorithm::RsaPss(PssParameters { hash, salt_length }));
            }
        }
        every
    }

    #[test]
    fn a_key_verifies_only_what_its_kind_can_have_made() {
        for key in [
            FileKey::generate_p256().unwrap(),
            FileKey::generate_p384().unwrap(),
            FileKey::generate_p521().unwrap(),
            FileKey::generate_ed25519().unwrap(),
        ] {
            let signature = key.sign(b"message").unwrap();
            let elliptic = |algorithm| {
                use SignatureAlgorithm::{EcdsaSha256, EcdsaSha384, EcdsaSha512};
                matches!(algorithm, EcdsaSha256 | EcdsaSha384 | EcdsaSha512)
            };
            for algorithm in every() {
                let expected = if algorithm == key.algorithm() {
                    Ok(())
                } else if elliptic(algorithm) && elliptic(key.algorithm()) {
                    // Any digest may go with any curve, and this is not such a signature.
                    Err(AlgorithmError::BadSignature)
                } else {
                    Err(AlgorithmError::KeyMismatch)
                };
                let verified = algorithm.verify(key.public_key(), b"message", &signature);
                assert_eq!(verified, expected, "{key:?} {algorithm:?}");
            }
            let refused = verify_pss_any_salt(HashAlgorithm::Sha256, key.public_key(), b"message", &signature);
            assert_eq!(refused, Err(AlgorithmError::KeyMismatch));
        }
    }

    /// An RSA public key with this modulus, which need not be one, and exponent.
    fn rsa_key(modulus: &[u8], exponent: &[u8], kind: ObjectIdentifier) -> PublicKey {
        let integers = RsaPublicKeyRef {
            modulus: UintRef::new(modulus).unwrap(),
            public_exponent: UintRef::new(exponent).unwrap(),
        };
        PublicKey::from_parts(AlgorithmIdentifierOwned { oid: kind, parameters: None }, &integers.to_der().unwrap())
            .unwrap()
    }

    #[test]
    fn rsa_keys_of_less_than_2048_bits_are_refused_by_name() {
        for (first, octets, expected) in [
            (0x80, 128, AlgorithmError::RsaTooShort(1024)),
            (0x7f, 256, AlgorithmError::RsaTooShort(2047)),
            (0x80, 256, AlgorithmError::BadSignature),
            (0xff, 1024, AlgorithmError::BadSignature),
        ] {
            let mut modulus = vec![0xff; octets];
            modulus[0] = first;
            let key = rsa_key(&modulus, &[1, 0, 1], oid::RSA_ENCRYPTION);
            let signature = vec![1; octets];
            for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512] {
                let pss = SignatureAlgorithm::RsaPss(PssParameters::new(hash));
                assert_eq!(pss.verify(&key, b"", &signature), Err(expected), "{octets}");
                assert_eq!(verify_pss_any_salt(hash, &key, b"", &signature), Err(expected), "{octets}");
            }
            assert_eq!(SignatureAlgorithm::RsaPkcs1Sha256.verify(&key, b"", &signature), Err(expected), "{octets}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_key_takes_noise_for_a_signature(
            modulus in proptest::collection::vec(0_u8.., 1..600),
            exponent in proptest::collection::vec(0_u8.., 1..20),
            signature in proptest::collection::vec(0_u8.., 0..600),
            point in proptest::collection::vec(0_u8.., 0..140),
        ) {
            let mut keys = vec![
                rsa_key(&modulus, &exponent, oid::RSA_ENCRYPTION),
                rsa_key(&modulus, &exponent, oid::ID_RSASSA_PSS),
            ];
            for curve in [oid::SECP_256_R_1, oid::SECP_384_R_1, oid::SECP_521_R_1] {
                let parameters = Some(der::Any::from(&curve));
                let identifier = AlgorithmIdentifierOwned { oid: oid::ID_EC_PUBLIC_KEY, parameters };
                keys.push(PublicKey::from_parts(identifier, &point).unwrap());
            }
            keys.push(PublicKey::from_parts(SignatureAlgorithm::Ed25519.identifier(), &point).unwrap());
            for key in &keys {
                for algorithm in every() {
                    proptest::prop_assert!(algorithm.verify(key, b"message", &signature).is_err());
                }
            }
        }

        #[test]
        fn a_damaged_identifier_is_refused_or_stays_what_it_says(which in 0_usize..22, position in 0_usize..70, bit in 0_u8..8) {
            let mut der = every()[which].identifier().to_der().unwrap();
            if let Some(octet) = der.get_mut(position) {
                *octet ^= 1 << bit;
            }
            if let Ok(identifier) = AlgorithmIdentifierOwned::from_der(&der)
                && let Ok(read) = SignatureAlgorithm::from_identifier(&identifier)
            {
                proptest::prop_assert_eq!(SignatureAlgorithm::from_identifier(&read.identifier()), Ok(read));
            }
        }
    }
}
