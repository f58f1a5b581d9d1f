//! Private keys behind a passphrase: EncryptedPrivateKeyInfo (RFC 5958 §3) with PBES2 (RFC 8018 §6.2).
//!
//! Written: scrypt (RFC 7914) and AES-256 in CBC. Read: also PBKDF2 with HMAC-SHA-1, -256, -384 and -512, and shorter AES, which is
//! what OpenSSL has written over the years. Nothing of this is authenticated: whether a passphrase is wrong or an octet of the
//! ciphertext was changed cannot be told apart, and is not claimed to be.

use std::num::NonZeroU32;

use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use const_oid::ObjectIdentifier;
use der::{
    Any, AnyRef, Choice, Decode, DecodeValue, Encode, Sequence, asn1::OctetStringRef, pem::LineEnding,
    referenced::OwnedToRef,
};
use ring::pbkdf2;
use spki::{AlgorithmIdentifierOwned, AlgorithmIdentifierRef};
use zeroize::Zeroizing;

use super::{FileKey, read::private_key_info};
use crate::key::{KeyError, Passphrase, random};

/// The label of the PEM block (RFC 7468 §11).
pub(super) const ENCRYPTED_PRIVATE_KEY: &str = "ENCRYPTED PRIVATE KEY";

pub(super) const PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");
const PBKDF2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");
const SCRYPT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11591.4.11");
const HMAC_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.7");
const HMAC_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");
const HMAC_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.10");
const HMAC_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.11");
const AES_128_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.2");
const AES_192_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.22");
const AES_256_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42");

/// Most rounds of PBKDF2 that are gone: some seconds. A file may ask for as many as it likes.
const MAX_ROUNDS: u32 = 10_000_000;
/// Most memory that scrypt may take, in octets.
const MAX_SCRYPT_MEMORY: u64 = 256 * 1024 * 1024;
/// Most work that scrypt may be, in octets mixed: memory times passes.
const MAX_SCRYPT_WORK: u64 = 4 * MAX_SCRYPT_MEMORY;
/// RFC 7914 §2: N = 2^14, r = 8 is 16 MiB, which is as far as OpenSSL 3 goes unasked. Five passes over it make up for that.
const SCRYPT_LOG_N: u8 = 14;
const SCRYPT_R: u16 = 8;
const SCRYPT_P: u16 = 5;

/// How a passphrase becomes a key, in files that are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stretching {
    /// scrypt with N = 2^14, r = 8, p = 5: every guess costs memory, too.
    #[default]
    Scrypt,
    /// PBKDF2 with HMAC-SHA-256 and 600,000 rounds: for readers that know nothing better.
    Pbkdf2,
}

const PBKDF2_ROUNDS: u32 = 600_000;

#[derive(Sequence)]
struct EncryptedPrivateKeyInfo<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    data: &'a OctetStringRef,
}

#[derive(Sequence)]
struct Pbes2Parameters<'a> {
    key_derivation: AlgorithmIdentifierRef<'a>,
    encryption: AlgorithmIdentifierRef<'a>,
}

#[derive(Sequence)]
struct Pbkdf2Parameters<'a> {
    salt: &'a OctetStringRef,
    rounds: u32,
    #[asn1(optional = "true")]
    key_length: Option<u16>,
    // RFC 8018 §A.2: HMAC-SHA-1 when it is missing.
    #[asn1(optional = "true")]
    prf: Option<AlgorithmIdentifierRef<'a>>,
}

/// RFC 7914 §7.
#[derive(Sequence)]
struct ScryptParameters<'a> {
    salt: &'a OctetStringRef,
    cost: u64,
    block_size: u16,
    parallelization: u16,
    #[asn1(optional = "true")]
    key_length: Option<u16>,
}

impl FileKey {
    /// Reads an EncryptedPrivateKeyInfo.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] when its structure is damaged, [`KeyError::WrongPassphrase`] when the passphrase does not open it,
    /// [`KeyError::UnknownEncryption`], [`KeyError::EncryptionTooCostly`], and once it is open as
    /// [`FileKey::from_pkcs8_der`].
    pub fn from_encrypted_pkcs8_der(der: &[u8], passphrase: &Passphrase) -> Result<Self, KeyError> {
        let info = EncryptedPrivateKeyInfo::from_der(der).map_err(|_| KeyError::Malformed)?;
        if info.algorithm.oid != PBES2 {
            return Err(KeyError::UnknownEncryption(info.algorithm.oid));
        }
        let parameters: Pbes2Parameters<'_> = parameters(info.algorithm)?;
        let key_length = match parameters.encryption.oid {
            AES_128_CBC => 16,
            AES_192_CBC => 24,
            AES_256_CBC => 32,
            other => return Err(KeyError::UnknownEncryption(other)),
        };
        let iv: &OctetStringRef = self::parameters(parameters.encryption)?;
        let key = derive(parameters.key_derivation, passphrase, key_length)?;
        let pkcs8 = decrypt(&key, iv.as_bytes(), info.data.as_bytes())?;
        // One wrong passphrase in some hundred leaves octets whose end looks like padding.
        private_key_info(&pkcs8).map_err(|_| KeyError::WrongPassphrase)?;
        Self::from_pkcs8_der(&pkcs8)
    }

    /// As an `ENCRYPTED PRIVATE KEY` PEM block.
    ///
    /// # Errors
    /// [`KeyError::Entropy`] when the operating system gives no randomness.
    pub fn to_encrypted_pem(&self, passphrase: &Passphrase, stretching: Stretching) -> Result<String, KeyError> {
        let (salt, iv) = (random::<16>()?, random::<16>()?);
        let derivation = derivation(stretching, &salt).map_err(|_| KeyError::Malformed)?;
        let key = derive(derivation.owned_to_ref(), passphrase, 32)?;
        encrypted(&self.pkcs8, &key, &iv, &derivation)
            .and_then(|der| Ok(der::pem::encode_string(ENCRYPTED_PRIVATE_KEY, LineEnding::LF, &der)?))
            .map_err(|_| KeyError::Malformed)
    }
}

fn parameters<'a, T: Choice<'a> + DecodeValue<'a>>(algorithm: AlgorithmIdentifierRef<'a>) -> Result<T, KeyError> {
    algorithm.parameters.and_then(|any| any.decode_as().ok()).ok_or(KeyError::Malformed)
}

/// The key that a passphrase becomes.
fn derive(
    derivation: AlgorithmIdentifierRef<'_>,
    passphrase: &Passphrase,
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut key = Zeroizing::new(vec![0; length]);
    let asked = match derivation.oid {
        PBKDF2 => {
            let Pbkdf2Parameters { salt, rounds, key_length, prf } = parameters(derivation)?;
            let prf = match prf.map_or(HMAC_SHA1, |prf| prf.oid) {
                HMAC_SHA1 => pbkdf2::PBKDF2_HMAC_SHA1,
                HMAC_SHA256 => pbkdf2::PBKDF2_HMAC_SHA256,
                HMAC_SHA384 => pbkdf2::PBKDF2_HMAC_SHA384,
                HMAC_SHA512 => pbkdf2::PBKDF2_HMAC_SHA512,
                other => return Err(KeyError::UnknownEncryption(other)),
            };
            let rounds = NonZeroU32::new(rounds).ok_or(KeyError::Malformed)?;
            if rounds.get() > MAX_ROUNDS {
                return Err(KeyError::EncryptionTooCostly);
            }
            pbkdf2::derive(prf, rounds, salt.as_bytes(), passphrase.octets(), &mut key);
            key_length
        }
        SCRYPT => {
            let ScryptParameters { salt, cost, block_size, parallelization, key_length } = parameters(derivation)?;
            let memory = cost.saturating_mul(u64::from(block_size)).saturating_mul(128);
            let work = memory.saturating_mul(u64::from(parallelization));
            if memory > MAX_SCRYPT_MEMORY || work > MAX_SCRYPT_WORK {
                return Err(KeyError::EncryptionTooCostly);
            }
            // RFC 7914 §2: a power of two.
            if !cost.is_power_of_two() {
                return Err(KeyError::Malformed);
            }
            let log_cost = u8::try_from(cost.trailing_zeros()).map_err(|_| KeyError::Malformed)?;
            let parameters = scrypt::Params::new(log_cost, block_size.into(), parallelization.into())
                .map_err(|_| KeyError::Malformed)?;
            scrypt::scrypt(passphrase.octets(), salt.as_bytes(), &parameters, &mut key)
                .map_err(|_| KeyError::Malformed)?;
            key_length
        }
        other => return Err(KeyError::UnknownEncryption(other)),
    };
    // RFC 8018 §A.2: when it is said at all, it is that of the cipher.
    if asked.is_some_and(|asked| usize::from(asked) != length) {
        return Err(KeyError::Malformed);
    }
    Ok(key)
}

/// What the file says about how the passphrase becomes a key.
fn derivation(stretching: Stretching, salt: &[u8]) -> der::Result<AlgorithmIdentifierOwned> {
    let salt = OctetStringRef::new(salt)?;
    let (oid, parameters) = match stretching {
        Stretching::Scrypt => {
            let (cost, block_size, parallelization) = (1 << SCRYPT_LOG_N, SCRYPT_R, SCRYPT_P);
            let parameters = ScryptParameters { salt, cost, block_size, parallelization, key_length: None };
            (SCRYPT, Any::encode_from(&parameters)?)
        }
        Stretching::Pbkdf2 => {
            let prf = AlgorithmIdentifierRef { oid: HMAC_SHA256, parameters: Some(AnyRef::NULL) };
            let parameters = Pbkdf2Parameters { salt, rounds: PBKDF2_ROUNDS, key_length: None, prf: Some(prf) };
            (PBKDF2, Any::encode_from(&parameters)?)
        }
    };
    Ok(AlgorithmIdentifierOwned { oid, parameters: Some(parameters) })
}

fn encrypted(pkcs8: &[u8], key: &[u8], iv: &[u8], key_derivation: &AlgorithmIdentifierOwned) -> der::Result<Vec<u8>> {
    let no_room = || der::Error::from(der::ErrorKind::Overflow);
    // RFC 8018 §B.2.5: one to sixteen octets more.
    let mut buffer = Zeroizing::new(pkcs8.to_vec());
    buffer.resize(pkcs8.len().saturating_add(16), 0);
    let cipher = cbc::Encryptor::<aes::Aes256>::new_from_slices(key, iv).map_err(|_| no_room())?;
    let data = cipher.encrypt_padded::<Pkcs7>(&mut buffer, pkcs8.len()).map_err(|_| no_room())?;
    let encryption =
        AlgorithmIdentifierRef { oid: AES_256_CBC, parameters: Some(AnyRef::from(OctetStringRef::new(iv)?)) };
    let parameters = Pbes2Parameters { key_derivation: key_derivation.owned_to_ref(), encryption };
    let parameters = Any::encode_from(&parameters)?;
    let algorithm = AlgorithmIdentifierRef { oid: PBES2, parameters: Some(AnyRef::from(&parameters)) };
    EncryptedPrivateKeyInfo { algorithm, data: OctetStringRef::new(data)? }.to_der()
}

fn decrypt(key: &[u8], iv: &[u8], data: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut buffer = Zeroizing::new(data.to_vec());
    macro_rules! with {
        ($aes:ident) => {{
            let cipher = cbc::Decryptor::<aes::$aes>::new_from_slices(key, iv).map_err(|_| KeyError::Malformed)?;
            // Cut off within a block, it is damaged whatever the passphrase.
            if data.is_empty() || !data.len().is_multiple_of(16) {
                return Err(KeyError::Malformed);
            }
            cipher.decrypt_padded::<Pkcs7>(&mut buffer).map_err(|_| KeyError::WrongPassphrase)?.len()
        }};
    }
    let length = match key.len() {
        16 => with!(Aes128),
        24 => with!(Aes192),
        _ => with!(Aes256),
    };
    buffer.truncate(length);
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{KeySpec, Signer};

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap()
    }

    fn der(pem: &str) -> Vec<u8> {
        der::pem::decode_vec(pem.as_bytes()).unwrap().1
    }

    #[test]
    fn sec_15_a_key_is_written_behind_a_passphrase_and_read_again() {
        let right = passphrase("correct horse");
        for (spec, stretching) in [(KeySpec::P256, Stretching::Scrypt), (KeySpec::Ed25519, Stretching::Pbkdf2)] {
            let key = FileKey::generate(spec).unwrap();
            let pem = key.to_encrypted_pem(&right, stretching).unwrap();
            let other = key.to_encrypted_pem(&right, stretching).unwrap();
            assert_ne!(pem, other, "salted");
            assert_eq!(FileKey::from_pem(pem.as_bytes()).unwrap_err(), KeyError::Encrypted);
            let read = FileKey::from_pem_with(pem.as_bytes(), Some(&right)).unwrap();
            assert_eq!(read.public_key(), key.public_key());
            for wrong in ["correct hors", "Correct horse", "correct horse "] {
                let refused = FileKey::from_encrypted_pkcs8_der(&der(&pem), &passphrase(wrong)).unwrap_err();
                assert_eq!(refused, KeyError::WrongPassphrase);
            }
        }
    }

    #[test]
    fn a_damaged_file_is_told_from_a_wrong_passphrase_where_that_can_be_told() {
        let right = passphrase("correct horse");
        let key = FileKey::generate(KeySpec::P256).unwrap();
        let der = der(&key.to_encrypted_pem(&right, Stretching::Pbkdf2).unwrap());
        let read = |der: &[u8]| FileKey::from_encrypted_pkcs8_der(der, &right).map(|_| ()).unwrap_err();
        // Cut off, longer than it says, another structure.
        assert_eq!(read(&der[..der.len() - 1]), KeyError::Malformed);
        assert_eq!(read(&[&der[..], &[0]].concat()), KeyError::Malformed);
        assert_eq!(read(&[0x30, 0]), KeyError::Malformed);
        // A changed octet of the ciphertext looks like a wrong passphrase, and the message says both.
        let mut changed = der;
        *changed.last_mut().unwrap() ^= 1;
        let refused = read(&changed);
        assert_eq!(refused, KeyError::WrongPassphrase);
        assert!(refused.to_string().contains("damaged"), "{refused}");
    }

    /// The file of these parameters; what is in it is never reached.
    fn asking_for(oid: ObjectIdentifier, parameters: &impl Encode) -> Vec<u8> {
        let parameters = Any::from_der(&parameters.to_der().unwrap()).unwrap();
        let derivation = AlgorithmIdentifierOwned { oid, parameters: Some(parameters) };
        encrypted(&[0; 40], &[0; 32], &[0; 16], &derivation).unwrap()
    }

    fn refusal(der: &[u8]) -> KeyError {
        FileKey::from_encrypted_pkcs8_der(der, &passphrase("a")).unwrap_err()
    }

    #[test]
    fn a_file_cannot_make_its_reader_work_for_ever() {
        let salt = OctetStringRef::new(&[1; 8]).unwrap();
        let scrypt = |cost, block_size, parallelization, key_length| {
            asking_for(SCRYPT, &ScryptParameters { salt, cost, block_size, parallelization, key_length })
        };
        let pbkdf2 = |rounds, key_length| asking_for(PBKDF2, &Pbkdf2Parameters { salt, rounds, key_length, prf: None });
        for costly in [
            scrypt(1 << 40, 8, 1, None),
            scrypt(1 << 63, 0xffff, 0xffff, None),
            scrypt(1 << 14, 8, 0xffff, None),
            pbkdf2(MAX_ROUNDS + 1, None),
        ] {
            assert_eq!(refusal(&costly), KeyError::EncryptionTooCostly);
        }
        for senseless in [
            scrypt(0, 8, 1, None),
            scrypt(3, 8, 1, None),
            scrypt(16, 0, 1, None),
            scrypt(16, 8, 0, None),
            scrypt(16, 8, 1, Some(16)),
            pbkdf2(0, None),
            pbkdf2(1, Some(31)),
        ] {
            assert_eq!(refusal(&senseless), KeyError::Malformed);
        }
        assert_eq!(refusal(&scrypt(16, 8, 1, Some(32))), KeyError::WrongPassphrase);
        assert_eq!(refusal(&pbkdf2(1, Some(32))), KeyError::WrongPassphrase);
        assert_eq!(refusal(&asking_for(PBES2, &1_u8)), KeyError::UnknownEncryption(PBES2));
    }

    proptest::proptest! {
        #[test]
        fn noise_never_panics(octets in proptest::collection::vec(0_u8.., 0..200)) {
            drop(FileKey::from_encrypted_pkcs8_der(&octets, &passphrase("a")));
        }

        #[test]
        fn a_damaged_file_never_panics(position in 0_usize..160, octet in 0_u8..) {
            let salt = OctetStringRef::new(&[1; 8]).unwrap();
            let parameters =
                ScryptParameters { salt, cost: 16, block_size: 8, parallelization: 1, key_length: Some(32) };
            let mut der = asking_for(SCRYPT, &parameters);
            if let Some(place) = der.get_mut(position) {
                *place = octet;
            }
            drop(FileKey::from_encrypted_pkcs8_der(&der, &passphrase("a")));
        }
    }
}
