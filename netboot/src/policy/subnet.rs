//! The addresses a server gives: pools for anyone, reservations for some.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    ops::RangeInclusive,
};

use dhcp::v4::MacAddress;
use serde::{Deserialize, Deserializer, de::Error as _};
use thiserror::Error;

use super::{
    Network, Pattern,
    give::{Give, GiveInvalid, GiveSettings},
    when::uuid_text,
};
use crate::{
    client::Client,
    lease::{Address, Space},
};

/// The addresses of one network, as they stand in a configuration file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", bound(deserialize = "A: Address"))]
pub struct SubnetSettings<A: Address> {
    /// The network that clients are in.
    pub network: Network<A>,
    /// Addresses for clients without a reservation. Without a pool only those with a reservation get one.
    #[serde(default)]
    pub pools: Vec<Pool<A>>,
    /// Addresses for certain clients.
    #[serde(default)]
    pub reservations: Vec<ReservationSettings<A>>,
    /// Relay agents of this network whose own address is in another one.
    #[serde(default)]
    pub relays: Vec<IpAddr>,
    /// The interface that this network is on, where none of the interface's addresses is in it.
    #[serde(default)]
    pub interface: Option<String>,
    /// How many addresses of the pools are left for devices on the owner's list.
    #[serde(default)]
    pub kept_for_known: u32,
    /// What clients in it get.
    #[serde(default)]
    pub give: GiveSettings,
}

/// A range of addresses, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool<A> {
    /// The lowest address.
    pub first: A,
    /// The highest address.
    pub last: A,
}

impl<A: Address> Pool<A> {
    fn range(self) -> RangeInclusive<A> {
        self.first..=self.last
    }
}

impl<'de, A: Address> Deserialize<'de> for Pool<A> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Ends {
            first: IpAddr,
            last: IpAddr,
        }
        let Ends { first, last } = Ends::deserialize(deserializer)?;
        let of_family =
            |it| A::from_ip(it).ok_or_else(|| D::Error::custom(format_args!("{it}: of the other IP version")));
        Ok(Self { first: of_family(first)?, last: of_family(last)? })
    }
}

/// An address kept for one client, as it stands in a configuration file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ReservationSettings<A: Address> {
    /// The client's hardware address, whatever else it sends.
    #[serde(default, deserialize_with = "mac")]
    pub mac: Option<MacAddress>,
    /// The client's UUID, in either byte order.
    #[serde(default)]
    pub uuid: Option<String>,
    /// The client's identifier or DUID.
    #[serde(default)]
    pub client_identifier: Option<Pattern>,
    /// Its address.
    #[serde(deserialize_with = "address")]
    pub address: A,
    /// What it gets beside that.
    #[serde(default)]
    pub give: GiveSettings,
}

/// An address kept for one client.
#[derive(Clone, Debug)]
pub struct Reservation<A> {
    who: Who,
    address: A,
    give: Give,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
    Mac(MacAddress),
    Uuid(String),
    Identifier(Pattern),
}

impl<A: Address> Reservation<A> {
    /// The address.
    #[must_use]
    pub const fn address(&self) -> A {
        self.address
    }

    /// What the client gets.
    #[must_use]
    pub const fn give(&self) -> &Give {
        &self.give
    }

    fn is_for(&self, client: &Client) -> bool {
        match &self.who {
            Who::Mac(mac) => client.mac == Some(*mac),
            Who::Uuid(uuid) => client.uuids.iter().any(|candidate| uuid_text(candidate) == *uuid),
            Who::Identifier(pattern) => client.identifier.as_deref().is_some_and(|it| pattern.matches(it)),
        }
    }
}

/// The addresses of one network, found consistent.
#[derive(Clone, Debug)]
pub struct Subnet<A> {
    network: Network<A>,
    pools: Vec<Pool<A>>,
    reservations: Vec<Reservation<A>>,
    /// The same by hardware address: there may be thousands.
    by_mac: BTreeMap<MacAddress, usize>,
    relays: Vec<IpAddr>,
    interface: Option<String>,
    kept_for_known: u32,
    give: Give,
}

impl<A: Address> Subnet<A> {
    /// The network that clients are in.
    #[must_use]
    pub const fn network(&self) -> Network<A> {
        self.network
    }

    /// The interface that it is on, where that is written down.
    #[must_use]
    pub fn interface(&self) -> Option<&str> {
        self.interface.as_deref()
    }

    /// The reservation for this client.
    #[must_use]
    pub fn reserved_for(&self, client: &Client) -> Option<&Reservation<A>> {
        let by_mac = client.mac.and_then(|mac| self.reservations.get(*self.by_mac.get(&mac)?));
        by_mac.or_else(|| {
            let others = self.reservations.iter().filter(|it| !matches!(it.who, Who::Mac(_)));
            others.into_iter().find(|it| it.is_for(client))
        })
    }

    /// Whether clients behind this relay agent are in this network.
    #[must_use]
    pub fn is_behind(&self, relay: IpAddr) -> bool {
        A::from_ip(relay).is_some_and(|address| self.network.contains(address)) || self.relays.contains(&relay)
    }

    /// Whether clients on this interface of the server are in this network.
    #[must_use]
    pub fn is_on(&self, interface: &str, addresses: &[A]) -> bool {
        match &self.interface {
            Some(name) => name == interface,
            None => addresses.iter().any(|address| self.network.contains(*address)),
        }
    }

    /// Whether some client may get the address.
    #[must_use]
    pub fn gives(&self, address: A) -> bool {
        let reserved = self.reservations.iter().any(|it| it.address == address);
        reserved || self.pools.iter().any(|pool| pool.range().contains(&address))
    }

    /// Whether it has addresses for whoever asks.
    #[must_use]
    pub const fn has_pools(&self) -> bool {
        !self.pools.is_empty()
    }

    /// Its reservations.
    #[must_use]
    pub fn reservations(&self) -> &[Reservation<A>] {
        &self.reservations
    }

    /// What clients in it get.
    #[must_use]
    pub const fn give(&self) -> &Give {
        &self.give
    }

    /// Its addresses for a [`crate::lease::Book`].
    #[must_use]
    pub fn space(&self) -> Space<A> {
        Space {
            subnet: self.network.range(),
            pools: self.pools.iter().map(|pool| pool.range()).collect(),
            kept_back: self.reservations.iter().map(Reservation::address).collect(),
            for_known: self.kept_for_known.into(),
        }
    }
}

impl<A: Address> TryFrom<SubnetSettings<A>> for Subnet<A> {
    type Error = SubnetError;

    fn try_from(settings: SubnetSettings<A>) -> Result<Self, Self::Error> {
        let network = settings.network;
        let of = |because| SubnetError { network: network.to_string(), because };
        let outside = |address: A| of(Because::OutsideNetwork(address.into()));
        for pool in &settings.pools {
            if pool.first > pool.last {
                return Err(of(Because::PoolReversed));
            }
            if let Some(address) = [pool.first, pool.last].into_iter().find(|it| !network.contains_host(*it)) {
                return Err(outside(address));
            }
            let size = pool.last.number().saturating_sub(pool.first.number());
            // An IPv6 pool is bounded by what is remembered of it.
            if A::WIDTH == 32 && size >= LARGEST_POOL {
                return Err(of(Because::PoolTooLarge));
            }
        }
        let mut sorted: Vec<_> = settings.pools.iter().map(|pool| (pool.first, pool.last)).collect();
        sorted.sort_unstable();
        if sorted.array_windows().any(|[(_, last), (first, _)]| first <= last) {
            return Err(of(Because::PoolsOverlap));
        }
        let (mut reservations, mut by_mac, mut addresses) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        for reservation in settings.reservations {
            let checked = Reservation::check(reservation).map_err(of)?;
            if !network.contains_host(checked.address) {
                return Err(outside(checked.address));
            }
            if !addresses.insert(checked.address) {
                return Err(of(Because::AddressTwice(checked.address.into())));
            }
            if let Who::Mac(mac) = checked.who
                && by_mac.insert(mac, reservations.len()).is_some()
            {
                return Err(of(Because::MacTwice(mac)));
            }
            reservations.push(checked);
        }
        let routers: Vec<A> = settings.give.routers.iter().filter_map(|router| A::from_ip(*router)).collect();
        let give = settings.give.check::<A>().map_err(|error| of(error.into()))?;
        let subnet = Self {
            network,
            pools: settings.pools,
            reservations,
            by_mac,
            relays: settings.relays,
            interface: settings.interface,
            kept_for_known: settings.kept_for_known,
            give,
        };
        match routers.into_iter().find(|router| subnet.gives(*router)) {
            Some(router) => Err(of(Because::RouterGiven(router.into()))),
            None => Ok(subnet),
        }
    }
}

impl<A: Address> Reservation<A> {
    fn check(settings: ReservationSettings<A>) -> Result<Self, Because> {
        let who = match (settings.mac, settings.uuid, settings.client_identifier) {
            (Some(mac), None, None) => Who::Mac(mac),
            (None, Some(uuid), None) => Who::Uuid(uuid.to_ascii_lowercase()),
            (None, None, Some(identifier)) => Who::Identifier(identifier),
            _ => return Err(Because::ReservedForWhom),
        };
        Ok(Self { who, address: settings.address, give: settings.give.check::<A>()? })
    }
}

/// Addresses that cannot be given. The configuration must be corrected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("subnet {network}: {because}")]
pub struct SubnetError {
    /// Which network.
    pub network: String,
    /// Why.
    #[source]
    pub because: Because,
}

/// Why the addresses of a network cannot be given.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Because {
    /// An address is not one a host of the network may have.
    #[error("{0} is no host address of the network")]
    OutsideNetwork(IpAddr),
    /// A pool's first address is above its last.
    #[error("a pool has its ends exchanged")]
    PoolReversed,
    /// A pool has more addresses than are remembered.
    #[error("a pool has more than {LARGEST_POOL} addresses")]
    PoolTooLarge,
    /// Two pools have an address in common.
    #[error("two pools overlap")]
    PoolsOverlap,
    /// A reservation names nobody, or several.
    #[error("a reservation is for exactly one of mac, uuid and client-identifier")]
    ReservedForWhom,
    /// One client has two reservations.
    #[error("{0} has two reservations")]
    MacTwice(MacAddress),
    /// Two clients have the same address.
    #[error("{0} is reserved for two clients")]
    AddressTwice(IpAddr),
    /// The router's address is one that clients get.
    #[error("the router {0} is in a pool or reserved")]
    RouterGiven(IpAddr),
    /// What is given contradicts itself.
    #[error(transparent)]
    Give(#[from] GiveInvalid),
}

/// Most addresses of one IPv4 pool.
const LARGEST_POOL: u128 = 1 << 20;

fn mac<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<MacAddress>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(D::Error::custom)
}

fn address<'de, A: Address, D: Deserializer<'de>>(deserializer: D) -> Result<A, D::Error> {
    let address = IpAddr::deserialize(deserializer)?;
    A::from_ip(address).ok_or_else(|| D::Error::custom(format_args!("{address}: of the other IP version")))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn subnet(text: &str) -> Result<Subnet<Ipv4Addr>, SubnetError> {
        toml::from_str::<SubnetSettings<Ipv4Addr>>(text).unwrap().try_into()
    }

    #[test]
    fn inconsistent_addresses_are_refused_by_name() {
        let head = "network = '192.0.2.0/24'\n";
        let two = |a: &str, b: &str| format!("reservations = [{{ {a} }}, {{ {b} }}]");
        let one = "mac = '02:00:00:00:00:01', address = '192.0.2.5'";
        for (rest, expected) in [
            ("pools = [{ first = '192.0.3.1', last = '192.0.3.9' }]".to_owned(), "192.0.3.1 is no host"),
            ("pools = [{ first = '192.0.2.1', last = '192.0.2.255' }]".to_owned(), "192.0.2.255 is no host"),
            ("pools = [{ first = '192.0.2.9', last = '192.0.2.1' }]".to_owned(), "ends exchanged"),
            (
                "pools = [{ first = '192.0.2.1', last = '192.0.2.9' }, { first = '192.0.2.9', last = '192.0.2.19' }]"
                    .to_owned(),
                "overlap",
            ),
            (two(one, "mac = '02:00:00:00:00:01', address = '192.0.2.6'"), "two reservations"),
            (two(one, "mac = '02:00:00:00:00:02', address = '192.0.2.5'"), "reserved for two"),
            ("reservations = [{ address = '192.0.2.5' }]".to_owned(), "exactly one of"),
            (format!("reservations = [{{ {one} }}]\ngive = {{ routers = ['192.0.2.5'] }}"), "router"),
            ("give = { lease-seconds = 0 }".to_owned(), "at least 10"),
        ] {
            let error = subnet(&format!("{head}{rest}")).unwrap_err().to_string();
            assert!(error.contains(expected), "{rest}: {error}");
        }
        let large = "network = '10.0.0.0/8'\npools = [{ first = '10.0.0.1', last = '10.255.0.0' }]";
        assert_eq!(subnet(large).unwrap_err().because, Because::PoolTooLarge);
        let six: SubnetSettings<Ipv6Addr> = toml::from_str(
            "network = '2001:db8::/64'\npools = [{ first = '2001:db8::1', last = '2001:db8::ffff:ffff:ffff:ffff' }]",
        )
        .unwrap();
        assert!(Subnet::try_from(six).is_ok());
    }

    #[test]
    fn a_network_is_recognised_by_relay_and_by_interface() {
        let here = subnet("network = '192.0.2.0/24'\nrelays = ['198.51.100.9']").unwrap();
        assert!(here.is_behind(IpAddr::from([192, 0, 2, 1])) && here.is_behind(IpAddr::from([198, 51, 100, 9])));
        assert!(!here.is_behind(IpAddr::from([198, 51, 100, 8])));
        assert!(here.is_on("any", &[Ipv4Addr::new(192, 0, 2, 1)]) && !here.is_on("any", &[]));
        let named = subnet("network = '192.0.2.0/24'\ninterface = 'eth1'").unwrap();
        assert!(named.is_on("eth1", &[]) && !named.is_on("eth0", &[Ipv4Addr::new(192, 0, 2, 1)]));
    }

    #[test]
    fn reservations_are_found_by_what_they_name() {
        let subnet = subnet(
            "network = '192.0.2.0/24'\nreservations = [\n{ mac = '02:00:00:00:00:01', address = '192.0.2.5' },\n\
             { uuid = '11111111-1111-1111-1111-111111111111', address = '192.0.2.6' },\n\
             { client-identifier = '0x0001*', address = '192.0.2.7' }]",
        )
        .unwrap();
        let of = |client: Client| subnet.reserved_for(&client).map(|it| it.address().octets()[3]);
        assert_eq!(of(Client { mac: Some(MacAddress([2, 0, 0, 0, 0, 1])), ..Client::default() }), Some(5));
        assert_eq!(of(Client { uuids: vec![[0x11; 16]], ..Client::default() }), Some(6));
        assert_eq!(of(Client { identifier: Some(vec![0, 1, 9]), ..Client::default() }), Some(7));
        assert_eq!(of(Client::default()), None);
    }
}
