//! Where a reply goes (RFC 2131 §4.1).

use std::net::{Ipv4Addr, SocketAddrV4};

use super::{compose::Reply, request::Request};
use crate::{action::Destination, policy::ClientPort};

/// To the relay agent, else to the client's address, else to its hardware address or to everybody, as it says it can take it.
pub(super) fn destination(port: ClientPort, request: &Request, source: SocketAddrV4, reply: Reply) -> Destination {
    let to = |address, port| Destination::Address(SocketAddrV4::new(address, port).into());
    if let Some(relay) = request.relay() {
        // RFC 8357 §5: such a relay agent is answered at the port it sends from.
        return to(relay, if request.relay_port() { source.port() } else { SERVER_PORT });
    }
    let numbered = Some(*source.ip()).filter(|address| !address.is_unspecified());
    // PXE 2.1 §2.4: a boot server answers the port that was asked from, be it 68 or 4011.
    if matches!(reply, Reply::Boot(_)) {
        return to(request.current().or(numbered).unwrap_or(Ipv4Addr::BROADCAST), source.port());
    }
    let port = match port {
        ClientPort::Source => return to(numbered.unwrap_or(Ipv4Addr::BROADCAST), source.port()),
        ClientPort::Fixed(port) => port,
    };
    let given = match reply {
        // A client that is refused may not use its address any more.
        // Nor has a client that is offered none an address to be reached at.
        Reply::Refuse | Reply::BootOffer => return to(Ipv4Addr::BROADCAST, port),
        Reply::Inform | Reply::Boot(_) => {
            return to(request.current().or(numbered).unwrap_or(Ipv4Addr::BROADCAST), port);
        }
        Reply::Offer(address) | Reply::Grant(address) => address,
    };
    // RFC 2131 table 5: in DHCPDISCOVER and in SELECTING `ciaddr` is 0; what else it says is ignored.
    let renews = matches!(reply, Reply::Grant(_)) && request.server().is_none();
    match (request.current().filter(|_| renews), request.message.hardware.mac()) {
        (Some(address), _) => to(address, port),
        (None, Some(mac)) if !request.message.flags.broadcast() => {
            Destination::Unnumbered { mac, address: given, port }
        }
        (None, _) => to(Ipv4Addr::BROADCAST, port),
    }
}

/// Where relay agents and servers listen.
const SERVER_PORT: u16 = 67;
