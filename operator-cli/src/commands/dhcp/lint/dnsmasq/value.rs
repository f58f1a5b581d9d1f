//! The octets that dnsmasq makes of what stands behind an option's number. It looks at the characters and decides what they
//! are: hexadecimal digits with colons, a number, addresses, or a text.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A character of a line. In quotes it is part of a text, whatever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Character {
    pub(super) is_quoted: bool,
    pub(super) character: char,
}

impl Character {
    /// Whether it is this one, and means what it says.
    pub(super) fn is(self, character: char) -> bool {
        !self.is_quoted && self.character == character
    }
}

/// What is sent; a sentence without a full stop when that cannot be told.
pub(super) fn octets(value: &[Character]) -> Result<Vec<u8>, String> {
    let text: String = value.iter().map(|it| it.character).collect();
    let text = text.trim();
    let is_plain = value.iter().all(|it| !it.is_quoted);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    if is_plain && let Some(octets) = hexadecimal(text)? {
        return Ok(octets);
    }
    if is_plain && let Some(octets) = number(text) {
        return Ok(octets);
    }
    let pieces = || text.split(',').map(str::trim);
    if is_plain && let Ok(addresses) = pieces().map(str::parse::<Ipv4Addr>).collect::<Result<Vec<_>, _>>() {
        return Ok(addresses.iter().flat_map(Ipv4Addr::octets).collect());
    }
    let unbracketed = |piece: &str| piece.trim_start_matches('[').trim_end_matches(']').parse::<Ipv6Addr>();
    if is_plain && let Ok(addresses) = pieces().map(unbracketed).collect::<Result<Vec<_>, _>>() {
        return Ok(addresses.iter().flat_map(Ipv6Addr::octets).collect());
    }
    Ok(text.as_bytes().to_vec())
}

/// Pairs of digits between colons, of which there is at least one.
fn hexadecimal(text: &str) -> Result<Option<Vec<u8>>, String> {
    let is_hexadecimal = text.contains(':') && text.chars().all(|it| it.is_ascii_hexdigit() || it == ':');
    if !is_hexadecimal {
        return Ok(None);
    }
    let pieces: Vec<_> = text.split(':').collect();
    if pieces.iter().any(|piece| piece.is_empty() || piece.len() > 2) {
        return Err(format!("{text:?} is not pairs of hexadecimal digits with colons between them"));
    }
    Ok(Some(pieces.iter().filter_map(|piece| u8::from_str_radix(piece, 16).ok()).collect()))
}

/// A decimal number in as few octets as hold it: one, two or four.
fn number(text: &str) -> Option<Vec<u8>> {
    let (digits, size) = match text.strip_suffix(['b', 's', 'i']) {
        Some(digits) => (digits, text.chars().last()),
        None => (text, None),
    };
    let is_number =
        digits.bytes().any(|it| it.is_ascii_digit()) && digits.bytes().all(|it| it.is_ascii_digit() || it == b'-');
    let number: i64 = digits.parse().ok().filter(|_| is_number)?;
    let all = number.to_be_bytes();
    let size = match size {
        Some('b') => 1,
        Some('s') => 2,
        Some(_) => 4,
        None if !(0..=0xffff).contains(&number) => 4,
        None if number > 0xff => 2,
        None => 1,
    };
    Some(all.get(all.len().saturating_sub(size)..)?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<u8> {
        let characters = |(is_quoted, text): (bool, &str)| {
            text.chars().map(|character| Character { is_quoted, character }).collect::<Vec<_>>()
        };
        octets(
            &text
                .split('"')
                .zip([false, true].into_iter().cycle())
                .map(|(text, quoted)| (quoted, text))
                .flat_map(characters)
                .collect::<Vec<_>>(),
        )
        .unwrap()
    }

    #[test]
    fn what_stands_there_decides_what_it_is() {
        for (text, expected) in [
            ("00:1d:68", &b"\x00\x1d\x68"[..]),
            ("0:1d", b"\x00\x1d"),
            ("https://a.example", b"https://a.example"),
            ("\"https://a.example\"", b"https://a.example"),
            ("https://a,https://b", b"https://a,https://b"),
            ("192.0.2.1", b"\xc0\x00\x02\x01"),
            ("192.0.2.1,192.0.2.2", b"\xc0\x00\x02\x01\xc0\x00\x02\x02"),
            ("\"192.0.2.1\"", b"192.0.2.1"),
            ("[2001:db8::1]", b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"),
            ("192.0.2.1:9090", b"192.0.2.1:9090"),
            ("001d6874", b"001d6874"),
            ("17", b"\x11"),
            ("443", b"\x01\xbb"),
            ("17s", b"\x00\x11"),
            ("", b""),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }

    #[test]
    fn colons_with_more_than_two_digits_are_not_guessed_at() {
        assert!(hexadecimal("0102:03").is_err() && hexadecimal("00:").is_err());
        assert_eq!(hexadecimal("ab"), Ok(None));
    }
}
