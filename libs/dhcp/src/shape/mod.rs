//! What an option's value looks like, so that options can be written in a configuration and shown to people.
//!
//! The tables [`v4::known`](crate::v4::known) and [`v6::known`](crate::v6::known) give each option its name and shape. Nothing
//! in the packet path uses them.

mod architecture;
mod describe;
mod parse;

pub(crate) use describe::{Note, Words, leaf, list, octets};
pub use parse::NotThisShape;

use std::fmt;

/// The form of an option's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shape {
    /// No value: the option is there or it is not.
    Flag,
    /// One byte, 0 or 1.
    Boolean,
    /// A number of one byte.
    U8,
    /// A number of two bytes.
    U16,
    /// A number of four bytes.
    U32,
    /// A number of four bytes that may be negative.
    I32,
    /// Numbers of one byte each.
    U8s,
    /// Numbers of two bytes each.
    U16s,
    /// An IPv4 address.
    Ipv4,
    /// IPv4 addresses.
    Ipv4s,
    /// An IPv6 address.
    Ipv6,
    /// IPv6 addresses.
    Ipv6s,
    /// Text.
    Text,
    /// Texts, each preceded by two bytes of length, as DHCPv6 has them.
    Texts,
    /// Bytes in a form of their own, written in hexadecimal.
    Octets,
    /// Domain names as the DNS writes them.
    DomainNames,
    /// IPv4 routes, RFC 3442.
    Routes,
    /// Bootstrap server URIs, RFC 8572 §8.3.
    BootstrapUris,
}

impl Shape {
    /// How a value of it is written, by example.
    #[must_use]
    pub const fn example(self) -> &'static str {
        match self {
            Self::Flag => "nothing at all",
            Self::Boolean => "true or false",
            Self::U8 => "a number up to 255",
            Self::U16 => "a number up to 65535",
            Self::U32 => "a number up to 4294967295",
            Self::I32 => "a number such as -3600",
            Self::U8s => "numbers up to 255, such as 1, 3, 6",
            Self::U16s => "numbers up to 65535, such as 7, 16",
            Self::Ipv4 => "an address such as 192.0.2.1",
            Self::Ipv4s => "addresses such as 192.0.2.1, 192.0.2.2",
            Self::Ipv6 => "an address such as 2001:db8::1",
            Self::Ipv6s => "addresses such as 2001:db8::1, 2001:db8::2",
            Self::Text => "text without a NUL",
            Self::Texts => "texts with a line break between them",
            Self::Octets => "hexadecimal such as 01:02:ff",
            Self::DomainNames => "domain names such as example.com, lab.example.com",
            Self::Routes => "routes such as 0.0.0.0/0 192.0.2.1, 10.0.0.0/8 192.0.2.2",
            Self::BootstrapUris => "URIs such as https://sztp.example.net:8443",
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.example())
    }
}
