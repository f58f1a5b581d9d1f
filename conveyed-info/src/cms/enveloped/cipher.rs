//! Content encryption: AES in CBC (RFC 3565) and, in AuthEnvelopedData alone, AES in GCM (RFC 5084).

use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use const_oid::ObjectIdentifier;
use der::{
    Any, Sequence, Tag, Tagged,
    asn1::{OctetString, OctetStringRef},
};
use ring::aead;
use spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use super::{Algorithm, OpenError};

/// How the content is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ContentCipher {
    /// AES-128 in CBC, in EnvelopedData.
    Aes128Cbc,
    /// AES-192 in CBC, in EnvelopedData.
    Aes192Cbc,
    /// AES-256 in CBC, in EnvelopedData. What is made unless something else is asked for.
    #[default]
    Aes256Cbc,
    /// AES-128 in GCM, in AuthEnvelopedData. RFC 8572 does not name that structure (ENC-09): devices that follow the
    /// text alone cannot open it. OpenSSL 3.0 does where the content is declared as id-data; otherwise RFC 5083 §2.1 demands
    /// authenticated attributes, for which OpenSSL looks under another tag.
    Aes128Gcm,
    /// AES-256 in GCM, in AuthEnvelopedData; otherwise as [`ContentCipher::Aes128Gcm`].
    Aes256Gcm,
}

/// Which of the two structures a cipher goes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Structure {
    /// EnvelopedData (RFC 5652 §6).
    Enveloped,
    /// AuthEnvelopedData (RFC 5083).
    AuthEnveloped,
}

/// Octets of an AES block, and of the initialisation vector of CBC.
pub(super) const BLOCK: usize = 16;
/// Octets of the nonce of GCM (RFC 5084 §3.2).
pub(super) const NONCE: usize = 12;
/// Octets of the tag of GCM. RFC 5084 allows 12 and more; what is shorter than the longest is a weaker promise.
const TAG: usize = 16;

impl ContentCipher {
    const ALL: [Self; 5] = [Self::Aes128Cbc, Self::Aes192Cbc, Self::Aes256Cbc, Self::Aes128Gcm, Self::Aes256Gcm];

    /// The object identifier (NIST: 2.16.840.1.101.3.4.1).
    #[must_use]
    pub const fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::Aes128Cbc => "2.16.840.1.101.3.4.1.2",
            Self::Aes192Cbc => "2.16.840.1.101.3.4.1.22",
            Self::Aes256Cbc => "2.16.840.1.101.3.4.1.42",
            Self::Aes128Gcm => "2.16.840.1.101.3.4.1.6",
            Self::Aes256Gcm => "2.16.840.1.101.3.4.1.46",
        })
    }

    /// Octets of the content-encryption key.
    #[must_use]
    pub const fn key_octets(self) -> usize {
        match self {
            Self::Aes128Cbc | Self::Aes128Gcm => 16,
            Self::Aes192Cbc => 24,
            Self::Aes256Cbc | Self::Aes256Gcm => 32,
        }
    }

    /// Octets of the initialisation vector or nonce.
    pub(super) const fn iv_octets(self) -> usize {
        match self.structure() {
            Structure::Enveloped => BLOCK,
            Structure::AuthEnveloped => NONCE,
        }
    }

    pub(super) const fn structure(self) -> Structure {
        match self {
            Self::Aes128Cbc | Self::Aes192Cbc | Self::Aes256Cbc => Structure::Enveloped,
            Self::Aes128Gcm | Self::Aes256Gcm => Structure::AuthEnveloped,
        }
    }
}

/// A cipher with its initialisation vector, as it stands in a structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Encryption {
    pub(super) cipher: ContentCipher,
    pub(super) iv: Vec<u8>,
}

/// GCMParameters (RFC 5084 §3.2).
#[derive(Sequence)]
struct GcmParameters {
    nonce: OctetString,
    #[asn1(default = "default_tag_octets")]
    tag_octets: u8,
}

fn default_tag_octets() -> u8 {
    12
}

impl Encryption {
    /// Reads a contentEncryptionAlgorithm of `structure`.
    pub(super) fn read(identifier: &AlgorithmIdentifierOwned, structure: Structure) -> Result<Self, OpenError> {
        let refused = || OpenError::ContentCipher(Algorithm(identifier.oid));
        let known = ContentCipher::ALL.into_iter().find(|known| known.oid() == identifier.oid);
        // RFC 5083 §2.1 and RFC 5652 §6.1 keep the two kinds apart: a tag that nobody checks authenticates nothing.
        let cipher = known.filter(|known| known.structure() == structure).ok_or_else(refused)?;
        let parameters = identifier.parameters.as_ref().ok_or(OpenError::CipherParameters)?;
        let iv = match structure {
            Structure::Enveloped if parameters.tag() == Tag::OctetString => parameters.value().to_vec(),
            Structure::Enveloped => return Err(OpenError::CipherParameters),
            Structure::AuthEnveloped => {
                let parameters: GcmParameters = parameters.decode_as().map_err(|_| OpenError::CipherParameters)?;
                if usize::from(parameters.tag_octets) != TAG {
                    return Err(OpenError::ShortTag(parameters.tag_octets));
                }
                parameters.nonce.into_bytes().into_vec()
            }
        };
        if iv.len() == cipher.iv_octets() { Ok(Self { cipher, iv }) } else { Err(OpenError::CipherParameters) }
    }

    /// As an AlgorithmIdentifier.
    pub(super) fn identifier(&self) -> der::Result<AlgorithmIdentifierOwned> {
        let parameters = match self.cipher.structure() {
            Structure::Enveloped => Any::encode_from(&OctetStringRef::new(&self.iv)?)?,
            Structure::AuthEnveloped => Any::encode_from(&GcmParameters {
                nonce: OctetString::new(self.iv.as_slice())?,
                tag_octets: u8::try_from(TAG).unwrap_or_default(),
            })?,
        };
        Ok(AlgorithmIdentifierOwned { oid: self.cipher.oid(), parameters: Some(parameters) })
    }

    /// The ciphertext, and the tag of GCM (empty for CBC).
    pub(super) fn encrypt(&self, key: &[u8], associated: &[u8], plaintext: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        // With room for the padding, so that it never grows and leaves a copy of the plaintext behind.
        let mut buffer = Zeroizing::new(Vec::with_capacity(plaintext.len().checked_add(BLOCK)?));
        buffer.extend_from_slice(plaintext);
        if let Some(key) = self.gcm_key(key) {
            let nonce = aead::Nonce::try_assume_unique_for_key(&self.iv).ok()?;
            let tag = key.seal_in_place_separate_tag(nonce, aead::Aad::from(associated), &mut buffer).ok()?;
            return Some((buffer.to_vec(), tag.as_ref().to_vec()));
        }
        // RFC 5652 §6.3: one to sixteen octets of padding.
        let length = plaintext.len();
        buffer.resize(length.checked_add(BLOCK)?, 0);
        let iv = self.iv.as_slice();
        macro_rules! encrypt {
            ($aes:ty) => {
                cbc::Encryptor::<$aes>::new_from_slices(key, iv).ok()?.encrypt_padded::<Pkcs7>(&mut buffer, length)
            };
        }
        let made = match self.cipher {
            ContentCipher::Aes128Cbc => encrypt!(aes::Aes128),
            ContentCipher::Aes192Cbc => encrypt!(aes::Aes192),
            ContentCipher::Aes256Cbc => encrypt!(aes::Aes256),
            ContentCipher::Aes128Gcm | ContentCipher::Aes256Gcm => return None,
        };
        Some((made.ok()?.to_vec(), Vec::new()))
    }

    /// The plaintext; `None` whatever is wrong.
    pub(super) fn decrypt(
        &self,
        key: &[u8],
        associated: &[u8],
        ciphertext: &[u8],
        tag: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        if let Some(key) = self.gcm_key(key) {
            let nonce = aead::Nonce::try_assume_unique_for_key(&self.iv).ok()?;
            let tag = aead::Tag::try_from(tag).ok()?;
            key.open_in_place_separate_tag(nonce, aead::Aad::from(associated), tag, &mut buffer, 0..).ok()?;
            return Some(buffer);
        }
        let iv = self.iv.as_slice();
        macro_rules! decrypt {
            ($aes:ty) => {
                cbc::Decryptor::<$aes>::new_from_slices(key, iv).ok()?.decrypt_padded::<Pkcs7>(&mut buffer).ok()?.len()
            };
        }
        let length = match self.cipher {
            ContentCipher::Aes128Cbc => decrypt!(aes::Aes128),
            ContentCipher::Aes192Cbc => decrypt!(aes::Aes192),
            ContentCipher::Aes256Cbc => decrypt!(aes::Aes256),
            ContentCipher::Aes128Gcm | ContentCipher::Aes256Gcm => return None,
        };
        buffer.truncate(length);
        Some(buffer)
    }

    fn gcm_key(&self, key: &[u8]) -> Option<aead::LessSafeKey> {
        let algorithm = match self.cipher {
            ContentCipher::Aes128Gcm => &aead::AES_128_GCM,
            ContentCipher::Aes256Gcm => &aead::AES_256_GCM,
            ContentCipher::Aes128Cbc | ContentCipher::Aes192Cbc | ContentCipher::Aes256Cbc => return None,
        };
        aead::UnboundKey::new(algorithm, key).ok().map(aead::LessSafeKey::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: [ContentCipher; 5] = ContentCipher::ALL;

    fn encryption(cipher: ContentCipher) -> Encryption {
        Encryption { cipher, iv: vec![7; cipher.iv_octets()] }
    }

    #[test]
    fn enc_10_every_cipher_is_read_as_it_was_written_and_opens_what_it_sealed() {
        for cipher in EVERY {
            let written = encryption(cipher);
            let identifier = written.identifier().unwrap();
            assert_eq!(Encryption::read(&identifier, cipher.structure()).unwrap(), written);
            let key = vec![3; cipher.key_octets()];
            for length in [0, 1, 15, 16, 17, 1000] {
                let plaintext = vec![9; length];
                let (ciphertext, tag) = written.encrypt(&key, b"associated", &plaintext).unwrap();
                let opened = written.decrypt(&key, b"associated", &ciphertext, &tag).unwrap();
                assert_eq!(*opened, plaintext);
                let other = written.decrypt(&vec![4; cipher.key_octets()], b"associated", &ciphertext, &tag);
                assert_ne!(other.as_deref(), Some(&plaintext));
            }
        }
    }

    #[test]
    fn a_cbc_ciphertext_of_aes_128_is_the_known_one() {
        // NIST SP 800-38A §F.2.1, first block; the padding is the second one.
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let iv = hex("000102030405060708090a0b0c0d0e0f");
        let known = Encryption { cipher: ContentCipher::Aes128Cbc, iv };
        let plaintext = hex("6bc1bee22e409f96e93d7e117393172a");
        let (made, _) = known.encrypt(&hex("2b7e151628aed2a6abf7158809cf4f3c"), b"", &plaintext).unwrap();
        assert_eq!(made[..16], hex("7649abac8119b246cee98e9b12e9197d"));
        assert_eq!(made.len(), 32);
    }

    #[test]
    fn enc_09_a_cipher_in_the_wrong_structure_or_with_a_short_tag_is_refused() {
        for cipher in EVERY {
            let wrong = match cipher.structure() {
                Structure::Enveloped => Structure::AuthEnveloped,
                Structure::AuthEnveloped => Structure::Enveloped,
            };
            let refused = Encryption::read(&encryption(cipher).identifier().unwrap(), wrong).unwrap_err();
            assert_eq!(refused, OpenError::ContentCipher(Algorithm(cipher.oid())));
        }
        let parameters = GcmParameters { nonce: OctetString::new([0; 12]).unwrap(), tag_octets: 12 };
        let short = AlgorithmIdentifierOwned {
            oid: ContentCipher::Aes256Gcm.oid(),
            parameters: Some(Any::encode_from(&parameters).unwrap()),
        };
        assert_eq!(Encryption::read(&short, Structure::AuthEnveloped), Err(OpenError::ShortTag(12)));
    }
}
