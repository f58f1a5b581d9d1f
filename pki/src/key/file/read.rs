//! The forms in which people bring private keys.

use const_oid::{ObjectIdentifier, db::rfc5912 as oid};
use der::{Decode, Encode, Reader, SliceReader, asn1::OctetStringRef};
use p256::pkcs8::{EncodePrivateKey, PrivateKeyInfoRef};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
        Ed25519KeyPair, KeyPair, RsaKeyPair,
    },
};
use rsa::pkcs1::RsaPrivateKeyRef;
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};
use spki::{AlgorithmIdentifierOwned, AlgorithmIdentifierRef};
use zeroize::{Zeroize, Zeroizing};

use super::{
    FileKey, Pair,
    encrypted::{ENCRYPTED_PRIVATE_KEY, PBES2},
};
use crate::{
    algorithm::{ID_ED25519, MIN_RSA_BITS, PssParameters, SignatureAlgorithm},
    digest::HashAlgorithm,
    key::{KeyError, KeyType, Passphrase, PublicKey, public::rsa_bits},
};

impl FileKey {
    /// Reads a PKCS#8 PrivateKeyInfo (RFC 5958): P-256, P-384, P-521, Ed25519, or RSA of 2048 to 4096 bits.
    ///
    /// # Errors
    /// [`KeyError::Malformed`], [`KeyError::UnknownType`], [`KeyError::UnknownCurve`] or [`KeyError::RsaTooShort`].
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        let (algorithm, private_key) = private_key_info(der).map_err(|_| KeyError::Malformed)?;
        match algorithm.oid {
            oid::ID_EC_PUBLIC_KEY => {
                let curve = algorithm.parameters.and_then(|any| any.decode_as().ok()).ok_or(KeyError::Malformed)?;
                Self::from_ec_private_key(curve, private_key)
            }
            oid::RSA_ENCRYPTION | oid::ID_RSASSA_PSS => Self::from_rsa_private_key(algorithm, private_key, der),
            ID_ED25519 => Self::from_ed25519(der, private_key),
            other => Err(KeyError::UnknownType(other)),
        }
    }

    /// Reads an ECPrivateKey that names its curve (SEC 1 §C.4, RFC 5915).
    ///
    /// # Errors
    /// As [`FileKey::from_pkcs8_der`].
    pub fn from_sec1_der(der: &[u8]) -> Result<Self, KeyError> {
        let curve = named_curve(der).map_err(|_| KeyError::Malformed)?;
        Self::from_ec_private_key(curve, der)
    }

    /// Reads an RSAPrivateKey (RFC 8017 §A.1.2).
    ///
    /// # Errors
    /// As [`FileKey::from_pkcs8_der`].
    pub fn from_pkcs1_der(der: &[u8]) -> Result<Self, KeyError> {
        let algorithm = AlgorithmIdentifierRef { oid: oid::RSA_ENCRYPTION, parameters: Some(der::AnyRef::NULL) };
        let wrapped = OctetStringRef::new(der).and_then(|key| PrivateKeyInfoRef::new(algorithm, key).to_der());
        Self::from_pkcs8_der(&Zeroizing::new(wrapped.map_err(|_| KeyError::Malformed)?))
    }

    /// Reads the first private key of a PEM file: `PRIVATE KEY` (PKCS#8), `EC PRIVATE KEY` (SEC 1) or
    /// `RSA PRIVATE KEY` (PKCS#1). Other blocks beside it, such as `EC PARAMETERS` or certificates, are passed over.
    ///
    /// # Errors
    /// [`KeyError::Encrypted`] when a passphrase protects it, otherwise as [`FileKey::from_pkcs8_der`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        Self::from_pem_with(pem, None)
    }

    /// The same of a file whose key may also be an `ENCRYPTED PRIVATE KEY`, which the passphrase then opens. A key that no
    /// passphrase protects is read all the same.
    ///
    /// # Errors
    /// As [`FileKey::from_pem`] and [`FileKey::from_encrypted_pkcs8_der`].
    pub fn from_pem_with(pem: &[u8], passphrase: Option<&Passphrase>) -> Result<Self, KeyError> {
        let holds = |sign: &[u8]| pem.windows(sign.len()).any(|window| window == sign);
        // RFC 7468 §11.
        if holds(format!("-----BEGIN {ENCRYPTED_PRIVATE_KEY}-----").as_bytes()) {
            let passphrase = passphrase.ok_or(KeyError::Encrypted)?;
            return Self::from_encrypted_pkcs8_der(&encrypted_block(pem).ok_or(KeyError::Malformed)?, passphrase);
        }
        // The header that OpenSSL writes into the two older forms (RFC 1421 §4.6.1.1), whose one round of MD5 protects nothing.
        if holds(b"Proc-Type: 4,ENCRYPTED") {
            return Err(KeyError::OldEncryption);
        }
        let mut key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| KeyError::Malformed)?;
        let read = match &key {
            PrivateKeyDer::Pkcs8(key) => Self::from_pkcs8_der(key.secret_pkcs8_der()),
            PrivateKeyDer::Sec1(key) => Self::from_sec1_der(key.secret_sec1_der()),
            PrivateKeyDer::Pkcs1(key) => Self::from_pkcs1_der(key.secret_pkcs1_der()),
            _ => Err(KeyError::Malformed),
        };
        key.zeroize();
        read
    }

    /// Reads a file in any of these forms, PEM or DER.
    ///
    /// # Errors
    /// As [`FileKey::from_pem_with`].
    pub fn from_file(octets: &[u8], passphrase: Option<&Passphrase>) -> Result<Self, KeyError> {
        if octets.windows(11).any(|window| window == b"-----BEGIN ") {
            return Self::from_pem_with(octets, passphrase);
        }
        // DER has no label: PKCS#8 first, whose error says the most.
        let read = Self::from_pkcs8_der(octets)
            .or_else(|error| Self::from_sec1_der(octets).or_else(|_| Self::from_pkcs1_der(octets)).map_err(|_| error));
        match read {
            Err(KeyError::Malformed) if is_encrypted(octets) => {
                Self::from_encrypted_pkcs8_der(octets, passphrase.ok_or(KeyError::Encrypted)?)
            }
            read => read,
        }
    }

    /// Whatever the file looked like, the key is kept as PKCS#8 with its public half, which ring and TLS stacks want.
    fn from_ec_private_key(curve: ObjectIdentifier, ec_private_key: &[u8]) -> Result<Self, KeyError> {
        let ring = |pkcs8: &[u8], algorithm: &'static EcdsaSigningAlgorithm| {
            EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &SystemRandom::new()).map_err(|_| KeyError::Malformed)
        };
        let malformed = |_| KeyError::Malformed;
        let (pkcs8, pair, algorithm) = match curve {
            oid::SECP_256_R_1 => {
                let key = p256::SecretKey::from_sec1_der(ec_private_key).map_err(|_| KeyError::Malformed)?;
                let pkcs8 = key.to_pkcs8_der().map_err(malformed)?.to_bytes();
                let pair = Pair::Ecdsa(ring(&pkcs8, &ECDSA_P256_SHA256_ASN1_SIGNING)?);
                (pkcs8, pair, SignatureAlgorithm::EcdsaSha256)
            }
            oid::SECP_384_R_1 => {
                let key = p384::SecretKey::from_sec1_der(ec_private_key).map_err(|_| KeyError::Malformed)?;
                let pkcs8 = key.to_pkcs8_der().map_err(malformed)?.to_bytes();
                let pair = Pair::Ecdsa(ring(&pkcs8, &ECDSA_P384_SHA384_ASN1_SIGNING)?);
                (pkcs8, pair, SignatureAlgorithm::EcdsaSha384)
            }
            oid::SECP_521_R_1 => {
                let key = p521::SecretKey::from_sec1_der(ec_private_key).map_err(|_| KeyError::Malformed)?;
                let pkcs8 = key.to_pkcs8_der().map_err(malformed)?.to_bytes();
                (pkcs8, Pair::P521(p521::ecdsa::SigningKey::from(key)), SignatureAlgorithm::EcdsaSha512)
            }
            other => return Err(KeyError::UnknownCurve(other)),
        };
        let parameters = Some(der::Any::from(&curve));
        let identifier = AlgorithmIdentifierOwned { oid: oid::ID_EC_PUBLIC_KEY, parameters };
        let public = PublicKey::from_parts(identifier, &pair.public())?;
        Ok(Self { pair, algorithm, public, pkcs8, random: SystemRandom::new() })
    }

    /// Kept in version 1 of the document, whatever it was: OpenSSL before 3.2 cannot read version 2, which has the public half too.
    fn from_ed25519(der: &[u8], private_key: &[u8]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| KeyError::Malformed)?;
        let algorithm = SignatureAlgorithm::Ed25519;
        let public = PublicKey::from_parts(algorithm.identifier(), pair.public_key().as_ref())?;
        // RFC 8410 §7.
        let identifier = AlgorithmIdentifierRef { oid: ID_ED25519, parameters: None };
        let pkcs8 = OctetStringRef::new(private_key).and_then(|key| PrivateKeyInfoRef::new(identifier, key).to_der());
        let pkcs8 = Zeroizing::new(pkcs8.map_err(|_| KeyError::Malformed)?);
        Ok(Self { pair: Pair::Ed25519(pair), algorithm, public, pkcs8, random: SystemRandom::new() })
    }

    fn from_rsa_private_key(
        identifier: AlgorithmIdentifierRef<'_>,
        rsa_private_key: &[u8],
        pkcs8: &[u8],
    ) -> Result<Self, KeyError> {
        let key = RsaPrivateKeyRef::from_der(rsa_private_key).map_err(|_| KeyError::Malformed)?;
        let bits = rsa_bits(key.modulus.as_bytes());
        if bits < MIN_RSA_BITS {
            return Err(KeyError::RsaTooShort(bits));
        }
        let pair = RsaKeyPair::from_der(rsa_private_key).map_err(|_| KeyError::Malformed)?;
        let public = PublicKey::from_parts(identifier.into(), pair.public_key().as_ref())?;
        let algorithm = match (public.key_type(), public.pss_restriction()) {
            (KeyType::RsaPss, restriction) => {
                let hash = restriction.map_or(HashAlgorithm::Sha256, |restriction| restriction.hash);
                SignatureAlgorithm::RsaPss(PssParameters::new(hash))
            }
            _ => SignatureAlgorithm::RsaPkcs1Sha256,
        };
        let pkcs8 = Zeroizing::new(pkcs8.to_vec());
        let key = Self { pair: Pair::Rsa(pair), algorithm, public, pkcs8, random: SystemRandom::new() };
        // A key that wants longer salts than are made here does not sign at all.
        key.with_algorithm(algorithm)
    }
}

/// What the first `ENCRYPTED PRIVATE KEY` block holds, wherever in the file it is.
fn encrypted_block(pem: &[u8]) -> Option<Vec<u8>> {
    let text = str::from_utf8(pem).ok()?;
    let begin = text.find(&format!("-----BEGIN {ENCRYPTED_PRIVATE_KEY}-----"))?;
    let end = format!("-----END {ENCRYPTED_PRIVATE_KEY}-----");
    let block = text.get(begin..)?;
    let block = block.get(..block.find(&end)?.checked_add(end.len())?)?;
    der::pem::decode_vec(block.as_bytes()).ok().map(|(_, der)| der)
}

/// Whether this begins like an EncryptedPrivateKeyInfo (RFC 5958 §3): unlike the others, not with a version.
fn is_encrypted(der: &[u8]) -> bool {
    let begins = || -> der::Result<bool> {
        let mut reader = SliceReader::new(der)?;
        der::Header::decode(&mut reader)?;
        Ok(AlgorithmIdentifierRef::decode(&mut reader)?.oid == PBES2)
    };
    begins().unwrap_or(false)
}

/// Algorithm and private key of a PrivateKeyInfo. Attributes and a public key behind them are not looked at: how the
/// latter is tagged differs between writers.
pub(super) fn private_key_info(der: &[u8]) -> der::Result<(AlgorithmIdentifierRef<'_>, &[u8])> {
    let mut reader = SliceReader::new(der)?;
    let parts = reader.sequence(|reader| -> der::Result<_> {
        // RFC 5958 §2: version 1 is 0, version 2 is 1.
        if u8::decode(reader)? > 1 {
            return Err(der::Tag::Integer.value_error().into());
        }
        let parts = (reader.decode()?, <&OctetStringRef>::decode(reader)?.as_bytes());
        reader.read_slice(reader.remaining_len())?;
        Ok(parts)
    })?;
    reader.finish()?;
    Ok(parts)
}

/// The private key itself in an ECPrivateKey (RFC 5915 §3), as long as the curve's order.
pub(super) fn scalar(ec_private_key: &[u8]) -> der::Result<&[u8]> {
    let mut reader = SliceReader::new(ec_private_key)?;
    reader.sequence(|reader| -> der::Result<_> {
        reader.decode::<u8>()?;
        let scalar = <&OctetStringRef>::decode(reader)?.as_bytes();
        reader.read_slice(reader.remaining_len())?;
        Ok(scalar)
    })
}

fn named_curve(ec_private_key: &[u8]) -> der::Result<ObjectIdentifier> {
    let mut reader = SliceReader::new(ec_private_key)?;
    let curve = reader.sequence(|reader| -> der::Result<_> {
        reader.decode::<u8>()?;
        reader.decode::<&OctetStringRef>()?;
        let curve = reader.context_specific(der::TagNumber(0), der::TagMode::Explicit)?;
        reader.read_slice(reader.remaining_len())?;
        curve.ok_or_else(|| der::Tag::ObjectIdentifier.value_error().into())
    })?;
    reader.finish()?;
    Ok(curve)
}

#[cfg(test)]
mod tests {
    use const_oid::ObjectIdentifier;

    use super::*;
    use crate::key::{Signer, Stretching};

    fn pem(label: &str, der: &[u8]) -> String {
        der::pem::encode_string(label, der::pem::LineEnding::LF, der).unwrap()
    }

    #[test]
    fn elliptic_curve_keys_are_read_in_the_older_form_too() {
        for made in
            [FileKey::generate_p256().unwrap(), FileKey::generate_p384().unwrap(), FileKey::generate_p521().unwrap()]
        {
            let (_, without_curve) = private_key_info(made.pkcs8_der()).unwrap();
            // RFC 5915 §3 wants the curve inside when nothing around it names it.
            assert_eq!(FileKey::from_sec1_der(without_curve).unwrap_err(), KeyError::Malformed);
            let mut key = match made.public_key().key_type() {
                KeyType::P256 => p256::SecretKey::from_sec1_der(without_curve).unwrap().to_sec1_der().unwrap(),
                KeyType::P384 => p384::SecretKey::from_sec1_der(without_curve).unwrap().to_sec1_der().unwrap(),
                _ => p521::SecretKey::from_sec1_der(without_curve).unwrap().to_sec1_der().unwrap(),
            };
            let read = FileKey::from_pem(pem("EC PRIVATE KEY", &key).as_bytes()).unwrap();
            assert_eq!((read.public_key(), read.pkcs8_der()), (made.public_key(), made.pkcs8_der()));
            // A public half that is not its own.
            *key.last_mut().unwrap() ^= 1;
            assert_eq!(FileKey::from_sec1_der(&key).unwrap_err(), KeyError::Malformed);
        }
    }

    #[test]
    fn other_blocks_of_a_pem_file_are_passed_over() {
        let key = FileKey::generate_p256().unwrap();
        let file = pem("EC PARAMETERS", &[6, 1, 0]) + &pem("CERTIFICATE", &[0x30, 0]) + &key.to_pem();
        assert_eq!(FileKey::from_pem(file.as_bytes()).unwrap().public_key(), key.public_key());
        assert_eq!(FileKey::from_pem(pem("CERTIFICATE", &[0x30, 0]).as_bytes()).unwrap_err(), KeyError::Malformed);
    }

    #[test]
    fn an_encrypted_key_is_named_as_one_and_a_remedy_given() {
        let pkcs8 = pem("ENCRYPTED PRIVATE KEY", &[0x30, 0]);
        let refused = FileKey::from_pem(pkcs8.as_bytes()).unwrap_err();
        assert_eq!(refused, KeyError::Encrypted);
        assert!(refused.to_string().contains("passphrase"), "{refused}");
        let older = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n\
                     -----END RSA PRIVATE KEY-----\n";
        let refused = FileKey::from_pem(older.as_bytes()).unwrap_err();
        assert_eq!(refused, KeyError::OldEncryption);
        assert!(refused.to_string().contains("openssl pkcs8 -topk8"), "{refused}");
    }

    #[test]
    fn every_form_is_found_out_without_a_label() {
        let key = FileKey::generate_p256().unwrap();
        let passphrase = Passphrase::new(Zeroizing::new(b"correct horse".to_vec())).unwrap();
        let encrypted = key.to_encrypted_pem(&passphrase, Stretching::Scrypt).unwrap();
        let (_, encrypted_der) = der::pem::decode_vec(encrypted.as_bytes()).unwrap();
        let beside = pem("CERTIFICATE", &[0x30, 0]) + &encrypted;
        for file in [key.to_pem().as_bytes(), key.pkcs8_der(), encrypted.as_bytes(), &encrypted_der, beside.as_bytes()]
        {
            assert_eq!(FileKey::from_file(file, Some(&passphrase)).unwrap().public_key(), key.public_key());
        }
        for file in [encrypted.as_bytes(), &encrypted_der] {
            assert_eq!(FileKey::from_file(file, None).unwrap_err(), KeyError::Encrypted);
        }
        assert_eq!(FileKey::from_file(&[], None).unwrap_err(), KeyError::Malformed);
    }

    #[test]
    fn ed25519_is_kept_in_the_form_that_everybody_reads() {
        let v2 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let key = FileKey::from_pkcs8_der(v2.as_ref()).unwrap();
        assert_eq!((v2.as_ref().len() > 80, key.pkcs8_der().len()), (true, 48));
        let again = FileKey::from_pkcs8_der(key.pkcs8_der()).unwrap();
        assert_eq!((again.public_key(), again.pkcs8_der()), (key.public_key(), key.pkcs8_der()));
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        assert_eq!(FileKey::from_pem(b"-----BEGIN NONSENSE-----\n").unwrap_err(), KeyError::Malformed);
        assert_eq!(FileKey::from_pkcs8_der(&[0x30, 0x00]).unwrap_err(), KeyError::Malformed);
        assert_eq!(PublicKey::from_spki_der(&[0x30, 0x03, 1, 2]).unwrap_err(), KeyError::Malformed);
        let mut trailing = FileKey::generate_p256().unwrap().pkcs8_der().to_vec();
        trailing.push(0);
        assert_eq!(FileKey::from_pkcs8_der(&trailing).unwrap_err(), KeyError::Malformed);
    }

    #[test]
    fn keys_of_other_kinds_and_curves_are_named() {
        let info = |algorithm: &[u8]| {
            let mut der = vec![0x30, 0, 2, 1, 0, 0x30];
            der.push(u8::try_from(algorithm.len()).unwrap());
            der.extend_from_slice(algorithm);
            der.extend_from_slice(&[4, 0]);
            der[1] = u8::try_from(der.len() - 2).unwrap();
            FileKey::from_pkcs8_der(&der).unwrap_err()
        };
        // X25519, and the curve secp256k1.
        let x25519 = ObjectIdentifier::new_unwrap("1.3.101.110");
        assert_eq!(info(&[6, 3, 0x2b, 0x65, 0x6e]), KeyError::UnknownType(x25519));
        let secp256k1 = ObjectIdentifier::new_unwrap("1.3.132.0.10");
        let ec = [6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 0x0a];
        assert_eq!(info(&ec), KeyError::UnknownCurve(secp256k1));
    }

    proptest::proptest! {
        #[test]
        fn noise_never_panics(octets in proptest::collection::vec(0_u8.., 0..200)) {
            drop(FileKey::from_pem(&octets));
            drop(FileKey::from_pkcs8_der(&octets));
            drop(FileKey::from_sec1_der(&octets));
            drop(FileKey::from_pkcs1_der(&octets));
        }

        #[test]
        fn a_damaged_key_never_panics(position in 0_usize..138, bit in 0_u8..8) {
            let mut octets = FileKey::generate_p256().unwrap().pkcs8_der().to_vec();
            if let Some(octet) = octets.get_mut(position) {
                *octet ^= 1 << bit;
            }
            drop(FileKey::from_pkcs8_der(&octets));
        }
    }
}
