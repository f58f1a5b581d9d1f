//! An IPv4 network in prefix notation.

use std::{fmt, net::Ipv4Addr, str::FromStr};

use serde::{Deserialize, Deserializer, de::Error as _};
use thiserror::Error;

/// An IPv4 network such as `192.0.2.0/24`; the bits beyond the prefix are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: Ipv4Addr,
    prefix: u8,
}

impl Network {
    /// The network with this prefix length that begins at this address.
    ///
    /// # Errors
    /// [`NetworkInvalid`] when the prefix exceeds 32 bits or the address has bits beyond it.
    pub fn new(address: Ipv4Addr, prefix: u8) -> Result<Self, NetworkInvalid> {
        let network = Self { address, prefix };
        if prefix > 32 || address.to_bits() & !network.mask().to_bits() != 0 {
            return Err(NetworkInvalid);
        }
        Ok(network)
    }

    /// The mask, option 1.
    #[must_use]
    pub fn mask(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(!u32::MAX.checked_shr(self.prefix.into()).unwrap_or_default())
    }

    /// Whether the address belongs to the network.
    #[must_use]
    pub fn contains(self, address: Ipv4Addr) -> bool {
        address.to_bits() & self.mask().to_bits() == self.address.to_bits()
    }

    /// Whether a host may have the address: it belongs to the network and is neither the network's own nor its
    /// broadcast address. Networks of one or two addresses have neither (RFC 3021).
    #[must_use]
    pub fn contains_host(self, address: Ipv4Addr) -> bool {
        let host = address.to_bits() & !self.mask().to_bits();
        self.contains(address) && (self.prefix >= 31 || (host != 0 && host != !self.mask().to_bits()))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Network {
    type Err = NetworkInvalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = text.split_once('/').ok_or(NetworkInvalid)?;
        Self::new(address.parse().map_err(|_| NetworkInvalid)?, prefix.parse().map_err(|_| NetworkInvalid)?)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The text or numbers are no IPv4 network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a network is its first address and prefix length, such as 192.0.2.0/24")]
pub struct NetworkInvalid;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_has_its_mask() {
        let mask = |text: &str| text.parse::<Network>().map(Network::mask);
        assert_eq!(mask("192.0.2.0/24"), Ok(Ipv4Addr::new(255, 255, 255, 0)));
        assert_eq!(mask("0.0.0.0/0"), Ok(Ipv4Addr::UNSPECIFIED));
        assert_eq!(mask("192.0.2.7/32"), Ok(Ipv4Addr::BROADCAST));
        for bad in ["192.0.2.0", "192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/-1", "/24", "x/24"] {
            assert_eq!(mask(bad), Err(NetworkInvalid), "{bad}");
        }
    }

    #[test]
    fn hosts_are_neither_first_nor_last() {
        let network: Network = "192.0.2.0/30".parse().unwrap();
        let hosts: Vec<u8> = (0..=4).filter(|host| network.contains_host(Ipv4Addr::new(192, 0, 2, *host))).collect();
        assert_eq!(hosts, [1, 2]);
        let pair: Network = "192.0.2.0/31".parse().unwrap();
        assert!(pair.contains_host(Ipv4Addr::new(192, 0, 2, 0)) && pair.contains_host(Ipv4Addr::new(192, 0, 2, 1)));
    }
}
