//! Randomness, which code that makes keys draws from its caller.

use std::convert::Infallible;

use ring::rand::{SecureRandom, SystemRandom};
use rsa::rand_core::{TryCryptoRng, TryRng};

use super::KeyError;
use crate::digest::HashAlgorithm;

/// Where randomness comes from, for code that draws none itself.
pub trait Entropy {
    /// Fills `octets` with unpredictable octets.
    ///
    /// # Errors
    /// [`NoEntropy`] when there are none; nothing may be made then.
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoEntropy>;
}

/// Randomness from the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, octets: &mut [u8]) -> Result<(), NoEntropy> {
        SystemRandom::new().fill(octets).map_err(|_| NoEntropy)
    }
}

/// There is no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no randomness")]
pub struct NoEntropy;

/// Fills `N` octets with randomness from the operating system.
///
/// # Errors
/// [`KeyError::Entropy`] when there is none.
pub fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut octets = [0; N];
    SystemEntropy.fill(&mut octets).map_err(|_| KeyError::Entropy)?;
    Ok(octets)
}

/// [`Entropy`] in the form that the RustCrypto libraries want.
pub(crate) struct Rng<'a>(pub(crate) &'a mut dyn Entropy);

impl Rng<'_> {
    fn octets<const N: usize>(&mut self) -> Result<[u8; N], NoEntropy> {
        let mut octets = [0; N];
        self.0.fill(&mut octets)?;
        Ok(octets)
    }
}

impl TryRng for Rng<'_> {
    type Error = NoEntropy;

    fn try_next_u32(&mut self) -> Result<u32, NoEntropy> {
        self.octets().map(u32::from_ne_bytes)
    }

    fn try_next_u64(&mut self) -> Result<u64, NoEntropy> {
        self.octets().map(u64::from_ne_bytes)
    }

    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), NoEntropy> {
        self.0.fill(octets)
    }
}

impl TryCryptoRng for Rng<'_> {}

/// [`Entropy`] for what cannot be told that there is none. Whoever uses it must ask afterwards, and throw away what was made:
/// from then on its octets are only such that the making comes to its end.
pub(super) struct Unfailing<'a> {
    entropy: &'a mut dyn Entropy,
    drawn_without: u64,
}

impl<'a> Unfailing<'a> {
    pub(super) fn new(entropy: &'a mut dyn Entropy) -> Self {
        Self { entropy, drawn_without: 0 }
    }

    /// Whether all that was drawn was random.
    pub(super) fn finish(self) -> Result<(), NoEntropy> {
        if self.drawn_without == 0 { Ok(()) } else { Err(NoEntropy) }
    }

    fn octets<const N: usize>(&mut self) -> [u8; N] {
        let mut octets = [0; N];
        self.fill(&mut octets);
        octets
    }

    fn fill(&mut self, octets: &mut [u8]) {
        if self.entropy.fill(octets).is_ok() {
            return;
        }
        for part in octets.chunks_mut(32) {
            self.drawn_without = self.drawn_without.saturating_add(1);
            let filler = HashAlgorithm::Sha256.digest(&self.drawn_without.to_be_bytes());
            part.iter_mut().zip(&filler).for_each(|(octet, filler)| *octet = *filler);
        }
    }
}

impl TryRng for Unfailing<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_ne_bytes(self.octets()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_ne_bytes(self.octets()))
    }

    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), Infallible> {
        self.fill(octets);
        Ok(())
    }
}

impl TryCryptoRng for Unfailing<'_> {}
