//! How DHCPv6 reaches the servers of a link.

use std::{
    io::{self, Read},
    net::{Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket},
    time::Duration,
};

use dhcp::v6::Message;
use socket2::{Domain, Protocol, Socket, Type};

use crate::sources::gathering::Port;

/// RFC 8415 §7.1: every server and relay agent of a link.
const ALL_SERVERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);

/// RFC 8415 §7.2.
const CLIENT_PORT: u16 = 546;
const SERVER_PORT: u16 = 547;

/// Longest datagram that is read: option 136 alone may have 64 KiB.
const DATAGRAM: usize = 64 * 1024;

/// UDP, from a link-local address.
pub(super) struct LinkPort {
    socket: UdpSocket,
    scope: u32,
    /// Where another client has the port to itself: every IPv6 packet for this device.
    wire: Option<Socket>,
}

impl LinkPort {
    /// From this address on this interface. The port is shared with clients that share it. Where one does not, another port
    /// asks, and the answers, which go to the port of DHCPv6 all the same, are heard on the wire.
    pub(super) fn open(address: Ipv6Addr, scope: u32) -> io::Result<Self> {
        let bound = |port| {
            let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
            // Where any port will do, it must be nobody else's.
            socket.set_reuse_address(port != 0)?;
            // With a link-local address comes its link: nothing of other links is heard here.
            socket.bind(&SocketAddrV6::new(address, port, 0, scope).into())?;
            Ok::<_, io::Error>(socket)
        };
        let (socket, wire) = match bound(CLIENT_PORT) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                let protocol = Protocol::from(i32::from(IPV6.to_be()));
                (bound(0)?, Some(Socket::new(Domain::PACKET, Type::DGRAM, Some(protocol))?))
            }
            socket => (socket?, None),
        };
        Ok(Self { socket: socket.into(), scope, wire })
    }
}

/// Ethernet's number for IPv6.
const IPV6: u16 = 0x86dd;

impl Port for LinkPort {
    type Message = Message;

    fn send(&mut self, message: &Message) -> io::Result<()> {
        let servers = SocketAddrV6::new(ALL_SERVERS, SERVER_PORT, 0, self.scope);
        self.socket.send_to(&message.encode(), servers).map(|_| ())
    }

    fn receive(&mut self, at_most: Duration) -> io::Result<Option<Message>> {
        let mut buffer = vec![0; DATAGRAM];
        if let Some(wire) = &mut self.wire {
            wire.set_read_timeout(Some(at_most))?;
            let length = wire.read(&mut buffer)?;
            let datagram = buffer.get(..length).and_then(udp_from_near);
            return Ok(datagram.and_then(|it| Message::decode(it).ok()));
        }
        self.socket.set_read_timeout(Some(at_most))?;
        let (length, from) = self.socket.recv_from(&mut buffer)?;
        let is_near = matches!(from, SocketAddr::V6(from) if from.ip().is_unicast_link_local());
        let datagram = buffer.get(..length).filter(|_| is_near);
        Ok(datagram.and_then(|it| Message::decode(it).ok()))
    }
}

/// What an IPv6 packet from a DHCPv6 server of a link carries. The interface has checked its checksum, or nobody has computed
/// it on a virtual one.
fn udp_from_near(packet: &[u8]) -> Option<&[u8]> {
    const UDP: u8 = 17;
    const UDP_HEADER: usize = 8;
    let ([first, _, _, _, length_high, length_low, next, _hops], rest) = packet.split_first_chunk()?;
    let (from, rest) = rest.split_first_chunk()?;
    let (_to, rest) = rest.split_first_chunk::<16>()?;
    let payload = rest.get(..usize::from(u16::from_be_bytes([*length_high, *length_low])))?;
    let ([from_high, from_low, _, _, udp_high, udp_low, ..], _) = payload.split_first_chunk::<UDP_HEADER>()?;
    let is_server = u16::from_be_bytes([*from_high, *from_low]) == SERVER_PORT;
    let is_near = first >> 4 == 6 && *next == UDP && Ipv6Addr::from_octets(*from).is_unicast_link_local();
    let length = usize::from(u16::from_be_bytes([*udp_high, *udp_low]));
    payload.get(UDP_HEADER..length).filter(|_| is_server && is_near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_servers_datagram_is_taken_out_of_a_packet() {
        let mut good = vec![0x60, 0, 0, 0, 0, 13, 17, 1];
        good.extend("fe80::1".parse::<Ipv6Addr>().unwrap().octets());
        good.extend("fe80::2".parse::<Ipv6Addr>().unwrap().octets());
        good.extend([0x02, 0x23, 0x02, 0x22, 0, 13, 0, 0]);
        good.extend(b"hello");
        assert_eq!(udp_from_near(&good), Some(&b"hello"[..]));
        assert_eq!(udp_from_near(&[good.as_slice(), b"padding"].concat()), Some(&b"hello"[..]));
        // Version, payload length, next header, source address, source port, UDP length.
        for (at, value) in [(0, 0x40), (5, 14), (5, 12), (6, 6), (8, 0x20), (41, 0x24), (45, 14), (45, 7)] {
            let mut bad = good.clone();
            bad[at] = value;
            assert_eq!(udp_from_near(&bad), None, "octet {at} is {value}");
        }
        for length in 0..good.len() {
            assert_eq!(udp_from_near(&good[..length]), None, "{length}");
        }
    }
}
