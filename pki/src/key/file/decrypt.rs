//! Decrypting with the private key: RSA and elliptic curve Diffie-Hellman.
//!
//! ring does neither. The key is read from its PKCS#8 document for each operation and wiped afterwards: a device opens a
//! handful of artifacts in its life.

use rsa::{Oaep, Pkcs1v15Encrypt, RsaPrivateKey, pkcs1::DecodeRsaPrivateKey, traits::PaddingScheme};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::{
    FileKey,
    read::{private_key_info, scalar},
};
use crate::key::{
    DecryptError, Decryptor, Entropy, KeyType, OaepHash, PublicKey, RsaPadding, SystemEntropy, entropy::Rng,
};

impl Decryptor for FileKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn decrypt_rsa(&self, padding: RsaPadding, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
        if self.public.key_type() != KeyType::Rsa {
            return Err(DecryptError::KeyMismatch);
        }
        let (_, rsa_private_key) = private_key_info(&self.pkcs8).map_err(|_| DecryptError::Failed)?;
        let key = RsaPrivateKey::from_pkcs1_der(rsa_private_key).map_err(|_| DecryptError::Failed)?;
        match padding {
            // RFC 3218 §2.3.2: the library gives octets made from key and ciphertext when the padding is wrong.
            RsaPadding::Pkcs1 => decrypt(&mut SystemEntropy, Pkcs1v15Encrypt, &key, ciphertext),
            RsaPadding::Oaep { hash: OaepHash::Sha1, mask } => decrypt_oaep::<Sha1>(mask, &key, ciphertext),
            RsaPadding::Oaep { hash: OaepHash::Sha256, mask } => decrypt_oaep::<Sha256>(mask, &key, ciphertext),
            RsaPadding::Oaep { hash: OaepHash::Sha384, mask } => decrypt_oaep::<Sha384>(mask, &key, ciphertext),
            RsaPadding::Oaep { hash: OaepHash::Sha512, mask } => decrypt_oaep::<Sha512>(mask, &key, ciphertext),
        }
    }

    fn agree(&self, peer: &PublicKey) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
        let (_, ec_private_key) = private_key_info(&self.pkcs8).map_err(|_| DecryptError::Failed)?;
        macro_rules! agree_on {
            ($curve:ident) => {{
                // That the public half belongs to it was found when the key was read; finding it again would cost as much
                // as the agreement.
                let key = scalar(ec_private_key).ok().and_then(|scalar| $curve::SecretKey::from_slice(scalar).ok());
                let key = key.ok_or(DecryptError::Failed)?;
                // SEC 1 §3.2.2.1: reading the point checks that it lies on the curve and is not infinity.
                let peer =
                    $curve::PublicKey::from_sec1_bytes(peer.subject_public_key()).map_err(|_| DecryptError::Failed)?;
                Ok(Zeroizing::new(key.diffie_hellman(&peer).raw_secret_bytes().to_vec()))
            }};
        }
        match (self.public.key_type(), peer.key_type()) {
            (KeyType::P256, KeyType::P256) => agree_on!(p256),
            (KeyType::P384, KeyType::P384) => agree_on!(p384),
            (KeyType::P521, KeyType::P521) => agree_on!(p521),
            _ => Err(DecryptError::KeyMismatch),
        }
    }
}

fn decrypt_oaep<Label: OaepDigest>(
    mask: OaepHash,
    key: &RsaPrivateKey,
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    match mask {
        OaepHash::Sha1 => decrypt(&mut SystemEntropy, Oaep::<Label, Sha1>::new_with_mgf_hash(), key, ciphertext),
        OaepHash::Sha256 => decrypt(&mut SystemEntropy, Oaep::<Label, Sha256>::new_with_mgf_hash(), key, ciphertext),
        OaepHash::Sha384 => decrypt(&mut SystemEntropy, Oaep::<Label, Sha384>::new_with_mgf_hash(), key, ciphertext),
        OaepHash::Sha512 => decrypt(&mut SystemEntropy, Oaep::<Label, Sha512>::new_with_mgf_hash(), key, ciphertext),
    }
}

/// One private operation, blinded: the ciphertext is multiplied by a random factor, so that its time says nothing about
/// the plaintext.
fn decrypt(
    entropy: &mut dyn Entropy,
    padding: impl PaddingScheme,
    key: &RsaPrivateKey,
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    padding.decrypt(Some(&mut Rng(entropy)), key, ciphertext).map(Zeroizing::new).map_err(|_| DecryptError::Failed)
}

trait OaepDigest: sha2::Digest + sha2::digest::FixedOutputReset {}

impl<D: sha2::Digest + sha2::digest::FixedOutputReset> OaepDigest for D {}

#[cfg(test)]
mod tests {
    use rsa::rand_core::UnwrapErr;

    use super::*;
    use crate::key::NoEntropy;

    fn on_each_curve() -> [FileKey; 3] {
        [FileKey::generate_p256().unwrap(), FileKey::generate_p384().unwrap(), FileKey::generate_p521().unwrap()]
    }

    #[test]
    fn both_sides_agree_on_one_secret_as_long_as_the_field() {
        for ((ours, theirs), length) in on_each_curve().into_iter().zip(on_each_curve()).zip([32, 48, 66]) {
            let secret = ours.agree(Decryptor::public_key(&theirs)).unwrap();
            assert_eq!(secret.len(), length);
            assert_eq!(secret, theirs.agree(Decryptor::public_key(&ours)).unwrap());
            assert_ne!(secret, ours.agree(Decryptor::public_key(&ours)).unwrap());
        }
    }

    #[test]
    fn a_key_of_another_kind_is_told_apart_from_a_failure() {
        let ed25519 = FileKey::generate_ed25519().unwrap();
        let [p256, p384, p521] = on_each_curve();
        for (ours, theirs) in [(&p256, &p384), (&p384, &p521), (&p521, &p256), (&p256, &ed25519), (&ed25519, &ed25519)]
        {
            assert_eq!(ours.agree(&theirs.public).unwrap_err(), DecryptError::KeyMismatch);
        }
        for key in [&p256, &p521, &ed25519] {
            assert_eq!(key.decrypt_rsa(RsaPadding::Pkcs1, &[0; 256]).unwrap_err(), DecryptError::KeyMismatch);
        }
    }

    #[test]
    fn points_that_are_not_on_the_curve_are_refused() {
        // An attacker who could choose such a point would learn the private key piece by piece.
        for key in on_each_curve() {
            let mut spki = key.public.spki_der().to_vec();
            *spki.last_mut().unwrap() ^= 1;
            let off_curve = PublicKey::from_spki_der(&spki).unwrap();
            assert_eq!(key.agree(&off_curve).unwrap_err(), DecryptError::Failed);
        }
    }

    /// Randomness that ends after so many octets.
    struct Rationed {
        left: usize,
    }

    impl Entropy for Rationed {
        fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoEntropy> {
            self.left = self.left.checked_sub(octets.len()).ok_or(NoEntropy)?;
            SystemEntropy.fill(octets)
        }
    }

    #[test]
    fn rsa_does_not_touch_a_ciphertext_that_is_not_blinded() {
        // Short, because it is made here; what is asked of the library does not depend on it.
        let key = RsaPrivateKey::new(&mut UnwrapErr(Rng(&mut SystemEntropy)), 1024).unwrap();
        let public = key.to_public_key();
        let mut source = SystemEntropy;
        let mut random = UnwrapErr(Rng(&mut source));
        let pkcs1 = public.encrypt(&mut random, Pkcs1v15Encrypt, b"secret").unwrap();
        let oaep = public.encrypt(&mut random, Oaep::<Sha256>::new(), b"secret").unwrap();
        let mut plenty = Rationed { left: 1 << 20 };
        assert_eq!(**decrypt(&mut plenty, Pkcs1v15Encrypt, &key, &pkcs1).unwrap(), *b"secret");
        assert!(plenty.left <= (1 << 20) - 128, "as much as the modulus is long");
        assert_eq!(**decrypt(&mut plenty, Oaep::<Sha256>::new(), &key, &oaep).unwrap(), *b"secret");
        for left in [0, 64] {
            let refused = decrypt(&mut Rationed { left }, Pkcs1v15Encrypt, &key, &pkcs1).unwrap_err();
            assert_eq!(refused, DecryptError::Failed);
            let refused = decrypt(&mut Rationed { left }, Oaep::<Sha256>::new(), &key, &oaep).unwrap_err();
            assert_eq!(refused, DecryptError::Failed);
        }
    }
}
