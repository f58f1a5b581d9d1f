//! The host of a bootstrap server URI: a DNS name or an IP address.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use thiserror::Error;

/// Where a bootstrap server is, RFC 8572 §8.3: "a host or IP address".
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// A name to be resolved.
    Name(DnsName),
    /// An address; an IPv6 address stands in brackets in text (RFC 3986 §3.2.2, DHC-06).
    Address(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(rest) = text.strip_prefix('[') {
            let literal = rest.strip_suffix(']').ok_or(HostError::BracketOpen)?;
            // A zone identifier means something on one machine only, so it does not parse here.
            let address: Ipv6Addr = literal.parse().map_err(|_| HostError::Ipv6Literal)?;
            return Ok(Self::Address(address.into()));
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Address(address.into()));
        }
        text.parse().map(Self::Name)
    }
}

/// A host name of letters, digits and hyphens (RFC 1123 §2.1), kept in lower case, without a final dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DnsName(String);

impl DnsName {
    /// The name in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for DnsName {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // RFC 1035 §2.3.4: 255 bytes on the wire are 253 characters of text.
        if text.len() > MAXIMUM_NAME {
            return Err(HostError::NameTooLong { length: text.len() });
        }
        if !text.split('.').all(is_label) {
            return Err(HostError::Name);
        }
        // RFC 1123 §2.1: a last label of digits would be mistaken for an address, as in 192.0.2.300.
        if text.rsplit('.').next().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(HostError::Ipv4Address);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

/// The text names no host. Always the fault of whoever wrote the URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HostError {
    /// The text begins with a bracket that is not closed at its end.
    #[error("the bracket is not closed")]
    BracketOpen,
    /// The brackets hold something other than an IPv6 address.
    #[error("the brackets do not hold an IPv6 address")]
    Ipv6Literal,
    /// The text looks like an IPv4 address and is none.
    #[error("not an IPv4 address")]
    Ipv4Address,
    /// A label is empty, longer than 63, begins or ends with a hyphen, or has other characters than letters, digits and
    /// hyphens.
    #[error("not a host name")]
    Name,
    /// The name is longer than DNS allows.
    #[error("a host name of {length} characters exceeds 253")]
    NameTooLong {
        /// Characters in the name.
        length: usize,
    },
}

fn is_label(label: &str) -> bool {
    // RFC 1035 §2.3.4 and RFC 1123 §2.1.
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

const MAXIMUM_NAME: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_told_apart() {
        let name: Host = "SZTP1.example.net".parse().unwrap();
        assert_eq!(name.to_string(), "sztp1.example.net");
        assert_eq!("192.0.2.7".parse(), Ok(Host::Address(Ipv4Addr::new(192, 0, 2, 7).into())));
        assert_eq!("[2001:DB8::1]".parse::<Host>().unwrap().to_string(), "[2001:db8::1]");
        assert!(matches!("bootstrap".parse(), Ok(Host::Name(_))));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for (text, expected) in [
            ("", HostError::Name),
            ("a..b", HostError::Name),
            ("a.", HostError::Name),
            ("-a", HostError::Name),
            ("a_b", HostError::Name),
            ("bücher.example", HostError::Name),
            ("192.0.2.300", HostError::Ipv4Address),
            ("192.0.2", HostError::Ipv4Address),
            ("2001:db8::1", HostError::Name),
            ("[2001:db8::1", HostError::BracketOpen),
            ("[192.0.2.1]", HostError::Ipv6Literal),
            ("[fe80::1%eth0]", HostError::Ipv6Literal),
            ("[]", HostError::Ipv6Literal),
        ] {
            assert_eq!(text.parse::<Host>(), Err(expected), "{text}");
        }
        let label = "a".repeat(64);
        assert_eq!(label.parse::<DnsName>(), Err(HostError::Name));
        let long = ["a"; 128].join(".");
        assert_eq!(long.parse::<DnsName>(), Err(HostError::NameTooLong { length: 255 }));
    }
}
