//! Passwords of keys and hierarchies.

use zeroize::Zeroizing;

/// The password ("authorization value") of a key, an NV index or a hierarchy. Wiped when dropped, and never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// No password.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// A password of at most 32 octets, as long as the digests in a TPM's keys.
    ///
    /// # Errors
    /// [`SecretTooLong`].
    pub fn new(octets: &[u8]) -> Result<Self, SecretTooLong> {
        if octets.len() > 32 { Err(SecretTooLong) } else { Ok(Self(Zeroizing::new(octets.to_vec()))) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.significant().is_empty()
    }

    /// As a TPM keeps it: zeros at its end do not count (TPM 2.0 Library, Part 1 §19.6.4.3).
    pub(super) fn significant(&self) -> &[u8] {
        let length = self.0.iter().rposition(|octet| *octet != 0).map_or(0, |last| last.saturating_add(1));
        self.0.get(..length).unwrap_or_default()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_empty() { "Secret(none)" } else { "Secret(..)" })
    }
}

/// Longer than a TPM takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a TPM's password has at most 32 octets")]
pub struct SecretTooLong;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_at_the_end_do_not_count_and_nothing_is_shown() {
        assert_eq!(Secret::new(b"a\0b\0\0").unwrap().significant(), b"a\0b");
        assert!(Secret::new(&[0; 32]).unwrap().is_empty());
        assert_eq!(Secret::new(&[1; 33]), Err(SecretTooLong));
        assert_eq!(format!("{:?}", Secret::new(b"pw").unwrap()), "Secret(..)");
    }
}
