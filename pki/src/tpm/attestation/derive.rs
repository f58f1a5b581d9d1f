//! The ways in which a TPM derives keys and encrypts (TPM 2.0 Library, Part 1 §11.4.10, §24, appendix C.6).

use aes::{
    Aes128, Aes256, Block,
    cipher::{BlockCipherEncrypt, KeyInit},
};
use ring::hmac;
use zeroize::Zeroizing;

use crate::digest::HashAlgorithm;

/// HMAC with one of the hashes.
pub(super) fn hmac(hash: HashAlgorithm, key: &[u8], message: &[u8]) -> hmac::Tag {
    let algorithm = match hash {
        HashAlgorithm::Sha256 => hmac::HMAC_SHA256,
        HashAlgorithm::Sha384 => hmac::HMAC_SHA384,
        HashAlgorithm::Sha512 => hmac::HMAC_SHA512,
    };
    hmac::sign(&hmac::Key::new(algorithm, key), message)
}

/// KDFa, the KDF of NIST SP 800-108 in counter mode: `bits` of key, at most as many as one digest has.
pub(super) fn kdf_a(
    hash: HashAlgorithm,
    key: &[u8],
    label: &str,
    context_u: &[u8],
    context_v: &[u8],
    bits: u16,
) -> Zeroizing<Vec<u8>> {
    let counter = 1_u32.to_be_bytes();
    let length = u32::from(bits).to_be_bytes();
    let message = [&counter[..], label.as_bytes(), &[0], context_u, context_v, &length].concat();
    let mut derived = Zeroizing::new(hmac(hash, key, &message).as_ref().to_vec());
    derived.truncate(usize::from(bits / 8));
    derived
}

/// KDFe, the one-step KDF of NIST SP 800-56A over a shared secret: as many bits as a digest has.
pub(super) fn kdf_e(
    hash: HashAlgorithm,
    shared: &[u8],
    label: &str,
    party_u: &[u8],
    party_v: &[u8],
) -> Zeroizing<Vec<u8>> {
    let counter = 1_u32.to_be_bytes();
    let message = Zeroizing::new([&counter[..], shared, label.as_bytes(), &[0], party_u, party_v].concat());
    Zeroizing::new(hash.digest(&message))
}

/// AES in CFB with whole blocks of feedback, from a vector of zeros. The key has 16 or 32 octets.
pub(super) fn encrypt_cfb(key: &[u8], plaintext: &[u8]) -> Option<Vec<u8>> {
    match key.len() {
        16 => Some(cfb(&Aes128::new_from_slice(key).ok()?, plaintext)),
        32 => Some(cfb(&Aes256::new_from_slice(key).ok()?, plaintext)),
        _ => None,
    }
}

fn cfb(cipher: &impl BlockCipherEncrypt<BlockSize = aes::cipher::consts::U16>, plaintext: &[u8]) -> Vec<u8> {
    let mut feedback = Block::default();
    let mut ciphertext = Vec::with_capacity(plaintext.len());
    for chunk in plaintext.chunks(feedback.len()) {
        cipher.encrypt_block(&mut feedback);
        for (mask, octet) in feedback.iter_mut().zip(chunk) {
            *mask ^= octet;
        }
        ciphertext.extend(feedback.iter().take(chunk.len()));
    }
    ciphertext
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn cfb_is_that_of_nist() {
        // SP 800-38A appendix F.3.13, with its initialization vector brought in as a first block: E(0 ⊕ …) is not at hand, so the
        // vector is what E(0) has to be turned into.
        let key = octets("2b7e151628aed2a6abf7158809cf4f3c");
        let vector = octets("000102030405060708090a0b0c0d0e0f");
        let zero = encrypt_cfb(&key, &[0; 16]).unwrap();
        let first: Vec<_> = zero.iter().zip(&vector).map(|(a, b)| a ^ b).collect();
        let plaintext = octets("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
        let made = encrypt_cfb(&key, &[first, plaintext].concat()).unwrap();
        assert_eq!(made[..16], vector);
        assert_eq!(made[16..], octets("3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b"));
        // The last block may be short.
        assert_eq!(encrypt_cfb(&key, &[0; 5]).unwrap(), zero[..5]);
        assert_eq!(encrypt_cfb(&key[..15], &[0; 5]), None);
    }

    #[test]
    fn derived_keys_are_as_long_as_asked_and_depend_on_everything() {
        let of = |key: &[u8], label, u: &[u8], v: &[u8], bits| kdf_a(HashAlgorithm::Sha256, key, label, u, v, bits);
        let base = of(b"k", "L", b"u", b"v", 128);
        assert_eq!(base.len(), 16);
        for other in [
            of(b"x", "L", b"u", b"v", 128),
            of(b"k", "X", b"u", b"v", 128),
            of(b"k", "L", b"x", b"v", 128),
            of(b"k", "L", b"u", b"x", 128),
        ] {
            assert_ne!(base, other);
        }
        assert_ne!(base[..], of(b"k", "L", b"u", b"v", 256)[..16], "the length is part of what is derived from");
    }
}
