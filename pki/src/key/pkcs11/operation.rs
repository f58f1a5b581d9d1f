//! What is asked of a key in a token.

use std::ffi::c_ulong;

use cryptoki::{
    mechanism::{
        Mechanism, MechanismType,
        eddsa::{EddsaParams, EddsaSignatureScheme},
        elliptic_curve::{EcKdf, Ecdh1DeriveParams},
        rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource, PkcsPssParams},
    },
    object::{Attribute, AttributeType, KeyType, ObjectClass},
    types::Ulong,
};
use zeroize::Zeroizing;

use super::{error::Pkcs11Error, session::Connection};
use crate::{
    algorithm::{SignatureAlgorithm, ecdsa_der_from_raw},
    digest::HashAlgorithm,
    key::OaepHash,
};

/// One question, with all that it needs: it travels to another thread.
pub(super) enum Operation {
    Sign { algorithm: SignatureAlgorithm, message: Vec<u8> },
    DecryptOaep { hash: OaepHash, mask: OaepHash, ciphertext: Vec<u8> },
    DecryptRaw { ciphertext: Vec<u8> },
    Agree { point: Vec<u8>, octets: usize },
}

impl Connection {
    pub(super) fn perform(&self, operation: &Operation) -> Result<Zeroizing<Vec<u8>>, Pkcs11Error> {
        match operation {
            Operation::Sign { algorithm, message } => self.sign(*algorithm, message).map(Zeroizing::new),
            Operation::DecryptOaep { hash, mask, ciphertext } => {
                let (hash, _) = oaep_names(*hash);
                let (_, mask) = oaep_names(*mask);
                let parameters = PkcsOaepParams::new(hash, mask, PkcsOaepSource::empty());
                Ok(self.session.decrypt(&Mechanism::RsaPkcsOaep(parameters), self.key, ciphertext)?.into())
            }
            Operation::DecryptRaw { ciphertext } => {
                Ok(self.session.decrypt(&Mechanism::RsaX509, self.key, ciphertext)?.into())
            }
            Operation::Agree { point, octets } => self.agree(point, *octets),
        }
    }

    fn sign(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, Pkcs11Error> {
        let sign = |mechanism: &Mechanism<'_>, octets: &[u8]| Ok(self.session.sign(mechanism, self.key, octets)?);
        let digest = || algorithm.hash().digest(message);
        match algorithm {
            // The digest is made here: fewer tokens know the mechanisms that make it, and the message stays here.
            SignatureAlgorithm::EcdsaSha256 | SignatureAlgorithm::EcdsaSha384 | SignatureAlgorithm::EcdsaSha512 => {
                // PKCS#11 §6.3.1: r and s, each as long as the group's order.
                let raw: Vec<u8> = sign(&Mechanism::Ecdsa, &digest())?;
                ecdsa_der_from_raw(&raw).map_err(|_| Pkcs11Error::Mismatch)
            }
            SignatureAlgorithm::RsaPkcs1Sha256
            | SignatureAlgorithm::RsaPkcs1Sha384
            | SignatureAlgorithm::RsaPkcs1Sha512 => {
                sign(&Mechanism::RsaPkcs, &[digest_info(algorithm.hash()), &digest()].concat())
            }
            SignatureAlgorithm::RsaPss(parameters) => {
                let (hash_alg, mgf) = match parameters.hash {
                    HashAlgorithm::Sha256 => (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256),
                    HashAlgorithm::Sha384 => (MechanismType::SHA384, PkcsMgfType::MGF1_SHA384),
                    HashAlgorithm::Sha512 => (MechanismType::SHA512, PkcsMgfType::MGF1_SHA512),
                };
                let s_len = Ulong::new(c_ulong::from(parameters.salt_length));
                sign(&Mechanism::RsaPkcsPss(PkcsPssParams { hash_alg, mgf, s_len }), &digest())
            }
            SignatureAlgorithm::Ed25519 => {
                sign(&Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519)), message)
            }
        }
    }

    fn agree(&self, point: &[u8], octets: usize) -> Result<Zeroizing<Vec<u8>>, Pkcs11Error> {
        let length = Ulong::new(c_ulong::try_from(octets).map_err(|_| Pkcs11Error::Mismatch)?);
        // The secret is wanted here, so the object that holds it must give it away. It is gone with the session at the latest.
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::GENERIC_SECRET),
            Attribute::ValueLen(length),
            Attribute::Token(false),
            Attribute::Private(true),
            Attribute::Sensitive(false),
            Attribute::Extractable(true),
        ];
        let mechanism = Mechanism::Ecdh1Derive(Ecdh1DeriveParams::new(EcKdf::null(), point));
        let secret = self.session.derive_key(&mechanism, self.key, &template)?;
        let value = self.session.get_attributes(secret, &[AttributeType::Value]);
        self.session.destroy_object(secret)?;
        let value = value?.into_iter().find_map(|attribute| match attribute {
            Attribute::Value(value) => Some(Zeroizing::new(value)),
            _ => None,
        });
        value.filter(|value| value.len() == octets).ok_or(Pkcs11Error::Mismatch)
    }
}

const fn oaep_names(hash: OaepHash) -> (MechanismType, PkcsMgfType) {
    match hash {
        OaepHash::Sha1 => (MechanismType::SHA1, PkcsMgfType::MGF1_SHA1),
        OaepHash::Sha256 => (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256),
        OaepHash::Sha384 => (MechanismType::SHA384, PkcsMgfType::MGF1_SHA384),
        OaepHash::Sha512 => (MechanismType::SHA512, PkcsMgfType::MGF1_SHA512),
    }
}

/// What stands before the digest in a DigestInfo (RFC 8017 §9.2, note 1).
const fn digest_info(hash: HashAlgorithm) -> &'static [u8] {
    match hash {
        HashAlgorithm::Sha256 => b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
        HashAlgorithm::Sha384 => b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30",
        HashAlgorithm::Sha512 => b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
    }
}
