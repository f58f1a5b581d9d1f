//! Randomness, which code that makes keys draws from its caller.

use ring::rand::{SecureRandom, SystemRandom};
use rsa::rand_core::{TryCryptoRng, TryRng};

use super::KeyError;

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
