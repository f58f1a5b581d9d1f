//! Routers are asked to say at once where they are (RFC 4861 §6.3.7): the way to a server is theirs to tell, and the kernel's to hear.
//!
//! The kernel asks by itself when an interface comes up, and no more when a cable is moved, or when the router was not there yet. Unasked,
//! routers speak every ten minutes or so.

use std::{
    io,
    net::{Ipv6Addr, SocketAddrV6},
};

use dhcp::v4::MacAddress;
use socket2::{Domain, Protocol, Socket, Type};

use super::Place;

/// Every router of a link.
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// Asks once, and waits for nothing: what routers answer, the kernel obeys.
pub(super) fn solicit(place: &Place) -> io::Result<()> {
    /// RFC 4861 §6.1.1: whoever is not on this link cannot have sent it.
    const ON_LINK: u32 = 255;
    let index = place.interface.index;
    let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::ICMPV6))?;
    socket.set_multicast_if_v6(index)?;
    socket.set_multicast_hops_v6(ON_LINK)?;
    socket.bind(&SocketAddrV6::new(place.address, 0, 0, index).into())?;
    let solicitation = solicitation(place.interface.mac);
    socket.send_to(&solicitation, &SocketAddrV6::new(ALL_ROUTERS, 0, 0, index).into()).map(|_| ())
}

/// RFC 4861 §4.1: type 133, with the hardware address to answer to. The kernel fills in the checksum.
fn solicitation(mac: Option<MacAddress>) -> Vec<u8> {
    const ROUTER_SOLICITATION: u8 = 133;
    /// RFC 4861 §4.6.1: option 1, of one time eight octets.
    const SOURCE_LINK_LAYER_ADDRESS: [u8; 2] = [1, 1];
    let mut octets = vec![ROUTER_SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
    if let Some(MacAddress(mac)) = mac {
        octets.extend(SOURCE_LINK_LAYER_ADDRESS);
        octets.extend(mac);
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_solicitation_octet_by_octet() {
        assert_eq!(solicitation(None), b"\x85\0\0\0\0\0\0\0");
        assert_eq!(
            solicitation(Some(MacAddress([2, 0, 0x5e, 0x10, 0, 1]))),
            b"\x85\0\0\0\0\0\0\0\x01\x01\x02\0\x5e\x10\0\x01"
        );
    }
}
