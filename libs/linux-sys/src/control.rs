//! Ancillary data of a datagram (`cmsg(3)`, RFC 3542 §20), written and read as octets.
//!
//! An item is its length as the machine counts, two numbers that say what it is, and its value; the next begins at a
//! multiple of the machine's word.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Room for all that is asked for, laid out as the kernel wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(8))]
pub(crate) struct Control(pub(crate) [u8; Self::ROOM]);

/// What the kernel tells beside a datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// The address the datagram was sent to, as its header has it.
    pub(crate) destination: Option<IpAddr>,
    /// The index of the interface it arrived by.
    pub(crate) interface: Option<u32>,
    /// How many were lost so far.
    pub(crate) lost: Option<u32>,
}

impl Control {
    pub(crate) const ROOM: usize = 128;
    pub(crate) const EMPTY: Self = Self([0; Self::ROOM]);

    /// Has a datagram leave by this interface, with this source address. Of either, 0 leaves the choice to the kernel.
    /// The number is how many octets count.
    pub(crate) fn of(source: IpAddr, interface: u32) -> (Self, usize) {
        let interface = interface.to_ne_bytes();
        match source {
            // `struct in_pktinfo`: on the way out its second address means nothing.
            IpAddr::V4(source) => Self::item(IPV4, IPV4_PKTINFO, &[&interface, &source.octets(), &[0; 4]]),
            IpAddr::V6(source) => Self::item(IPV6, IPV6_PKTINFO, &[&source.octets(), &interface]),
        }
    }

    fn item(level: i32, kind: i32, value: &[&[u8]]) -> (Self, usize) {
        let value_length = value.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        let length = HEADER.saturating_add(value_length);
        let header: [&[u8]; 3] = [&length.to_ne_bytes(), &level.to_ne_bytes(), &kind.to_ne_bytes()];
        let mut control = Self::EMPTY;
        let octets = header.iter().chain(value).flat_map(|part| part.iter());
        control.0.iter_mut().zip(octets).for_each(|(to, from)| *to = *from);
        (control, aligned(length))
    }

    /// Reads the first `length` octets of what the kernel wrote; ends where an item is broken.
    pub(crate) fn read(&self, length: usize) -> Told {
        let mut told = Told::default();
        let mut rest = self.0.get(..length).unwrap_or(&self.0);
        while let Some((length, level, kind)) = header(rest) {
            let Some(value) = rest.get(HEADER..length) else { break };
            match (level, kind) {
                (IPV4, IPV4_PKTINFO) => told.packet_v4(value),
                (IPV6, IPV6_PKTINFO) => told.packet_v6(value),
                (SOCKET, LOSSES) => told.lost = value.first_chunk().map(|it| u32::from_ne_bytes(*it)),
                _ => {}
            }
            rest = rest.get(aligned(length)..).unwrap_or_default();
        }
        told
    }
}

impl Told {
    fn packet_v4(&mut self, value: &[u8]) {
        let Some((interface, rest)) = value.split_first_chunk() else { return };
        // The first address is the local one that an answer would come from; the second stands in the header.
        let Some((_local, rest)) = rest.split_first_chunk::<4>() else { return };
        let Some(header) = rest.first_chunk::<4>() else { return };
        self.interface = Some(u32::from_ne_bytes(*interface));
        self.destination = Some(Ipv4Addr::from(*header).into());
    }

    fn packet_v6(&mut self, value: &[u8]) {
        let Some((header, rest)) = value.split_first_chunk::<16>() else { return };
        let Some(interface) = rest.first_chunk() else { return };
        self.interface = Some(u32::from_ne_bytes(*interface));
        self.destination = Some(Ipv6Addr::from(*header).into());
    }
}

fn header(bytes: &[u8]) -> Option<(usize, i32, i32)> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (level, rest) = rest.split_first_chunk()?;
    let (kind, _) = rest.split_first_chunk()?;
    Some((usize::from_ne_bytes(*length), i32::from_ne_bytes(*level), i32::from_ne_bytes(*kind)))
}

const fn aligned(length: usize) -> usize {
    length.saturating_add(WORD.wrapping_sub(1)) & !WORD.wrapping_sub(1)
}

const WORD: usize = size_of::<usize>();
const HEADER: usize = WORD.wrapping_add(8);
const SOCKET: i32 = libc::SOL_SOCKET;
const IPV4: i32 = libc::IPPROTO_IP;
const IPV6: i32 = libc::IPPROTO_IPV6;
const IPV4_PKTINFO: i32 = libc::IP_PKTINFO;
const IPV6_PKTINFO: i32 = libc::IPV6_PKTINFO;
const LOSSES: i32 = libc::SO_RXQ_OVFL;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_layout_is_the_kernels() {
        assert_eq!(HEADER, size_of::<libc::cmsghdr>());
        let (control, length) = Control::of(Ipv4Addr::new(192, 0, 2, 1).into(), 7);
        assert_eq!(length, aligned(HEADER + size_of::<libc::in_pktinfo>()));
        assert_eq!(control.0[HEADER..HEADER + 8], [&7_u32.to_ne_bytes()[..], &[192, 0, 2, 1]].concat());
        let (control, length) = Control::of("2001:db8::1".parse().unwrap(), 7);
        assert_eq!(length, aligned(HEADER + size_of::<libc::in6_pktinfo>()));
        let told = Told { destination: Some("2001:db8::1".parse().unwrap()), interface: Some(7), lost: None };
        assert_eq!(control.read(length), told, "the structure is the same in both directions");
    }

    #[test]
    fn items_are_found_behind_others() {
        let (mut control, first) = Control::item(SOCKET, LOSSES, &[&9_u32.to_ne_bytes()]);
        let address = [192, 0, 2, 255];
        let (second, length) = Control::item(IPV4, IPV4_PKTINFO, &[&3_u32.to_ne_bytes(), &[10, 0, 0, 1], &address]);
        control.0[first..first + length].copy_from_slice(&second.0[..length]);
        let told = Told { destination: Some(IpAddr::from(address)), interface: Some(3), lost: Some(9) };
        assert_eq!(control.read(first + length), told);
        assert_eq!(control.read(first), Told { lost: Some(9), ..Told::default() });
        assert_eq!(control.read(0), Told::default());
    }

    proptest! {
        #[test]
        fn any_octets_can_be_read(octets in proptest::collection::vec(any::<u8>(), Control::ROOM), length: usize) {
            let control = Control(octets.try_into().unwrap());
            let _told = control.read(length % 200);
        }

        #[test]
        fn any_length_in_a_header_can_be_read(length: usize, kind in 0_i32..60, rest: [u8; 32]) {
            let mut control = Control::item(IPV4, kind, &[&rest]).0;
            control.0[..WORD].copy_from_slice(&length.to_ne_bytes());
            let _told = control.read(Control::ROOM);
        }
    }
}
