//! The header's `sname` and `file`: text in a field of fixed size.

use std::fmt;

/// Text in a fixed field of `N` bytes, padded with NUL (RFC 2131 §2).
///
/// The header has two: `sname` (64 bytes) and `file` (128). The standard wants a terminating NUL, so [`Self::new`]
/// takes at most `N - 1` bytes; a received field without NUL is read whole, as real senders fill it.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct FixedField<const N: usize>(Vec<u8>);

impl<const N: usize> FixedField<N> {
    /// The text as a field; `None` when it is longer than `N - 1` bytes or holds a NUL.
    #[must_use]
    pub fn new(text: impl Into<Vec<u8>>) -> Option<Self> {
        let text = text.into();
        (text.len() < N && !text.contains(&0)).then_some(Self(text))
    }

    /// The text in a received field: everything before the first NUL.
    pub(crate) fn from_wire(field: &[u8; N]) -> Self {
        Self(field.split(|byte| *byte == 0).next().unwrap_or_default().to_vec())
    }

    /// The field as sent.
    pub(crate) fn to_wire(&self) -> [u8; N] {
        let mut field = [0; N];
        for (slot, byte) in field.iter_mut().zip(&self.0) {
            *slot = *byte;
        }
        field
    }

    /// The text without padding.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the field holds nothing, so that options may be put into it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<const N: usize> fmt::Debug for FixedField<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(&self.0), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_fits_with_its_terminator_or_not_at_all() {
        assert_eq!(FixedField::<4>::new("abc").unwrap().to_wire(), *b"abc\0");
        assert_eq!(FixedField::<4>::new("abcd"), None);
        assert_eq!(FixedField::<4>::new("a\0"), None);
    }

    #[test]
    fn a_received_field_may_lack_the_terminator() {
        let full = FixedField::from_wire(b"abcd");
        assert_eq!((full.as_bytes(), full.to_wire()), (&b"abcd"[..], *b"abcd"));
        assert_eq!(FixedField::from_wire(b"a\0cd").as_bytes(), b"a");
        assert!(FixedField::from_wire(b"\0bcd").is_empty());
    }
}
