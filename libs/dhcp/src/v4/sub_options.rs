//! Options within an option: a byte of code, a byte of length, the value.

/// Walks them. The walk ends at the first that reaches beyond the end.
#[derive(Clone, Debug)]
pub(super) struct SubOptions<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for SubOptions<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let [code, length, rest @ ..] = self.0 else {
            self.0 = &[];
            return None;
        };
        let piece = rest.split_at_checked(usize::from(*length));
        self.0 = piece.map(|(_, after)| after).unwrap_or_default();
        piece.map(|(value, _)| (*code, value))
    }
}

/// Writes one; `None` when the value exceeds 255 bytes.
pub(super) fn write(code: u8, value: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
    bytes.extend([code, u8::try_from(value.len()).ok()?]);
    bytes.extend_from_slice(value);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_ends_where_the_framing_does() {
        let walk = |bytes| SubOptions(bytes).collect::<Vec<_>>();
        assert_eq!(walk(b"\x01\x02ab\x02\x00"), [(1, &b"ab"[..]), (2, b"")]);
        assert_eq!(walk(b"\x01\x02ab\x02\x02a"), [(1, &b"ab"[..])]);
        assert_eq!(walk(b"\x01"), []);
        let mut bytes = Vec::new();
        assert_eq!(write(1, b"ab", &mut bytes), Some(()));
        assert_eq!((bytes.as_slice(), write(1, &[0; 256], &mut Vec::new())), (&b"\x01\x02ab"[..], None));
    }
}
