//! Algorithms by their names in DER, and the names that are refused.

use const_oid::{ObjectIdentifier, db::rfc5912 as oid};
use der::Tag;
use spki::AlgorithmIdentifierOwned;

use super::{AlgorithmError, PssParameters, SignatureAlgorithm};
use crate::digest::HashAlgorithm;

/// Ed25519, as a key and as a signature (RFC 8410 §3).
pub(crate) const ID_ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Digests and signatures that are broken or give less than 112 bits, to be told from what is merely unknown.
const WEAK: [ObjectIdentifier; 19] = [
    // MD2, MD4, MD5, SHA-1, SHA-224 and SHA-512/224.
    ObjectIdentifier::new_unwrap("1.2.840.113549.2.2"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.2.4"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.2.5"),
    ObjectIdentifier::new_unwrap("1.3.14.3.2.26"),
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.4"),
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.5"),
    // RSA with MD2, MD4, MD5, SHA-1 (two names) and SHA-224.
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.2"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.3"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.4"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5"),
    ObjectIdentifier::new_unwrap("1.3.14.3.2.29"),
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.14"),
    // ECDSA with SHA-1 and SHA-224.
    ObjectIdentifier::new_unwrap("1.2.840.10045.4.1"),
    ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.1"),
    // DSA: the key, and with SHA-1 (two names), SHA-224 and SHA-256.
    ObjectIdentifier::new_unwrap("1.2.840.10040.4.1"),
    ObjectIdentifier::new_unwrap("1.2.840.10040.4.3"),
    ObjectIdentifier::new_unwrap("1.3.14.3.2.27"),
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.1"),
    ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.2"),
];

impl SignatureAlgorithm {
    /// From an AlgorithmIdentifier as it stands in a certificate or, for signers that are exact, in CMS.
    ///
    /// # Errors
    /// [`AlgorithmError::Unknown`] or [`AlgorithmError::Weak`] when the identifier is none of ours,
    /// [`AlgorithmError::Parameters`] when its parameters are not those of the algorithm.
    pub fn from_identifier(identifier: &AlgorithmIdentifierOwned) -> Result<Self, AlgorithmError> {
        let algorithm = match identifier.oid {
            oid::ECDSA_WITH_SHA_256 => Self::EcdsaSha256,
            oid::ECDSA_WITH_SHA_384 => Self::EcdsaSha384,
            oid::ECDSA_WITH_SHA_512 => Self::EcdsaSha512,
            oid::SHA_256_WITH_RSA_ENCRYPTION => Self::RsaPkcs1Sha256,
            oid::SHA_384_WITH_RSA_ENCRYPTION => Self::RsaPkcs1Sha384,
            oid::SHA_512_WITH_RSA_ENCRYPTION => Self::RsaPkcs1Sha512,
            oid::ID_RSASSA_PSS => return Ok(Self::RsaPss(PssParameters::from_identifier(identifier)?)),
            ID_ED25519 => Self::Ed25519,
            other => return Err(refused(other)),
        };
        match algorithm {
            // RFC 4055 §5: NULL is what is written, nothing is to be accepted as well.
            Self::RsaPkcs1Sha256 | Self::RsaPkcs1Sha384 | Self::RsaPkcs1Sha512 => null_or_absent(identifier)?,
            // RFC 5758 §3.2, RFC 8410 §3: no parameters.
            _ if identifier.parameters.is_some() => return Err(AlgorithmError::Parameters(identifier.oid)),
            _ => {}
        }
        Ok(algorithm)
    }

    /// From the pair of identifiers in a CMS SignerInfo, where `rsaEncryption` may stand for RSA with the digest named
    /// beside it (RFC 3370 §3.2).
    ///
    /// # Errors
    /// As [`SignatureAlgorithm::from_identifier`], and [`AlgorithmError::DigestMismatch`] when the two name different
    /// digests.
    pub fn from_cms(
        digest: &AlgorithmIdentifierOwned,
        identifier: &AlgorithmIdentifierOwned,
    ) -> Result<Self, AlgorithmError> {
        let hash = hash_from_identifier(digest)?;
        if identifier.oid == oid::RSA_ENCRYPTION {
            null_or_absent(identifier)?;
            return Ok(match hash {
                HashAlgorithm::Sha256 => Self::RsaPkcs1Sha256,
                HashAlgorithm::Sha384 => Self::RsaPkcs1Sha384,
                HashAlgorithm::Sha512 => Self::RsaPkcs1Sha512,
            });
        }
        let algorithm = Self::from_identifier(identifier)?;
        // RFC 8419 §3.1 wants SHA-512 beside Ed25519, RFC 4056 §3 the hash of its parameters beside RSASSA-PSS.
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
            Self::RsaPss(parameters) => return parameters.identifier(),
            Self::Ed25519 => (ID_ED25519, None),
        };
        AlgorithmIdentifierOwned { oid, parameters }
    }
}

/// The AlgorithmIdentifier of a digest, without parameters (RFC 5754 §2).
#[must_use]
pub fn digest_identifier(hash: HashAlgorithm) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: hash_oid(hash), parameters: None }
}

pub(super) fn hash_oid(hash: HashAlgorithm) -> ObjectIdentifier {
    match hash {
        HashAlgorithm::Sha256 => oid::ID_SHA_256,
        HashAlgorithm::Sha384 => oid::ID_SHA_384,
        HashAlgorithm::Sha512 => oid::ID_SHA_512,
    }
}

pub(super) fn hash_from_identifier(identifier: &AlgorithmIdentifierOwned) -> Result<HashAlgorithm, AlgorithmError> {
    let hash = match identifier.oid {
        oid::ID_SHA_256 => HashAlgorithm::Sha256,
        oid::ID_SHA_384 => HashAlgorithm::Sha384,
        oid::ID_SHA_512 => HashAlgorithm::Sha512,
        other => return Err(refused(other)),
    };
    // RFC 5754 §2: absent is what is written, NULL is to be accepted as well.
    null_or_absent(identifier)?;
    Ok(hash)
}

fn null_or_absent(identifier: &AlgorithmIdentifierOwned) -> Result<(), AlgorithmError> {
    match &identifier.parameters {
        Some(any) if der::Tagged::tag(any) != Tag::Null => Err(AlgorithmError::Parameters(identifier.oid)),
        _ => Ok(()),
    }
}

pub(super) fn refused(oid: ObjectIdentifier) -> AlgorithmError {
    if WEAK.contains(&oid) { AlgorithmError::Weak(oid) } else { AlgorithmError::Unknown(oid) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::tests::every;

    const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
    const ECDSA_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");
    const SHA3_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.8");

    fn bare(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
        AlgorithmIdentifierOwned { oid, parameters: None }
    }

    #[test]
    fn every_algorithm_is_named_and_found_by_its_identifier() {
        for algorithm in every() {
            assert_eq!(SignatureAlgorithm::from_identifier(&algorithm.identifier()), Ok(algorithm));
            let digest = digest_identifier(algorithm.hash());
            assert_eq!(SignatureAlgorithm::from_cms(&digest, &algorithm.identifier()), Ok(algorithm));
            for other in [HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512] {
                let read = SignatureAlgorithm::from_cms(&digest_identifier(other), &algorithm.identifier());
                assert_eq!(read.is_ok(), other == algorithm.hash(), "{algorithm:?} beside {other:?}");
            }
        }
    }

    #[test]
    fn rsa_encryption_takes_the_digest_beside_it() {
        // RFC 3370 §3.2: what OpenSSL writes for every PKCS#1 v1.5 signature in CMS.
        let named = |hash| SignatureAlgorithm::from_cms(&digest_identifier(hash), &bare(oid::RSA_ENCRYPTION));
        assert_eq!(named(HashAlgorithm::Sha256), Ok(SignatureAlgorithm::RsaPkcs1Sha256));
        assert_eq!(named(HashAlgorithm::Sha384), Ok(SignatureAlgorithm::RsaPkcs1Sha384));
        assert_eq!(named(HashAlgorithm::Sha512), Ok(SignatureAlgorithm::RsaPkcs1Sha512));
        // It names no digest, so that it cannot stand alone.
        let alone = SignatureAlgorithm::from_identifier(&bare(oid::RSA_ENCRYPTION));
        assert_eq!(alone, Err(AlgorithmError::Unknown(oid::RSA_ENCRYPTION)));
    }

    #[test]
    fn art_30_weak_algorithms_are_told_from_unknown_ones() {
        for weak in WEAK {
            assert_eq!(SignatureAlgorithm::from_identifier(&bare(weak)), Err(AlgorithmError::Weak(weak)));
        }
        let alone = SignatureAlgorithm::from_identifier(&bare(SHA3_256));
        assert_eq!(alone, Err(AlgorithmError::Unknown(SHA3_256)));
        let rsa = bare(oid::RSA_ENCRYPTION);
        let beside = |digest| SignatureAlgorithm::from_cms(&bare(digest), &rsa);
        assert_eq!(beside(SHA1), Err(AlgorithmError::Weak(SHA1)));
        assert_eq!(beside(SHA3_256), Err(AlgorithmError::Unknown(SHA3_256)));
        let sha256 = digest_identifier(HashAlgorithm::Sha256);
        let refused = SignatureAlgorithm::from_cms(&sha256, &bare(ECDSA_SHA1));
        assert_eq!(refused, Err(AlgorithmError::Weak(ECDSA_SHA1)));
    }

    #[test]
    fn parameters_stand_where_they_belong_and_nowhere_else() {
        for algorithm in every() {
            let identifier = algorithm.identifier();
            let with = |parameters| {
                SignatureAlgorithm::from_identifier(&AlgorithmIdentifierOwned { oid: identifier.oid, parameters })
            };
            let wrong = Err(AlgorithmError::Parameters(identifier.oid));
            let rsa_pkcs1 = algorithm.identifier().parameters == Some(der::Any::null());
            assert_eq!(with(Some(der::Any::null())), if rsa_pkcs1 { Ok(algorithm) } else { wrong });
            assert_eq!(with(Some(der::Any::from(&SHA1))), wrong);
            let needed = matches!(algorithm, SignatureAlgorithm::RsaPss(_));
            assert_eq!(with(None), if needed { wrong } else { Ok(algorithm) });
        }
        // RFC 5754 §2.
        let digest = AlgorithmIdentifierOwned { oid: oid::ID_SHA_256, parameters: Some(der::Any::null()) };
        let ecdsa = SignatureAlgorithm::EcdsaSha256;
        assert_eq!(SignatureAlgorithm::from_cms(&digest, &ecdsa.identifier()), Ok(ecdsa));
        let digest = AlgorithmIdentifierOwned { oid: oid::ID_SHA_256, parameters: Some(der::Any::from(&SHA1)) };
        let refused = SignatureAlgorithm::from_cms(&digest, &ecdsa.identifier());
        assert_eq!(refused, Err(AlgorithmError::Parameters(oid::ID_SHA_256)));
    }
}
