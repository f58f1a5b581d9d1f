//! Socket options that the standard library and `socket2` do not know.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
};

use libc::{c_int, socklen_t};

/// How many octets of datagrams wait for being read: as many as asked for, whatever the system's limit is
/// (`net.core.rmem_max`), where the process has `CAP_NET_ADMIN`; up to that limit where not.
///
/// # Errors
/// What the kernel says of a socket that cannot have one.
pub fn set_receive_buffer(socket: impl AsFd, octets: u32) -> io::Result<()> {
    let octets = c_int::try_from(octets).unwrap_or(c_int::MAX);
    set(socket.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, octets)
        .or_else(|_| set(socket.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF, octets))
}

/// Every IPv4 datagram comes with the interface it arrived by and the address it was sent to.
///
/// # Errors
/// What the kernel says of a socket that is none for IPv4.
pub fn tell_destination_v4(socket: impl AsFd) -> io::Result<()> {
    set(socket.as_fd(), libc::IPPROTO_IP, libc::IP_PKTINFO, 1)
}

/// Every IPv6 datagram comes with the interface it arrived by and the address it was sent to (RFC 3542 §6).
///
/// # Errors
/// What the kernel says of a socket that is none for IPv6.
pub fn tell_destination_v6(socket: impl AsFd) -> io::Result<()> {
    set(socket.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)
}

/// Datagrams come with the number of those that were lost before them, because nobody read them in time.
///
/// # Errors
/// What the kernel says of a socket that does not count.
pub fn tell_losses(socket: impl AsFd) -> io::Result<()> {
    set(socket.as_fd(), libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1)
}

/// A raw ICMP socket hears echo replies (RFC 792) and nothing else.
///
/// # Errors
/// What the kernel says of a socket that is none for ICMP.
pub fn hear_echo_replies_only(socket: impl AsFd) -> io::Result<()> {
    // A bit for each type that is left out; that of an echo reply is 0.
    const ALL_BUT_ECHO_REPLY: c_int = !1;
    const ICMP_FILTER: c_int = 1;
    set(socket.as_fd(), libc::SOL_RAW, ICMP_FILTER, ALL_BUT_ECHO_REPLY)
}

/// A netlink socket hears what is told to this group (`RTNLGRP_*`).
pub(crate) fn join_netlink_group(socket: BorrowedFd<'_>, group: u32) -> io::Result<()> {
    let group = c_int::try_from(group).map_err(|_| io::ErrorKind::InvalidInput)?;
    set(socket, libc::SOL_NETLINK, libc::NETLINK_ADD_MEMBERSHIP, group)
}

/// Sets an option whose value is one number.
#[expect(unsafe_code, reason = "socket2 has these options not, and no way to name one by its number")]
fn set(socket: BorrowedFd<'_>, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    const LENGTH: socklen_t = 4;
    const { assert!(size_of::<c_int>() == 4) };
    // SAFETY: the descriptor is open for as long as it is borrowed. The kernel reads `LENGTH` octets at the pointer, which
    // are those of `value`, and keeps nothing of it. No option that is set above takes a number for an address.
    let answer = unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), LENGTH) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn options_are_taken_by_the_sockets_they_are_for_and_refused_by_others() {
        let (v4, v6) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("[::1]:0").unwrap());
        tell_destination_v4(&v4).unwrap();
        tell_destination_v6(&v6).unwrap();
        tell_losses(&v4).unwrap();
        assert!(tell_destination_v6(&v4).is_err());
        assert!(hear_echo_replies_only(&v4).is_err());
        assert!(join_netlink_group(v4.as_fd(), 1).is_err());
    }

    #[test]
    fn a_receive_buffer_grows_and_shrinks() {
        let socket = socket2::Socket::from(UdpSocket::bind("127.0.0.1:0").unwrap());
        set_receive_buffer(&socket, 4096).unwrap();
        let small = socket.recv_buffer_size().unwrap();
        set_receive_buffer(&socket, 100_000).unwrap();
        assert!(small < socket.recv_buffer_size().unwrap());
    }
}
