//! What is DER beyond doubt, seen without writing anything.
//!
//! Nearly every artifact is DER already. This looks at headers only and answers yes only where [`super::normalise`] the long
//! way would give the octets back unchanged; in doubt it says no.

use super::{MAX_DEPTH, MAX_ELEMENTS, OBJECT_IDENTIFIER, Outermost, SEQUENCE, SET};
use crate::cms::ContentType;

/// Whether `octets` are one element in DER, as far as normalising changes anything.
pub(super) fn is_plainly_der(octets: &[u8], outermost: Outermost) -> bool {
    let Some((SEQUENCE, contents, [])) = element(octets) else { return false };
    // Encrypted content may come in pieces behind an IMPLICIT tag, which the header does not tell.
    if outermost == Outermost::ContentInfo && holds_envelope(contents) {
        return false;
    }
    let mut left = MAX_ELEMENTS.saturating_sub(1);
    are_plainly_der(contents, 1, &mut left)
}

fn are_plainly_der(mut octets: &[u8], depth: usize, left: &mut usize) -> bool {
    while !octets.is_empty() {
        let (Some((tag, contents, rest)), Some(fewer)) = (element(octets), left.checked_sub(1)) else { return false };
        *left = fewer;
        if depth > MAX_DEPTH {
            return false;
        }
        if tag & 0x20 != 0 {
            // Of the universal types only these two are constructed in DER (X.690 §10.2).
            let is_universal = tag & 0xc0 == 0;
            if is_universal && !matches!(tag, SEQUENCE | SET)
                || !are_plainly_der(contents, depth.saturating_add(1), left)
            {
                return false;
            }
        }
        octets = rest;
    }
    true
}

/// Tag, contents and what follows, of an element with a short tag and the shortest definite length (X.690 §10.1).
fn element(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = octets.split_first_chunk()?;
    if tag == 0 || tag & 0x1f == 0x1f {
        return None;
    }
    let (length, rest) = match (first, rest) {
        (0..=0x7f, rest) => (usize::from(first), rest),
        (0x81, [length @ 0x80..=0xff, rest @ ..]) => (usize::from(*length), rest),
        (0x82, [high @ 1..=0xff, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        // Longer ones hold a whole boot configuration: they take the long way.
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((tag, contents, rest))
}

fn holds_envelope(content_info: &[u8]) -> bool {
    let envelopes = [ContentType::EnvelopedData, ContentType::AuthEnvelopedData];
    match element(content_info) {
        Some((OBJECT_IDENTIFIER, oid, _)) => envelopes.iter().any(|it| it.oid().as_bytes() == oid),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yes(octets: &[u8]) -> bool {
        is_plainly_der(octets, Outermost::Other)
    }

    #[test]
    fn strings_in_pieces_are_not_der_however_their_length_is_written() {
        assert!(yes(&[0x30, 4, 4, 2, b'a', b'b']));
        // OCTET STRING, BIT STRING, UTF8String: constructed, of definite length.
        for tag in [0x24, 0x23, 0x2c] {
            assert!(!yes(&[0x30, 6, tag, 4, 4, 2, b'a', b'b']), "{tag:#x}");
        }
        // Deeper, and behind a tag that is context-specific.
        assert!(!yes(&[0x30, 10, 0x31, 8, 0xa0, 6, 0x24, 4, 4, 2, b'a', b'b']));
        assert!(yes(&[0x30, 8, 0x31, 6, 0xa0, 4, 4, 2, b'a', b'b']));
    }

    #[test]
    fn lengths_that_are_longer_than_they_need_be_and_octets_behind_are_not_der() {
        for octets in [
            &[][..],
            &[0x30],
            &[0x30, 0x81, 2, 5, 0],
            &[0x30, 0x82, 0, 2, 5, 0],
            &[0x30, 0x80, 5, 0, 0, 0],
            &[0x30, 2, 5, 0, 0],
            &[0x30, 3, 5, 0],
            &[0x30, 3, 0x1f, 0x20, 0],
            &[0x30, 2, 0, 0],
            &[4, 1, 7],
        ] {
            assert!(!yes(octets), "{octets:02x?}");
        }
    }

    #[test]
    fn envelopes_take_the_long_way() {
        for content_type in [ContentType::SignedData, ContentType::EnvelopedData, ContentType::AuthEnvelopedData] {
            let oid = content_type.oid();
            let [oid, mut info] = [oid.as_bytes().to_vec(), vec![SEQUENCE]];
            info.push(u8::try_from(oid.len() + 4).unwrap());
            info.extend([OBJECT_IDENTIFIER, u8::try_from(oid.len()).unwrap()]);
            info.extend(oid);
            info.extend([0xa0, 0]);
            let is_plain = is_plainly_der(&info, Outermost::ContentInfo);
            assert_eq!(is_plain, content_type == ContentType::SignedData, "{content_type:?}");
        }
    }
}
