//! The two ways in which DHCPv4 reaches a device: with an address, and without.

use std::{
    io::{self, Read},
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    time::Duration,
};

use dhcp::v4::Message;
use socket2::{Domain, Protocol, Socket, Type};

use super::{
    super::gathering::Port,
    messages::{CLIENT_PORT, SERVER_PORT},
};

/// Longest datagram that is read.
const DATAGRAM: usize = 4096;

/// UDP, from an address that the device has.
pub(super) struct AddressedPort {
    socket: UdpSocket,
    server: SocketAddrV4,
    wire: Option<Wire>,
}

impl AddressedPort {
    /// From this address and port to this server.
    ///
    /// Port 68 may be that of the DHCP client that got the address. Whose socket the kernel then gives an answer to is not for
    /// us to say, so answers are heard on the wire, where that is allowed, and nothing is taken away from that client.
    pub(super) fn open(from: SocketAddrV4, server: SocketAddrV4) -> io::Result<Self> {
        let socket = broadcasting(from.port())?;
        // Linux sends broadcasts out of the interface whose address the socket has.
        socket.bind(&from.into())?;
        let is_shared = from.port() == CLIENT_PORT && server.ip().is_broadcast();
        let wire = if is_shared { Wire::open().ok() } else { None };
        if wire.is_some() {
            deafen(&socket)?;
        }
        Ok(Self { socket: socket.into(), server, wire })
    }
}

impl Port for AddressedPort {
    type Message = Message;

    fn send(&mut self, message: &Message) -> io::Result<()> {
        if self.wire.is_some() {
            return self.socket.send(&message.encode()).map(|_| ());
        }
        self.socket.send_to(&message.encode(), self.server).map(|_| ())
    }

    fn receive(&mut self, at_most: Duration) -> io::Result<Option<Message>> {
        if let Some(wire) = &mut self.wire {
            return wire.receive(at_most);
        }
        let mut datagram = [0; DATAGRAM];
        self.socket.set_read_timeout(Some(at_most))?;
        let (length, _) = self.socket.recv_from(&mut datagram)?;
        Ok(datagram.get(..length).and_then(|it| Message::decode(it).ok()))
    }
}

/// An interface without an address: what goes out is broadcast from 0.0.0.0, and what comes in is heard on the wire. With
/// `rp_filter` on, the kernel would drop every datagram from an address to which there is no route yet.
pub(super) struct BarePort {
    socket: UdpSocket,
    wire: Wire,
}

impl BarePort {
    pub(super) fn open(interface: &str) -> io::Result<Self> {
        let socket = broadcasting(CLIENT_PORT)?;
        socket.bind_device(Some(interface.as_bytes()))?;
        socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, CLIENT_PORT).into())?;
        deafen(&socket)?;
        Ok(Self { socket: socket.into(), wire: Wire::open()? })
    }
}

impl Port for BarePort {
    type Message = Message;

    fn send(&mut self, message: &Message) -> io::Result<()> {
        self.socket.send(&message.encode()).map(|_| ())
    }

    fn receive(&mut self, at_most: Duration) -> io::Result<Option<Message>> {
        self.wire.receive(at_most)
    }
}

/// A socket for this port, which others may have as well; where any will do, it must be nobody else's.
fn broadcasting(port: u16) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_broadcast(true)?;
    socket.set_reuse_address(port != 0)?;
    Ok(socket)
}

/// Nobody's datagram comes from the broadcast address: a socket that is connected there sends, and hears nothing.
fn deafen(socket: &Socket) -> io::Result<()> {
    socket.connect(&SocketAddrV4::new(Ipv4Addr::BROADCAST, SERVER_PORT).into())
}

/// Every IPv4 packet for this device, before the kernel judges it. Of these, answers are told by their transaction.
struct Wire(Socket);

impl Wire {
    fn open() -> io::Result<Self> {
        /// Ethernet's number for IPv4.
        const IPV4: u16 = 0x0800;
        let protocol = Protocol::from(i32::from(IPV4.to_be()));
        Socket::new(Domain::PACKET, Type::DGRAM, Some(protocol)).map(Self)
    }

    fn receive(&mut self, at_most: Duration) -> io::Result<Option<Message>> {
        let mut packet = [0; DATAGRAM];
        self.0.set_read_timeout(Some(at_most))?;
        let length = self.0.read(&mut packet)?;
        let datagram = packet.get(..length).and_then(udp_to_device);
        Ok(datagram.and_then(|it| Message::decode(it).ok()))
    }
}

/// What an IPv4 packet from a DHCP server to a DHCP client carries. Checksums are not looked at: the interface has checked
/// them, or nobody has computed them on a virtual one.
fn udp_to_device(packet: &[u8]) -> Option<&[u8]> {
    const UDP: u8 = 17;
    const UDP_HEADER: usize = 8;
    /// More fragments, and the fragment's place.
    const FRAGMENT: u16 = 0x3fff;
    let (header, _) = packet.split_first_chunk::<20>()?;
    let [first, _, total_high, total_low, _, _, fragment_high, fragment_low, _, protocol, ..] = *header;
    let fragment = u16::from_be_bytes([fragment_high, fragment_low]) & FRAGMENT;
    if first >> 4 != 4 || protocol != UDP || fragment != 0 {
        return None;
    }
    let total = usize::from(u16::from_be_bytes([total_high, total_low]));
    let udp = packet.get(usize::from(first & 0xf).checked_mul(4)?..total)?;
    let (ports, _) = udp.split_first_chunk::<UDP_HEADER>()?;
    let [from_high, from_low, to_high, to_low, length_high, length_low, ..] = *ports;
    let (from, to) = (u16::from_be_bytes([from_high, from_low]), u16::from_be_bytes([to_high, to_low]));
    let length = usize::from(u16::from_be_bytes([length_high, length_low]));
    udp.get(UDP_HEADER..length).filter(|_| (from, to) == (SERVER_PORT, CLIENT_PORT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(payload: &[u8]) -> Vec<u8> {
        let length = |extra: usize| u16::try_from(payload.len() + extra).unwrap().to_be_bytes();
        let mut packet = vec![0x46, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 1, 255, 255, 255, 255];
        packet[2..4].copy_from_slice(&length(32));
        // One option of IPv4, then UDP.
        packet.extend([1, 1, 1, 0, 0, 67, 0, 68]);
        packet.extend(length(8));
        packet.extend([0, 0]);
        packet.extend(payload);
        packet
    }

    #[test]
    fn only_dhcp_for_a_client_is_taken_out_of_a_packet() {
        let good = packet(b"hello");
        assert_eq!(udp_to_device(&good), Some(&b"hello"[..]));
        // Ethernet pads short frames.
        assert_eq!(udp_to_device(&[good.as_slice(), &[0; 20]].concat()), Some(&b"hello"[..]));
        // Version, header length, total length, fragment, protocol, ports, UDP length.
        for (at, value) in
            [(0, 0x66), (0, 0x4f), (3, 200), (3, 10), (6, 0x20), (7, 1), (9, 6), (25, 66), (27, 67), (29, 99), (29, 2)]
        {
            let mut bad = good.clone();
            bad[at] = value;
            assert_eq!(udp_to_device(&bad), None, "octet {at} is {value}");
        }
        for length in 0..good.len() {
            assert_eq!(udp_to_device(&good[..length]), None, "{length}");
        }
    }
}
