//! Hearing that interfaces or addresses changed.

use std::{
    io::{self, Read},
    os::fd::{AsFd, OwnedFd},
};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::{NETLINK, ROUTE};
use crate::option;

/// A non-blocking socket at which the kernel tells, from now on, of every change of an interface or an address.
///
/// # Errors
/// What the kernel says of such a socket.
pub fn watch_changes() -> io::Result<OwnedFd> {
    const GROUPS: [u32; 3] = [libc::RTNLGRP_LINK, libc::RTNLGRP_IPV4_IFADDR, libc::RTNLGRP_IPV6_IFADDR];
    let socket = Socket::new(Domain::from(NETLINK), Type::RAW, Some(Protocol::from(ROUTE)))?;
    socket.set_nonblocking(true)?;
    for group in GROUPS {
        option::join_netlink_group(socket.as_fd(), group)?;
    }
    Ok(socket.into())
}

/// Takes what was told at a socket of [`watch_changes`] since the last call. It says that something changed; what, a new list
/// says. Waits for nothing.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] when nothing was told; else what befell the socket.
pub fn take_changes(socket: &impl AsFd) -> io::Result<()> {
    let socket = SockRef::from(socket);
    let mut changed = false;
    let mut start = [0; 64];
    // A datagram is gone once its start was read.
    for _ in 0..MOST {
        match (&*socket).read(&mut start) {
            Ok(_) => changed = true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && changed => break,
            // More was told than fits: something changed, whatever it was.
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => changed = true,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Most datagrams that one call takes, so that it ends while more and more come.
const MOST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_change_there_is_nothing() {
        let socket = watch_changes().unwrap();
        // No test here changes anything, and what others change on this machine they do not change all the time.
        let nothing = |_| take_changes(&socket).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        assert!((0..1000).any(nothing));
    }
}
