//! The octets that Kea makes of an option's `data`.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::super::{family::Family, octets};

/// How an option is written, from its `option-def`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Type {
    /// The name of the type.
    pub(super) name: String,
    /// Whether there may be several.
    pub(super) is_array: bool,
    /// The types of a record's fields.
    pub(super) fields: Vec<String>,
    /// Octets of the length before each `tuple`.
    pub(super) tuple: TupleLength,
}

/// How long the length before a `tuple` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TupleLength {
    /// In options of DHCPv4 that somebody defined.
    One,
    /// In DHCPv6, and in option 143 as newer versions of Kea know it by themselves.
    Two,
}

impl Type {
    /// What newer versions of Kea know by themselves: as RFC 8572 §8.3 has it.
    pub(super) fn built_in() -> Self {
        Self { name: "tuple".to_owned(), is_array: true, fields: Vec::new(), tuple: TupleLength::Two }
    }

    /// The length before a `tuple` in options that somebody defined.
    pub(super) const fn defined(family: Family) -> TupleLength {
        match family {
            Family::V4 => TupleLength::One,
            Family::V6 => TupleLength::Two,
        }
    }

    /// What is sent for `data` with `csv-format`; a sentence without a full stop when it cannot be told.
    pub(super) fn octets(&self, data: &str) -> Result<Vec<u8>, String> {
        let mut pieces = split(data).into_iter();
        let mut octets = Vec::new();
        match self.name.as_str() {
            "empty" => {}
            "binary" => return hexadecimal(data),
            "record" => {
                let mut fields = self.fields.iter();
                while let Some(field) = fields.next() {
                    let piece = pieces.next().ok_or("the record has fewer values than fields")?;
                    octets.extend(self.one(field, &piece)?);
                    // The last field of an array repeats.
                    if self.is_array && fields.len() == 0 {
                        for piece in pieces.by_ref() {
                            octets.extend(self.one(field, &piece)?);
                        }
                    }
                }
            }
            name => {
                let count = if self.is_array { usize::MAX } else { 1 };
                for piece in pieces.take(count) {
                    octets.extend(self.one(name, &piece)?);
                }
            }
        }
        Ok(octets)
    }

    fn one(&self, name: &str, text: &str) -> Result<Vec<u8>, String> {
        let number = || match text.strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16),
            None => text.parse(),
        };
        let number = |octets: usize| {
            let number = number().map_err(|_| format!("{text:?} is no number"))?;
            let all = number.to_be_bytes();
            Ok::<_, String>(all.get(all.len().saturating_sub(octets)..).unwrap_or_default().to_vec())
        };
        match name {
            "string" => Ok(text.as_bytes().to_vec()),
            "tuple" => {
                let length = match self.tuple {
                    TupleLength::One => u8::try_from(text.len()).map(|length| vec![length]).ok(),
                    TupleLength::Two => u16::try_from(text.len()).map(|length| length.to_be_bytes().to_vec()).ok(),
                };
                let length = length.ok_or_else(|| format!("{text:?} is too long for a tuple"))?;
                Ok([&length, text.as_bytes()].concat())
            }
            "uint8" | "int8" => number(1),
            "uint16" | "int16" => number(2),
            "uint32" | "int32" => number(4),
            "boolean" => Ok(vec![u8::from(matches!(text, "true" | "1"))]),
            "ipv4-address" => {
                let address: Ipv4Addr =
                    text.parse().map_err(|_| format!("{text:?} is no IPv4 address; Kea does not start"))?;
                Ok(address.octets().to_vec())
            }
            "ipv6-address" => {
                let address: Ipv6Addr =
                    text.parse().map_err(|_| format!("{text:?} is no IPv6 address; Kea does not start"))?;
                Ok(address.octets().to_vec())
            }
            other => Err(format!("what Kea makes of the type {other:?} is not known here")),
        }
    }
}

/// What Kea makes of `data` without `csv-format`: hexadecimal digits, or a text in single quotes.
pub(super) fn hexadecimal(data: &str) -> Result<Vec<u8>, String> {
    if let Some(text) = data.strip_prefix('\'').and_then(|data| data.strip_suffix('\'')) {
        return Ok(text.as_bytes().to_vec());
    }
    if data.is_empty() {
        return Ok(Vec::new());
    }
    // Of digits without anything between them the first may be missing.
    let padded = if data.len() % 2 == 1 { format!("0{data}") } else { data.to_owned() };
    let read = octets::read(data).or_else(|fault| if padded == data { Err(fault) } else { octets::read(&padded) });
    read.map_err(|fault| format!("{data:?} is not hexadecimal ({fault}); Kea does not start"))
}

/// The pieces between commas, without blanks around them; a backslash makes a comma part of a piece.
fn split(data: &str) -> Vec<String> {
    let (mut pieces, mut piece) = (Vec::new(), String::new());
    let mut characters = data.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek() == Some(&',') => piece.extend(characters.next()),
            ',' => pieces.push(std::mem::take(&mut piece)),
            other => piece.push(other),
        }
    }
    pieces.push(piece);
    pieces.iter().map(|piece| piece.trim().to_owned()).filter(|piece| !piece.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, is_array: bool, fields: &[&str], data: &str) -> Result<Vec<u8>, String> {
        let fields = fields.iter().map(ToString::to_string).collect();
        Type { name: name.to_owned(), is_array, fields, tuple: TupleLength::One }.octets(data)
    }

    #[test]
    fn types_become_octets() {
        assert_eq!(of("string", false, &[], "a b"), Ok(b"a b".to_vec()));
        assert_eq!(of("tuple", true, &[], "ab, c"), Ok(b"\x02ab\x01c".to_vec()));
        assert_eq!(Type::built_in().octets("ab,c\\,d"), Ok(b"\0\x02ab\0\x03c,d".to_vec()));
        assert_eq!(of("record", false, &["uint16", "string"], "2, ab"), Ok(b"\0\x02ab".to_vec()));
        assert_eq!(of("ipv4-address", true, &[], "192.0.2.1, 192.0.2.2"), Ok(vec![192, 0, 2, 1, 192, 0, 2, 2]));
        assert_eq!(of("uint8", true, &[], "1, 0x2"), Ok(vec![1, 2]));
        assert_eq!(of("binary", false, &[], "0102"), Ok(vec![1, 2]));
        assert_eq!(of("empty", false, &[], "x"), Ok(Vec::new()));
        for (name, data) in [("fqdn", "a"), ("ipv4-address", "a"), ("uint16", "a")] {
            assert!(of(name, false, &[], data).is_err(), "{name}");
        }
    }

    #[test]
    fn digits_and_quoted_texts_become_octets() {
        for (data, octets) in [
            ("0x0a0b", &b"\x0a\x0b"[..]),
            ("a0b", b"\x0a\x0b"),
            ("0a 0b", b"\x0a\x0b"),
            ("a:b", b"\x0a\x0b"),
            ("'ab'", b"ab"),
            ("", b""),
        ] {
            assert_eq!(hexadecimal(data).as_deref(), Ok(octets), "{data}");
        }
        assert!(hexadecimal("https://a").is_err());
    }
}
