//! A [`Signer`] in the shape in which rcgen wants its signing keys.

use pki::{
    algorithm::SignatureAlgorithm,
    key::{PublicKey, Signer},
};

/// Lends a signer to rcgen.
pub(crate) struct IssuerKey<'a>(pub(crate) &'a dyn Signer);

impl rcgen::PublicKeyData for IssuerKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_key().subject_public_key()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        match self.0.algorithm() {
            SignatureAlgorithm::EcdsaSha384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            SignatureAlgorithm::RsaPkcs1Sha256 => &rcgen::PKCS_RSA_SHA256,
            SignatureAlgorithm::RsaPkcs1Sha384 => &rcgen::PKCS_RSA_SHA384,
            SignatureAlgorithm::RsaPkcs1Sha512 => &rcgen::PKCS_RSA_SHA512,
            SignatureAlgorithm::Ed25519 => &rcgen::PKCS_ED25519,
            _ => &rcgen::PKCS_ECDSA_P256_SHA256,
        }
    }
}

impl rcgen::SigningKey for IssuerKey<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.sign(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

/// A subject's public key in the shape in which rcgen wants it.
pub(crate) fn subject_key(key: &PublicKey) -> Result<rcgen::SubjectPublicKeyInfo, rcgen::Error> {
    rcgen::SubjectPublicKeyInfo::from_der(key.spki_der())
}
