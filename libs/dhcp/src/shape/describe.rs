//! Values as people read them: bounded, and with whatever a terminal might act on escaped.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

use super::Shape;
use crate::{
    bootstrap_uri::recognise,
    domain_names::{self, Pointers},
    hex::Octets,
    v4::{ClasslessRoutes, OptionValue, text},
    v6::framed,
};

/// A description being written. It takes at most [`Note::MAXIMUM`] bytes, and drops the rest.
#[derive(Debug, Default)]
pub(crate) struct Note {
    text: String,
    is_cut: bool,
}

impl Note {
    /// Most bytes of a description; an ellipsis comes on top when there would be more.
    pub(crate) const MAXIMUM: usize = 1024;

    /// What this writes, as far as there is room for it.
    pub(crate) fn of(write: impl FnOnce(&mut Self) -> fmt::Result) -> String {
        let mut note = Self::default();
        // The only error is that the note is full, and then it says so itself.
        let (Ok(()) | Err(fmt::Error)) = write(&mut note);
        note.finish()
    }

    fn finish(mut self) -> String {
        if self.is_cut {
            self.text.push('…');
        }
        self.text
    }
}

impl fmt::Write for Note {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        for character in piece.chars() {
            if self.is_cut || self.text.len().saturating_add(character.len_utf8()) > Self::MAXIMUM {
                self.is_cut = true;
                // What writes stops: a long value costs no more than a short one.
                return Err(fmt::Error);
            }
            self.text.push(character);
        }
        Ok(())
    }
}

/// Text in quotes; whatever is not printable ASCII is escaped.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_default())
    }
}

/// Bytes that are words more often than not: as text where it is printable, otherwise in hexadecimal.
pub(crate) struct Words<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match str::from_utf8(self.0) {
            Ok(text) if !text.is_empty() && !text.chars().any(char::is_control) => Quoted(text).fmt(f),
            _ => octets(self.0, f),
        }
    }
}

/// Writes a value by its shape; what has another shape, in hexadecimal.
pub(crate) fn leaf(shape: Shape, value: &[u8], note: &mut impl fmt::Write) -> fmt::Result {
    match (shape, value) {
        (Shape::Flag, []) => note.write_str("present"),
        (Shape::Boolean, [0]) => note.write_str("false"),
        (Shape::Boolean, [1]) => note.write_str("true"),
        (Shape::U8, [number]) => write!(note, "{number}"),
        (Shape::U16, [high, low]) => write!(note, "{}", u16::from_be_bytes([*high, *low])),
        (Shape::U32, [a, b, c, d]) => write!(note, "{}", u32::from_be_bytes([*a, *b, *c, *d])),
        (Shape::I32, [a, b, c, d]) => write!(note, "{}", i32::from_be_bytes([*a, *b, *c, *d])),
        (Shape::U8s, [_, ..]) => list(value, note),
        (Shape::Ipv4, [a, b, c, d]) => write!(note, "{}", Ipv4Addr::new(*a, *b, *c, *d)),
        (Shape::Text, _) => match text(value) {
            Some(text) => write!(note, "{}", Quoted(text)),
            None => octets(value, note),
        },
        _ => pieces(shape, value, note),
    }
}

/// Shapes that are lists, and IPv6 addresses.
fn pieces(shape: Shape, value: &[u8], note: &mut impl fmt::Write) -> fmt::Result {
    match shape {
        Shape::U16s => {
            if let (numbers @ [_, ..], []) = value.as_chunks() {
                return list(numbers.iter().copied().map(u16::from_be_bytes), note);
            }
        }
        Shape::Ipv4s => {
            if let (addresses @ [_, ..], []) = value.as_chunks() {
                return list(addresses.iter().copied().map(Ipv4Addr::from_octets), note);
            }
        }
        Shape::Ipv6 | Shape::Ipv6s => {
            if let (addresses @ [_, ..], []) = value.as_chunks() {
                return list(addresses.iter().copied().map(Ipv6Addr::from_octets), note);
            }
        }
        Shape::Texts => {
            if let Some(texts) = framed(value) {
                return list(texts.iter().map(|text| Words(text)), note);
            }
        }
        Shape::DomainNames => {
            let names = domain_names::decode(value, Pointers::Followed);
            if !names.is_empty() {
                return list(names, note);
            }
        }
        Shape::Routes => {
            if let Ok(ClasslessRoutes(routes)) = ClasslessRoutes::decode(value) {
                return list(routes, note);
            }
        }
        Shape::BootstrapUris => {
            if let Some(read) = recognise(value) {
                return list(read.list.uris.as_slice(), note);
            }
        }
        _ => {}
    }
    octets(value, note)
}

pub(crate) fn octets(value: &[u8], note: &mut impl fmt::Write) -> fmt::Result {
    if value.is_empty() { note.write_str("empty") } else { write!(note, "{}", Octets(value)) }
}

pub(crate) fn list<T: fmt::Display>(items: impl IntoIterator<Item = T>, note: &mut impl fmt::Write) -> fmt::Result {
    for (index, item) in items.into_iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        write!(note, "{separator}{item}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(shape: Shape, value: &[u8]) -> String {
        Note::of(|note| leaf(shape, value, note))
    }

    #[test]
    fn each_shape_is_shown_in_its_own_way() {
        for (shape, value, expected) in [
            (Shape::Flag, &b""[..], "present"),
            (Shape::Boolean, b"\x01", "true"),
            (Shape::U8, b"\xff", "255"),
            (Shape::U16, b"\x05\xdc", "1500"),
            (Shape::U32, b"\x00\x00\x0e\x10", "3600"),
            (Shape::I32, b"\xff\xff\xff\xff", "-1"),
            (Shape::U8s, b"\x01\x03", "1, 3"),
            (Shape::U16s, b"\x00\x07\x00\x10", "7, 16"),
            (Shape::Ipv4, b"\xc0\x00\x02\x01", "192.0.2.1"),
            (Shape::Ipv4s, b"\xc0\x00\x02\x01\xc0\x00\x02\x02", "192.0.2.1, 192.0.2.2"),
            (Shape::Ipv6, b" \x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", "2001:db8::1"),
            (Shape::Text, b"a\x1b[31m\"\xc3\xa9\0", "\"a\\u{1b}[31m\\\"\\u{e9}\""),
            (Shape::Texts, b"\x00\x02ro\x00\x01a", "\"ro\", \"a\""),
            (Shape::Octets, b"\x01\xff", "01:ff"),
            (Shape::DomainNames, b"\x01a\x02bc\x00", "a.bc"),
            (Shape::Routes, b"\x08\x0a\xc0\x00\x02\x01", "10.0.0.0/8 192.0.2.1"),
            (Shape::BootstrapUris, b"\x00\x0chttps://a.bc", "https://a.bc"),
        ] {
            assert_eq!(shown(shape, value), expected, "{shape:?}");
        }
    }

    #[test]
    fn what_has_another_shape_is_shown_in_hexadecimal() {
        for shape in [Shape::Flag, Shape::U8, Shape::U16, Shape::U32, Shape::Ipv4, Shape::Ipv6s, Shape::Texts] {
            assert_eq!(shown(shape, &[1, 2, 3]), "01:02:03", "{shape:?}");
        }
        assert_eq!((shown(Shape::Text, &[0xff]), shown(Shape::Boolean, &[2])), ("ff".into(), "02".into()));
        assert_eq!(shown(Shape::U16s, &[]), "empty");
    }

    #[test]
    fn a_description_is_bounded() {
        for (shape, value) in [(Shape::Octets, vec![0; 60_000]), (Shape::Text, vec![b'x'; 60_000])] {
            let text = shown(shape, &value);
            assert!(text.len() <= Note::MAXIMUM + '…'.len_utf8() && text.ends_with('…'), "{shape:?}");
        }
    }
}
