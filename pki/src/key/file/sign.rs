//! Signing with the private key.

use p521::ecdsa::{DerSignature, signature::hazmat::PrehashSigner};
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};

use super::FileKey;
use crate::{
    algorithm::SignatureAlgorithm,
    digest::HashAlgorithm,
    key::{PublicKey, SignError, Signer},
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

impl Signer for FileKey {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
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
                let mut made = vec![0; pair.public().modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &self.random, message, &mut made)
                    .map_err(|_| SignError::Refused)?;
                Ok(made)
            }
        }
    }
}
