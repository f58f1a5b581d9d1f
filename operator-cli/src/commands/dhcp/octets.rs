//! Octets in hexadecimal, as people and programs write them.

/// Why a text is no sequence of octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HexFault {
    /// There is nothing.
    #[error("there are no hexadecimal digits")]
    Nothing,
    /// Something else stands there.
    #[error("{0:?} is no hexadecimal digit")]
    Digit(char),
    /// The digits are no pairs.
    #[error("the number of hexadecimal digits is odd")]
    Odd,
}

/// Reads octets: pairs of digits, with or without `0x`, colons, hyphens, commas or blanks between them. Where each octet stands
/// alone, one digit is one too, which is how dhclient prints them.
pub(super) fn read(text: &str) -> Result<Vec<u8>, HexFault> {
    let between = |it: char| it.is_whitespace() || matches!(it, ':' | '-' | ',');
    let pieces: Vec<&str> = text.split(between).filter(|piece| !piece.is_empty()).collect();
    let is_separated = pieces.len() > 1;
    let mut octets = Vec::new();
    for piece in pieces {
        let digits = piece.strip_prefix("0x").or_else(|| piece.strip_prefix("0X")).unwrap_or(piece);
        if let Some(other) = digits.chars().find(|it| !it.is_ascii_hexdigit()) {
            return Err(HexFault::Digit(other));
        }
        if digits.len() == 1 && is_separated {
            octets.extend(u8::from_str_radix(digits, 16));
            continue;
        }
        let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
        if !rest.is_empty() {
            return Err(HexFault::Odd);
        }
        octets.extend(pairs.iter().filter_map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()));
    }
    if octets.is_empty() { Err(HexFault::Nothing) } else { Ok(octets) }
}

/// Pairs of digits without anything between them.
pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Pairs of digits with colons between them, as dnsmasq and ISC dhcpd want them.
pub(super) fn colons(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_read_in_every_dress() {
        for text in ["001d68", "0x001D68", "00:1d:68", "00 1d 68\n", "0:1d:68", "0x00,0x1d,0x68", "00-1d-68"] {
            assert_eq!(read(text), Ok(vec![0, 0x1d, 0x68]), "{text}");
        }
        assert_eq!((hex(&[0, 0x1d]).as_str(), colons(&[0, 0x1d]).as_str()), ("001d", "00:1d"));
    }

    #[test]
    fn what_is_not_octets_is_told() {
        for (text, fault) in [
            ("", HexFault::Nothing),
            ("0x", HexFault::Nothing),
            ("001", HexFault::Odd),
            ("00:123", HexFault::Odd),
            ("https://a", HexFault::Digit('h')),
            ("0\u{e9}", HexFault::Digit('\u{e9}')),
        ] {
            assert_eq!(read(text), Err(fault), "{text}");
        }
    }
}
