//! The links a device is on, as far as multicast DNS must know them.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr},
};

use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice::name_to_index, socket_with};

/// Most interfaces that are asked on.
const MAX_INTERFACES: usize = 8;

/// The interface that leads to nobody else.
const LOOPBACK: &str = "lo";

/// Where Linux lists the interfaces of this network, and its routes. `/sys` may belong to another one.
const INTERFACES: &str = "/proc/net/dev";
const ROUTES: &str = "/proc/net/route";

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    name: String,
    index: u32,
}

impl Interface {
    /// The interface of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(name: &str) -> io::Result<Self> {
        // The kernel wants some socket to tell which network is meant.
        let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
        Ok(Self { name: name.to_owned(), index: name_to_index(&socket, name)? })
    }

    /// The only interface there is beside the loopback one.
    #[must_use]
    pub fn only() -> Option<Self> {
        let mut all = all().into_iter();
        all.next().filter(|_| all.next().is_none())
    }

    /// Its number.
    #[must_use]
    pub const fn index(&self) -> u32 {
        self.index
    }
}

/// The interfaces that are asked on, and who is on them.
#[derive(Debug)]
pub(super) struct Link {
    interfaces: Vec<Interface>,
    networks: Vec<Network>,
}

impl Link {
    /// All interfaces but the loopback one, or only this one.
    pub(super) fn of(only: Option<&Interface>) -> Self {
        let interfaces = only.map_or_else(all, |only| vec![only.clone()]);
        let routes = fs::read_to_string(ROUTES).unwrap_or_default();
        let networks = networks(&routes, &interfaces);
        Self { interfaces, networks }
    }

    pub(super) fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// Whether `from` is on one of these links (RFC 6762 §11).
    pub(super) fn is_local(&self, from: SocketAddr) -> bool {
        match from {
            SocketAddr::V4(from) => {
                // RFC 3927 §2.6.2: such addresses are on the link everywhere.
                from.ip().is_link_local() || self.networks.iter().any(|network| network.contains(*from.ip()))
            }
            SocketAddr::V6(from) => {
                let is_asked = |interface: &Interface| interface.index == from.scope_id();
                from.ip().is_unicast_link_local() && self.interfaces.iter().any(is_asked)
            }
        }
    }
}

fn all() -> Vec<Interface> {
    let list = fs::read_to_string(INTERFACES).unwrap_or_default();
    names(&list)
        .filter(|name| *name != LOOPBACK)
        .filter_map(|name| Interface::named(name).ok())
        .take(MAX_INTERFACES)
        .collect()
}

/// The names in the kernel's list: two lines of heading, then `name: numbers`.
fn names(list: &str) -> impl Iterator<Item = &str> {
    list.lines().skip(2).filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim())
}

/// A network that is reached without a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: Ipv4Addr,
    mask: Ipv4Addr,
}

impl Network {
    fn contains(self, address: Ipv4Addr) -> bool {
        address & self.mask == self.address
    }
}

/// The routes of the kernel's list that have no gateway and lead to one of `interfaces`. Its columns are: interface,
/// destination, gateway, flags, three counters, mask; addresses as the machine has them in memory.
fn networks(routes: &str, interfaces: &[Interface]) -> Vec<Network> {
    let network = |line: &str| {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        let [name, destination, gateway, _, _, _, _, mask, ..] = columns.as_slice() else { return None };
        let address = |hex: &str| u32::from_str_radix(hex, 16).ok().map(|number| Ipv4Addr::from(number.to_ne_bytes()));
        let [address, gateway, mask] = [address(destination)?, address(gateway)?, address(mask)?];
        let is_asked = interfaces.iter().any(|interface| interface.name == *name);
        (is_asked && gateway.is_unspecified() && !mask.is_unspecified()).then_some(Network { address, mask })
    };
    routes.lines().skip(1).filter_map(network).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(address: [u8; 4]) -> String {
        format!("{:08X}", u32::from_ne_bytes(address))
    }

    fn interface(name: &str, index: u32) -> Interface {
        Interface { name: name.to_owned(), index }
    }

    fn link() -> Link {
        let line = |name: &str, [address, gateway, mask]: [[u8; 4]; 3]| {
            format!("{name}\t{}\t{}\t0001\t0\t0\t0\t{}\t0\t0\t0\n", hex(address), hex(gateway), hex(mask))
        };
        let routes = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n".to_owned()
            + &line("eth0", [[0; 4], [192, 0, 2, 1], [0; 4]])
            + &line("eth0", [[192, 0, 2, 0], [0; 4], [255, 255, 255, 0]])
            + &line("eth0", [[198, 51, 100, 0], [192, 0, 2, 1], [255, 255, 255, 0]])
            + &line("eth1", [[203, 0, 113, 0], [0; 4], [255, 255, 255, 0]])
            + "eth0 nonsense\n";
        let interfaces = vec![interface("eth0", 2)];
        Link { networks: networks(&routes, &interfaces), interfaces }
    }

    /// RFC 6762 §11.
    #[test]
    fn only_who_is_on_the_link_is_local() {
        let link = link();
        let is_local = |text: &str| link.is_local(text.parse().unwrap());
        for local in ["192.0.2.77:5353", "169.254.1.1:5353", "[fe80::1%2]:5353"] {
            assert!(is_local(local), "{local}");
        }
        for far in
            ["198.51.100.1:5353", "203.0.113.1:5353", "8.8.8.8:53", "127.0.0.1:1", "[fe80::1%3]:1", "[2001:db8::1]:1"]
        {
            assert!(!is_local(far), "{far}");
        }
    }

    #[test]
    fn the_interfaces_are_those_of_this_network() {
        let list = "Inter-|   Receive\n face |bytes\n    lo: 1 2\nveth0: 3\n";
        assert_eq!(names(list).collect::<Vec<_>>(), ["lo", "veth0"]);
        assert!(Interface::named("lo").unwrap().index() > 0);
        assert!(Interface::named("no-such-one").is_err());
        assert!(Link::of(None).interfaces().iter().all(|interface| interface.name != LOOPBACK));
    }
}
