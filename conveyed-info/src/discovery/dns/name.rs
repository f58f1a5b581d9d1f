//! Domain names: labels of arbitrary octets, and their two forms (RFC 1035 §3.1, §5.1).

use std::{fmt, str::FromStr};

/// A complete domain name.
///
/// Labels are octets, not text (RFC 2181 §11): a serial number with a dot or a blank in it is one label all the same. In
/// text such octets are escaped (`\.`, `\032`), on the wire they stand as they are. Names are compared by their octets;
/// [`Name::is_same_as`] compares as DNS does, without regard to the case of ASCII letters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Vec<Vec<u8>>);

impl Name {
    /// Most octets of one label (RFC 1035 §2.3.4).
    pub const MAXIMUM_LABEL: usize = 63;
    /// Most octets of a name on the wire, length octets and the root's included (RFC 1035 §2.3.4).
    pub const MAXIMUM: usize = 255;

    /// A name of these labels, the leftmost first.
    ///
    /// # Errors
    /// [`NameError::EmptyLabel`], [`NameError::LabelTooLong`], [`NameError::TooLong`].
    pub fn new(labels: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Result<Self, NameError> {
        let mut checked: Vec<Vec<u8>> = Vec::new();
        let mut total = 1_usize;
        for label in labels {
            let label: Vec<u8> = label.into();
            match label.len() {
                0 => return Err(NameError::EmptyLabel),
                length @ 1..=Self::MAXIMUM_LABEL => total = total.saturating_add(length).saturating_add(1),
                length => return Err(NameError::LabelTooLong { length }),
            }
            if total > Self::MAXIMUM {
                return Err(NameError::TooLong);
            }
            checked.push(label);
        }
        Ok(Self(checked))
    }

    /// The labels, the leftmost first, without the root's empty one.
    #[must_use]
    pub fn labels(&self) -> &[Vec<u8>] {
        &self.0
    }

    /// Whether this is the root, which has no labels.
    #[must_use]
    pub const fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both names are one name to DNS (RFC 4343 §3).
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(one, another)| one.eq_ignore_ascii_case(another))
    }

    /// Whether the name's last labels are those of `other`.
    #[must_use]
    pub fn ends_with(&self, other: &Self) -> bool {
        let skipped = self.0.len().checked_sub(other.0.len());
        skipped.is_some_and(|skipped| {
            self.0.iter().skip(skipped).zip(&other.0).all(|(one, another)| one.eq_ignore_ascii_case(another))
        })
    }

    /// The name on the wire, uncompressed.
    #[must_use]
    pub fn to_wire(&self) -> Vec<u8> {
        let mut wire = Vec::new();
        for label in &self.0 {
            wire.extend(u8::try_from(label.len()));
            wire.extend(label);
        }
        wire.push(0);
        wire
    }

    /// Reads an uncompressed name from the front; also gives what follows it.
    ///
    /// # Errors
    /// [`NameError`]. A compressed name is [`NameError::Compressed`]: a pointer means nothing outside its message, and
    /// RFC 2782 forbids it in SRV records.
    pub fn from_wire(bytes: &[u8]) -> Result<(Self, &[u8]), NameError> {
        let mut labels = Vec::new();
        let mut rest = bytes;
        loop {
            let (length, after) = rest.split_first().ok_or(NameError::Truncated)?;
            match *length {
                0 => return Ok((Self::new(labels)?, after)),
                length @ 1..=63 => {
                    let (label, after) = after.split_at_checked(length.into()).ok_or(NameError::Truncated)?;
                    labels.push(label);
                    rest = after;
                }
                0xc0.. => return Err(NameError::Compressed),
                _ => return Err(NameError::LabelType),
            }
            // So that a long run of labels costs nothing before it is refused.
            if bytes.len().saturating_sub(rest.len()) > Self::MAXIMUM {
                return Err(NameError::TooLong);
            }
        }
    }
}

/// The form of zone files, always with the final dot.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str(".");
        }
        for label in &self.0 {
            for octet in label {
                match octet {
                    b'.' | b'\\' | b'"' | b';' | b'(' | b')' | b'@' | b'$' => {
                        write!(f, "\\{}", char::from(*octet))?;
                    }
                    0x21..=0x7e => write!(f, "{}", char::from(*octet))?,
                    _ => write!(f, "\\{octet:03}")?,
                }
            }
            f.write_str(".")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}

/// The form of zone files; the final dot may be missing, the name is complete all the same.
impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The longest name, every octet escaped.
        if text.len() > 4 * Self::MAXIMUM {
            return Err(NameError::TooLong);
        }
        if text == "." {
            return Self::new(Vec::<Vec<u8>>::new());
        }
        let mut labels = vec![Vec::new()];
        let mut octets = text.bytes();
        while let Some(octet) = octets.next() {
            match octet {
                b'.' => labels.push(Vec::new()),
                b'\\' => {
                    let escaped = unescape(&mut octets)?;
                    labels.last_mut().into_iter().for_each(|label| label.push(escaped));
                }
                octet => labels.last_mut().into_iter().for_each(|label| label.push(octet)),
            }
        }
        if labels.len() > 1 && labels.last().is_some_and(Vec::is_empty) {
            labels.pop();
        }
        Self::new(labels)
    }
}

/// RFC 1035 §5.1: `\X` is X, `\DDD` the octet of that decimal number.
fn unescape(octets: &mut impl Iterator<Item = u8>) -> Result<u8, NameError> {
    let first = octets.next().ok_or(NameError::Escape)?;
    if !first.is_ascii_digit() {
        return Ok(first);
    }
    let mut number = 0_u16;
    for digit in [Some(first), octets.next(), octets.next()] {
        let digit = digit.filter(u8::is_ascii_digit).ok_or(NameError::Escape)?;
        number = number.saturating_mul(10).saturating_add(u16::from(digit.saturating_sub(b'0')));
    }
    u8::try_from(number).map_err(|_| NameError::Escape)
}

/// The text or the bytes are no domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Two dots in a row, or nothing at all.
    #[error("a label is empty")]
    EmptyLabel,
    /// A label is too long.
    #[error("a label has at most 63 octets, not {length}")]
    LabelTooLong {
        /// Octets in the label.
        length: usize,
    },
    /// The whole name is too long.
    #[error("a name has at most 255 octets on the wire")]
    TooLong,
    /// A backslash is followed by neither one character nor the number of an octet in three digits.
    #[error("an escape is neither a character nor three digits up to 255")]
    Escape,
    /// The bytes end within the name.
    #[error("the name is cut off")]
    Truncated,
    /// The name points to somewhere else in its message.
    #[error("the name is compressed")]
    Compressed,
    /// A label of a type that is not defined (RFC 6891 §5 took the last one back).
    #[error("a label of an undefined type")]
    LabelType,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_read_back() {
        for (text, wire) in [
            (".", &b"\0"[..]),
            ("local.", b"\x05local\0"),
            ("SN\\.1\\032x\\195\\164\\\\._sztp.", b"\x09SN.1 x\xc3\xa4\\\x05_sztp\0"),
        ] {
            let name: Name = text.parse().unwrap();
            assert_eq!(name.to_string(), text);
            assert_eq!(name.to_wire(), wire);
            assert_eq!(Name::from_wire(wire), Ok((name, &[][..])));
        }
        assert_eq!("example.net".parse::<Name>(), "example.net.".parse());
        assert_eq!("a\\098c".parse::<Name>().unwrap().labels(), [b"abc"]);
    }

    #[test]
    fn names_are_compared_as_dns_does() {
        let [one, other] = ["SN-1._sztp.LOCAL", "sn-1._SZTP.local."].map(|text| text.parse::<Name>().unwrap());
        assert!(one != other && one.is_same_as(&other));
        let local: Name = "local".parse().unwrap();
        assert!(one.ends_with(&local) && !local.ends_with(&one) && !one.is_same_as(&local));
        assert!(!"notlocal".parse::<Name>().unwrap().ends_with(&local));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = "a".repeat(64);
        let deep = "a.".repeat(128);
        for (text, expected) in [
            ("", NameError::EmptyLabel),
            ("a..b", NameError::EmptyLabel),
            (".a", NameError::EmptyLabel),
            ("..", NameError::EmptyLabel),
            (long.as_str(), NameError::LabelTooLong { length: 64 }),
            (deep.as_str(), NameError::TooLong),
            ("a\\", NameError::Escape),
            ("a\\25", NameError::Escape),
            ("a\\256", NameError::Escape),
            ("a\\2x5", NameError::Escape),
        ] {
            assert_eq!(text.parse::<Name>(), Err(expected), "{text}");
        }
        assert_eq!("a.".repeat(127).parse::<Name>().unwrap().to_wire().len(), 255);
        for (wire, expected) in [
            (&b""[..], NameError::Truncated),
            (b"\x01a", NameError::Truncated),
            (b"\x05abc\0", NameError::Truncated),
            (b"\x01a\xc0\x0c", NameError::Compressed),
            (b"\x41a\0", NameError::LabelType),
            (b"\x80\0", NameError::LabelType),
        ] {
            assert_eq!(Name::from_wire(wire), Err(expected), "{wire:02x?}");
        }
        assert_eq!(Name::from_wire(&[1; 70_000]), Err(NameError::TooLong));
    }
}
