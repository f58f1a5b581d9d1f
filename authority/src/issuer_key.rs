//! A [`Signer`] in the shape in which rcgen wants its signing keys.

use pki::{
    algorithm::SignatureAlgorithm,
    key::{KeyType, PublicKey, Signer},
};

/// Lends a signer to rcgen.
pub(crate) struct IssuerKey<'a>(pub(crate) &'a dyn Signer);

impl IssuerKey<'_> {
    /// What rcgen calls the algorithm, for those that it writes into certificates.
    fn named(&self) -> Option<&'static rcgen::SignatureAlgorithm> {
        Some(match (self.0.algorithm(), self.0.public_key().key_type()) {
            (SignatureAlgorithm::EcdsaSha256, KeyType::P256) => &rcgen::PKCS_ECDSA_P256_SHA256,
            (SignatureAlgorithm::EcdsaSha384, KeyType::P384) => &rcgen::PKCS_ECDSA_P384_SHA384,
            (SignatureAlgorithm::RsaPkcs1Sha256, KeyType::Rsa) => &rcgen::PKCS_RSA_SHA256,
            (SignatureAlgorithm::RsaPkcs1Sha384, KeyType::Rsa) => &rcgen::PKCS_RSA_SHA384,
            (SignatureAlgorithm::RsaPkcs1Sha512, KeyType::Rsa) => &rcgen::PKCS_RSA_SHA512,
            (SignatureAlgorithm::Ed25519, KeyType::Ed25519) => &rcgen::PKCS_ED25519,
            _ => return None,
        })
    }
}

impl rcgen::PublicKeyData for IssuerKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_key().subject_public_key()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        // Whatever is named here for another one is never signed.
        self.named().unwrap_or(&rcgen::PKCS_ECDSA_P256_SHA256)
    }
}

impl rcgen::SigningKey for IssuerKey<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        if self.named().is_none() {
            return Err(rcgen::Error::UnsupportedSignatureAlgorithm);
        }
        self.0.sign(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

/// A subject's public key in the shape in which rcgen wants it.
pub(crate) fn subject_key(key: &PublicKey) -> Result<rcgen::SubjectPublicKeyInfo, rcgen::Error> {
    rcgen::SubjectPublicKeyInfo::from_der(key.spki_der())
}

#[cfg(test)]
mod tests {
    use pki::key::FileKey;
    use rcgen::SigningKey;

    use super::*;

    #[test]
    fn a_key_that_rcgen_cannot_name_signs_nothing() {
        // Otherwise the certificate would say ECDSA with SHA-256 on P-256 about it.
        let p521 = FileKey::generate_p521().unwrap();
        assert_eq!(IssuerKey(&p521).sign(b"certificate"), Err(rcgen::Error::UnsupportedSignatureAlgorithm));
        for key in [FileKey::generate_p384().unwrap(), FileKey::generate_ed25519().unwrap()] {
            let signature = IssuerKey(&key).sign(b"certificate").unwrap();
            key.algorithm().verify(key.public_key(), b"certificate", &signature).unwrap();
        }
    }
}
