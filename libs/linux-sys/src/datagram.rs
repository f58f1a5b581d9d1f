//! Many UDP datagrams with one call (`recvmmsg(2)`, `sendmmsg(2)`), each with the interface and the address it came in by.
//!
//! Nothing here waits: sockets are to be non-blocking, and whoever polls them calls again when there is more.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{AsFd, AsRawFd},
    ptr,
};

use libc::{c_int, c_uint, iovec, mmsghdr};

use crate::{address::Name, control::Control};

/// The most datagrams that one call receives or sends.
pub const MOST: usize = 64;

/// Room for received datagrams, made once and used again and again. Each may be as large as UDP lets it be, so that none is
/// ever cut; memory that no datagram reached yet costs nothing.
pub struct Batch {
    octets: Box<[u8]>,
    slots: Box<[Slot]>,
    filled: usize,
}

/// What belongs to one datagram beside its octets.
#[derive(Clone, Copy)]
struct Slot {
    name: Name,
    control: Control,
    length: usize,
    control_length: usize,
    flags: c_int,
}

/// A received datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// Its payload.
    pub bytes: &'a [u8],
    /// Who sent it. A link-local IPv6 address names its interface as the scope.
    pub source: SocketAddr,
    /// The address it was sent to, be it of this host, of a group or of everybody; known when
    /// [`crate::option::tell_destination_v4`] or its sister was called.
    pub destination: Option<IpAddr>,
    /// The index of the interface it arrived by; known when the destination is.
    pub interface: Option<u32>,
    /// How many datagrams this socket lost before this one came, all counted, modulo 2³²; told when there were any, and
    /// [`crate::option::tell_losses`] was called.
    pub lost: Option<u32>,
}

/// A datagram to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing<'a> {
    /// Its payload.
    pub bytes: &'a [u8],
    /// Where to.
    pub destination: SocketAddr,
    /// The local address to send from, of the destination's family; without it the kernel chooses.
    pub source: Option<IpAddr>,
    /// The index of the interface to leave by; without it the routes decide. To a link-local IPv6 address whose scope is 0
    /// it is the scope.
    pub interface: Option<u32>,
}

impl Batch {
    /// Room for this many datagrams, at least one and at most [`MOST`].
    #[must_use]
    pub fn new(datagrams: usize) -> Self {
        let datagrams = datagrams.clamp(1, MOST);
        let octets = vec![0; datagrams.saturating_mul(SLOT)].into_boxed_slice();
        Self { octets, slots: vec![Slot::EMPTY; datagrams].into_boxed_slice(), filled: 0 }
    }

    /// Takes what waits at the socket, as far as there is room, in place of what was here before.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when nothing waits; else what befell the socket.
    pub fn receive(&mut self, socket: impl AsFd) -> io::Result<usize> {
        self.filled = 0;
        let mut vectors = [iovec { iov_base: ptr::null_mut(), iov_len: 0 }; MOST];
        let mut headers = [empty(); MOST];
        let rooms = self.octets.chunks_exact_mut(SLOT).zip(&mut self.slots);
        let mut count: c_uint = 0;
        for (((octets, slot), vector), header) in rooms.zip(&mut vectors).zip(&mut headers) {
            *vector = iovec { iov_base: octets.as_mut_ptr().cast(), iov_len: octets.len() };
            header.msg_hdr.msg_name = slot.name.0.as_mut_ptr().cast();
            header.msg_hdr.msg_namelen = NAME_ROOM;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = slot.control.0.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = CONTROL_ROOM;
            count = count.saturating_add(1);
        }
        let received = receive_into(&socket, &mut headers, count)?;
        for (header, slot) in headers.iter().take(received).zip(&mut self.slots) {
            slot.length = usize::try_from(header.msg_len).unwrap_or(0);
            slot.control_length = length_of_control(header);
            slot.flags = header.msg_hdr.msg_flags;
        }
        self.filled = received;
        Ok(received)
    }

    /// The datagrams of the last call, in the order in which they arrived.
    pub fn iter(&self) -> impl Iterator<Item = Received<'_>> {
        let filled = self.octets.chunks_exact(SLOT).zip(&self.slots).take(self.filled);
        filled.filter_map(|(octets, slot)| {
            // A part of a datagram is none. UDP cannot fill a slot, so this is a socket of another kind.
            if slot.flags & libc::MSG_TRUNC != 0 {
                return None;
            }
            let told = slot.control.read(slot.control_length);
            Some(Received {
                bytes: octets.get(..slot.length)?,
                source: slot.name.read()?,
                destination: told.destination,
                interface: told.interface,
                lost: told.lost,
            })
        })
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("room", &self.slots.len()).field("filled", &self.filled).finish()
    }
}

impl Slot {
    const EMPTY: Self = Self { name: Name::EMPTY, control: Control::EMPTY, length: 0, control_length: 0, flags: 0 };
}

/// Sends the first of these datagrams, at most [`MOST`], and says how many were sent.
///
/// # Errors
/// What befell the first one, when none was sent: [`io::ErrorKind::WouldBlock`] when there is no room for it now,
/// [`io::ErrorKind::InvalidInput`] when its source and destination are of different families. Whoever wants the others to go
/// calls again without it.
pub fn send(socket: impl AsFd, datagrams: &[Outgoing<'_>]) -> io::Result<usize> {
    let mut vectors = [iovec { iov_base: ptr::null_mut(), iov_len: 0 }; MOST];
    let mut names = [Name::EMPTY; MOST];
    let mut controls = [Control::EMPTY; MOST];
    let mut headers = [empty(); MOST];
    let rooms = vectors.iter_mut().zip(&mut names).zip(&mut controls).zip(&mut headers);
    let mut count: c_uint = 0;
    for (datagram, (((vector, name), control), header)) in datagrams.iter().zip(rooms) {
        let Some(told) = datagram.control() else { break };
        // The kernel only reads through this pointer.
        *vector = iovec { iov_base: datagram.bytes.as_ptr().cast_mut().cast(), iov_len: datagram.bytes.len() };
        let (octets, length) = Name::of(datagram.scoped());
        *name = octets;
        header.msg_hdr.msg_name = name.0.as_mut_ptr().cast();
        header.msg_hdr.msg_namelen = length.into();
        header.msg_hdr.msg_iov = vector;
        header.msg_hdr.msg_iovlen = 1;
        if let Some((octets, length)) = told {
            *control = octets;
            header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
            set_length_of_control(header, length);
        }
        count = count.saturating_add(1);
    }
    match count {
        0 if datagrams.is_empty() => Ok(0),
        0 => Err(io::ErrorKind::InvalidInput.into()),
        _ => send_from(&socket, &mut headers, count),
    }
}

impl Outgoing<'_> {
    /// What to tell the kernel beside the datagram: nothing in particular, or, as `None`, nothing that makes sense.
    fn control(&self) -> Option<Option<(Control, usize)>> {
        let anywhere: IpAddr = match self.destination {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let source = self.source.unwrap_or(anywhere);
        if source.is_ipv4() != anywhere.is_ipv4() {
            return None;
        }
        let says_something = self.source.is_some() || self.interface.is_some();
        Some(says_something.then(|| Control::of(source, self.interface.unwrap_or(0))))
    }

    /// The destination; a link-local one with the scope it needs (RFC 4007 §6).
    fn scoped(&self) -> SocketAddr {
        match (self.destination, self.interface) {
            (SocketAddr::V6(mut address), Some(interface))
                if address.scope_id() == 0 && is_of_a_link(*address.ip()) =>
            {
                address.set_scope_id(interface);
                address.into()
            }
            (destination, _) => destination,
        }
    }
}

/// Whether an address means something on one link only: `fe80::/10`, `ff02::/16`.
fn is_of_a_link(address: Ipv6Addr) -> bool {
    address.is_unicast_link_local() || matches!(address.octets(), [0xff, scope, ..] if scope & 0x0f == 2)
}

/// Receives into the first `count` headers. Each of them must point at one vector, a name and ancillary data that may be
/// written to.
#[expect(unsafe_code, reason = "no safe crate receives many datagrams with what came beside them")]
fn receive_into(socket: &impl AsFd, headers: &mut [mmsghdr; MOST], count: c_uint) -> io::Result<usize> {
    let descriptor = socket.as_fd().as_raw_fd();
    loop {
        // SAFETY: the descriptor is open while it is borrowed. `count` is at most `MOST`, the length of `headers`. The one
        // caller, `Batch::receive`, has just pointed each of those at memory that it borrows mutably until this returns, with
        // its true length. No timeout is given.
        let received = unsafe { libc::recvmmsg(descriptor, headers.as_mut_ptr(), count, DO_NOT_WAIT, ptr::null_mut()) };
        match usize::try_from(received) {
            Ok(received) => return Ok(received),
            Err(_) => retry_or_fail()?,
        }
    }
}

/// Sends the first `count` headers. Each of them must point at one vector, a name and perhaps ancillary data.
#[expect(unsafe_code, reason = "no safe crate sends many datagrams, each from an address of its own")]
fn send_from(socket: &impl AsFd, headers: &mut [mmsghdr; MOST], count: c_uint) -> io::Result<usize> {
    let descriptor = socket.as_fd().as_raw_fd();
    loop {
        // SAFETY: the descriptor is open while it is borrowed. `count` is at most `MOST`, the length of `headers`. The one
        // caller, `send`, has just pointed each of those at memory that it borrows until this returns, with its true length.
        // The kernel writes to the headers alone.
        let sent = unsafe { libc::sendmmsg(descriptor, headers.as_mut_ptr(), count, DO_NOT_WAIT) };
        match usize::try_from(sent) {
            Ok(sent) => return Ok(sent),
            Err(_) => retry_or_fail()?,
        }
    }
}

/// A call that a signal interrupted is to be made again.
fn retry_or_fail() -> io::Result<()> {
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        error => Err(error),
    }
}

/// A header that points at nothing.
#[expect(unsafe_code, reason = "the structure has hidden fields on some platforms, and no other way to be made")]
const fn empty() -> mmsghdr {
    // SAFETY: the structure is pointers and numbers, for which zeros are null and 0.
    unsafe { std::mem::zeroed() }
}

/// The C libraries do not agree on the type of this length.
#[allow(
    clippy::useless_conversion,
    clippy::unnecessary_fallible_conversions,
    reason = "a conversion on some platforms"
)]
fn length_of_control(header: &mmsghdr) -> usize {
    usize::try_from(header.msg_hdr.msg_controllen).unwrap_or(0)
}

#[allow(
    clippy::useless_conversion,
    clippy::unnecessary_fallible_conversions,
    reason = "a conversion on some platforms"
)]
fn set_length_of_control(header: &mut mmsghdr, length: usize) {
    header.msg_hdr.msg_controllen = length.try_into().unwrap_or(0);
}

/// More than the largest UDP datagram.
const SLOT: usize = 65_536;
const NAME_ROOM: libc::socklen_t = 32;
#[cfg(target_env = "musl")]
const CONTROL_ROOM: libc::socklen_t = 128;
#[cfg(not(target_env = "musl"))]
const CONTROL_ROOM: usize = 128;
const _: () = assert!(Name::ROOM == 32 && Control::ROOM == 128);
#[cfg(target_env = "musl")]
const DO_NOT_WAIT: c_uint = 0x40;
#[cfg(not(target_env = "musl"))]
const DO_NOT_WAIT: c_int = libc::MSG_DONTWAIT;

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;
    use crate::option;

    fn pair(address: &str) -> (UdpSocket, UdpSocket) {
        let (receiver, sender) = (UdpSocket::bind(address).unwrap(), UdpSocket::bind(address).unwrap());
        if receiver.local_addr().unwrap().is_ipv4() {
            option::tell_destination_v4(&receiver).unwrap();
        } else {
            option::tell_destination_v6(&receiver).unwrap();
        }
        (receiver, sender)
    }

    fn plain<'a>(bytes: &'a [u8], to: &UdpSocket) -> Outgoing<'a> {
        Outgoing { bytes, destination: to.local_addr().unwrap(), source: None, interface: None }
    }

    #[test]
    fn datagrams_of_any_length_keep_their_order_and_say_where_they_came_in() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let (receiver, sender) = pair(address);
            let largest = vec![7; 65_000];
            let payloads = [&b"first"[..], &[], &largest, b"last"];
            let sent = send(&sender, &payloads.map(|bytes| plain(bytes, &receiver))).unwrap();
            assert_eq!(sent, 4);
            let mut batch = Batch::new(8);
            assert_eq!(batch.receive(&receiver).unwrap(), 4, "loopback delivers before it returns");
            let local = receiver.local_addr().unwrap().ip();
            for (received, payload) in batch.iter().zip(payloads) {
                assert!(received.bytes == payload);
                assert_eq!(received.source, sender.local_addr().unwrap());
                assert_eq!((received.destination, received.lost), (Some(local), None));
                assert!(received.interface.unwrap() > 0);
            }
            assert_eq!(batch.iter().count(), 4);
            assert_eq!(batch.receive(&receiver).unwrap_err().kind(), io::ErrorKind::WouldBlock);
            assert_eq!(batch.iter().count(), 0, "what was here before is gone");
        }
    }

    #[test]
    fn more_than_there_is_room_for_stays_at_the_socket() {
        let (receiver, sender) = pair("127.0.0.1:0");
        let numbers: Vec<_> = (0..100_u8).map(|number| [number]).collect();
        let datagrams: Vec<_> = numbers.iter().map(|bytes| plain(bytes, &receiver)).collect();
        assert_eq!(send(&sender, &datagrams).unwrap(), MOST);
        assert_eq!(send(&sender, &datagrams[MOST..]).unwrap(), 100 - MOST);
        let mut batch = Batch::new(1000);
        let mut seen = Vec::new();
        while batch.receive(&receiver).is_ok() {
            seen.extend(batch.iter().map(|it| it.bytes[0]));
        }
        assert_eq!(seen, Vec::from_iter(0..100));
        assert_eq!(Batch::new(0).slots.len(), 1);
    }

    #[test]
    fn a_datagram_leaves_from_the_address_it_is_told_to() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let sender = UdpSocket::bind("0.0.0.0:0").unwrap();
        let source: IpAddr = "127.0.0.9".parse().unwrap();
        assert_eq!(send(&sender, &[Outgoing { source: Some(source), ..plain(b"x", &receiver) }]).unwrap(), 1);
        assert_eq!(receiver.recv_from(&mut [0; 9]).unwrap().1.ip(), source);
    }

    #[test]
    fn the_first_that_cannot_be_sent_is_the_one_that_is_named() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let sender = UdpSocket::bind("0.0.0.0:0").unwrap();
        let good = plain(b"good", &receiver);
        let mixed = Outgoing { source: Some(Ipv6Addr::LOCALHOST.into()), ..good };
        // Nobody here has this address, so nothing can be sent from it.
        let foreign = Outgoing { source: Some("192.0.2.77".parse().unwrap()), ..good };
        for bad in [mixed, foreign] {
            assert_eq!(send(&sender, &[good, bad, good]).unwrap(), 1);
            assert!(send(&sender, &[bad, good]).is_err());
        }
        assert_eq!(send(&sender, &[]).unwrap(), 0);
    }

    #[test]
    fn losses_are_counted() {
        let (receiver, sender) = pair("127.0.0.1:0");
        option::tell_losses(&receiver).unwrap();
        option::set_receive_buffer(&receiver, 4096).unwrap();
        let datagrams = [plain(&[0; 900], &receiver); MOST];
        assert_eq!(send(&sender, &datagrams).unwrap(), MOST);
        let mut batch = Batch::new(MOST);
        let received = batch.receive(&receiver).unwrap();
        assert!(received < MOST, "the buffer is small");
        assert_eq!(send(&sender, &datagrams[..1]).unwrap(), 1);
        batch.receive(&receiver).unwrap();
        let lost = batch.iter().next().unwrap().lost.unwrap();
        assert_eq!(usize::try_from(lost).unwrap() + received, MOST);
    }

    #[test]
    fn only_addresses_of_a_link_get_a_scope() {
        let scoped = |text: &str| {
            let destination = text.parse().unwrap();
            let datagram = Outgoing { bytes: &[], destination, source: None, interface: Some(7) };
            datagram.scoped().to_string()
        };
        assert_eq!(scoped("[fe80::1]:546"), "[fe80::1%7]:546");
        assert_eq!(scoped("[fe80::1%3]:546"), "[fe80::1%3]:546");
        assert_eq!(scoped("[ff02::1:2]:547"), "[ff02::1:2%7]:547");
        assert_eq!(scoped("[ff05::1:3]:547"), "[ff05::1:3]:547");
        assert_eq!(scoped("[2001:db8::1]:546"), "[2001:db8::1]:546");
        assert_eq!(scoped("192.0.2.1:68"), "192.0.2.1:68");
    }
}
