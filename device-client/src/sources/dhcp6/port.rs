//! How DHCPv6 reaches the servers of a link.

use std::{
    io,
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
}

impl LinkPort {
    /// From this address on this interface. The port may be shared: another DHCPv6 client may hold it.
    pub(super) fn open(address: Ipv6Addr, scope: u32) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_reuse_address(true)?;
        // With a link-local address comes its link: nothing of other links is heard here.
        socket.bind(&SocketAddrV6::new(address, CLIENT_PORT, 0, scope).into())?;
        Ok(Self { socket: socket.into(), scope })
    }
}

impl Port for LinkPort {
    type Message = Message;

    fn send(&mut self, message: &Message) -> io::Result<()> {
        let servers = SocketAddrV6::new(ALL_SERVERS, SERVER_PORT, 0, self.scope);
        self.socket.send_to(&message.encode(), servers).map(|_| ())
    }

    fn receive(&mut self, at_most: Duration) -> io::Result<Option<Message>> {
        let mut datagram = vec![0; DATAGRAM];
        self.socket.set_read_timeout(Some(at_most))?;
        let (length, from) = self.socket.recv_from(&mut datagram)?;
        let is_near = matches!(from, SocketAddr::V6(from) if from.ip().is_unicast_link_local());
        let datagram = datagram.get(..length).filter(|_| is_near);
        Ok(datagram.and_then(|it| Message::decode(it).ok()))
    }
}
