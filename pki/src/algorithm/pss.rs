//! RSASSA-PSS (RFC 8017 §8.1): its parameters, and how it is verified.
//!
//! Through the rsa crate, because ring insists on a salt as long as the digest. OpenSSL 3.0 and mkimage make it as long as
//! the key allows.

use const_oid::db::rfc5912 as oid;
use der::Sequence;
use rsa::{
    pkcs1::DecodeRsaPublicKey,
    pss::{Signature, VerifyingKey},
    signature::Verifier,
};
use spki::AlgorithmIdentifierOwned;

use super::{
    AlgorithmError,
    identifier::{hash_from_identifier, hash_oid, refused},
};
use crate::{
    digest::HashAlgorithm,
    key::{KeyType, PublicKey},
};

/// The salt's length when none is stated (RFC 4055 §3.1).
const DEFAULT_SALT_LENGTH: u16 = 20;

/// What RSASSA-PSS needs to know beside the key (RFC 4055 §3.1). MGF1 uses the same hash as the message, and the trailer
/// field is 1: nothing else is read or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PssParameters {
    /// Over the message and in MGF1.
    pub hash: HashAlgorithm,
    /// The salt's length in octets. A signature with another one does not verify. In a key: the least it may be.
    pub salt_length: u16,
}

impl PssParameters {
    /// With a salt as long as the digest (RFC 8017 §9.1 recommends it).
    #[must_use]
    pub const fn new(hash: HashAlgorithm) -> Self {
        let salt_length = match hash {
            HashAlgorithm::Sha256 => 32,
            HashAlgorithm::Sha384 => 48,
            HashAlgorithm::Sha512 => 64,
        };
        Self { hash, salt_length }
    }

    /// From the AlgorithmIdentifier of a signature or of a restricted key.
    pub(crate) fn from_identifier(identifier: &AlgorithmIdentifierOwned) -> Result<Self, AlgorithmError> {
        let wrong = AlgorithmError::Parameters(identifier.oid);
        // RFC 4055 §3.1: a signature must have parameters.
        let parameters = identifier.parameters.as_ref().ok_or(wrong)?;
        let parameters: RsaSsaPssParams = parameters.decode_as().map_err(|_| wrong)?;
        let sha1 = || refused(oid::ID_SHA_1);
        // RFC 8017 §A.2.3: a hash that is not named is SHA-1.
        let hash = hash_from_identifier(&parameters.hash.ok_or_else(sha1)?)?;
        let mask = parameters.mask.ok_or_else(sha1)?;
        if mask.oid != oid::ID_MGF_1 {
            return Err(AlgorithmError::Unknown(mask.oid));
        }
        let mask = mask.parameters.ok_or(wrong)?.decode_as().map_err(|_| wrong)?;
        // RFC 8017 §8.1 recommends one hash for both; two are a sign of a mistake.
        if hash_from_identifier(&mask)? != hash {
            return Err(wrong);
        }
        // RFC 4055 §3.1: the trailer field is 1, whether or not it is written.
        if parameters.trailer_field.is_some_and(|field| field != 1) {
            return Err(wrong);
        }
        let salt_length = parameters.salt_length.unwrap_or(DEFAULT_SALT_LENGTH);
        Ok(Self { hash, salt_length })
    }

    pub(super) fn identifier(self) -> AlgorithmIdentifierOwned {
        // RFC 4055 §2.1: both forms are read everywhere; its own constants have NULL, and so has OpenSSL.
        let hash = AlgorithmIdentifierOwned { oid: hash_oid(self.hash), parameters: Some(der::Any::null()) };
        let mask = AlgorithmIdentifierOwned { oid: oid::ID_MGF_1, parameters: der::Any::encode_from(&hash).ok() };
        let parameters = RsaSsaPssParams {
            hash: Some(hash),
            mask: Some(mask),
            // X.690 §11.5: a default is not written in DER.
            salt_length: (self.salt_length != DEFAULT_SALT_LENGTH).then_some(self.salt_length),
            trailer_field: None,
        };
        AlgorithmIdentifierOwned { oid: oid::ID_RSASSA_PSS, parameters: der::Any::encode_from(&parameters).ok() }
    }

    /// RFC 4055 §3.3: a key that names parameters makes signatures with its hash, and with salts that are no shorter.
    pub(crate) fn allows(self, signature: Self) -> bool {
        self.hash == signature.hash && self.salt_length <= signature.salt_length
    }
}

/// RSASSA-PSS-params (RFC 4055 §3.1), every member of which may be missing.
#[derive(Sequence)]
struct RsaSsaPssParams {
    #[asn1(context_specific = "0", optional = "true")]
    hash: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "1", optional = "true")]
    mask: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "2", optional = "true")]
    salt_length: Option<u16>,
    #[asn1(context_specific = "3", optional = "true")]
    trailer_field: Option<u16>,
}

/// Which salts are accepted.
#[derive(Clone, Copy)]
pub(super) enum Salt {
    /// Of this length in octets.
    Exactly(u16),
    /// Of whatever length the signature turns out to have.
    Any,
}

/// Verifies an RSASSA-PSS signature (MGF1 with the same hash) whose salt may have any length.
///
/// Kept apart from [`SignatureAlgorithm`](super::SignatureAlgorithm) because only boot images need it: their format has no
/// place for the salt's length.
///
/// # Errors
/// [`AlgorithmError::KeyMismatch`] when the key is not RSA of at most 8192 bits, [`AlgorithmError::RsaTooShort`] when it
/// has less than 2048, [`AlgorithmError::BadSignature`] when it does not verify.
pub fn verify_pss_any_salt(
    hash: HashAlgorithm,
    key: &PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<(), AlgorithmError> {
    if key.key_type() != KeyType::Rsa {
        return Err(AlgorithmError::KeyMismatch);
    }
    verify(hash, Salt::Any, key, message, signature)
}

pub(super) fn verify(
    hash: HashAlgorithm,
    salt: Salt,
    key: &PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<(), AlgorithmError> {
    super::check_rsa_size(key)?;
    // The library reads moduli up to 8192 bits, as ring does.
    let key = rsa::RsaPublicKey::from_pkcs1_der(key.subject_public_key()).map_err(|_| AlgorithmError::KeyMismatch)?;
    let signature = Signature::try_from(signature).map_err(|_| AlgorithmError::BadSignature)?;
    match hash {
        HashAlgorithm::Sha256 => verifying_key::<sha2::Sha256>(key, salt).verify(message, &signature),
        HashAlgorithm::Sha384 => verifying_key::<sha2::Sha384>(key, salt).verify(message, &signature),
        HashAlgorithm::Sha512 => verifying_key::<sha2::Sha512>(key, salt).verify(message, &signature),
    }
    .map_err(|_| AlgorithmError::BadSignature)
}

fn verifying_key<D: sha2::Digest>(key: rsa::RsaPublicKey, salt: Salt) -> VerifyingKey<D> {
    match salt {
        Salt::Exactly(length) => VerifyingKey::new_with_salt_len(key, usize::from(length)),
        Salt::Any => VerifyingKey::new_with_auto_salt_len(key),
    }
}

#[cfg(test)]
mod tests {
    use const_oid::ObjectIdentifier;
    use der::{Decode, Encode};

    use super::*;

    const WRONG: Result<PssParameters, AlgorithmError> = Err(AlgorithmError::Parameters(oid::ID_RSASSA_PSS));
    const SHA1_IS_WEAK: Result<PssParameters, AlgorithmError> = Err(AlgorithmError::Weak(oid::ID_SHA_1));

    fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let value = parts.concat();
        [&[tag, u8::try_from(value.len()).unwrap()][..], &value].concat()
    }

    fn named(oid: ObjectIdentifier, parameters: &[u8]) -> Vec<u8> {
        tlv(0x30, &[&oid.to_der().unwrap(), parameters])
    }

    const NULL: &[u8] = &[5, 0];

    fn hash(oid: ObjectIdentifier) -> Vec<u8> {
        tlv(0xa0, &[&named(oid, NULL)])
    }

    fn mask(oid: ObjectIdentifier) -> Vec<u8> {
        tlv(0xa1, &[&named(oid::ID_MGF_1, &named(oid, NULL))])
    }

    fn read(members: &[&[u8]]) -> Result<PssParameters, AlgorithmError> {
        let der = named(oid::ID_RSASSA_PSS, &tlv(0x30, members));
        PssParameters::from_identifier(&AlgorithmIdentifierOwned::from_der(&der).unwrap())
    }

    const LONGEST_SALT: &[u8] = &[0xa2, 4, 2, 2, 0, 222];

    #[test]
    fn what_is_read_is_written() {
        // As OpenSSL 3.0 writes them when nobody says how long the salt is to be.
        let members = [hash(oid::ID_SHA_256), mask(oid::ID_SHA_256)].concat();
        let parameters = PssParameters { hash: HashAlgorithm::Sha256, salt_length: 222 };
        assert_eq!(read(&[&members, LONGEST_SALT]), Ok(parameters));
        let written = named(oid::ID_RSASSA_PSS, &tlv(0x30, &[&members, LONGEST_SALT]));
        assert_eq!(parameters.identifier().to_der().unwrap(), written);
        // A salt of 20 octets is the default, and then not written.
        let default = PssParameters { hash: HashAlgorithm::Sha256, salt_length: 20 };
        assert_eq!(read(&[&members]), Ok(default));
        assert_eq!(default.identifier().to_der().unwrap(), named(oid::ID_RSASSA_PSS, &tlv(0x30, &[&members])));
    }

    #[test]
    fn digests_may_have_no_parameters_and_the_trailer_may_be_written() {
        // RFC 4055 §2.1 and §3.1.
        let digest = named(oid::ID_SHA_512, &[]);
        let members = [tlv(0xa0, &[&digest]), tlv(0xa1, &[&named(oid::ID_MGF_1, &digest)]), vec![0xa2, 3, 2, 1, 64]];
        let parameters = Ok(PssParameters::new(HashAlgorithm::Sha512));
        assert_eq!(read(&[&members.concat()]), parameters);
        assert_eq!(read(&[&members.concat(), &[0xa3, 3, 2, 1, 1]]), parameters);
        assert_eq!(read(&[&members.concat(), &[0xa3, 3, 2, 1, 2]]), WRONG);
    }

    #[test]
    fn art_30_sha1_is_refused_where_it_hides_in_a_default() {
        assert_eq!(read(&[]), SHA1_IS_WEAK);
        assert_eq!(read(&[LONGEST_SALT]), SHA1_IS_WEAK);
        assert_eq!(read(&[&hash(oid::ID_SHA_256)]), SHA1_IS_WEAK);
        assert_eq!(read(&[&mask(oid::ID_SHA_256)]), SHA1_IS_WEAK);
        // And where it is named.
        assert_eq!(read(&[&hash(oid::ID_SHA_1), &mask(oid::ID_SHA_256)]), SHA1_IS_WEAK);
        assert_eq!(read(&[&hash(oid::ID_SHA_256), &mask(oid::ID_SHA_1)]), SHA1_IS_WEAK);
    }

    #[test]
    fn other_parameters_are_refused() {
        let (sha256, of_sha256) = (hash(oid::ID_SHA_256), mask(oid::ID_SHA_256));
        assert_eq!(read(&[&sha256, &mask(oid::ID_SHA_384)]), WRONG, "two hashes");
        assert_eq!(read(&[&sha256, &of_sha256, &[0xa2, 3, 2, 1, 0xe0]]), WRONG, "a negative salt");
        assert_eq!(read(&[&sha256, &of_sha256, &[0xa2, 5, 2, 3, 1, 0, 0]]), WRONG, "a salt of 64 KiB");
        assert_eq!(read(&[&sha256, &of_sha256, &[0xa4, 3, 2, 1, 32]]), WRONG, "a member that does not exist");
        assert_eq!(read(&[&of_sha256, &sha256]), WRONG, "the order");
        let other_mask = tlv(0xa1, &[&named(oid::ID_P_SPECIFIED, &named(oid::ID_SHA_256, NULL))]);
        assert_eq!(read(&[&sha256, &other_mask]), Err(AlgorithmError::Unknown(oid::ID_P_SPECIFIED)));
        let bare_mask = tlv(0xa1, &[&named(oid::ID_MGF_1, NULL)]);
        assert_eq!(read(&[&sha256, &bare_mask]), WRONG, "MGF1 over nothing");
        // RFC 4055 §3.1: in a signature they must be there.
        for parameters in [None, Some(der::Any::null())] {
            let identifier = AlgorithmIdentifierOwned { oid: oid::ID_RSASSA_PSS, parameters };
            assert_eq!(PssParameters::from_identifier(&identifier), WRONG);
        }
    }

    #[test]
    fn a_restriction_fixes_the_hash_and_the_least_salt() {
        let of = |hash, salt_length| PssParameters { hash, salt_length };
        let restriction = PssParameters::new(HashAlgorithm::Sha256);
        assert!(
            restriction.allows(of(HashAlgorithm::Sha256, 32)) && restriction.allows(of(HashAlgorithm::Sha256, 222))
        );
        assert!(
            !restriction.allows(of(HashAlgorithm::Sha256, 31)) && !restriction.allows(of(HashAlgorithm::Sha512, 64))
        );
    }
}
