//! RSA key transport: how the content key was padded (RFC 3370 §4.2.1, RFC 3560, RFC 8017 §A.2.1).

use const_oid::{ObjectIdentifier, db::rfc5912 as oid};
use der::{Any, Sequence, Tagged, asn1::OctetStringRef};
use pki::key::{OaepHash, RsaPadding};
use spki::AlgorithmIdentifierOwned;

use super::{Algorithm, OpenError};

pub(super) const RSA_ENCRYPTION: ObjectIdentifier = oid::RSA_ENCRYPTION;
pub(super) const RSAES_OAEP: ObjectIdentifier = oid::ID_RSAES_OAEP;

/// RSAES-OAEP-params. Whatever is absent has SHA-1 in it.
#[derive(Sequence)]
struct OaepParameters {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    hash: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    mask: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    label: Option<AlgorithmIdentifierOwned>,
}

/// Reads a keyEncryptionAlgorithm of key transport.
pub(super) fn padding(identifier: &AlgorithmIdentifierOwned) -> Result<RsaPadding, OpenError> {
    match identifier.oid {
        RSA_ENCRYPTION => Ok(RsaPadding::Pkcs1),
        RSAES_OAEP => oaep(identifier.parameters.as_ref()).ok_or(OpenError::KeyEncryptionParameters),
        other => Err(OpenError::KeyEncryption(Algorithm(other))),
    }
}

fn oaep(parameters: Option<&Any>) -> Option<RsaPadding> {
    // RFC 4055 §4.1: the parameters are always there, though the SEQUENCE may be empty.
    let parameters: OaepParameters = parameters?.decode_as().ok()?;
    let hash = parameters.hash.map_or(Some(OaepHash::Sha1), |hash| hash_of(&hash))?;
    let mask = match parameters.mask {
        None => OaepHash::Sha1,
        Some(mask) if mask.oid == oid::ID_MGF_1 => hash_of(&mask.parameters?.decode_as().ok()?)?,
        Some(_) => return None,
    };
    // A label binds the key to something that nothing in RFC 8572 names.
    if !parameters.label.is_none_or(|label| is_empty_label(&label)) {
        return None;
    }
    Some(RsaPadding::Oaep { hash, mask })
}

fn is_empty_label(label: &AlgorithmIdentifierOwned) -> bool {
    let octets = label.parameters.as_ref().and_then(|parameters| parameters.decode_as::<&OctetStringRef>().ok());
    label.oid == oid::ID_P_SPECIFIED && octets.is_some_and(OctetStringRef::is_empty)
}

fn hash_of(identifier: &AlgorithmIdentifierOwned) -> Option<OaepHash> {
    // RFC 4055 §2.1: NULL or absent, and both must be accepted.
    if identifier.parameters.as_ref().is_some_and(|parameters| parameters.tag() != der::Tag::Null) {
        return None;
    }
    match identifier.oid {
        oid::ID_SHA_1 => Some(OaepHash::Sha1),
        oid::ID_SHA_256 => Some(OaepHash::Sha256),
        oid::ID_SHA_384 => Some(OaepHash::Sha384),
        oid::ID_SHA_512 => Some(OaepHash::Sha512),
        _ => None,
    }
}

/// OAEP with SHA-256 over the label and in MGF1, as it is made here.
pub(super) fn oaep_sha256() -> der::Result<AlgorithmIdentifierOwned> {
    // RFC 4055 §2.1: NULL, which everybody reads.
    let sha256 = AlgorithmIdentifierOwned { oid: oid::ID_SHA_256, parameters: Some(Any::null()) };
    let mask = AlgorithmIdentifierOwned { oid: oid::ID_MGF_1, parameters: Some(Any::encode_from(&sha256)?) };
    let parameters = OaepParameters { hash: Some(sha256), mask: Some(mask), label: None };
    Ok(AlgorithmIdentifierOwned { oid: RSAES_OAEP, parameters: Some(Any::encode_from(&parameters)?) })
}

#[cfg(test)]
mod tests {
    use der::{Decode, asn1::OctetString};

    use super::*;

    fn named(parameters: &OaepParameters) -> Result<RsaPadding, OpenError> {
        padding(&AlgorithmIdentifierOwned { oid: RSAES_OAEP, parameters: Some(Any::encode_from(parameters).unwrap()) })
    }

    #[test]
    fn enc_10_oaep_parameters_default_to_sha1_and_are_read_as_written() {
        let empty = AlgorithmIdentifierOwned { oid: RSAES_OAEP, parameters: Some(Any::from_der(&[0x30, 0]).unwrap()) };
        let sha1 = RsaPadding::Oaep { hash: OaepHash::Sha1, mask: OaepHash::Sha1 };
        assert_eq!(padding(&empty), Ok(sha1));
        let sha256 = RsaPadding::Oaep { hash: OaepHash::Sha256, mask: OaepHash::Sha256 };
        assert_eq!(padding(&oaep_sha256().unwrap()), Ok(sha256));
        let absent = AlgorithmIdentifierOwned { oid: RSAES_OAEP, parameters: None };
        assert_eq!(padding(&absent), Err(OpenError::KeyEncryptionParameters));
    }

    #[test]
    fn oaep_with_a_label_or_an_unknown_part_is_refused() {
        let part = |oid, parameters| Some(AlgorithmIdentifierOwned { oid, parameters });
        let octets = |octets: &[u8]| Some(Any::encode_from(&OctetString::new(octets).unwrap()).unwrap());
        let label = |it: &[u8]| OaepParameters { hash: None, mask: None, label: part(oid::ID_P_SPECIFIED, octets(it)) };
        assert!(named(&label(b"")).is_ok());
        assert_eq!(named(&label(b"label")), Err(OpenError::KeyEncryptionParameters));
        let md5 = ObjectIdentifier::new_unwrap("1.2.840.113549.2.5");
        for refused in [
            OaepParameters { hash: part(md5, None), mask: None, label: None },
            OaepParameters { hash: None, mask: part(oid::ID_SHA_256, None), label: None },
            OaepParameters { hash: None, mask: part(oid::ID_MGF_1, None), label: None },
        ] {
            assert_eq!(named(&refused), Err(OpenError::KeyEncryptionParameters));
        }
    }
}
