//! Elliptic curve key agreement: from the shared secret to the content key (RFC 5753).

use aes::cipher::KeyInit;
use aes_kw::AesKw;
use const_oid::ObjectIdentifier;
use der::{Any, Encode, Sequence, asn1::OctetString};
use pki::key::KeyType;
use ring::digest;
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use super::{Algorithm, ContentCipher, OpenError};

/// The hash in the key derivation function of dhSinglePass-stdDH (RFC 5753 §7.1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KdfHash {
    /// What OpenSSL makes by default; read and never made (ENC-07).
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl KdfHash {
    const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    const fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::Sha1 => "1.3.133.16.840.63.0.2",
            Self::Sha256 => "1.3.132.1.11.1",
            Self::Sha384 => "1.3.132.1.11.2",
            Self::Sha512 => "1.3.132.1.11.3",
        })
    }

    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    /// As strong as the curve (RFC 5753 §8).
    pub(super) const fn for_curve(curve: KeyType) -> Option<Self> {
        match curve {
            KeyType::P256 => Some(Self::Sha256),
            KeyType::P384 => Some(Self::Sha384),
            KeyType::P521 => Some(Self::Sha512),
            KeyType::Rsa | KeyType::RsaPss | KeyType::Ed25519 => None,
        }
    }
}

/// AES key wrap (RFC 3394, RFC 3565 §2.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyWrap {
    Aes128,
    Aes192,
    Aes256,
}

/// What key wrap adds to a key.
const WRAP_OVERHEAD: usize = 8;

impl KeyWrap {
    const ALL: [Self; 3] = [Self::Aes128, Self::Aes192, Self::Aes256];

    const fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::Aes128 => "2.16.840.1.101.3.4.1.5",
            Self::Aes192 => "2.16.840.1.101.3.4.1.25",
            Self::Aes256 => "2.16.840.1.101.3.4.1.45",
        })
    }

    const fn key_octets(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }

    /// As strong as the content's cipher.
    pub(super) const fn for_cipher(cipher: ContentCipher) -> Self {
        match cipher {
            ContentCipher::Aes128Cbc | ContentCipher::Aes128Gcm => Self::Aes128,
            ContentCipher::Aes192Cbc => Self::Aes192,
            ContentCipher::Aes256Cbc | ContentCipher::Aes256Gcm => Self::Aes256,
        }
    }

    fn wrap(self, kek: &[u8], key: &[u8]) -> Option<Vec<u8>> {
        let mut wrapped = vec![0; key.len().checked_add(WRAP_OVERHEAD)?];
        macro_rules! wrap {
            ($aes:ty) => {
                AesKw::<$aes>::new_from_slice(kek).ok()?.wrap_key(key, &mut wrapped).ok()?
            };
        }
        match self {
            Self::Aes128 => wrap!(aes::Aes128),
            Self::Aes192 => wrap!(aes::Aes192),
            Self::Aes256 => wrap!(aes::Aes256),
        };
        Some(wrapped)
    }

    fn unwrap(self, kek: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut key = Zeroizing::new(vec![0; wrapped.len().checked_sub(WRAP_OVERHEAD)?]);
        macro_rules! unwrap {
            ($aes:ty) => {
                AesKw::<$aes>::new_from_slice(kek).ok()?.unwrap_key(wrapped, &mut key).ok()?
            };
        }
        match self {
            Self::Aes128 => unwrap!(aes::Aes128),
            Self::Aes192 => unwrap!(aes::Aes192),
            Self::Aes256 => unwrap!(aes::Aes256),
        };
        Some(key)
    }
}

/// dhSinglePass-stdDH with its key derivation and its key wrap: a keyEncryptionAlgorithm of key agreement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Agreement {
    pub(super) hash: KdfHash,
    wrap: KeyWrap,
    /// As it arrived: it goes into the key derivation, where absent parameters differ from NULL.
    wrap_identifier: AlgorithmIdentifierOwned,
}

/// ECC-CMS-SharedInfo (RFC 5753 §7.2).
#[derive(Sequence)]
struct SharedInfo {
    key_info: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    entity_u_info: Option<OctetString>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT")]
    supp_pub_info: OctetString,
}

impl Agreement {
    pub(super) fn new(hash: KdfHash, wrap: KeyWrap) -> Self {
        // RFC 3565 §2.3.2: the parameters are absent.
        let wrap_identifier = AlgorithmIdentifierOwned { oid: wrap.oid(), parameters: None };
        Self { hash, wrap, wrap_identifier }
    }

    pub(super) fn read(identifier: &AlgorithmIdentifierOwned) -> Result<Self, OpenError> {
        let hash = KdfHash::ALL.into_iter().find(|known| known.oid() == identifier.oid);
        let hash = hash.ok_or(OpenError::KeyEncryption(Algorithm(identifier.oid)))?;
        let parameters = identifier.parameters.as_ref().ok_or(OpenError::KeyEncryptionParameters)?;
        let wrap_identifier: AlgorithmIdentifierOwned =
            parameters.decode_as().map_err(|_| OpenError::KeyEncryptionParameters)?;
        let wrap = KeyWrap::ALL.into_iter().find(|known| known.oid() == wrap_identifier.oid);
        let wrap = wrap.ok_or(OpenError::KeyEncryption(Algorithm(wrap_identifier.oid)))?;
        Ok(Self { hash, wrap, wrap_identifier })
    }

    pub(super) fn identifier(&self) -> der::Result<AlgorithmIdentifierOwned> {
        let parameters = Some(Any::encode_from(&self.wrap_identifier)?);
        Ok(AlgorithmIdentifierOwned { oid: self.hash.oid(), parameters })
    }

    /// The content key under the key that is derived from `secret`.
    pub(super) fn wrap(&self, secret: &[u8], ukm: Option<&[u8]>, key: &[u8]) -> Option<Vec<u8>> {
        self.wrap.wrap(&self.derive(secret, ukm)?, key)
    }

    /// The content key, when it was wrapped under the key that is derived from `secret`.
    pub(super) fn unwrap(&self, secret: &[u8], ukm: Option<&[u8]>, wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.wrap.unwrap(&self.derive(secret, ukm)?, wrapped)
    }

    /// The key-encryption key: the key derivation function of ANSI X9.63, as in SEC 1 §3.6.1.
    fn derive(&self, secret: &[u8], ukm: Option<&[u8]>) -> Option<Zeroizing<Vec<u8>>> {
        let length = self.wrap.key_octets();
        let bits = u32::try_from(length).ok()?.checked_mul(8)?;
        let info = SharedInfo {
            key_info: self.wrap_identifier.clone(),
            entity_u_info: ukm.map(OctetString::new).transpose().ok()?,
            supp_pub_info: OctetString::new(bits.to_be_bytes()).ok()?,
        };
        let info = info.to_der().ok()?;
        // One block more than needed at most, so that the buffer never grows and leaves a copy behind.
        let mut derived = Zeroizing::new(Vec::with_capacity(length.checked_add(digest::MAX_OUTPUT_LEN)?));
        for counter in 1_u32.. {
            if derived.len() >= length {
                break;
            }
            let mut hash = digest::Context::new(self.hash.digest());
            hash.update(secret);
            hash.update(&counter.to_be_bytes());
            hash.update(&info);
            derived.extend_from_slice(hash.finish().as_ref());
        }
        derived.truncate(length);
        Some(derived)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_wrap_is_that_of_rfc_3394_section_4() {
        // RFC 3394 §4.1 and §4.6: counting keys, and key data 00112233….
        let kek: Vec<u8> = (0..32).collect();
        let key: Vec<u8> = (0_u8..16).map(|octet| octet * 0x11).collect();
        let wrapped = KeyWrap::Aes128.wrap(&kek[..16], &key).unwrap();
        assert_eq!(wrapped[..8], [0x1f, 0xa6, 0x8b, 0x0a, 0x81, 0x12, 0xb4, 0x47]);
        for wrap in KeyWrap::ALL {
            let kek = &kek[..wrap.key_octets()];
            let wrapped = wrap.wrap(kek, &key).unwrap();
            assert_eq!(*wrap.unwrap(kek, &wrapped).unwrap(), key);
            for at in 0..wrapped.len() {
                let mut changed = wrapped.clone();
                changed[at] ^= 1;
                assert!(wrap.unwrap(kek, &changed).is_none());
            }
        }
        for length in [0, 1, 7, 8, 9, 15] {
            assert!(KeyWrap::Aes128.unwrap(&kek[..16], &vec![0; length]).is_none_or(|key| key.is_empty()));
        }
    }

    #[test]
    fn enc_07_the_shared_info_is_that_of_rfc_5753_section_7_2() {
        let agreement = Agreement::new(KdfHash::Sha256, KeyWrap::Aes128);
        // By hand: SEQUENCE { SEQUENCE { id-aes128-wrap }, [0] { OCTET STRING aa }, [2] { OCTET STRING 00000080 } }.
        let info: &[u8] = &[
            0x30, 0x1a, 0x30, 0x0b, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 5, 0xa0, 3, 4, 1, 0xaa, 0xa2, 6, 4, 4, 0,
            0, 0, 0x80,
        ];
        let hash = digest::digest(&digest::SHA256, &[&b"secret"[..], &[0, 0, 0, 1], info].concat());
        assert_eq!(*agreement.derive(b"secret", Some(&[0xaa])).unwrap(), hash.as_ref()[..16]);
        assert_ne!(agreement.derive(b"secret", None), agreement.derive(b"secret", Some(&[0xaa])));
    }

    #[test]
    fn a_key_longer_than_the_hash_takes_two_rounds() {
        let long = Agreement::new(KdfHash::Sha1, KeyWrap::Aes256).derive(b"secret", None).unwrap();
        assert_eq!(long.len(), 32);
        assert_ne!(long[..12], long[20..]);
    }

    #[test]
    fn enc_07_every_scheme_is_read_as_written_and_others_are_named() {
        for hash in KdfHash::ALL {
            for wrap in KeyWrap::ALL {
                let agreement = Agreement::new(hash, wrap);
                assert_eq!(Agreement::read(&agreement.identifier().unwrap()), Ok(agreement));
            }
        }
        let mut cofactor = Agreement::new(KdfHash::Sha256, KeyWrap::Aes128).identifier().unwrap();
        cofactor.oid = ObjectIdentifier::new_unwrap("1.3.132.1.14.1");
        let refused = Agreement::read(&cofactor).unwrap_err();
        assert_eq!(refused.to_string(), "key encryption with cofactor ECDH with the SHA-256 KDF is not accepted");
    }
}
