//! IPv4 packets to Ethernet addresses (`packet(7)`).
//!
//! A DHCP client that has no address yet cannot be asked for its Ethernet address, and may not want a broadcast: the answer
//! goes to the Ethernet address that it told, in a frame (RFC 2131 §4.1).

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use libc::{sa_family_t, sockaddr_ll, socklen_t};
use socket2::{Domain, SockAddr, SockAddrStorage, Socket, Type};

use crate::udp::UdpPacket;

/// A socket that sends frames and hears none. Making one needs `CAP_NET_RAW`.
#[derive(Debug)]
pub struct PacketSocket(Socket);

impl PacketSocket {
    /// Opens the socket, for all interfaces.
    ///
    /// # Errors
    /// [`io::ErrorKind::PermissionDenied`] without `CAP_NET_RAW`.
    pub fn open() -> io::Result<Self> {
        // Protocol 0 is none: no frame is handed to this socket, so that nothing piles up in it.
        let socket = Socket::new(Domain::PACKET, Type::DGRAM, None)?;
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }

    /// Sends a packet in one frame from this interface, by its index, to this hardware address. Nothing waits: what cannot be
    /// sent now is not sent.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a hardware address that is empty or longer than eight octets, and for a payload that
    /// fits no packet; `EMSGSIZE` for a packet that fits no frame of this interface, as it is not fragmented; `ENXIO` or `ENODEV`
    /// where there is no such interface, `ENETDOWN` where it is switched off, [`io::ErrorKind::WouldBlock`] where it is busy.
    pub fn send(&self, interface: u32, hardware: &[u8], packet: &UdpPacket<'_>) -> io::Result<()> {
        let destination = link_address(interface, hardware).ok_or(io::ErrorKind::InvalidInput)?;
        let octets = packet.encode().ok_or(io::ErrorKind::InvalidInput)?;
        match self.0.send_to(&octets, &destination)? {
            sent if sent == octets.len() => Ok(()),
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Where a frame with an IPv4 packet goes. None for an address that cannot be one.
fn link_address(interface: u32, hardware: &[u8]) -> Option<SockAddr> {
    let mut address = [0; 8];
    let length = u8::try_from(hardware.len()).ok().filter(|length| (1..=8).contains(length))?;
    address.iter_mut().zip(hardware).for_each(|(to, from)| *to = *from);
    Some(to_storage(sockaddr_ll {
        sll_family: sa_family_t::try_from(libc::AF_PACKET).ok()?,
        sll_protocol: ETHERTYPE_IPV4.to_be(),
        sll_ifindex: interface.try_into().ok()?,
        // The kernel writes the frame's header; these two are of frames that arrive.
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: length,
        sll_addr: address,
    }))
}

#[expect(unsafe_code, reason = "socket2 knows no address of this family")]
fn to_storage(address: sockaddr_ll) -> SockAddr {
    const LENGTH: socklen_t = 20;
    const { assert!(size_of::<sockaddr_ll>() == 20 && size_of::<SockAddrStorage>() >= 20) };
    const { assert!(align_of::<SockAddrStorage>() >= align_of::<sockaddr_ll>()) };
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: the structure fits the storage in size and alignment, as was just asserted, and any bytes are a good storage.
    *unsafe { storage.view_as::<sockaddr_ll>() } = address;
    // SAFETY: the first `LENGTH` octets of the storage are an address whose family says what it is.
    unsafe { SockAddr::new(storage, LENGTH) }
}

const ETHERTYPE_IPV4: u16 = 0x0800;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_laid_out_as_the_kernel_reads_it() {
        let address = link_address(7, &[2, 0, 0, 0, 0, 9]).unwrap();
        assert_eq!((address.len(), address.domain()), (20, Domain::PACKET));
        for hardware in [&[][..], &[0; 9]] {
            assert!(link_address(7, hardware).is_none());
        }
        assert!(link_address(u32::MAX, &[0; 6]).is_none(), "the kernel counts to 2³¹");
    }

    /// A process without the privilege learns so; with it, what the kernel refuses is an error.
    #[test]
    fn what_cannot_be_sent_is_an_error() {
        let packet = UdpPacket {
            source: "192.0.2.1:67".parse().unwrap(),
            destination: "192.0.2.2:68".parse().unwrap(),
            payload: &[],
        };
        match PacketSocket::open() {
            Ok(socket) => {
                assert!(socket.send(0x7fff_fff0, &[2, 0, 0, 0, 0, 9], &packet).is_err(), "no such interface");
                let long = UdpPacket { payload: &[0; 70_000], ..packet };
                assert_eq!(socket.send(1, &[0; 6], &long).unwrap_err().kind(), io::ErrorKind::InvalidInput);
                assert_eq!(socket.send(1, &[], &packet).unwrap_err().kind(), io::ErrorKind::InvalidInput);
            }
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::PermissionDenied),
        }
    }
}
