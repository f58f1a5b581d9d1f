//! A network in prefix notation.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use serde::{Deserialize, Deserializer, de::Error as _};
use thiserror::Error;

use crate::lease::Address;

/// A network such as `192.0.2.0/24` or `2001:db8::/64`; the bits beyond the prefix are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network<A> {
    address: A,
    prefix: u8,
}

impl<A: Address> Network<A> {
    /// The network with this prefix length that begins at this address.
    ///
    /// # Errors
    /// [`NetworkInvalid`] when the prefix exceeds the address or the address has bits beyond it.
    pub fn new(address: A, prefix: u8) -> Result<Self, NetworkInvalid> {
        let network = Self { address, prefix };
        if prefix > A::WIDTH || address.number() & network.host_bits() != 0 {
            return Err(NetworkInvalid);
        }
        Ok(network)
    }

    /// The mask: option 1 of DHCPv4.
    #[must_use]
    pub fn mask(self) -> A {
        A::from_number(!self.host_bits())
    }

    /// Its first and its last address.
    #[must_use]
    pub fn range(self) -> RangeInclusive<A> {
        self.address..=A::from_number(self.address.number() | self.host_bits())
    }

    /// Whether the address belongs to the network.
    #[must_use]
    pub fn contains(self, address: A) -> bool {
        self.range().contains(&address)
    }

    /// Whether a host may have the address: it belongs to the network and is neither the network's own nor, in IPv4, its broadcast address.
    /// Networks of one or two addresses have neither (RFC 3021).
    #[must_use]
    pub fn contains_host(self, address: A) -> bool {
        let host = address.number() & self.host_bits();
        let broadcast = A::WIDTH == 32 && host == self.host_bits();
        self.contains(address) && (self.prefix >= A::WIDTH.saturating_sub(1) || (host != 0 && !broadcast))
    }

    fn host_bits(self) -> u128 {
        let all = u128::MAX.checked_shr(u32::from(128_u8.saturating_sub(A::WIDTH))).unwrap_or_default();
        all.checked_shr(u32::from(self.prefix)).unwrap_or_default()
    }
}

impl<A: Address> fmt::Display for Network<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl<A: Address> FromStr for Network<A> {
    type Err = NetworkInvalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = text.split_once('/').ok_or(NetworkInvalid)?;
        Self::new(address.parse().map_err(|_| NetworkInvalid)?, prefix.parse().map_err(|_| NetworkInvalid)?)
    }
}

impl<'de, A: Address> Deserialize<'de> for Network<A> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The text or numbers are no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a network is its first address and prefix length, such as 192.0.2.0/24 or 2001:db8::/64")]
pub struct NetworkInvalid;

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn every_prefix_has_its_mask() {
        let mask = |text: &str| text.parse::<Network<Ipv4Addr>>().map(Network::mask);
        assert_eq!(mask("192.0.2.0/24"), Ok(Ipv4Addr::new(255, 255, 255, 0)));
        assert_eq!(mask("0.0.0.0/0"), Ok(Ipv4Addr::UNSPECIFIED));
        assert_eq!(mask("192.0.2.7/32"), Ok(Ipv4Addr::BROADCAST));
        for bad in ["192.0.2.0", "192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/-1", "/24", "x/24"] {
            assert_eq!(mask(bad), Err(NetworkInvalid), "{bad}");
        }
        let wide: Network<Ipv6Addr> = "2001:db8::/64".parse().unwrap();
        assert_eq!(wide.range().end().to_string(), "2001:db8::ffff:ffff:ffff:ffff");
        assert!("2001:db8::1/64".parse::<Network<Ipv6Addr>>().is_err());
        assert!("::/0".parse::<Network<Ipv6Addr>>().unwrap().contains(Ipv6Addr::LOCALHOST));
    }

    #[test]
    fn hosts_are_neither_first_nor_last() {
        let network: Network<Ipv4Addr> = "192.0.2.0/30".parse().unwrap();
        let hosts: Vec<u8> = (0..=4).filter(|host| network.contains_host(Ipv4Addr::new(192, 0, 2, *host))).collect();
        assert_eq!(hosts, [1, 2]);
        let pair: Network<Ipv4Addr> = "192.0.2.0/31".parse().unwrap();
        assert!(pair.contains_host(Ipv4Addr::new(192, 0, 2, 0)) && pair.contains_host(Ipv4Addr::new(192, 0, 2, 1)));
        let wide: Network<Ipv6Addr> = "2001:db8::/64".parse().unwrap();
        assert!(!wide.contains_host(*wide.range().start()) && wide.contains_host(*wide.range().end()));
    }
}
