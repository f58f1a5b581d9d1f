//! Values as people write them in a configuration.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use thiserror::Error;

use super::Shape;
use crate::{
    bootstrap_uri::{BootstrapServerUri, UriList},
    domain_names,
    hex::octets,
    v4::{ClasslessRoutes, OptionValue, Route},
    v6::frame,
};

impl Shape {
    /// The value that a text stands for. Lists are separated by commas, [`Shape::Texts`] by line breaks.
    ///
    /// # Errors
    /// [`NotThisShape`], which says how it is written.
    pub fn parse(self, text: &str) -> Result<Vec<u8>, NotThisShape> {
        self.read(text).ok_or(NotThisShape { shape: self })
    }

    fn read(self, text: &str) -> Option<Vec<u8>> {
        let text = text.trim();
        match self {
            Self::Flag => text.is_empty().then(Vec::new),
            Self::Boolean => one::<bool>(text).map(|value| vec![value.into()]),
            Self::U8 => one::<u8>(text).map(|number| vec![number]),
            Self::U16 => one::<u16>(text).map(|number| number.to_be_bytes().to_vec()),
            Self::U32 => one::<u32>(text).map(|number| number.to_be_bytes().to_vec()),
            Self::I32 => one::<i32>(text).map(|number| number.to_be_bytes().to_vec()),
            Self::U8s => list(text, one::<u8>),
            Self::U16s => {
                list::<u16>(text, one).map(|numbers| numbers.into_iter().flat_map(u16::to_be_bytes).collect())
            }
            Self::Ipv4 => one::<Ipv4Addr>(text).map(|address| address.octets().to_vec()),
            Self::Ipv4s => list::<Ipv4Addr>(text, one).map(|list| list.iter().flat_map(Ipv4Addr::octets).collect()),
            Self::Ipv6 => one::<Ipv6Addr>(text).map(|address| address.octets().to_vec()),
            Self::Ipv6s => list::<Ipv6Addr>(text, one).map(|list| list.iter().flat_map(Ipv6Addr::octets).collect()),
            Self::Text => is_text(text).then(|| text.as_bytes().to_vec()),
            Self::Texts => {
                let lines: Vec<_> = text.lines().map(str::trim).collect();
                (!lines.is_empty() && lines.iter().all(|line| is_text(line))).then(|| frame(&lines))
            }
            Self::Octets => octets(text).filter(|bytes| !bytes.is_empty()),
            Self::DomainNames => list(text, one).map(|names| domain_names::encode(&names)),
            Self::Routes => list(text, route).map(|routes| ClasslessRoutes(routes).encode()),
            Self::BootstrapUris => {
                let uris: Vec<BootstrapServerUri> = list(text, one)?;
                UriList::new(uris).ok().map(|list| list.encode())
            }
        }
    }
}

fn is_text(text: &str) -> bool {
    !text.is_empty() && !text.contains('\0')
}

fn one<T: FromStr>(text: &str) -> Option<T> {
    text.trim().parse().ok()
}

fn list<T>(text: &str, item: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(',').map(|piece| item(piece.trim())).collect()
}

/// `network/length router`.
fn route(text: &str) -> Option<Route> {
    let (network, router) = text.split_once(char::is_whitespace)?;
    let (prefix, length) = network.split_once('/')?;
    let (prefix, length) = (one(prefix)?, one(length)?);
    // Bits beyond the length are a slip of whoever wrote it.
    Route::new(prefix, length, one(router)?).filter(|route| route.prefix() == prefix)
}

/// A text is not a value of the option's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the value is written as {shape}")]
pub struct NotThisShape {
    /// What it should be.
    pub shape: Shape,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shape_is_read_as_it_is_written() {
        for (shape, text, expected) in [
            (Shape::Flag, "", &b""[..]),
            (Shape::Boolean, "true", b"\x01"),
            (Shape::U8, "255", b"\xff"),
            (Shape::U16, " 1500 ", b"\x05\xdc"),
            (Shape::U32, "3600", b"\x00\x00\x0e\x10"),
            (Shape::I32, "-1", b"\xff\xff\xff\xff"),
            (Shape::U8s, "1, 3", b"\x01\x03"),
            (Shape::U16s, "7,16", b"\x00\x07\x00\x10"),
            (Shape::Ipv4, "192.0.2.1", b"\xc0\x00\x02\x01"),
            (Shape::Ipv4s, "192.0.2.1, 192.0.2.2", b"\xc0\x00\x02\x01\xc0\x00\x02\x02"),
            (Shape::Ipv6, "2001:db8::1", b" \x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"),
            (Shape::Text, "a, b", b"a, b"),
            (Shape::Texts, "ro\na b", b"\x00\x02ro\x00\x03a b"),
            (Shape::Octets, "01:ff", b"\x01\xff"),
            (Shape::DomainNames, "a.bc", b"\x01a\x02bc\x00"),
            (Shape::Routes, "0.0.0.0/0 192.0.2.1, 10.0.0.0/8  192.0.2.1", b"\0\xc0\0\x02\x01\x08\x0a\xc0\0\x02\x01"),
            (Shape::BootstrapUris, "https://a.bc", b"\x00\x0chttps://a.bc"),
        ] {
            assert_eq!(shape.parse(text).as_deref(), Ok(expected), "{shape:?}");
        }
    }

    #[test]
    fn anything_else_is_refused_and_the_way_to_write_it_shown() {
        for (shape, text) in [
            (Shape::Flag, "yes"),
            (Shape::Boolean, "1"),
            (Shape::U8, "256"),
            (Shape::U8s, "1,,2"),
            (Shape::U32, "-1"),
            (Shape::Ipv4s, ""),
            (Shape::Ipv4, "192.0.2.1/24"),
            (Shape::Ipv6, "fe80::1%eth0"),
            (Shape::Text, " "),
            (Shape::Text, "a\0b"),
            (Shape::Texts, "a\n\nb"),
            (Shape::Octets, "0x01"),
            (Shape::DomainNames, "a b"),
            (Shape::Routes, "10.0.0.1/8 192.0.2.1"),
            (Shape::Routes, "10.0.0.0/33 192.0.2.1"),
            (Shape::Routes, "10.0.0.0/8"),
            (Shape::BootstrapUris, "http://a.bc"),
        ] {
            assert_eq!(shape.parse(text), Err(NotThisShape { shape }), "{text}");
        }
        let told = NotThisShape { shape: Shape::Ipv4 }.to_string();
        assert_eq!(told, "the value is written as an address such as 192.0.2.1");
    }
}
