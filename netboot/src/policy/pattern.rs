//! Text that a client's octets are held against.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de::Error as _};
use thiserror::Error;

/// A text with `*` for any octets, such as `PXEClient:Arch:00007:*`, or octets in hexadecimal, `0x0102`, likewise with a `*` at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    /// What has to be found, one after the other; between two pieces there may be anything.
    pieces: Vec<Vec<u8>>,
}

impl Pattern {
    /// Whether these octets are the ones meant, from the first to the last.
    #[must_use]
    pub fn matches(&self, octets: &[u8]) -> bool {
        let Some((first, rest)) = self.pieces.split_first() else { return false };
        let Some(mut octets) = octets.strip_prefix(first.as_slice()) else { return false };
        let Some((last, middle)) = rest.split_last() else { return octets.is_empty() };
        for piece in middle {
            let Some(after) = after(octets, piece) else { return false };
            octets = after;
        }
        octets.ends_with(last)
    }
}

/// What follows the first place where the piece stands.
fn after<'o>(octets: &'o [u8], piece: &[u8]) -> Option<&'o [u8]> {
    if piece.is_empty() {
        return Some(octets);
    }
    let place = octets.windows(piece.len()).position(|window| window == piece)?;
    octets.get(place.checked_add(piece.len())?..)
}

impl FromStr for Pattern {
    type Err = PatternInvalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // What a request carries is shorter: a longer pattern would only cost time.
        if text.is_empty() || text.len() > 512 {
            return Err(PatternInvalid);
        }
        let pieces = match text.strip_prefix("0x") {
            None => text.split('*').map(|piece| piece.as_bytes().to_vec()).collect(),
            Some(hex) => hex.split('*').map(octets).collect::<Option<_>>().ok_or(PatternInvalid)?,
        };
        Ok(Self { text: text.to_owned(), pieces })
    }
}

/// Octets written as pairs of hexadecimal digits; colons, hyphens and blanks between them are passed over.
pub(super) fn octets(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|digit| !b":- ".contains(digit)).collect();
    let (pairs, []) = digits.as_chunks() else { return None };
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a pattern is text of 1 to 512 bytes with * for anything, or octets such as 0x0a0b")]
pub struct PatternInvalid;

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, octets: &[u8]) -> bool {
        pattern.parse::<Pattern>().unwrap().matches(octets)
    }

    #[test]
    fn a_star_stands_for_anything_and_nothing() {
        assert!(matches("iPXE", b"iPXE") && !matches("iPXE", b"iPXE2") && !matches("iPXE", b"ipxe"));
        assert!(matches("PXEClient*", b"PXEClient:Arch:00007") && matches("PXEClient*", b"PXEClient"));
        assert!(matches("*-SN*end", b"x-SN1-SN-end") && !matches("*-SN*end", b"x-SNen"));
        assert!(!matches("ab*bc", b"abc"), "pieces do not overlap");
        assert!(matches("*", b"") && matches("a**b", b"ab"));
        assert!(matches("0x01:02*", &[1, 2, 3]) && !matches("0x0102", &[1, 2, 3]));
        for bad in ["", "0x1", "0xzz"] {
            assert_eq!(bad.parse::<Pattern>(), Err(PatternInvalid), "{bad}");
        }
    }
}
