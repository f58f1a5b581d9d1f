//! Public keys that protect nothing although they can be read: found before a certificate speaks for one.

use der::Decode;
use p256::elliptic_curve::PublicKey as CurvePoint;
use rsa::{BoxedUint, pkcs1::RsaPublicKeyRef};

use crate::{
    algorithm::MIN_RSA_BITS,
    key::{KeyType, PublicKey},
};

/// Longest RSA modulus that is worked with, in bits.
const MAX_RSA_BITS: usize = 8192;

/// The odd primes below 752, as the CA/Browser Forum's Baseline Requirements (§6.1.6) have a modulus tried.
const LAST_TRIED: u32 = 751;
/// How far Fermat's method is followed.
const FERMAT_STEPS: usize = 100;
/// The last prime by which keys of the ROCA library are told.
const LAST_OF_ROCA: u32 = 167;
/// The exponent that every key has nowadays, and the generator by which the ROCA library made its primes.
const F4: u32 = 65_537;

/// What makes a key weak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Weakness {
    /// The key's bits are none of its kind.
    #[error("the key cannot be read")]
    Malformed,
    /// The modulus is shorter than 2048 bits, or longer than 8192; how many it has.
    #[error("the RSA modulus has {0} bits: 2048 to 8192 are taken")]
    RsaLength(usize),
    /// An even public exponent, or one below 65537 (NIST FIPS 186-5 §5.4).
    #[error("the RSA exponent is even or below 65537")]
    RsaExponent,
    /// The modulus has a small factor, or is even; which one.
    #[error("the RSA modulus can be divided by {0}")]
    RsaSmallFactor(u32),
    /// The modulus is the product of two numbers that are next to one another (CVE-2022-26320).
    #[error("the RSA modulus can be factored in a moment: its primes are next to one another")]
    RsaCloseFactors,
    /// The key was made by the library whose keys can be factored (CVE-2017-15361).
    #[error("the RSA key was made by a library whose keys can be factored (ROCA, CVE-2017-15361)")]
    Roca,
    /// The point does not lie on the curve (NIST SP 800-56A §5.6.2.3), or is written compressed, which few can read.
    #[error("the public key is no point of its curve in uncompressed form")]
    NotOnCurve,
    /// A point of small order: whoever sees a signature can make others (RFC 8032 §8.9).
    #[error("the Ed25519 key is a point of small order")]
    SmallOrder,
}

/// Looks for what can be told from the key alone. Lists of keys that leaked, such as Debian's of 2008, are not looked at, and
/// a modulus is not tried to be factored further than costs a moment.
///
/// # Errors
/// The first [`Weakness`] that is found.
pub fn check(key: &PublicKey) -> Result<(), Weakness> {
    let point = key.subject_public_key();
    match key.key_type() {
        KeyType::Rsa | KeyType::RsaPss => check_rsa(point),
        KeyType::P256 => on_curve::<p256::NistP256>(point, 65),
        KeyType::P384 => on_curve::<p384::NistP384>(point, 97),
        KeyType::P521 => on_curve::<p521::NistP521>(point, 133),
        KeyType::Ed25519 => check_ed25519(point),
    }
}

fn on_curve<C>(point: &[u8], uncompressed: usize) -> Result<(), Weakness>
where
    C: p256::elliptic_curve::CurveArithmetic,
    p256::elliptic_curve::AffinePoint<C>:
        p256::elliptic_curve::sec1::FromSec1Point<C> + p256::elliptic_curve::sec1::ToSec1Point<C>,
    p256::elliptic_curve::FieldBytesSize<C>: p256::elliptic_curve::sec1::ModulusSize,
{
    // RFC 5480 §2.2: uncompressed is what everybody must read.
    if point.len() != uncompressed || CurvePoint::<C>::from_sec1_bytes(point).is_err() {
        return Err(Weakness::NotOnCurve);
    }
    Ok(())
}

fn check_rsa(point: &[u8]) -> Result<(), Weakness> {
    let key = RsaPublicKeyRef::from_der(point).map_err(|_| Weakness::Malformed)?;
    let (modulus, exponent) = (key.modulus.as_bytes(), key.public_exponent.as_bytes());
    let bits = crate::key::rsa_bits(modulus);
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
        return Err(Weakness::RsaLength(bits));
    }
    let is_large = exponent.len() > 3 || exponent >= [1, 0, 1].as_slice() && exponent.len() == 3;
    if !is_large || remainder(exponent, 2) == 0 {
        return Err(Weakness::RsaExponent);
    }
    let mut is_roca = true;
    for prime in std::iter::once(2).chain((3..=LAST_TRIED).step_by(2)).filter(|it| is_prime(*it)) {
        let rest = remainder(modulus, prime);
        if rest == 0 {
            return Err(Weakness::RsaSmallFactor(prime));
        }
        is_roca &= prime > LAST_OF_ROCA || is_power_of_f4(rest, prime);
    }
    if is_roca {
        return Err(Weakness::Roca);
    }
    if has_close_factors(modulus) { Err(Weakness::RsaCloseFactors) } else { Ok(()) }
}

/// Whether Fermat's method factors the odd modulus in as many steps as the CA/Browser Forum's Baseline Requirements (§6.1.1.3) have
/// tried: it is the difference of two squares, of which the greater is hardly greater than the modulus.
fn has_close_factors(modulus: &[u8]) -> bool {
    // A limb more than it needs: no sum below leaves it.
    let bits = modulus.len().saturating_add(8).saturating_mul(8);
    let number = u32::try_from(bits).ok().and_then(|bits| BoxedUint::from_be_slice(modulus, bits).ok());
    let Some(number) = number else { return false };
    let mut root = number.floor_sqrt_vartime();
    let mut rest = root.wrapping_mul(&root).wrapping_sub(&number);
    if bool::from(rest.is_zero()) {
        return true;
    }
    let one = BoxedUint::one_with_precision(number.bits_precision());
    for _ in 0..FERMAT_STEPS {
        // (root + 1)² = root² + 2·root + 1
        rest = rest.wrapping_add(&root).wrapping_add(&root).wrapping_add(&one);
        root = root.wrapping_add(&one);
        if may_be_square(&rest) && rest.checked_sqrt_vartime().is_some() {
            return true;
        }
    }
    false
}

/// Whether it is a square modulo 64: of other numbers, one in five is.
fn may_be_square(number: &BoxedUint) -> bool {
    const SQUARES: [u64; 12] = [0, 1, 4, 9, 16, 17, 25, 33, 36, 41, 49, 57];
    let last = number.to_be_bytes().last().map_or(0, |octet| u64::from(octet & 63));
    SQUARES.contains(&last)
}

/// `number` modulo `small`, the number given as octets, the most significant first.
fn remainder(number: &[u8], small: u32) -> u32 {
    let step = |rest: u32, octet: &u8| rest.wrapping_mul(256).wrapping_add(u32::from(*octet)).checked_rem(small);
    number.iter().try_fold(0, step).unwrap_or_default()
}

fn is_prime(number: u32) -> bool {
    number == 2 || (3..28).step_by(2).chain([2]).all(|it| it >= number || number.checked_rem(it) != Some(0))
}

/// Whether `rest` is a power of 65537 modulo `prime`: all moduli of the ROCA library are, of others next to none for all
/// of the primes.
fn is_power_of_f4(rest: u32, prime: u32) -> bool {
    let times = |power: u32| power.wrapping_mul(F4.checked_rem(prime)?).checked_rem(prime);
    let powers = std::iter::successors(Some(1), |power| times(*power).filter(|next| *next != 1));
    powers.take(256).any(|power| power == rest)
}

fn check_ed25519(point: &[u8]) -> Result<(), Weakness> {
    let mut point = <[u8; 32]>::try_from(point).map_err(|_| Weakness::Malformed)?;
    // The sign of x: both points of a pair have the same order.
    if let Some(last) = point.last_mut() {
        *last &= 0x7f;
    }
    if SMALL_ORDER.contains(&point) { Err(Weakness::SmallOrder) } else { Ok(()) }
}

const fn edges(first: u8, between: u8, last: u8) -> [u8; 32] {
    let mut octets = [between; 32];
    let [head, .., tail] = &mut octets;
    *head = first;
    *tail = last;
    octets
}

/// The y-coordinates of the points whose order divides 8, as they may be written.
const SMALL_ORDER: [[u8; 32]; 7] = [
    edges(0, 0, 0),
    edges(1, 0, 0),
    edges(0xec, 0xff, 0x7f),
    edges(0xed, 0xff, 0x7f),
    edges(0xee, 0xff, 0x7f),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

#[cfg(test)]
mod tests {
    use der::{Encode, Sequence, asn1::Uint};

    use super::*;
    use crate::key::{FileKey, Signer};

    #[derive(Sequence)]
    struct Rsa {
        modulus: Uint,
        exponent: Uint,
    }

    fn rsa(modulus: &[u8], exponent: &[u8]) -> PublicKey {
        let key = Rsa { modulus: Uint::new(modulus).unwrap(), exponent: Uint::new(exponent).unwrap() };
        let algorithm = spki::AlgorithmIdentifierOwned {
            oid: const_oid::db::rfc5912::RSA_ENCRYPTION,
            parameters: Some(der::Any::null()),
        };
        PublicKey::from_parts(algorithm, &key.to_der().unwrap()).unwrap()
    }

    /// A number of `octets` octets without small factors that is no power of 65537 either.
    fn modulus(octets: usize) -> Vec<u8> {
        let mut number = vec![0xc5; octets];
        for last in (1..=255).step_by(2) {
            *number.last_mut().unwrap() = last;
            for before in 0..=255 {
                number[octets - 2] = before;
                if (2..=LAST_TRIED).all(|prime| remainder(&number, prime) != 0) {
                    return number;
                }
            }
        }
        panic!("there is one");
    }

    #[test]
    fn keys_that_were_just_made_are_not_weak() {
        for key in
            [FileKey::generate_p256(), FileKey::generate_p384(), FileKey::generate_p521(), FileKey::generate_ed25519()]
        {
            assert_eq!(check(key.unwrap().public_key()), Ok(()));
        }
        for octets in [256, 384, 512] {
            assert_eq!(check(&rsa(&modulus(octets), &[1, 0, 1])), Ok(()));
        }
    }

    #[test]
    fn rsa_keys_are_weak_by_length_exponent_and_factors() {
        assert_eq!(check(&rsa(&modulus(255), &[1, 0, 1])), Err(Weakness::RsaLength(2040)));
        assert_eq!(check(&rsa(&modulus(1025), &[1, 0, 1])), Err(Weakness::RsaLength(8200)));
        for exponent in [&[3][..], &[0xff, 0xff], &[1, 0, 0], &[1, 0, 2]] {
            assert_eq!(check(&rsa(&modulus(256), exponent)), Err(Weakness::RsaExponent), "{exponent:?}");
        }
        assert_eq!(check(&rsa(&modulus(256), &[1, 0, 0, 1])), Ok(()));
        for prime in [2, 3, 5, 7, 743, 751] {
            // The next multiple of the prime above 2^2047.
            let mut number = vec![0; 256];
            number[0] = 0x80;
            let add = prime - remainder(&number, prime);
            number[254] = u8::try_from(add >> 8).unwrap();
            number[255] = u8::try_from(add & 0xff).unwrap();
            let found = check(&rsa(&number, &[1, 0, 1])).unwrap_err();
            let Weakness::RsaSmallFactor(found) = found else { panic!("{prime}: {found}") };
            assert!(found <= prime && remainder(&number, found) == 0, "{prime}");
        }
    }

    #[test]
    fn primes_that_are_next_to_one_another_are_found() {
        // Numbers without small factors will do: nobody asks whether they are prime.
        let near = |start: &[u8], steps: u32| {
            let number = BoxedUint::from_be_slice(start, 2176).unwrap();
            let mut next = number.wrapping_add(BoxedUint::from_be_slice(&steps.to_be_bytes(), 2176).unwrap());
            loop {
                let octets = next.to_be_bytes();
                if (2..=LAST_TRIED).all(|prime| remainder(&octets, prime) != 0) {
                    return next;
                }
                next = next.wrapping_add(BoxedUint::one_with_precision(2176));
            }
        };
        let start = [0xc5; 128];
        let one = near(&start, 0);
        let product = |other: &BoxedUint| {
            let octets = one.wrapping_mul(other).to_be_bytes().to_vec();
            octets.into_iter().skip_while(|octet| *octet == 0).collect::<Vec<_>>()
        };
        for steps in [0, 1, 5_000, 1_000_000] {
            let found = check(&rsa(&product(&near(&start, steps)), &[1, 0, 1]));
            assert_eq!(found, Err(Weakness::RsaCloseFactors), "{steps}");
        }
        // Half of the octets apart, as honest primes are at the least.
        let mut far = start;
        far[0] = 0xd5;
        assert_eq!(check(&rsa(&product(&near(&far, 0)), &[1, 0, 1])), Ok(()));
    }

    #[test]
    fn the_fingerprint_of_roca_is_recognised() {
        // Every residue of a power of 65537 is one, as those of the broken library's moduli are.
        let mut number = vec![1_u8];
        for _ in 0..128 {
            let mut carry = 0_u32;
            for octet in number.iter_mut().rev() {
                let value = u32::from(*octet) * F4 + carry;
                *octet = u8::try_from(value & 0xff).unwrap();
                carry = value >> 8;
            }
            while carry > 0 {
                number.insert(0, u8::try_from(carry & 0xff).unwrap());
                carry >>= 8;
            }
        }
        assert_eq!(check(&rsa(&number, &[1, 0, 1])), Err(Weakness::Roca));
    }

    #[test]
    fn points_lie_on_their_curve_and_are_written_in_full() {
        let good = FileKey::generate_p256().unwrap().public_key().clone();
        let algorithm = spki::SubjectPublicKeyInfoOwned::try_from(good.spki_der()).unwrap().algorithm;
        let mut off = good.subject_public_key().to_vec();
        off[64] ^= 1;
        let mut compressed = good.subject_public_key()[..33].to_vec();
        compressed[0] = 2 | (good.subject_public_key()[64] & 1);
        for point in [off, compressed, vec![0], vec![]] {
            let key = PublicKey::from_parts(algorithm.clone(), &point).unwrap();
            assert_eq!(check(&key), Err(Weakness::NotOnCurve), "{point:02x?}");
        }
    }

    #[test]
    fn points_of_small_order_are_refused_with_either_sign() {
        for mut point in SMALL_ORDER {
            assert_eq!(check(&PublicKey::from_ed25519(point)), Err(Weakness::SmallOrder));
            point[31] |= 0x80;
            assert_eq!(check(&PublicKey::from_ed25519(point)), Err(Weakness::SmallOrder));
        }
    }
}
