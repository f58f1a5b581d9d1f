//! The device's own network interfaces: what they are, and how they are set up.
//!
//! The kernel is asked and told over rtnetlink. A device that boots from a small file system has no other program for it, and
//! may have no `/sys`.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    thread,
    time::{Duration, Instant},
};

use dhcp::v4::MacAddress;
use linux_sys::netlink::{
    self,
    message::{self, Request, attribute, family, kind},
};

/// For how long an address may be used, in seconds; `u32::MAX` means for ever. The kernel takes it away when its time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetimes {
    /// For new connections.
    pub(crate) preferred: u32,
    /// At all.
    pub(crate) valid: u32,
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) index: u32,
    pub(crate) name: String,
    /// Absent on what is no Ethernet.
    pub(crate) mac: Option<MacAddress>,
    pub(crate) mtu: u32,
    flags: u32,
}

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InterfaceAddress {
    pub(crate) interface: u32,
    pub(crate) address: IpAddr,
    /// How many bits of it are the network's.
    pub(crate) prefix: u8,
    /// Its time never ends: whoever gave it meant it to stay.
    pub(crate) is_permanent: bool,
    /// The kernel is still finding out whether somebody else has it (RFC 4862 §5.4), or has found that somebody does.
    pub(crate) is_tentative: bool,
}

impl Interface {
    /// Every Ethernet interface that is not a loopback, in the kernel's order, at most [`MAXIMUM`].
    pub(crate) fn all() -> io::Result<Vec<Self>> {
        let answers = netlink::dump(&Request::new(kind::GET_LINK, &message::LinkHeader::default().encode()))?;
        let read = answers.iter().filter_map(|(_, body)| Self::read(body));
        Ok(read.filter(|it| it.mac.is_some()).take(MAXIMUM).collect())
    }

    /// The interface of this name.
    pub(crate) fn named(name: &str) -> io::Result<Self> {
        let answers = netlink::dump(&Request::new(kind::GET_LINK, &message::LinkHeader::default().encode()))?;
        let mut read = answers.iter().filter_map(|(_, body)| Self::read(body));
        read.find(|it| it.name == name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn read(body: &[u8]) -> Option<Self> {
        let (header, attributes) = message::LinkHeader::decode(body)?;
        let mac = message::attribute_of(attributes, attribute::LINK_ADDRESS).and_then(|it| it.try_into().ok());
        let name = message::attribute_of(attributes, attribute::LINK_NAME)?;
        let name = str::from_utf8(name).ok()?.trim_end_matches('\0').to_owned();
        let mtu = message::attribute_of(attributes, attribute::LINK_MTU).and_then(|it| it.try_into().ok());
        Some(Self {
            index: header.index,
            name,
            mac: mac.filter(|_| header.kind == message::ETHERNET).map(MacAddress),
            mtu: mtu.map_or(0, u32::from_ne_bytes),
            flags: header.flags,
        })
    }

    /// Whether somebody switched it on.
    pub(crate) const fn is_up(&self) -> bool {
        self.flags & message::UP != 0
    }

    /// Whether there is a cable, and somebody at its other end.
    pub(crate) const fn has_carrier(&self) -> bool {
        self.flags & message::LOWER_UP != 0
    }

    /// Switches it on.
    pub(crate) fn switch_on(&self) -> io::Result<()> {
        let header = message::LinkHeader { index: self.index, flags: message::UP, change: message::UP, kind: 0 };
        netlink::change(&Request::new(kind::NEW_LINK, &header.encode()))
    }

    /// Sets the largest datagram it carries.
    pub(crate) fn set_mtu(&self, mtu: u32) -> io::Result<()> {
        let header = message::LinkHeader { index: self.index, ..message::LinkHeader::default() };
        let request = Request::new(kind::NEW_LINK, &header.encode());
        netlink::change(&request.with(attribute::LINK_MTU, &mtu.to_ne_bytes()))
    }

    /// Gives it an address, or the address it has another time to live.
    pub(crate) fn give(&self, address: IpAddr, prefix: u8, lifetimes: Lifetimes) -> io::Result<()> {
        let header = message::AddressHeader { family: family(address), prefix, flags: 0, index: self.index };
        let octets = octets(address);
        let mut request = Request::new(kind::NEW_ADDRESS, &header.encode()).replacing();
        if let IpAddr::V4(address) = address {
            request = request.with(attribute::ADDRESS_BROADCAST, &broadcast(address, prefix).octets());
        }
        request = request.with(attribute::ADDRESS_LOCAL, &octets).with(attribute::ADDRESS, &octets);
        // Preferred, valid, and two times that the kernel alone knows.
        let times = [lifetimes.preferred, lifetimes.valid, 0, 0].map(u32::to_ne_bytes).concat();
        netlink::change(&request.with(attribute::ADDRESS_TIMES, &times))
    }

    /// Takes away each address that this is true of.
    pub(crate) fn take_away(&self, is_over: impl Fn(&InterfaceAddress) -> bool) -> io::Result<()> {
        for InterfaceAddress { address, prefix, .. } in self.addresses()?.into_iter().filter(is_over) {
            let header = message::AddressHeader { family: family(address), prefix, flags: 0, index: self.index };
            let request = Request::new(kind::DELETE_ADDRESS, &header.encode());
            match netlink::change(&request.with(attribute::ADDRESS_LOCAL, &octets(address))) {
                // Its time was up in this moment, or it went with the first address of its network.
                Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {}
                done => done?,
            }
        }
        Ok(())
    }

    /// Makes a router the way to everywhere, for as long as this address is there. It is taken to be on this link, whatever
    /// the mask says.
    pub(crate) fn route_by(&self, router: Ipv4Addr, source: Ipv4Addr) -> io::Result<()> {
        let request = Request::new(kind::NEW_ROUTE, &message::default_route()).replacing();
        let request = request.with(attribute::ROUTE_GATEWAY, &router.octets());
        let request = request.with(attribute::ROUTE_SOURCE, &source.octets());
        netlink::change(&request.with(attribute::ROUTE_INTERFACE, &self.index.to_ne_bytes()))
    }

    /// Its addresses, at most [`MAXIMUM`].
    pub(crate) fn addresses(&self) -> io::Result<Vec<InterfaceAddress>> {
        let header = message::AddressHeader::default();
        let answers = netlink::dump(&Request::new(kind::GET_ADDRESS, &header.encode()))?;
        let read = answers.iter().filter_map(|(_, body)| InterfaceAddress::read(body));
        Ok(read.filter(|it| it.interface == self.index).take(MAXIMUM).collect())
    }

    /// Its first IPv4 address that means something beyond this host.
    pub(crate) fn ipv4_address(&self) -> io::Result<Option<Ipv4Addr>> {
        let found = self.addresses()?.into_iter().filter_map(|it| match it.address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        });
        Ok(found.into_iter().find(|address| !address.is_loopback()))
    }

    /// Waits until nobody else was found to have any of its addresses, at most this long (RFC 4862 §5.4): until then nothing
    /// can be sent from them.
    pub(crate) fn settle(&self, at_most: Duration) -> io::Result<()> {
        let deadline = Instant::now() + at_most;
        while self.addresses()?.iter().any(|it| it.is_tentative) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// The address by which it speaks to its own link, once nobody else was found to have it.
    pub(crate) fn link_local(&self) -> io::Result<Option<Ipv6Addr>> {
        let found = self.addresses()?.into_iter().filter(|it| !it.is_tentative).filter_map(|it| match it.address {
            IpAddr::V6(address) => Some(address),
            IpAddr::V4(_) => None,
        });
        Ok(found.into_iter().find(Ipv6Addr::is_unicast_link_local))
    }
}

impl InterfaceAddress {
    fn read(body: &[u8]) -> Option<Self> {
        let (header, attributes) = message::AddressHeader::decode(body)?;
        // Of a point-to-point link, the second is the other end's.
        let local = message::attribute_of(attributes, attribute::ADDRESS_LOCAL);
        let octets = local.or_else(|| message::attribute_of(attributes, attribute::ADDRESS))?;
        let address = match octets.len() {
            4 => IpAddr::from(<[u8; 4]>::try_from(octets).ok()?),
            _ => IpAddr::from(<[u8; 16]>::try_from(octets).ok()?),
        };
        Some(Self {
            interface: header.index,
            address,
            prefix: header.prefix,
            is_permanent: header.flags & message::PERMANENT != 0,
            is_tentative: header.flags & message::UNUSABLE != 0,
        })
    }
}

/// The most interfaces, and the most addresses of one, that are looked at.
const MAXIMUM: usize = 64;

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// The last address of the network.
fn broadcast(address: Ipv4Addr, prefix: u8) -> Ipv4Addr {
    let hosts = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
    Ipv4Addr::from_bits(address.to_bits() | hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_knows_its_loopback() {
        let loopback = Interface::named("lo").unwrap();
        assert!(loopback.mac.is_none() && loopback.mtu > 0 && loopback.index > 0);
        assert_eq!(Interface::named("no-such-interface").unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(Interface::all().unwrap().iter().all(|it| it.name != "lo"));
        loopback.settle(Duration::ZERO).unwrap();
        if loopback.is_up() {
            let own = loopback.addresses().unwrap();
            let own = own.iter().find(|it| it.address == Ipv4Addr::LOCALHOST).unwrap();
            assert_eq!((own.prefix, own.is_permanent, own.is_tentative), (8, true, false));
        }
        assert_eq!(loopback.ipv4_address().unwrap(), None, "an address that nobody else can answer to");
    }

    #[test]
    fn what_the_kernel_refuses_is_an_error() {
        let nowhere = Interface { index: 0x7fff_fff0, name: "none".to_owned(), mac: None, mtu: 1500, flags: 0 };
        let times = Lifetimes { preferred: 1, valid: 1 };
        assert!(nowhere.give(Ipv4Addr::new(192, 0, 2, 1).into(), 24, times).is_err());
        assert!(nowhere.switch_on().is_err());
        nowhere.take_away(|_| true).unwrap();
    }

    #[test]
    fn the_broadcast_address_is_the_networks_last() {
        assert_eq!(broadcast(Ipv4Addr::new(192, 0, 2, 7), 24), Ipv4Addr::new(192, 0, 2, 255));
        assert_eq!(broadcast(Ipv4Addr::new(192, 0, 2, 7), 32), Ipv4Addr::new(192, 0, 2, 7));
        assert_eq!(broadcast(Ipv4Addr::new(192, 0, 2, 7), 0), Ipv4Addr::BROADCAST);
    }
}
