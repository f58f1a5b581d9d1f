//! Private keys in tokens that speak PKCS#11: HSMs, smart cards, SoftHSM.

mod error;
mod make;
mod module;
mod operation;
mod padding;
mod public;
mod session;
mod worker;

use std::sync::Arc;

use zeroize::Zeroizing;

pub use error::Pkcs11Error;
pub use make::{KeyUse, TokenKey};

use self::{operation::Operation, worker::Worker};
use super::{
    DecryptError, Decryptor, KeyType, OpenKey, Pace, Pkcs11Uri, PublicKey, RsaPadding, SignError, Signer, own_first,
};
use crate::algorithm::SignatureAlgorithm;

/// A key that a token keeps.
#[derive(Debug)]
struct Pkcs11Key {
    worker: Worker,
    public: PublicKey,
    algorithm: SignatureAlgorithm,
}

impl Pkcs11Uri {
    /// Logs in to the token and finds the key in it. A key that signs does so once, which shows that the public half which
    /// lies beside it is its own.
    pub(super) fn open(&self) -> Result<OpenKey, Pkcs11Error> {
        let (worker, facts) = Worker::start(self)?;
        let algorithm = *facts.public.signature_algorithms().first().ok_or(Pkcs11Error::Mismatch)?;
        let key = Arc::new(Pkcs11Key { worker, public: facts.public, algorithm });
        if facts.signs {
            const MESSAGE: &[u8] = b"sztp: whether these are the halves of one key\n";
            let signature = key.ask_signature(algorithm, MESSAGE)?;
            algorithm.verify(&key.public, MESSAGE, &signature).map_err(|_| Pkcs11Error::OtherPublicHalf)?;
        }
        let decryptor = facts.decrypts.then(|| Arc::clone(&key));
        Ok(OpenKey::new(key, decryptor.map(|key| -> Arc<dyn Decryptor> { key })))
    }
}

impl Pkcs11Key {
    fn ask_signature(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, Pkcs11Error> {
        let message = message.to_vec();
        self.worker.ask(Operation::Sign { algorithm, message }).map(|mut made| std::mem::take(&mut *made))
    }

    /// The bare private operation, as long as the modulus.
    fn decrypt_bare(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
        let length = self.public.rsa_modulus_bits().ok_or(DecryptError::KeyMismatch)?.div_ceil(8);
        let plain = self.worker.ask(Operation::DecryptRaw { ciphertext: ciphertext.to_vec() }).map_err(failed)?;
        let missing = length.checked_sub(plain.len()).ok_or(DecryptError::Failed)?;
        let mut whole = Zeroizing::new(vec![0; length]);
        whole.iter_mut().skip(missing).zip(plain.iter()).for_each(|(octet, found)| *octet = *found);
        Ok(whole)
    }
}

impl Signer for Pkcs11Key {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }

    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.sign_with(self.algorithm, message)
    }

    fn algorithms(&self) -> Vec<SignatureAlgorithm> {
        own_first(self.algorithm, &self.public)
    }

    fn sign_with(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        if !self.public.signature_algorithms().contains(&algorithm) {
            return Err(SignError::Algorithm);
        }
        Ok(self.ask_signature(algorithm, message)?)
    }

    fn pace(&self) -> Pace {
        Pace::Slow
    }
}

impl Decryptor for Pkcs11Key {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn decrypt_rsa(&self, padding: RsaPadding, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
        if self.public.key_type() != KeyType::Rsa {
            return Err(DecryptError::KeyMismatch);
        }
        match padding {
            RsaPadding::Pkcs1 => padding::pkcs1(&self.decrypt_bare(ciphertext)?, ciphertext),
            RsaPadding::Oaep { hash, mask } => {
                match self.worker.ask(Operation::DecryptOaep { hash, mask, ciphertext: ciphertext.to_vec() }) {
                    // It does not know these hashes.
                    Err(Pkcs11Error::CannotDo { .. }) => padding::oaep(hash, mask, &self.decrypt_bare(ciphertext)?),
                    answer => answer.map_err(failed),
                }
            }
        }
    }

    fn agree(&self, peer: &PublicKey) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
        let octets = match (self.public.key_type(), peer.key_type()) {
            (KeyType::P256, KeyType::P256) => 32,
            (KeyType::P384, KeyType::P384) => 48,
            (KeyType::P521, KeyType::P521) => 66,
            _ => return Err(DecryptError::KeyMismatch),
        };
        // SEC 1 §3.2.2.1: whether the point is on the curve is looked at here, too. Tokens have been wrong about it.
        peer.check_point().map_err(|_| DecryptError::Failed)?;
        let point = peer.subject_public_key().to_vec();
        self.worker.ask(Operation::Agree { point, octets }).map_err(failed)
    }
}

fn failed(error: Pkcs11Error) -> DecryptError {
    match error {
        Pkcs11Error::CannotDo { .. } | Pkcs11Error::Mismatch => DecryptError::KeyMismatch,
        _ => DecryptError::Failed,
    }
}
