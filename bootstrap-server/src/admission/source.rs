//! Who an address counts as.

use std::net::{IpAddr, Ipv6Addr};

/// Where a peer calls from: an IPv4 address, or the /64 of an IPv6 address, all of which one peer has (RFC 4291 §2.5.4).
///
/// A source is not a device: a whole data hall may call from behind one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Source(IpAddr);

impl Source {
    /// The source that an address belongs to. An IPv4 address written as an IPv6 one counts as what it is.
    pub(crate) const fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        })
    }

    /// The site that it is part of: the /48 that an owner of IPv6 addresses may have whole, with 65,536 sources in it
    /// (RFC 6177 §2). IPv4 addresses are too few for that.
    pub(crate) const fn site(self) -> Option<Site> {
        match self.0 {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some(Site(address.to_bits() >> 80)),
        }
    }

    /// The address, or the first one of the /64.
    pub(crate) const fn address(self) -> IpAddr {
        self.0
    }
}

/// The first 48 bits of IPv6 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Site(u128);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_ipv6_network_is_one_source() {
        let of = |text: &str| Source::of(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:ffff:ffff:ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_eq!(of("2001:db8::1").site(), of("2001:db8:0:1::1").site());
        assert_ne!(of("2001:db8::1").site(), of("2001:db8:1::1").site());
        assert_eq!(of("192.0.2.1").site(), None);
    }
}
