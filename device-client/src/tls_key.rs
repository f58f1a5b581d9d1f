//! The device's key in TLS, wherever it is: rustls asks, a [`Signer`] signs.

use std::{fmt, sync::Arc};

use pki::{
    algorithm::{PssParameters, SignatureAlgorithm},
    digest::HashAlgorithm,
    key::Signer,
};
use rustls::{
    Error, SignatureScheme,
    pki_types::SubjectPublicKeyInfoDer,
    sign::{self, SigningKey},
};

/// A [`Signer`] as rustls wants one.
pub(crate) struct TlsKey(Arc<dyn Signer>);

impl TlsKey {
    pub(crate) fn new(signer: Arc<dyn Signer>) -> Self {
        Self(signer)
    }
}

impl fmt::Debug for TlsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsKey({:?})", self.0.public_key())
    }
}

impl SigningKey for TlsKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn sign::Signer>> {
        let algorithms = self.0.algorithms();
        let (scheme, algorithm) =
            SCHEMES.iter().find(|(scheme, algorithm)| offered.contains(scheme) && algorithms.contains(algorithm))?;
        Some(Box::new(Signature { key: Arc::clone(&self.0), scheme: *scheme, algorithm: *algorithm }))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(SubjectPublicKeyInfoDer::from(self.0.public_key().spki_der()))
    }

    fn algorithm(&self) -> rustls::SignatureAlgorithm {
        match self.0.algorithm() {
            SignatureAlgorithm::EcdsaSha256 | SignatureAlgorithm::EcdsaSha384 | SignatureAlgorithm::EcdsaSha512 => {
                rustls::SignatureAlgorithm::ECDSA
            }
            SignatureAlgorithm::Ed25519 => rustls::SignatureAlgorithm::ED25519,
            _ => rustls::SignatureAlgorithm::RSA,
        }
    }
}

/// RFC 8446 §4.2.3, in our order: RSA signs with PSS where the server lets it, and in TLS 1.3 it must.
const SCHEMES: [(SignatureScheme, SignatureAlgorithm); 10] = [
    (SignatureScheme::ECDSA_NISTP256_SHA256, SignatureAlgorithm::EcdsaSha256),
    (SignatureScheme::ECDSA_NISTP384_SHA384, SignatureAlgorithm::EcdsaSha384),
    (SignatureScheme::ECDSA_NISTP521_SHA512, SignatureAlgorithm::EcdsaSha512),
    (SignatureScheme::ED25519, SignatureAlgorithm::Ed25519),
    (SignatureScheme::RSA_PSS_SHA256, SignatureAlgorithm::RsaPss(PssParameters::new(HashAlgorithm::Sha256))),
    (SignatureScheme::RSA_PSS_SHA384, SignatureAlgorithm::RsaPss(PssParameters::new(HashAlgorithm::Sha384))),
    (SignatureScheme::RSA_PSS_SHA512, SignatureAlgorithm::RsaPss(PssParameters::new(HashAlgorithm::Sha512))),
    (SignatureScheme::RSA_PKCS1_SHA256, SignatureAlgorithm::RsaPkcs1Sha256),
    (SignatureScheme::RSA_PKCS1_SHA384, SignatureAlgorithm::RsaPkcs1Sha384),
    (SignatureScheme::RSA_PKCS1_SHA512, SignatureAlgorithm::RsaPkcs1Sha512),
];

/// One signature with one scheme.
struct Signature {
    key: Arc<dyn Signer>,
    scheme: SignatureScheme,
    algorithm: SignatureAlgorithm,
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({:?})", self.scheme)
    }
}

impl sign::Signer for Signature {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.key.sign_with(self.algorithm, message).map_err(|error| Error::Other(rustls::OtherError(Arc::new(error))))
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}

#[cfg(test)]
mod tests {
    use pki::key::{FileKey, KeySpec};

    use super::*;

    #[test]
    fn a_key_signs_with_what_the_server_offers_and_rsa_with_pss_first() {
        let key = |spec| TlsKey::new(Arc::new(FileKey::generate(spec).unwrap()));
        let (p256, rsa) = (key(KeySpec::P256), key(KeySpec::Rsa2048));
        let every: Vec<_> = SCHEMES.iter().rev().map(|(scheme, _)| *scheme).collect();
        let chosen = |key: &TlsKey, offered: &[_]| key.choose_scheme(offered).map(|signer| signer.scheme());
        assert_eq!(chosen(&p256, &every), Some(SignatureScheme::ECDSA_NISTP256_SHA256));
        assert_eq!(chosen(&p256, &[SignatureScheme::ECDSA_NISTP384_SHA384]), None);
        assert_eq!(chosen(&rsa, &every), Some(SignatureScheme::RSA_PSS_SHA256));
        assert_eq!(chosen(&rsa, &[SignatureScheme::RSA_PKCS1_SHA384]), Some(SignatureScheme::RSA_PKCS1_SHA384));
        for (scheme, algorithm) in SCHEMES.iter().filter(|(_, algorithm)| rsa.0.algorithms().contains(algorithm)) {
            let signature = rsa.choose_scheme(&[*scheme]).unwrap().sign(b"message").unwrap();
            algorithm.verify(rsa.0.public_key(), b"message", &signature).unwrap();
        }
    }
}
