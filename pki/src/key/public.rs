//! SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), checked once.

use const_oid::{ObjectIdentifier, db::rfc5912 as oid};
use der::{Decode, Encode, pem::LineEnding};
use rsa::pkcs1::RsaPublicKeyRef;
use spki::SubjectPublicKeyInfoOwned;

use super::KeyError;
use crate::{
    algorithm::{ID_ED25519, PssParameters, SignatureAlgorithm},
    digest::{Digest, HashAlgorithm, sha256},
};

/// The kinds of keys that the system works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
    /// RSA, for signatures with either padding and for encryption.
    Rsa,
    /// RSA for RSASSA-PSS signatures alone (id-RSASSA-PSS, RFC 4055 §1.2).
    RsaPss,
    /// Ed25519.
    Ed25519,
}

/// A public key of a known kind, kept with its exact SubjectPublicKeyInfo.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    key_type: KeyType,
    spki: Vec<u8>,
    subject_public_key: Vec<u8>,
    pss: Option<PssParameters>,
}

impl PublicKey {
    /// Reads a DER SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`KeyError::Malformed`], [`KeyError::UnknownType`], [`KeyError::UnknownCurve`], or [`KeyError::Restriction`] when
    /// an RSA key names RSASSA-PSS parameters that are not worked with.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        let info = SubjectPublicKeyInfoOwned::from_der(der).map_err(|_| KeyError::Malformed)?;
        let curve = info.algorithm.parameters.as_ref().and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
        let key_type = match (info.algorithm.oid, curve) {
            (oid::ID_EC_PUBLIC_KEY, Some(oid::SECP_256_R_1)) => KeyType::P256,
            (oid::ID_EC_PUBLIC_KEY, Some(oid::SECP_384_R_1)) => KeyType::P384,
            (oid::ID_EC_PUBLIC_KEY, Some(oid::SECP_521_R_1)) => KeyType::P521,
            (oid::RSA_ENCRYPTION, _) => KeyType::Rsa,
            (oid::ID_RSASSA_PSS, _) => KeyType::RsaPss,
            (oid::ID_EC_PUBLIC_KEY, Some(other)) => return Err(KeyError::UnknownCurve(other)),
            (ID_ED25519, _) => KeyType::Ed25519,
            (other, _) => return Err(KeyError::UnknownType(other)),
        };
        let subject_public_key = info.subject_public_key.as_bytes().ok_or(KeyError::Malformed)?.to_vec();
        // RFC 4055 §1.2: without parameters the key is good for all of them.
        let pss = match (key_type, &info.algorithm.parameters) {
            (KeyType::RsaPss, Some(_)) => Some(PssParameters::from_identifier(&info.algorithm)?),
            _ => None,
        };
        Ok(Self { key_type, spki: der.to_vec(), subject_public_key, pss })
    }

    /// The key with these octets (RFC 8032 §5.1.5), in the form of RFC 8410 §4.
    #[must_use]
    pub fn from_ed25519(raw: [u8; 32]) -> Self {
        const BEFORE: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        let spki = [&BEFORE[..], &raw].concat();
        Self { key_type: KeyType::Ed25519, spki, subject_public_key: raw.to_vec(), pss: None }
    }

    /// Reads a `PUBLIC KEY` PEM block.
    ///
    /// # Errors
    /// As [`PublicKey::from_spki_der`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let (label, der) = der::pem::decode_vec(pem).map_err(|_| KeyError::Malformed)?;
        if label != "PUBLIC KEY" {
            return Err(KeyError::Malformed);
        }
        Self::from_spki_der(&der)
    }

    /// As a `PUBLIC KEY` PEM block.
    #[must_use]
    pub fn to_pem(&self) -> String {
        der::pem::encode_string("PUBLIC KEY", LineEnding::LF, &self.spki).unwrap_or_default()
    }

    /// The kind of key.
    #[must_use]
    pub const fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// The exact SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The contents of the subjectPublicKey BIT STRING: a curve point, or a PKCS#1 RSAPublicKey.
    #[must_use]
    pub fn subject_public_key(&self) -> &[u8] {
        &self.subject_public_key
    }

    /// Length of an RSA key's modulus in bits; none for other keys, and when the RSAPublicKey cannot be read.
    #[must_use]
    pub fn rsa_modulus_bits(&self) -> Option<usize> {
        match self.key_type {
            KeyType::Rsa | KeyType::RsaPss => {
                RsaPublicKeyRef::from_der(&self.subject_public_key).ok().map(|key| rsa_bits(key.modulus.as_bytes()))
            }
            _ => None,
        }
    }

    /// The algorithms with which keys of this kind sign here, that of choice first.
    ///
    /// RSA signs with either padding and each digest; RSASSA-PSS with a salt as long as the digest, where the key allows that
    /// (RFC 4055 §3.3). On elliptic curves the digest goes with the curve, and there is nothing to choose.
    #[must_use]
    pub fn signature_algorithms(&self) -> Vec<SignatureAlgorithm> {
        let pss = [HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512].map(PssParameters::new);
        let pss =
            pss.into_iter().filter(|parameters| self.pss.is_none_or(|restriction| restriction.allows(*parameters)));
        match self.key_type {
            KeyType::P256 => vec![SignatureAlgorithm::EcdsaSha256],
            KeyType::P384 => vec![SignatureAlgorithm::EcdsaSha384],
            KeyType::P521 => vec![SignatureAlgorithm::EcdsaSha512],
            KeyType::Ed25519 => vec![SignatureAlgorithm::Ed25519],
            KeyType::RsaPss => pss.map(SignatureAlgorithm::RsaPss).collect(),
            KeyType::Rsa => [
                SignatureAlgorithm::RsaPkcs1Sha256,
                SignatureAlgorithm::RsaPkcs1Sha384,
                SignatureAlgorithm::RsaPkcs1Sha512,
            ]
            .into_iter()
            .chain(pss.map(SignatureAlgorithm::RsaPss))
            .collect(),
        }
    }

    /// Whether the point of an elliptic curve is on it (SEC 1 §3.2.2.1).
    #[cfg(feature = "pkcs11")]
    pub(crate) fn check_point(&self) -> Result<(), KeyError> {
        let on_curve = match self.key_type {
            KeyType::P256 => p256::PublicKey::from_sec1_bytes(&self.subject_public_key).is_ok(),
            KeyType::P384 => p384::PublicKey::from_sec1_bytes(&self.subject_public_key).is_ok(),
            KeyType::P521 => p521::PublicKey::from_sec1_bytes(&self.subject_public_key).is_ok(),
            KeyType::Rsa | KeyType::RsaPss | KeyType::Ed25519 => false,
        };
        if on_curve { Ok(()) } else { Err(KeyError::Malformed) }
    }

    /// The RSASSA-PSS parameters to which the key itself is restricted.
    pub(crate) const fn pss_restriction(&self) -> Option<PssParameters> {
        self.pss
    }

    /// SHA-256 over the SubjectPublicKeyInfo, which names a key independently of its certificates.
    #[must_use]
    pub fn spki_sha256(&self) -> Digest {
        sha256(&self.spki)
    }

    pub(crate) fn from_parts(algorithm: spki::AlgorithmIdentifierOwned, bits: &[u8]) -> Result<Self, KeyError> {
        let subject_public_key = der::asn1::BitString::from_bytes(bits).map_err(|_| KeyError::Malformed)?;
        let info = SubjectPublicKeyInfoOwned { algorithm, subject_public_key };
        Self::from_spki_der(&info.to_der().map_err(|_| KeyError::Malformed)?)
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({:?}, {})", self.key_type, self.spki_sha256())
    }
}

/// Length in bits of an RSA modulus, given as the octets of its INTEGER.
pub(crate) fn rsa_bits(modulus: &[u8]) -> usize {
    let significant = modulus.iter().skip_while(|octet| **octet == 0);
    let leading = significant.clone().next().map_or(0, |octet| octet.leading_zeros());
    significant.count().saturating_mul(8).saturating_sub(usize::try_from(leading).unwrap_or(0))
}
