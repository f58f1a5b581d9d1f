//! Lists of domain names as the DNS writes them, in DHCPv4 option 119 and DHCPv6 option 24.

use crate::bootstrap_uri::DnsName;

/// Most names read from one option.
pub const MAXIMUM: usize = 16;

/// Whether a name may end in a pointer to where the rest of it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointers {
    /// RFC 3397 §2: DHCPv4 compresses as RFC 1035 §4.1.4 has it, within the option.
    Followed,
    /// RFC 8415 §10: DHCPv6 does not.
    Refused,
}

/// Reads a list of names. Those that are no host names (RFC 1123 §2.1) and the root are left out: nobody can search in them.
/// At most [`MAXIMUM`] are read; what comes after is not looked at, nor what comes after a name that is cut off.
#[must_use]
pub fn decode(value: &[u8], pointers: Pointers) -> Vec<DnsName> {
    let mut names = Vec::new();
    let mut at = 0;
    while at < value.len() && names.len() < MAXIMUM {
        let Some((text, after)) = name(value, at, pointers) else { break };
        names.extend(text.parse::<DnsName>().ok());
        at = after;
    }
    names
}

/// Writes a list of names, none of them compressed.
#[must_use]
pub fn encode(names: &[DnsName]) -> Vec<u8> {
    let mut value = Vec::new();
    for name in names {
        for label in name.as_str().split('.') {
            // A `DnsName` has labels of 1 to 63 characters.
            value.extend(u8::try_from(label.len()));
            value.extend(label.bytes());
        }
        value.push(0);
    }
    value
}

/// The name that begins at `start`, and where the next one begins.
fn name(value: &[u8], start: usize, pointers: Pointers) -> Option<(String, usize)> {
    let mut text = String::new();
    let (mut at, mut after) = (start, None);
    // Each pointer must lead back, so that the walk ends.
    let mut lowest = start;
    loop {
        match *value.get(at)? {
            0 => return Some((text, after.unwrap_or(at.checked_add(1)?))),
            length @ 1..=63 => {
                let begin = at.checked_add(1)?;
                let end = begin.checked_add(length.into())?;
                let label = str::from_utf8(value.get(begin..end)?).ok()?;
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(label);
                // RFC 1035 §2.3.4: no name is longer.
                if text.len() > 253 {
                    return None;
                }
                at = end;
            }
            high @ 0xc0..=0xff if pointers == Pointers::Followed => {
                let next = at.checked_add(1)?;
                let target = usize::from(u16::from_be_bytes([high & 0x3f, *value.get(next)?]));
                if target >= lowest {
                    return None;
                }
                after = after.or_else(|| next.checked_add(1));
                (at, lowest) = (target, target);
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(value: &[u8], pointers: Pointers) -> Vec<String> {
        decode(value, pointers).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn dns_16_names_are_read_with_pointers_in_dhcpv4_alone() {
        // RFC 3397 §3's example in other words: the second name's end is the first one's.
        let value = b"\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04";
        assert_eq!(texts(value, Pointers::Followed), ["eng.apple.com", "marketing.apple.com"]);
        assert_eq!(texts(value, Pointers::Refused), ["eng.apple.com"]);
        let names = decode(value, Pointers::Followed);
        assert_eq!(decode(&encode(&names), Pointers::Refused), names);
    }

    #[test]
    fn hostile_lists_end() {
        for value in [&b"\xc0\x00"[..], b"\x01a\xc0\x00", b"\x01a", b"\x40", b"\x3f", b"\x01\xff\x00", b"\x01a\xc0"] {
            assert_eq!(texts(value, Pointers::Followed), Vec::<String>::new(), "{value:?}");
        }
        assert_eq!(texts(b"\x02a \x00\x00\x01b\x00", Pointers::Followed), ["b"], "no host name, the root, a name");
        let many = b"\x01a\x00".repeat(100);
        assert_eq!(texts(&many, Pointers::Followed).len(), MAXIMUM);
        let long = [b"\x3f".as_slice(), &[b'a'; 63]].concat().repeat(5);
        assert_eq!(texts(&[long.as_slice(), b"\0"].concat(), Pointers::Refused), Vec::<String>::new());
    }
}
