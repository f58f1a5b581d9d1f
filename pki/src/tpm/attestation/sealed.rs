//! A challenge on its way to the device and back: whoever asked need not remember it, and no other server either.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::{
    super::{
        PublicArea,
        wire::{Reader, Writer},
    },
    AttestationError, Challenge,
};
use crate::{
    digest::{Digest, Sha256},
    identity::SerialNumber,
    key::Entropy,
};

/// The key under which a server, or several that share it, seal challenges. It is for nothing else.
#[derive(Clone)]
pub struct ChallengeSeal(Zeroizing<[u8; Self::LENGTH]>);

impl ChallengeSeal {
    /// Octets of the key.
    pub const LENGTH: usize = 32;

    /// Takes a key. It must be random.
    #[must_use]
    pub fn new(octets: [u8; Self::LENGTH]) -> Self {
        Self(Zeroizing::new(octets))
    }

    fn key(&self) -> Result<LessSafeKey, AttestationError> {
        UnboundKey::new(&AES_256_GCM, self.0.as_ref()).map(LessSafeKey::new).map_err(|_| AttestationError::Sealed)
    }
}

impl std::fmt::Debug for ChallengeSeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChallengeSeal")
    }
}

impl Challenge {
    /// Seals the challenge for whoever is to bring it back. It opens again under the same key and in the same context only:
    /// `context` says for whom, for what and until when it is, and has to be read in one way.
    ///
    /// # Errors
    /// [`AttestationError::NoEntropy`]; [`AttestationError::Malformed`] when a key is longer than 64 KiB.
    pub fn seal(
        &self,
        seal: &ChallengeSeal,
        context: &[u8],
        entropy: &mut dyn Entropy,
    ) -> Result<Vec<u8>, AttestationError> {
        let (ek_digest, answer, key, attestor) = self.parts();
        let writer = Writer::default().raw(&ek_digest.0).raw(&answer.0).sized(key.octets()).sized(attestor.octets());
        let mut octets = writer.finish().map_err(|_| AttestationError::Malformed)?;
        // Drawn at random: 2^32 of them under one key are far away, and a key lasts as long as a server or a file.
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce)?;
        let sealing =
            seal.key()?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut octets);
        sealing.map_err(|_| AttestationError::Sealed)?;
        Ok([&nonce[..], &octets].concat())
    }

    /// Opens what [`Challenge::seal`] made.
    ///
    /// # Errors
    /// [`AttestationError::Sealed`] when it was sealed under another key, or in another context, or was changed.
    pub fn open(seal: &ChallengeSeal, context: &[u8], sealed: &[u8]) -> Result<Self, AttestationError> {
        let none = AttestationError::Sealed;
        let (nonce, octets) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(none)?;
        let mut octets = octets.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = seal.key()?.open_in_place(nonce, Aad::from(context), &mut octets).map_err(|_| none)?;
        let mut reader = Reader::new(opened);
        let mut read = || {
            let (ek_digest, answer) = (digest(reader.take(32)?)?, digest(reader.take(32)?)?);
            let key = PublicArea::from_octets(reader.sized()?)?;
            let attestor = PublicArea::from_octets(reader.sized()?)?;
            reader.finish()?;
            Ok(Self::from_parts(ek_digest, answer, key, attestor))
        };
        read().map_err(|_: super::super::Malformed| none)
    }
}

fn digest(octets: &[u8]) -> Result<Digest, super::super::Malformed> {
    octets.try_into().map(Digest).map_err(|_| super::super::Malformed)
}

/// What a key that attests signs along when a key is certified for a request in a factory: the request, and for which unit of
/// which production order it is. It is no challenge: that is the credential's part. It keeps a certification of one request from
/// being shown with another.
#[must_use]
pub fn enrolment_qualifier(order: &str, serial_number: &SerialNumber, request: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(b"sztp factory enrolment 1");
    for part in [order.as_bytes(), serial_number.as_str().as_bytes(), request] {
        hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part);
    }
    hasher.finish().0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        digest::sha256,
        key::{FileKey, Signer, SystemEntropy},
    };

    fn area() -> PublicArea {
        let point = Signer::public_key(&FileKey::generate_p256().unwrap()).subject_public_key().to_vec();
        let writer = Writer::default().u16(0x23).u16(0x0b).u32(0).sized(&[]).u16(0x10).u16(0x10).u16(3).u16(0x10);
        PublicArea::from_octets(&writer.sized(&point[1..33]).sized(&point[33..]).finish().unwrap()).unwrap()
    }

    #[test]
    fn a_sealed_challenge_opens_under_its_key_and_in_its_context_alone() {
        let challenge = Challenge::from_parts(sha256(b"ek"), sha256(b"secret"), area(), area());
        let (seal, other) = (ChallengeSeal::new([7; 32]), ChallengeSeal::new([8; 32]));
        let sealed = challenge.seal(&seal, b"for SN-1", &mut SystemEntropy).unwrap();
        assert_ne!(sealed, challenge.seal(&seal, b"for SN-1", &mut SystemEntropy).unwrap());
        let opened = Challenge::open(&seal, b"for SN-1", &sealed).unwrap();
        assert_eq!(opened, challenge);
        assert_eq!(opened.accept(b"secret").unwrap().ek_digest(), sha256(b"ek"));
        assert_eq!(Challenge::open(&seal, b"for SN-2", &sealed), Err(AttestationError::Sealed));
        assert_eq!(Challenge::open(&other, b"for SN-1", &sealed), Err(AttestationError::Sealed));
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert_eq!(Challenge::open(&seal, b"for SN-1", &damaged), Err(AttestationError::Sealed), "octet {at}");
            assert_eq!(
                Challenge::open(&seal, b"for SN-1", &sealed[..at]),
                Err(AttestationError::Sealed),
                "{at} octets"
            );
        }
    }

    #[test]
    fn a_qualifier_is_of_one_request_for_one_unit_of_one_order() {
        let of = |order, serial: &str, request: &[u8]| {
            enrolment_qualifier(order, &SerialNumber::new(serial.to_owned()).unwrap(), request)
        };
        let base = of("order", "SN-1", b"request");
        for other in [of("orde", "rSN-1", b"request"), of("order", "SN-2", b"request"), of("order", "SN-1", b"Request")]
        {
            assert_ne!(base, other);
        }
    }
}
