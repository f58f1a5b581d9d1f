//! A private key of ours, wherever it lives, in the shape in which rustls signs handshakes.

use std::{fmt, sync::Arc};

use pki::{
    algorithm::{PssParameters, SignatureAlgorithm},
    digest::HashAlgorithm,
    key::{KeyType, Signer},
};
use rustls::{
    Error, SignatureScheme,
    pki_types::SubjectPublicKeyInfoDer,
    sign::{Signer as TlsSigner, SigningKey},
};

/// The key of a listener.
pub(super) struct ListenerKey(pub(super) Arc<dyn Signer>);

impl ListenerKey {
    /// What the key can sign with in TLS, what is liked best first.
    fn schemes(&self) -> impl Iterator<Item = (SignatureScheme, SignatureAlgorithm)> {
        let kind = self.0.public_key().key_type();
        let named = move |algorithm| Some((scheme(algorithm, kind)?, algorithm));
        let (pss, others): (Vec<_>, Vec<_>) = self
            .0
            .algorithms()
            .into_iter()
            .filter_map(named)
            .partition(|(_, algorithm)| matches!(algorithm, SignatureAlgorithm::RsaPss(_)));
        pss.into_iter().chain(others)
    }
}

impl SigningKey for ListenerKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn TlsSigner>> {
        let (scheme, algorithm) = self.schemes().find(|(scheme, _)| offered.contains(scheme))?;
        Some(Box::new(OneScheme { key: Arc::clone(&self.0), scheme, algorithm }))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(self.0.public_key().spki_der().into())
    }

    fn algorithm(&self) -> rustls::SignatureAlgorithm {
        match self.0.public_key().key_type() {
            KeyType::P256 | KeyType::P384 | KeyType::P521 => rustls::SignatureAlgorithm::ECDSA,
            KeyType::Rsa | KeyType::RsaPss => rustls::SignatureAlgorithm::RSA,
            KeyType::Ed25519 => rustls::SignatureAlgorithm::ED25519,
        }
    }
}

impl fmt::Debug for ListenerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListenerKey({:?})", self.0.public_key())
    }
}

struct OneScheme {
    key: Arc<dyn Signer>,
    scheme: SignatureScheme,
    algorithm: SignatureAlgorithm,
}

impl TlsSigner for OneScheme {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.key.sign_with(self.algorithm, message).map_err(|error| Error::General(error.to_string()))
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}

impl fmt::Debug for OneScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OneScheme({:?})", self.scheme)
    }
}

/// What TLS calls the algorithm (RFC 8446 §4.2.3). RSA keys that say RSASSA-PSS of themselves have other names there, which few
/// peers know, and are not used.
fn scheme(algorithm: SignatureAlgorithm, kind: KeyType) -> Option<SignatureScheme> {
    let pss = |hash| SignatureAlgorithm::RsaPss(PssParameters::new(hash));
    Some(match (algorithm, kind) {
        (SignatureAlgorithm::EcdsaSha256, KeyType::P256) => SignatureScheme::ECDSA_NISTP256_SHA256,
        (SignatureAlgorithm::EcdsaSha384, KeyType::P384) => SignatureScheme::ECDSA_NISTP384_SHA384,
        (SignatureAlgorithm::EcdsaSha512, KeyType::P521) => SignatureScheme::ECDSA_NISTP521_SHA512,
        (SignatureAlgorithm::Ed25519, KeyType::Ed25519) => SignatureScheme::ED25519,
        (SignatureAlgorithm::RsaPkcs1Sha256, KeyType::Rsa) => SignatureScheme::RSA_PKCS1_SHA256,
        (SignatureAlgorithm::RsaPkcs1Sha384, KeyType::Rsa) => SignatureScheme::RSA_PKCS1_SHA384,
        (SignatureAlgorithm::RsaPkcs1Sha512, KeyType::Rsa) => SignatureScheme::RSA_PKCS1_SHA512,
        (made, KeyType::Rsa) if made == pss(HashAlgorithm::Sha256) => SignatureScheme::RSA_PSS_SHA256,
        (made, KeyType::Rsa) if made == pss(HashAlgorithm::Sha384) => SignatureScheme::RSA_PSS_SHA384,
        (made, KeyType::Rsa) if made == pss(HashAlgorithm::Sha512) => SignatureScheme::RSA_PSS_SHA512,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use pki::key::{FileKey, KeySpec};

    use super::*;

    /// What a key signs with of each offer, and that the signature is one.
    fn chosen(key: &Arc<FileKey>, offered: &[SignatureScheme]) -> Option<SignatureScheme> {
        let key: Arc<dyn Signer> = Arc::<FileKey>::clone(key);
        let signer = ListenerKey(Arc::clone(&key)).choose_scheme(offered)?;
        let signature = signer.sign(b"handshake").unwrap();
        let named =
            key.algorithms().into_iter().find(|it| scheme(*it, key.public_key().key_type()) == Some(signer.scheme()));
        named.unwrap().verify(key.public_key(), b"handshake", &signature).unwrap();
        Some(signer.scheme())
    }

    #[test]
    fn an_rsa_key_signs_as_the_peer_knows_it() {
        let key = Arc::new(FileKey::generate(KeySpec::Rsa2048).unwrap());
        let (old, new) = (SignatureScheme::RSA_PKCS1_SHA256, SignatureScheme::RSA_PSS_SHA256);
        assert_eq!(chosen(&key, &[old, new]), Some(new));
        assert_eq!(chosen(&key, &[old]), Some(old));
        assert_eq!(chosen(&key, &[SignatureScheme::RSA_PSS_SHA512]), Some(SignatureScheme::RSA_PSS_SHA512));
        assert_eq!(chosen(&key, &[SignatureScheme::RSA_PKCS1_SHA1, SignatureScheme::ED25519]), None);
    }

    #[test]
    fn the_digest_goes_with_the_curve() {
        for (spec, scheme) in [
            (KeySpec::P256, SignatureScheme::ECDSA_NISTP256_SHA256),
            (KeySpec::P384, SignatureScheme::ECDSA_NISTP384_SHA384),
            (KeySpec::P521, SignatureScheme::ECDSA_NISTP521_SHA512),
            (KeySpec::Ed25519, SignatureScheme::ED25519),
        ] {
            let key = Arc::new(FileKey::generate(spec).unwrap());
            assert_eq!(chosen(&key, &[SignatureScheme::RSA_PSS_SHA256, scheme]), Some(scheme));
            assert_eq!(chosen(&key, &[SignatureScheme::ECDSA_SHA1_Legacy]), None);
        }
    }
}
