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
