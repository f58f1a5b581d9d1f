//! The salt that keeps a commitment from being guessed.

use std::fmt;

/// 32 random bytes, one fresh value for every record.
///
/// A body is often guessable: a serial number, a progress type, a time. Its bare hash would let anyone who holds the
/// leaf try out candidates. The salt prevents that for as long as it stays unknown, which is why erasing a record drops
/// the salt with the body, and why [`Debug`](fmt::Debug) shows none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Salt([u8; 32]);

impl Salt {
    /// The length of every salt, in bytes.
    pub const LEN: usize = 32;

    /// A salt from the caller's own cryptographic random number generator, or one read back from storage.
    #[must_use]
    pub const fn new(entropy: [u8; Self::LEN]) -> Self {
        Self(entropy)
    }

    /// The bytes, for storage beside the log and for receipts that reveal the body.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_salt() {
        assert_eq!(format!("{:?}", Salt::new([0xab; 32])), "Salt(…)");
        assert_eq!(format!("{:?}", Salt::new([0; 32])), "Salt(…)");
    }

    #[test]
    fn a_stored_salt_is_the_same_salt() {
        let salt = Salt::new([7; 32]);
        assert_eq!(Salt::new(*salt.as_bytes()), salt);
        assert_ne!(Salt::new([8; 32]), salt);
    }
}
