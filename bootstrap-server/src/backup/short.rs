//! Digests that are compared and never shown.

use pki::digest::{Digest, sha256};

/// The first half of SHA-256: as hard to find another text for as anything here, in half the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Short(pub(super) [u8; 16]);

impl Short {
    pub(super) fn of(octets: &[u8]) -> Self {
        Self::from(sha256(octets))
    }
}

impl From<Digest> for Short {
    fn from(digest: Digest) -> Self {
        let mut short = [0; 16];
        short.iter_mut().zip(digest.0).for_each(|(here, there)| *here = there);
        Self(short)
    }
}
