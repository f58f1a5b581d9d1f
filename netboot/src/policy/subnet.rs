//! The addresses a server gives: a pool for anyone, reservations for some.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use dhcp::v4::{HardwareAddress, MacAddress};
use serde::{Deserialize, Deserializer, de::Error as _};
use thiserror::Error;

use super::Network;

/// The addresses to give, as they stand in a configuration file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SubnetSettings {
    /// The network that clients are in.
    pub network: Network,
    /// Addresses for clients without a reservation.
    #[serde(default)]
    pub pool: Option<Pool>,
    /// Addresses for certain clients.
    #[serde(default)]
    pub reservations: Vec<Reservation>,
    /// How long an address is lent, in seconds. Default 3600; some switches refuse less.
    #[serde(default = "default_lease")]
    pub lease_seconds: u32,
    /// The default router.
    #[serde(default)]
    pub router: Option<Ipv4Addr>,
    /// Domain name servers, in order of preference.
    #[serde(default)]
    pub dns: Vec<Ipv4Addr>,
}

/// A range of addresses, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// The lowest address.
    pub first: Ipv4Addr,
    /// The highest address.
    pub last: Ipv4Addr,
}

impl Pool {
    /// The most addresses a pool may have. Every one may cost the server some hundred bytes of memory.
    pub const MAXIMUM: u32 = 65_536;

    /// Whether the address is one of the pool's.
    #[must_use]
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&address)
    }
}

/// An address kept for the client with this MAC address, whatever client identifier it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reservation {
    /// The client.
    #[serde(deserialize_with = "mac")]
    pub mac: MacAddress,
    /// Its address.
    pub address: Ipv4Addr,
}

/// The addresses to give, found consistent.
#[derive(Clone, Debug)]
pub struct Subnet {
    network: Network,
    pool: Option<Pool>,
    reservations: BTreeMap<MacAddress, Ipv4Addr>,
    lease_seconds: u32,
    router: Option<Ipv4Addr>,
    dns: Vec<Ipv4Addr>,
}

impl Subnet {
    /// The network that clients are in.
    #[must_use]
    pub const fn network(&self) -> Network {
        self.network
    }

    /// Addresses for clients without a reservation.
    #[must_use]
    pub const fn pool(&self) -> Option<Pool> {
        self.pool
    }

    /// The address kept for this client.
    #[must_use]
    pub fn reserved_for(&self, hardware: &HardwareAddress) -> Option<Ipv4Addr> {
        self.reservations.get(&hardware.mac()?).copied()
    }

    /// Every address kept for somebody.
    pub fn reserved(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.reservations.values().copied()
    }

    /// Whether some client may get the address.
    #[must_use]
    pub fn gives(&self, address: Ipv4Addr) -> bool {
        self.pool.is_some_and(|pool| pool.contains(address)) || self.reserved().any(|reserved| reserved == address)
    }

    /// How long an address is lent, in seconds, at least 1.
    #[must_use]
    pub const fn lease_seconds(&self) -> u32 {
        self.lease_seconds
    }

    /// The default router.
    #[must_use]
    pub const fn router(&self) -> Option<Ipv4Addr> {
        self.router
    }

    /// Domain name servers, in order of preference.
    #[must_use]
    pub fn dns(&self) -> &[Ipv4Addr] {
        &self.dns
    }
}

impl TryFrom<SubnetSettings> for Subnet {
    type Error = SubnetError;

    fn try_from(settings: SubnetSettings) -> Result<Self, Self::Error> {
        let network = settings.network;
        let ends = settings.pool.iter().flat_map(|pool| [pool.first, pool.last]);
        let reserved = settings.reservations.iter().map(|reservation| reservation.address);
        if let Some(address) = ends.chain(reserved).chain(settings.router).find(|it| !network.contains_host(*it)) {
            return Err(SubnetError::OutsideNetwork { address, network });
        }
        if let Some(Pool { first, last }) = settings.pool {
            match last.to_bits().checked_sub(first.to_bits()) {
                None => return Err(SubnetError::PoolReversed { first, last }),
                Some(0..Pool::MAXIMUM) => {}
                Some(_) => return Err(SubnetError::PoolTooLarge { first, last }),
            }
        }
        if settings.lease_seconds == 0 {
            return Err(SubnetError::LeaseZero);
        }
        if settings.dns.len() > MAXIMUM_RESOLVERS {
            return Err(SubnetError::TooManyResolvers { count: settings.dns.len() });
        }
        let subnet = Self {
            network,
            pool: settings.pool,
            reservations: unique(&settings.reservations)?,
            lease_seconds: settings.lease_seconds,
            router: settings.router,
            dns: settings.dns,
        };
        match settings.router.filter(|router| subnet.gives(*router)) {
            Some(router) => Err(SubnetError::RouterGiven(router)),
            None => Ok(subnet),
        }
    }
}

/// Addresses that cannot be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SubnetError {
    /// An address is not one a host of the network may have.
    #[error("{address} is no host address of {network}")]
    OutsideNetwork {
        /// The address.
        address: Ipv4Addr,
        /// The network.
        network: Network,
    },
    /// The pool's first address is above its last.
    #[error("the pool from {first} to {last} has its ends exchanged")]
    PoolReversed {
        /// The first address.
        first: Ipv4Addr,
        /// The last address.
        last: Ipv4Addr,
    },
    /// The pool has more than [`Pool::MAXIMUM`] addresses.
    #[error("the pool from {first} to {last} has more than {} addresses", Pool::MAXIMUM)]
    PoolTooLarge {
        /// The first address.
        first: Ipv4Addr,
        /// The last address.
        last: Ipv4Addr,
    },
    /// One client has two reservations.
    #[error("{0} has two reservations")]
    MacTwice(MacAddress),
    /// Two clients have the same address.
    #[error("{0} is reserved for two clients")]
    AddressTwice(Ipv4Addr),
    /// The router's address is one that clients get.
    #[error("the router {0} is in the pool or reserved")]
    RouterGiven(Ipv4Addr),
    /// An address would be lent for no time.
    #[error("lease-seconds must be at least 1")]
    LeaseZero,
    /// More domain name servers than any client uses.
    #[error("{count} domain name servers exceed 8")]
    TooManyResolvers {
        /// How many were given.
        count: usize,
    },
}

fn unique(reservations: &[Reservation]) -> Result<BTreeMap<MacAddress, Ipv4Addr>, SubnetError> {
    let mut by_mac = BTreeMap::new();
    let mut addresses = BTreeSet::new();
    for Reservation { mac, address } in reservations {
        if by_mac.insert(*mac, *address).is_some() {
            return Err(SubnetError::MacTwice(*mac));
        }
        if !addresses.insert(*address) {
            return Err(SubnetError::AddressTwice(*address));
        }
    }
    Ok(by_mac)
}

fn mac<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MacAddress, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

const fn default_lease() -> u32 {
    3600
}

const MAXIMUM_RESOLVERS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: &str) -> Result<Subnet, SubnetError> {
        let settings: SubnetSettings = toml::from_str(&format!("network = '192.0.0.0/15'\n{text}")).unwrap();
        settings.try_into()
    }

    #[test]
    fn a_lease_lasts_an_hour_unless_said_otherwise() {
        assert_eq!(subnet("").unwrap().lease_seconds(), 3600);
        assert_eq!(subnet("lease-seconds = 0").unwrap_err(), SubnetError::LeaseZero);
    }

    #[test]
    fn contradictions_are_refused() {
        let address = |text: &str| text.parse::<Ipv4Addr>().unwrap();
        let network = "192.0.0.0/15".parse().unwrap();
        let (first, last) = (address("192.0.0.1"), address("192.1.0.1"));
        let mac = MacAddress([2, 0, 0, 0, 0, 1]);
        for (text, expected) in [
            ("router = '10.0.0.1'", SubnetError::OutsideNetwork { address: address("10.0.0.1"), network }),
            ("router = '192.0.0.0'", SubnetError::OutsideNetwork { address: address("192.0.0.0"), network }),
            (
                "pool = { first = '192.1.0.1', last = '192.0.0.1' }",
                SubnetError::PoolReversed { first: last, last: first },
            ),
            ("pool = { first = '192.0.0.1', last = '192.1.0.1' }", SubnetError::PoolTooLarge { first, last }),
            (
                "router = '192.0.0.2'\npool = { first = '192.0.0.1', last = '192.0.0.2' }",
                SubnetError::RouterGiven(address("192.0.0.2")),
            ),
            (
                "reservations = [{ mac = '02:00:00:00:00:01', address = '192.0.2.1' }, { mac = '02:00:00:00:00:01', address = '192.0.2.2' }]",
                SubnetError::MacTwice(mac),
            ),
            (
                "reservations = [{ mac = '02:00:00:00:00:01', address = '192.0.2.1' }, { mac = '02:00:00:00:00:02', address = '192.0.2.1' }]",
                SubnetError::AddressTwice(address("192.0.2.1")),
            ),
        ] {
            assert_eq!(subnet(text).unwrap_err(), expected, "{text}");
        }
        assert!(subnet("pool = { first = '192.0.0.1', last = '192.1.0.0' }").is_ok());
    }
}
