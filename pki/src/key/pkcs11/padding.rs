//! RSA's paddings taken off here, in the same time whatever they are.
//!
//! For two cases: tokens that know OAEP with SHA-1 only (SoftHSM is one), and PKCS#1 v1.5, where what a token says of a wrong padding
//! would tell an attacker about the plaintext (RFC 3218 §2.3.2). The token does the bare private operation.

use std::sync::OnceLock;

use ring::hmac;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater};
use zeroize::Zeroizing;

use crate::key::{DecryptError, OaepHash, random};

/// Takes off PKCS#1 v1.5 (RFC 8017 §7.2.2). When it is not there, some octets come back that depend on the ciphertext and a secret
/// of this process, and nothing says so.
pub(super) fn pkcs1(encoded: &[u8], ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    let length = u32::try_from(encoded.len()).map_err(|_| DecryptError::Failed)?;
    let (Some([first, second]), true) = (encoded.first_chunk(), length > 11) else { return Err(DecryptError::Failed) };
    let (mut found, mut at) = (Choice::from(0), 0);
    for (octet, index) in encoded.iter().zip(0_u32..).skip(2) {
        let is_zero = octet.ct_eq(&0);
        at.conditional_assign(&index, is_zero & !found);
        found |= is_zero;
    }
    // At least eight octets of padding.
    let good = first.ct_eq(&0) & second.ct_eq(&2) & found & at.ct_gt(&9);
    let (other, other_length) = synthetic(ciphertext, length.saturating_sub(10))?;
    let mut message = Zeroizing::new(encoded.to_vec());
    shift_left(&mut message, at.saturating_add(1));
    for (octet, other) in message.iter_mut().zip(other.iter().cycle()) {
        octet.conditional_assign(other, !good);
    }
    let own_length = length.saturating_sub(at).saturating_sub(1);
    let kept = u32::conditional_select(&other_length, &own_length, good);
    message.truncate(usize::try_from(kept).unwrap_or(0));
    Ok(message)
}

/// Takes off OAEP with an empty label (RFC 8017 §7.1.2). That something is wrong is said, and not what (step 3.g).
pub(super) fn oaep(hash: OaepHash, mask: OaepHash, encoded: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    let label = digest(hash, &[]);
    let (first, rest) = encoded.split_first().ok_or(DecryptError::Failed)?;
    let (masked_seed, masked) = rest.split_at_checked(label.len()).ok_or(DecryptError::Failed)?;
    if masked.len() <= label.len() {
        return Err(DecryptError::Failed);
    }
    let seed = unmasked(masked_seed, mask, masked);
    let mut block = unmasked(masked, mask, &seed);
    let (its_label, padded) = block.split_at(label.len());
    let mut good = first.ct_eq(&0) & its_label.ct_eq(&label);
    let (mut found, mut at) = (Choice::from(0), 0);
    for (octet, index) in padded.iter().zip(0_u32..) {
        let is_one = octet.ct_eq(&1);
        at.conditional_assign(&index, is_one & !found);
        good &= found | is_one | octet.ct_eq(&0);
        found |= is_one;
    }
    if !bool::from(good & found) {
        return Err(DecryptError::Failed);
    }
    let begin = usize::try_from(at).ok().and_then(|at| at.checked_add(label.len())?.checked_add(1));
    Ok(Zeroizing::new(block.split_off(begin.ok_or(DecryptError::Failed)?)))
}

/// Octets for a message that is none, and how many of them, at most `most`.
fn synthetic(ciphertext: &[u8], most: u32) -> Result<([u8; 32], u32), DecryptError> {
    static SECRET: OnceLock<hmac::Key> = OnceLock::new();
    let secret = match SECRET.get() {
        Some(secret) => secret,
        None => {
            let secret = hmac::Key::new(hmac::HMAC_SHA256, &random::<32>().map_err(|_| DecryptError::Failed)?);
            SECRET.get_or_init(|| secret)
        }
    };
    let of = |what: &[u8]| {
        let mut context = hmac::Context::with_key(secret);
        context.update(what);
        context.update(ciphertext);
        let mut octets = [0; 32];
        octets.iter_mut().zip(context.sign().as_ref()).for_each(|(octet, made)| *octet = *made);
        octets
    };
    let [high, low, ..] = of(b"length");
    let length = u32::from(u16::from_be_bytes([high, low])).checked_rem(most).unwrap_or(0);
    Ok((of(b"message"), length))
}

/// Moves the octets to the front by a number that nobody may learn.
fn shift_left(octets: &mut [u8], by: u32) {
    for bit in 0..u32::BITS {
        let amount = 1_usize.checked_shl(bit).unwrap_or(usize::MAX);
        if amount >= octets.len() {
            return;
        }
        let moves = Choice::from(u8::from(by >> bit & 1 == 1));
        for index in 0..octets.len() {
            let from = index.checked_add(amount).and_then(|from| octets.get(from)).copied().unwrap_or(0);
            if let Some(octet) = octets.get_mut(index) {
                octet.conditional_assign(&from, moves);
            }
        }
    }
}

/// RFC 8017 §B.2.1: MGF1 over the seed, and its exclusive or with what it masked.
fn unmasked(masked: &[u8], hash: OaepHash, seed: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut octets = Zeroizing::new(masked.to_vec());
    let length = digest(hash, &[]).len();
    for (part, counter) in octets.chunks_mut(length).zip(0_u32..) {
        let block = Zeroizing::new(digest(hash, &Zeroizing::new([seed, &counter.to_be_bytes()].concat())));
        part.iter_mut().zip(block.iter()).for_each(|(octet, mask)| *octet ^= mask);
    }
    octets
}

fn digest(hash: OaepHash, octets: &[u8]) -> Vec<u8> {
    match hash {
        OaepHash::Sha1 => Sha1::digest(octets).to_vec(),
        OaepHash::Sha256 => Sha256::digest(octets).to_vec(),
        OaepHash::Sha384 => Sha384::digest(octets).to_vec(),
        OaepHash::Sha512 => Sha512::digest(octets).to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Entropy, SystemEntropy};

    /// RFC 8017 §7.2.1.
    fn padded(message: &[u8], length: usize) -> Vec<u8> {
        [&[0, 2][..], &vec![0x5a; length - message.len() - 3], &[0], message].concat()
    }

    #[test]
    fn what_was_padded_comes_back() {
        for length in [0, 1, 16, 31, 32, 245] {
            let message: Vec<u8> = (0..length).map(|octet| u8::try_from(octet).unwrap()).collect();
            assert_eq!(**pkcs1(&padded(&message, 256), b"c").unwrap(), *message, "{length}");
        }
    }

    #[test]
    fn a_wrong_padding_gives_octets_that_go_with_the_ciphertext() {
        let good = padded(b"secret", 256);
        let broken = |at: usize, octet: u8| {
            let mut encoded = good.clone();
            encoded[at] = octet;
            encoded
        };
        let no_end: Vec<u8> = [&[0, 2][..], &[1; 254]].concat();
        for wrong in [broken(0, 1), broken(1, 1), broken(5, 0), no_end] {
            let made = pkcs1(&wrong, b"one").unwrap();
            assert_ne!(**made, *b"secret");
            assert_eq!(made, pkcs1(&wrong, b"one").unwrap(), "the same each time");
            assert_eq!(made, pkcs1(&broken(0, 3), b"one").unwrap(), "whatever is wrong");
            assert!(made.len() < 246);
        }
        let lengths: std::collections::BTreeSet<_> =
            (0_u8..50).map(|ciphertext| pkcs1(&broken(0, 1), &[ciphertext]).unwrap().len()).collect();
        assert!(lengths.len() > 10, "as if it were a message: {lengths:?}");
    }

    /// RFC 8017 §7.1.1. That another library's is read, too, is shown with a token (`interop-tests`).
    fn oaep_padded(hash: OaepHash, mask: OaepHash, message: &[u8], length: usize) -> Vec<u8> {
        let label = digest(hash, &[]);
        let zeros = vec![0; length - message.len() - 2 * label.len() - 2];
        let block = [&label[..], &zeros, &[1], message].concat();
        let mut seed = vec![0; label.len()];
        SystemEntropy.fill(&mut seed).unwrap();
        let masked = unmasked(&block, mask, &seed);
        [&[0][..], &unmasked(&seed, mask, &masked), &masked].concat()
    }

    #[test]
    fn oaep_comes_back_and_each_damage_is_refused() {
        for (hash, mask) in [(OaepHash::Sha256, OaepHash::Sha1), (OaepHash::Sha1, OaepHash::Sha512)] {
            for length in [0, 1, 32] {
                let mut message = vec![0; length];
                SystemEntropy.fill(&mut message).unwrap();
                let encoded = oaep_padded(hash, mask, &message, 256);
                assert_eq!(**oaep(hash, mask, &encoded).unwrap(), *message);
                assert_eq!(oaep(mask, hash, &encoded), Err(DecryptError::Failed));
                for at in 0..encoded.len() {
                    let mut damaged = encoded.clone();
                    damaged[at] ^= 0x80;
                    let read = oaep(hash, mask, &damaged);
                    assert!(read.is_err() || **read.unwrap() != *message, "{at}");
                }
            }
        }
        assert_eq!(oaep(OaepHash::Sha512, OaepHash::Sha512, &[0; 128]), Err(DecryptError::Failed));
        assert_eq!(oaep(OaepHash::Sha1, OaepHash::Sha1, &[]), Err(DecryptError::Failed));
    }
}
