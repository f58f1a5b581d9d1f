//! Octets as people write them.

use std::fmt;

/// Octets in hexadecimal, two digits each, joined by colons.
pub(crate) struct Octets<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Octets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, octet) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ":" };
            write!(f, "{separator}{octet:02x}")?;
        }
        Ok(())
    }
}

/// The octets of pairs of hexadecimal digits, with colons or hyphens between them or with nothing.
pub(crate) fn octets(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    if text.contains([':', '-']) {
        return text.split([':', '-']).map(|pair| octet(pair.as_bytes())).collect();
    }
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|pair| octet(pair)).collect()
}

fn octet(pair: &[u8]) -> Option<u8> {
    let &[high, low] = pair else { return None };
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    Some((digit(high)? << 4) | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_written_one_way_and_read_in_three() {
        for text in ["00:0a:Ff", "00-0a-ff", "000aff"] {
            assert_eq!(octets(text), Some(vec![0, 0x0a, 0xff]), "{text}");
        }
        assert_eq!(Octets(&[0, 0x0a, 0xff]).to_string(), "00:0a:ff");
        assert_eq!((octets(""), Octets(&[]).to_string()), (Some(vec![]), String::new()));
        for bad in ["0", "0:a", "00:", ":00", "0g", "+f", "00 01", "00::01", "é"] {
            assert_eq!(octets(bad), None, "{bad}");
        }
    }
}
