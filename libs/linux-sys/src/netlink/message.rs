//! rtnetlink's messages, in the machine's own byte order: a header, a structure, attributes (Linux, `netlink(7)`, `rtnetlink(7)`).

use std::net::IpAddr;

/// What a message is.
pub mod kind {
    /// Something was refused, or, with the number 0, done.
    pub const ERROR: u16 = 2;
    /// The end of a list.
    pub const DONE: u16 = 3;
    /// An interface.
    pub const NEW_LINK: u16 = 16;
    /// Which interfaces are there?
    pub const GET_LINK: u16 = 18;
    /// An address of an interface.
    pub const NEW_ADDRESS: u16 = 20;
    /// An address that is to go.
    pub const DELETE_ADDRESS: u16 = 21;
    /// Which addresses are there?
    pub const GET_ADDRESS: u16 = 22;
    /// A route.
    pub const NEW_ROUTE: u16 = 24;
    /// Which neighbour has this address?
    pub const GET_NEIGHBOUR: u16 = 30;
}

/// Attributes, each with a meaning of its own in each kind of message.
pub mod attribute {
    /// An interface's hardware address.
    pub const LINK_ADDRESS: u16 = 1;
    /// An interface's name, which a 0 ends.
    pub const LINK_NAME: u16 = 3;
    /// The longest packet that an interface carries.
    pub const LINK_MTU: u16 = 4;
    /// An address; of a point-to-point link, the other end's.
    pub const ADDRESS: u16 = 1;
    /// This host's address.
    pub const ADDRESS_LOCAL: u16 = 2;
    /// The broadcast address.
    pub const ADDRESS_BROADCAST: u16 = 4;
    /// How long an address may be used: four numbers, preferred and valid first.
    pub const ADDRESS_TIMES: u16 = 6;
    /// The interface that a route leaves by.
    pub const ROUTE_INTERFACE: u16 = 4;
    /// The router that a route leads over.
    pub const ROUTE_GATEWAY: u16 = 5;
    /// The address that packets of a route come from.
    pub const ROUTE_SOURCE: u16 = 7;
    /// A neighbour's address.
    pub const NEIGHBOUR_ADDRESS: u16 = 1;
    /// A neighbour's hardware address.
    pub const NEIGHBOUR_HARDWARE: u16 = 2;
    /// When a neighbour was heard of: four numbers, of which the first is for how many hundredths of a second nobody has
    /// confirmed it.
    pub const NEIGHBOUR_TIMES: u16 = 3;
}

/// A link is switched on.
pub const UP: u32 = 1;
/// A link has a carrier.
pub const LOWER_UP: u32 = 0x1_0000;
/// Addresses that nobody may use: tentative ones, and those that somebody else has.
pub const UNUSABLE: u8 = 0x40 | 0x08;
/// Addresses whose time never ends.
pub const PERMANENT: u8 = 0x80;
/// ARP's number for Ethernet.
pub const ETHERNET: u16 = 1;

const INET: u8 = 2;
const INET6: u8 = 10;

/// The address family.
#[must_use]
pub const fn family(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => INET,
        IpAddr::V6(_) => INET6,
    }
}

/// A request to the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    kind: u16,
    flags: u16,
    body: Vec<u8>,
}

const REQUEST: u16 = 1;
const ACKNOWLEDGE: u16 = 4;
const REPLACE: u16 = 0x100;
const DUMP: u16 = 0x300;
const CREATE: u16 = 0x400;

impl Request {
    /// A request that begins with this structure.
    #[must_use]
    pub fn new(kind: u16, structure: &[u8]) -> Self {
        Self { kind, flags: 0, body: structure.to_vec() }
    }

    /// What is not there is made, and what is there is replaced.
    #[must_use]
    pub const fn replacing(mut self) -> Self {
        self.flags |= REPLACE | CREATE;
        self
    }

    /// The same with one more attribute.
    #[must_use]
    pub fn with(mut self, code: u16, value: &[u8]) -> Self {
        // Attributes here have a few octets.
        let length = u16::try_from(value.len().saturating_add(ATTRIBUTE_HEADER)).unwrap_or(u16::MAX);
        self.body.extend(length.to_ne_bytes());
        self.body.extend(code.to_ne_bytes());
        self.body.extend(value);
        self.body.resize(aligned(self.body.len()), 0);
        self
    }

    /// The structure, and the attributes after it.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// As a question with one answer.
    pub(super) fn to_question(&self, sequence: u32) -> Vec<u8> {
        self.encode(self.flags | REQUEST, sequence)
    }

    /// As a question with many answers.
    pub(super) fn to_dump(&self, sequence: u32) -> Vec<u8> {
        self.encode(self.flags | REQUEST | DUMP, sequence)
    }

    /// As a change that is acknowledged.
    pub(super) fn to_change(&self, sequence: u32) -> Vec<u8> {
        self.encode(self.flags | REQUEST | ACKNOWLEDGE, sequence)
    }

    fn encode(&self, flags: u16, sequence: u32) -> Vec<u8> {
        let length = u32::try_from(self.body.len().saturating_add(HEADER)).unwrap_or(u32::MAX);
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(self.kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        // To the kernel, from whoever this socket is.
        bytes.extend([0; 4]);
        bytes.extend(&self.body);
        bytes
    }
}

/// A message that the kernel takes and forgets (`NLMSG_NOOP`).
pub(super) fn idle() -> Vec<u8> {
    const NOOP: u16 = 1;
    Request::new(NOOP, &[]).encode(0, 0)
}

/// One received message: its kind, its sequence number and what follows the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Received<'a> {
    pub(super) kind: u16,
    pub(super) sequence: u32,
    pub(super) body: &'a [u8],
}

/// The messages of one datagram; ends where one is broken.
pub(super) fn messages(datagram: &[u8]) -> Vec<Received<'_>> {
    let mut rest = datagram;
    let mut messages = Vec::new();
    while let Some((length, kind, sequence)) = header(rest) {
        let Some(body) = rest.get(HEADER..length) else { break };
        messages.push(Received { kind, sequence, body });
        rest = rest.get(aligned(length)..).unwrap_or_default();
    }
    messages
}

fn header(bytes: &[u8]) -> Option<(usize, u16, u32)> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (kind, rest) = rest.split_first_chunk()?;
    let (_flags, rest) = rest.split_first_chunk::<2>()?;
    let (sequence, _) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_ne_bytes(*length)).ok()?;
    Some((length, u16::from_ne_bytes(*kind), u32::from_ne_bytes(*sequence)))
}

/// The number that an error carries; 0 is an acknowledgement.
pub(super) fn error_of(body: &[u8]) -> Option<i32> {
    body.first_chunk().map(|number| i32::from_ne_bytes(*number))
}

/// The value of the first attribute with this code.
#[must_use]
pub fn attribute_of(attributes: &[u8], code: u16) -> Option<&[u8]> {
    let mut rest = attributes;
    loop {
        let (length, after) = rest.split_first_chunk()?;
        let (found, _) = after.split_first_chunk()?;
        let length = usize::from(u16::from_ne_bytes(*length));
        let value = rest.get(ATTRIBUTE_HEADER..length)?;
        // The upper two bits say how the value is laid out.
        if u16::from_ne_bytes(*found) & 0x3fff == code {
            return Some(value);
        }
        rest = rest.get(aligned(length)..)?;
    }
}

/// `struct ifinfomsg`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkHeader {
    /// What it is, by ARP's numbers.
    pub kind: u16,
    /// The interface.
    pub index: u32,
    /// How it is: [`UP`], [`LOWER_UP`].
    pub flags: u32,
    /// Which of the flags are to change.
    pub change: u32,
}

impl LinkHeader {
    /// The structure's octets.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let numbers = [self.index, self.flags, self.change].map(u32::to_ne_bytes).concat();
        [&[0, 0][..], &self.kind.to_ne_bytes(), &numbers].concat()
    }

    /// The structure, and the attributes after it.
    #[must_use]
    pub fn decode(body: &[u8]) -> Option<(Self, &[u8])> {
        let (_family, rest) = body.split_first_chunk::<2>()?;
        let (kind, rest) = rest.split_first_chunk()?;
        let (index, rest) = rest.split_first_chunk()?;
        let (flags, rest) = rest.split_first_chunk()?;
        let (change, attributes) = rest.split_first_chunk()?;
        let number = |octets: &[u8; 4]| u32::from_ne_bytes(*octets);
        let kind = u16::from_ne_bytes(*kind);
        Some((Self { kind, index: number(index), flags: number(flags), change: number(change) }, attributes))
    }
}

/// `struct ifaddrmsg`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressHeader {
    /// The address family.
    pub family: u8,
    /// How many bits of the address are the network's.
    pub prefix: u8,
    /// How it is: [`UNUSABLE`], [`PERMANENT`].
    pub flags: u8,
    /// The interface.
    pub index: u32,
}

impl AddressHeader {
    /// The structure's octets.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let scope = 0;
        [&[self.family, self.prefix, self.flags, scope][..], &self.index.to_ne_bytes()].concat()
    }

    /// The structure, and the attributes after it.
    #[must_use]
    pub fn decode(body: &[u8]) -> Option<(Self, &[u8])> {
        let ([family, prefix, flags, _scope], rest) = body.split_first_chunk()?;
        let (index, attributes) = rest.split_first_chunk()?;
        let index = u32::from_ne_bytes(*index);
        Some((Self { family: *family, prefix: *prefix, flags: *flags, index }, attributes))
    }
}

/// `struct ndmsg`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NeighbourHeader {
    /// The address family.
    pub family: u8,
    /// The interface.
    pub index: u32,
    /// What is known of the neighbour: [`REACHABLE`].
    pub state: u16,
}

/// A neighbour answered lately.
pub const REACHABLE: u16 = 2;

impl NeighbourHeader {
    /// The structure's octets.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        [&[self.family, 0, 0, 0][..], &self.index.to_ne_bytes(), &self.state.to_ne_bytes(), &[0, 0]].concat()
    }

    /// The structure, and the attributes after it.
    #[must_use]
    pub fn decode(body: &[u8]) -> Option<(Self, &[u8])> {
        let ([family, ..], rest) = body.split_first_chunk::<4>()?;
        let (index, rest) = rest.split_first_chunk()?;
        let (state, rest) = rest.split_first_chunk()?;
        let (_flags, attributes) = rest.split_first_chunk::<2>()?;
        let (index, state) = (u32::from_ne_bytes(*index), u16::from_ne_bytes(*state));
        Some((Self { family: *family, index, state }, attributes))
    }
}

/// `struct rtmsg` of an IPv4 route to everywhere: main table, made by DHCP, through a router that is on the link.
#[must_use]
pub fn default_route() -> Vec<u8> {
    const MAIN_TABLE: u8 = 254;
    const DHCP: u8 = 16;
    const UNIVERSE: u8 = 0;
    const UNICAST: u8 = 1;
    const ON_LINK: u32 = 4;
    let structure = [INET, 0, 0, 0, MAIN_TABLE, DHCP, UNIVERSE, UNICAST];
    [&structure[..], &ON_LINK.to_ne_bytes()].concat()
}

const HEADER: usize = 16;
const ATTRIBUTE_HEADER: usize = 4;

/// Everything begins at a multiple of four.
const fn aligned(length: usize) -> usize {
    length.saturating_add(3) & !3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_reads_as_what_it_was_made_of() {
        let header = AddressHeader { family: INET, prefix: 24, flags: 0, index: 7 };
        let request = Request::new(kind::NEW_ADDRESS, &header.encode()).replacing();
        let bytes = request.with(attribute::ADDRESS, b"abcde").with(attribute::ADDRESS_LOCAL, b"abcd").to_change(9);
        let [message] = messages(&bytes)[..] else { panic!() };
        assert_eq!((message.kind, message.sequence), (kind::NEW_ADDRESS, 9));
        let (read, attributes) = AddressHeader::decode(message.body).unwrap();
        assert_eq!(read, header);
        assert_eq!(attribute_of(attributes, attribute::ADDRESS), Some(&b"abcde"[..]));
        assert_eq!(attribute_of(attributes, attribute::ADDRESS_LOCAL), Some(&b"abcd"[..]), "after the padding");
        assert_eq!(attribute_of(attributes, 99), None);
        let link = LinkHeader { kind: 1, index: 2, flags: UP, change: 3 };
        assert_eq!(LinkHeader::decode(&link.encode()), Some((link, &[][..])));
        let neighbour = NeighbourHeader { family: INET, index: 2, state: REACHABLE };
        assert_eq!(NeighbourHeader::decode(&neighbour.encode()), Some((neighbour, &[][..])));
    }

    #[test]
    fn broken_messages_end_the_reading() {
        let good = Request::new(kind::DONE, &[0; 4]).to_dump(1);
        for length in 0..good.len() {
            assert_eq!(messages(&good[..length]), [], "{length}");
        }
        // A length of nothing would be read for ever.
        assert_eq!(messages(&[0; 64]), []);
        assert_eq!(attribute_of(&[0; 64], 1), None);
        assert_eq!(attribute_of(&[255; 3], 1), None);
    }
}
