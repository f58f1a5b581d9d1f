//! What is on the device's wire, written down by socat and read here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use device_client::dns::message::Message;

/// Writes down every frame from now on.
pub(crate) const BEGIN: &str = "\
socat -u -d -d -x INTERFACE:veth0 OPEN:/dev/null 2>captured &
await captured 'starting data transfer loop'
";

/// Goes on when everything before has been written down.
pub(crate) const END: &str = "\
echo over | socat -u - UDP4:192.0.2.53:9
await captured '6f 76 65 72 0a'
";

const UDP: u8 = 17;
const TCP: u8 = 6;

/// A datagram, or a segment of a stream.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    /// How many routers it may still pass.
    pub(crate) hops: u8,
    protocol: u8,
    content: Vec<u8>,
}

impl Packet {
    /// The DNS message in it, if it is a datagram that holds one.
    pub(crate) fn message(&self) -> Option<Message> {
        if self.protocol == UDP { Message::decode(&self.content[8..]).ok() } else { None }
    }

    /// Whether it asks for a connection.
    pub(crate) fn opens_connection(&self) -> bool {
        const SYN: u8 = 2;
        const ACK: u8 = 16;
        self.protocol == TCP && self.content[13] & (SYN | ACK) == SYN
    }
}

/// The packets in a text that socat wrote.
pub(crate) fn packets(text: &str) -> Vec<Packet> {
    let octets = |line: &str| -> Option<Vec<u8>> {
        let hex = line.strip_prefix(' ')?;
        hex.split(' ').map(|octet| u8::from_str_radix(octet, 16).ok()).collect()
    };
    text.lines().filter_map(octets).filter_map(|frame| packet(&frame)).collect()
}

fn packet(frame: &[u8]) -> Option<Packet> {
    let (ethernet, rest) = frame.split_at_checked(14)?;
    let (protocol, hops, from, to, content): (_, _, IpAddr, IpAddr, _) = match ethernet[12..] {
        [8, 0] => {
            let address = |at: usize| Ipv4Addr::from(<[u8; 4]>::try_from(&rest[at..at + 4]).unwrap()).into();
            (rest[9], rest[8], address(12), address(16), &rest[usize::from(rest[0] & 15) * 4..])
        }
        [0x86, 0xdd] => {
            let address = |at: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&rest[at..at + 16]).unwrap()).into();
            (rest[6], rest[7], address(8), address(24), &rest[40..])
        }
        _ => return None,
    };
    if protocol != UDP && protocol != TCP {
        return None;
    }
    let port = |at: usize| u16::from_be_bytes([content[at], content[at + 1]]);
    let (from, to) = (SocketAddr::new(from, port(0)), SocketAddr::new(to, port(2)));
    Some(Packet { from, to, hops, protocol, content: content.to_vec() })
}
