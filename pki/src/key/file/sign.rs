//! Signing with the private key.

use p521::ecdsa::{DerSignature, signature::hazmat::PrehashSigner};
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair};

use super::FileKey;
use crate::{
    algorithm::{PssParameters, SignatureAlgorithm},
    digest::HashAlgorithm,
    key::{KeyError, PublicKey, SignError, Signer, own_first},
};

/// The private key in the form that signs.
pub(super) enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    // ring does not know the curve.
    P521(p521::ecdsa::SigningKey),
    Rsa(RsaKeyPair),
}

impl Pair {
    /// The subjectPublicKey of the SubjectPublicKeyInfo.
    pub(super) fn public(&self) -> Vec<u8> {
        match self {
            Self::Ecdsa(pair) => pair.public_key().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Self::P521(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::Rsa(pair) => pair.public_key().as_ref().to_vec(),
        }
    }
}

impl FileKey {
    /// The same key, signing with another algorithm.
    ///
    /// RSA signs with either padding and each digest; RSASSA-PSS with a salt as long as the digest. On elliptic curves the
    /// digest goes with the curve, and there is nothing to choose.
    ///
    /// # Errors
    /// [`KeyError::Algorithm`] when the key does not make such signatures.
    pub fn with_algorithm(mut self, algorithm: SignatureAlgorithm) -> Result<Self, KeyError> {
        let possible = self.public.signature_algorithms().contains(&algorithm);
        if !possible {
            return Err(KeyError::Algorithm);
        }
        self.algorithm = algorithm;
        Ok(self)
    }
}

impl Signer for FileKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn algorithms(&self) -> Vec<SignatureAlgorithm> {
        own_first(self.algorithm, &self.public)
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.sign_with(self.algorithm, message)
    }

    fn sign_with(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        if !self.public.signature_algorithms().contains(&algorithm) {
            return Err(SignError::Algorithm);
        }
        match &self.pair {
            Pair::Ecdsa(pair) => {
                pair.sign(&self.random, message).map(|made| made.as_ref().to_vec()).map_err(|_| SignError::Refused)
            }
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::P521(key) => {
                let made: Result<DerSignature, _> = key.sign_prehash(&HashAlgorithm::Sha512.digest(message));
                made.map(|made| made.as_bytes().to_vec()).map_err(|_| SignError::Refused)
            }
            Pair::Rsa(pair) => {
                let encoding = rsa_encoding(algorithm).ok_or(SignError::Algorithm)?;
                let mut made = vec![0; pair.public().modulus_len()];
                pair.sign(encoding, &self.random, message, &mut made).map_err(|_| SignError::Refused)?;
                Ok(made)
            }
        }
    }
}

fn rsa_encoding(algorithm: SignatureAlgorithm) -> Option<&'static dyn RsaEncoding> {
    Some(match algorithm {
        SignatureAlgorithm::RsaPkcs1Sha256 => &signature::RSA_PKCS1_SHA256,
        SignatureAlgorithm::RsaPkcs1Sha384 => &signature::RSA_PKCS1_SHA384,
        SignatureAlgorithm::RsaPkcs1Sha512 => &signature::RSA_PKCS1_SHA512,
        SignatureAlgorithm::RsaPss(PssParameters { hash: HashAlgorithm::Sha256, .. }) => &signature::RSA_PSS_SHA256,
        SignatureAlgorithm::RsaPss(PssParameters { hash: HashAlgorithm::Sha384, .. }) => &signature::RSA_PSS_SHA384,
        SignatureAlgorithm::RsaPss(PssParameters { hash: HashAlgorithm::Sha512, .. }) => &signature::RSA_PSS_SHA512,
        _ => return None,
    })
}
