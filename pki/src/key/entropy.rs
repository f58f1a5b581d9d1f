//! Randomness from the operating system.

use ring::rand::{SecureRandom, SystemRandom};
use rsa::rand_core::{TryCryptoRng, TryRng};

use super::KeyError;

/// Fills `N` octets with randomness from the operating system.
///
/// # Errors
/// [`KeyError::Entropy`] when there is none.
pub fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut octets = [0; N];
    SystemRandom::new().fill(&mut octets).map_err(|_| KeyError::Entropy)?;
    Ok(octets)
}

/// ring's source of randomness for libraries that want it in another form.
pub(super) struct SystemRng(SystemRandom);

impl SystemRng {
    pub(super) fn new() -> Self {
        Self(SystemRandom::new())
    }

    fn octets<const N: usize>(&mut self) -> Result<[u8; N], NoEntropy> {
        let mut octets = [0; N];
        self.try_fill_bytes(&mut octets)?;
        Ok(octets)
    }
}

impl TryRng for SystemRng {
    type Error = NoEntropy;

    fn try_next_u32(&mut self) -> Result<u32, NoEntropy> {
        self.octets().map(u32::from_ne_bytes)
    }

    fn try_next_u64(&mut self) -> Result<u64, NoEntropy> {
        self.octets().map(u64::from_ne_bytes)
    }

    fn try_fill_bytes(&mut self, octets: &mut [u8]) -> Result<(), NoEntropy> {
        self.0.fill(octets).map_err(|_| NoEntropy)
    }
}

impl TryCryptoRng for SystemRng {}

/// The operating system gave no randomness.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no randomness")]
pub(super) struct NoEntropy;
