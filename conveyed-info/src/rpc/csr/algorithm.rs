//! Algorithms of keys, as RFC 9646 names them.

use std::fmt;

use const_oid::{
    ObjectIdentifier,
    db::{rfc5912, rfc8410},
};
use der::{Decode, Encode, Tag, Tagged};
use pki::key::PublicKey;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoRef};

use crate::{DocumentError, document::Node};

/// The AlgorithmIdentifier of a key, with its parameters, such as the named curve (RFC 9646 §3.2; CSR-04).
///
/// Two are the same when identifier and parameters are; that some write NULL and others nothing makes no difference.
#[derive(Clone)]
pub struct KeyAlgorithm {
    der: Vec<u8>,
    parsed: Box<AlgorithmIdentifierOwned>,
}

impl KeyAlgorithm {
    /// Longest AlgorithmIdentifier that is read, in octets.
    pub const MAX_DER: usize = 1024;

    /// Reads a DER AlgorithmIdentifier; `None` when it is none, or too long.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Option<Self> {
        if der.len() > Self::MAX_DER {
            return None;
        }
        let parsed = Box::new(AlgorithmIdentifierOwned::from_der(der).ok()?);
        Some(Self { der: der.to_vec(), parsed })
    }

    /// The algorithm of `key`; `None` when its SubjectPublicKeyInfo holds more parameters than can be.
    #[must_use]
    pub fn of(key: &PublicKey) -> Option<Self> {
        let info = SubjectPublicKeyInfoRef::from_der(key.spki_der()).ok()?;
        Self::from_der(&info.algorithm.to_der().ok()?)
    }

    /// The AlgorithmIdentifier, DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    pub(super) fn decode(node: Node) -> Result<Self, DocumentError> {
        let invalid = node.invalid("a DER AlgorithmIdentifier in base64");
        Self::from_der(&node.binary()?).ok_or(invalid)
    }

    fn curve(&self) -> Option<ObjectIdentifier> {
        self.parsed.parameters.as_ref()?.decode_as().ok()
    }
}

impl PartialEq for KeyAlgorithm {
    fn eq(&self, other: &Self) -> bool {
        let parameters = |it: &Self| it.parsed.parameters.clone().filter(|any| any.tag() != Tag::Null);
        self.parsed.oid == other.parsed.oid && parameters(self) == parameters(other)
    }
}

impl Eq for KeyAlgorithm {}

impl fmt::Display for KeyAlgorithm {
    /// The name that people know, or the object identifier (CSR-04).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match (self.parsed.oid, self.curve()) {
            (rfc5912::RSA_ENCRYPTION, _) => "RSA",
            (rfc5912::ID_EC_PUBLIC_KEY, Some(rfc5912::SECP_256_R_1)) => "EC P-256",
            (rfc5912::ID_EC_PUBLIC_KEY, Some(rfc5912::SECP_384_R_1)) => "EC P-384",
            (rfc5912::ID_EC_PUBLIC_KEY, Some(rfc5912::SECP_521_R_1)) => "EC P-521",
            (rfc5912::ID_EC_PUBLIC_KEY, Some(curve)) => return write!(f, "EC {curve}"),
            (rfc8410::ID_ED_25519, _) => "Ed25519",
            (rfc8410::ID_ED_448, _) => "Ed448",
            (other, _) => return write!(f, "{other}"),
        };
        f.write_str(name)
    }
}

impl fmt::Debug for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyAlgorithm({self})")
    }
}

#[cfg(test)]
mod tests {
    use pki::key::{FileKey, Signer};

    use super::*;

    #[test]
    fn csr_04_algorithms_have_names() {
        for (der, name) in [
            (&b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"[..], "EC P-256"),
            (b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22", "EC P-384"),
            (b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23", "EC P-521"),
            (b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x0a", "EC 1.3.132.0.10"),
            (b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00", "RSA"),
            (b"\x30\x05\x06\x03\x2b\x65\x70", "Ed25519"),
            (b"\x30\x05\x06\x03\x2b\x65\x71", "Ed448"),
            (b"\x30\x05\x06\x03\x2a\x03\x04", "1.2.3.4"),
        ] {
            let algorithm = KeyAlgorithm::from_der(der).unwrap();
            assert_eq!(algorithm.to_string(), name);
            assert_eq!(algorithm.der(), der);
        }
        for bad in [&b""[..], b"\x30\x00", b"\x06\x03\x2b\x65\x70", b"\x30\x05\x06\x03\x2b\x65\x70\x00"] {
            assert_eq!(KeyAlgorithm::from_der(bad), None);
        }
        assert_eq!(KeyAlgorithm::from_der(&[0x30; 2000]), None);
    }

    #[test]
    fn null_and_no_parameters_are_the_same_and_another_curve_is_not() {
        let with = KeyAlgorithm::from_der(b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00").unwrap();
        let without = KeyAlgorithm::from_der(b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01").unwrap();
        assert_eq!(with, without);
        let p256 = KeyAlgorithm::of(FileKey::generate_p256().unwrap().public_key()).unwrap();
        assert_eq!(p256.to_string(), "EC P-256");
        let p384 = KeyAlgorithm::from_der(b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22");
        assert_ne!(Some(p256), p384);
    }
}
