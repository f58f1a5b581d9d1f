//! The interfaces of this host: a request that came without a relay agent came from the network of one of them.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr},
};

use dhcp::v4::MacAddress;
use linux_sys::netlink::{
    self,
    message::{self, AddressHeader, LinkHeader, NeighbourHeader, Request, attribute, attribute_of, kind},
};
use tokio::{io::Interest, net::UdpSocket};

/// The interfaces of this host as they were when they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interfaces(Vec<Interface>);

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The kernel's number for it, for as long as it is there.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its Ethernet address; absent on what is no Ethernet.
    pub mac: Option<MacAddress>,
    /// The longest packet it carries, in octets; 0 when unknown.
    pub mtu: u32,
    /// Whether it is switched on, and somebody is at the other end of its cable.
    pub state: InterfaceState,
    /// Its IPv4 addresses, in the kernel's order.
    pub ipv4: Vec<Ipv4InterfaceAddress>,
    /// Its IPv6 addresses that can be sent from, in the kernel's order.
    pub ipv6: Vec<Ipv6InterfaceAddress>,
}

/// How an interface is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterfaceState {
    /// Somebody switched it off.
    Off,
    /// It is switched on, and nobody is at the other end.
    NoCarrier,
    /// It can send and receive.
    Up,
}

/// An IPv4 address of an interface, with its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4InterfaceAddress {
    /// The address.
    pub address: Ipv4Addr,
    /// How many bits of it are the network's, up to 32.
    pub prefix_length: u8,
}

/// An IPv6 address of an interface, with its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6InterfaceAddress {
    /// The address.
    pub address: Ipv6Addr,
    /// How many bits of it are the network's, up to 128.
    pub prefix_length: u8,
}

impl Interfaces {
    /// Asks the kernel, which answers at once.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn read() -> io::Result<Self> {
        let links = netlink::dump(&Request::new(kind::GET_LINK, &LinkHeader::default().encode()))?;
        let mut interfaces: Vec<_> = links.iter().filter_map(|(_, body)| Interface::read(body)).collect();
        let addresses = netlink::dump(&Request::new(kind::GET_ADDRESS, &AddressHeader::default().encode()))?;
        for (_, body) in &addresses {
            if let Some((header, attributes)) = AddressHeader::decode(body)
                && let Some(interface) = interfaces.iter_mut().find(|it| it.index == header.index)
            {
                interface.add(header, attributes);
            }
        }
        Ok(Self(interfaces))
    }

    /// All of them, in the kernel's order.
    pub fn iter(&self) -> impl Iterator<Item = &Interface> {
        self.0.iter()
    }

    /// The interface of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Interface> {
        self.iter().find(|it| it.name == name)
    }

    /// The interface with this index, by which a datagram arrived.
    #[must_use]
    pub fn numbered(&self, index: u32) -> Option<&Interface> {
        self.iter().find(|it| it.index == index)
    }
}

impl Interface {
    fn read(body: &[u8]) -> Option<Self> {
        let (header, attributes) = LinkHeader::decode(body)?;
        let name = attribute_of(attributes, attribute::LINK_NAME)?;
        let mac = attribute_of(attributes, attribute::LINK_ADDRESS).and_then(|it| it.try_into().ok());
        let mtu = attribute_of(attributes, attribute::LINK_MTU).and_then(|it| it.try_into().ok());
        Some(Self {
            index: header.index,
            name: str::from_utf8(name).ok()?.trim_end_matches('\0').to_owned(),
            mac: mac.filter(|_| header.kind == message::ETHERNET).map(MacAddress),
            mtu: mtu.map_or(0, u32::from_ne_bytes),
            state: match (header.flags & message::UP != 0, header.flags & message::LOWER_UP != 0) {
                (false, _) => InterfaceState::Off,
                (true, false) => InterfaceState::NoCarrier,
                (true, true) => InterfaceState::Up,
            },
            ipv4: Vec::new(),
            ipv6: Vec::new(),
        })
    }

    fn add(&mut self, header: AddressHeader, attributes: &[u8]) {
        // Of a point-to-point link, the other attribute is the other end's address.
        let local = attribute_of(attributes, attribute::ADDRESS_LOCAL);
        let Some(octets) = local.or_else(|| attribute_of(attributes, attribute::ADDRESS)) else { return };
        let prefix_length = header.prefix;
        if let Ok(octets) = <[u8; 4]>::try_from(octets) {
            self.ipv4.push(Ipv4InterfaceAddress { address: octets.into(), prefix_length });
        } else if let Ok(octets) = <[u8; 16]>::try_from(octets)
            && header.flags & message::UNUSABLE == 0
        {
            self.ipv6.push(Ipv6InterfaceAddress { address: octets.into(), prefix_length });
        }
    }

    /// The address by which it speaks to its own link.
    #[must_use]
    pub fn link_local(&self) -> Option<Ipv6Addr> {
        self.ipv6.iter().map(|it| it.address).find(Ipv6Addr::is_unicast_link_local)
    }
}

impl Ipv4InterfaceAddress {
    /// Whether the other address is of the same network.
    #[must_use]
    pub fn contains(self, other: Ipv4Addr) -> bool {
        let differ = self.address.to_bits() ^ other.to_bits();
        differ.leading_zeros() >= u32::from(self.prefix_length)
    }
}

impl Ipv6InterfaceAddress {
    /// Whether the other address is of the same network.
    #[must_use]
    pub fn contains(self, other: Ipv6Addr) -> bool {
        let differ = self.address.to_bits() ^ other.to_bits();
        differ.leading_zeros() >= u32::from(self.prefix_length)
    }
}

/// Tells when it is time to read [`Interfaces`] again.
#[derive(Debug)]
pub struct InterfaceWatch {
    /// Tokio's name for a socket of datagrams; these are the kernel's.
    socket: UdpSocket,
}

impl InterfaceWatch {
    /// Watches from now on: whoever reads the interfaces afterwards misses no change.
    ///
    /// # Errors
    /// What the kernel says of such a socket.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O enabled.
    pub fn open() -> io::Result<Self> {
        Ok(Self { socket: UdpSocket::from_std(netlink::watch_changes()?.into())? })
    }

    /// Waits until an interface or an address changed. Changes that were not waited for are told by the next call, all as one.
    /// Dropped while it waits, it forgets none.
    ///
    /// # Errors
    /// What befell the socket.
    pub async fn changed(&self) -> io::Result<()> {
        self.socket.async_io(Interest::READABLE, || netlink::take_changes(&self.socket)).await
    }
}

/// What the kernel knows of a neighbour that answered lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Neighbour {
    /// Its Ethernet address.
    pub(super) mac: MacAddress,
    /// For how many hundredths of a second nobody has confirmed it.
    pub(super) unconfirmed_for: u32,
}

impl Neighbour {
    /// The neighbour with this address on an interface, as ARP found it (RFC 826); `None` when nobody answered.
    pub(super) fn find(interface: u32, address: Ipv4Addr) -> io::Result<Option<Self>> {
        let header = NeighbourHeader { family: message::family(address.into()), index: interface, state: 0 };
        let question = Request::new(kind::GET_NEIGHBOUR, &header.encode());
        let answer = netlink::ask(&question.with(attribute::NEIGHBOUR_ADDRESS, &address.octets()))?;
        Ok(answer.as_deref().and_then(Self::read))
    }

    fn read(body: &[u8]) -> Option<Self> {
        let (header, attributes) = NeighbourHeader::decode(body)?;
        if header.state & message::REACHABLE == 0 {
            return None;
        }
        let mac = attribute_of(attributes, attribute::NEIGHBOUR_HARDWARE)?.try_into().ok()?;
        let times = attribute_of(attributes, attribute::NEIGHBOUR_TIMES)?.first_chunk()?;
        Some(Self { mac: MacAddress(mac), unconfirmed_for: u32::from_ne_bytes(*times) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_among_them() {
        let interfaces = Interfaces::read().unwrap();
        let loopback = interfaces.named("lo").unwrap();
        assert_eq!(interfaces.numbered(loopback.index), Some(loopback));
        assert_eq!((loopback.mac, interfaces.named("no-such-interface")), (None, None));
        if loopback.state == InterfaceState::Up {
            assert!(loopback.ipv4.iter().any(|it| it.contains(Ipv4Addr::LOCALHOST)), "{loopback:?}");
        }
    }

    #[test]
    fn a_network_ends_where_its_prefix_says() {
        let v4 = |prefix_length| Ipv4InterfaceAddress { address: Ipv4Addr::new(192, 0, 2, 129), prefix_length };
        assert!(v4(24).contains(Ipv4Addr::new(192, 0, 2, 1)));
        assert!(!v4(25).contains(Ipv4Addr::new(192, 0, 2, 1)));
        assert!(v4(0).contains(Ipv4Addr::BROADCAST));
        assert!(v4(32).contains(v4(32).address) && !v4(32).contains(Ipv4Addr::new(192, 0, 2, 128)));
        let v6 = Ipv6InterfaceAddress { address: "2001:db8::1".parse().unwrap(), prefix_length: 64 };
        assert!(v6.contains("2001:db8::ffff".parse().unwrap()));
        assert!(!v6.contains("2001:db8:0:1::1".parse().unwrap()));
    }

    #[test]
    fn a_neighbour_counts_while_it_is_reachable() {
        let message = |state: u16| {
            let header = NeighbourHeader { family: 2, index: 7, state }.encode();
            let request = Request::new(0, &header).with(attribute::NEIGHBOUR_HARDWARE, &[2, 0, 0, 0, 0, 9]);
            let times = [5_u32, 6, 7, 1].map(u32::to_ne_bytes).concat();
            request.with(attribute::NEIGHBOUR_TIMES, &times).body().to_vec()
        };
        let found = Neighbour { mac: MacAddress([2, 0, 0, 0, 0, 9]), unconfirmed_for: 5 };
        assert_eq!(Neighbour::read(&message(message::REACHABLE)), Some(found));
        // Stale: somebody had the address once.
        assert_eq!(Neighbour::read(&message(4)), None);
        let whole = message(message::REACHABLE);
        for length in 0..whole.len() {
            assert_eq!(Neighbour::read(&whole[..length]), None, "{length}");
        }
    }
}
