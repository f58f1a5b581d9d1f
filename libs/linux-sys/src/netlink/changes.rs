//! Hearing that interfaces or addresses changed.

use std::{
    io::{self, Read},
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
};

use socket2::{Domain, Protocol, Socket, Type};

use super::{NETLINK, ROUTE};
use crate::option;

/// A socket at which the kernel tells of every change of an interface or an address. It says that something changed; what,
/// a new list says.
#[derive(Debug)]
pub struct Changes(Socket);

impl Changes {
    /// Listens from now on.
    ///
    /// # Errors
    /// What the kernel says of such a socket.
    pub fn open() -> io::Result<Self> {
        const GROUPS: [u32; 3] = [libc::RTNLGRP_LINK, libc::RTNLGRP_IPV4_IFADDR, libc::RTNLGRP_IPV6_IFADDR];
        let socket = Socket::new(Domain::from(NETLINK), Type::RAW, Some(Protocol::from(ROUTE)))?;
        socket.set_nonblocking(true)?;
        for group in GROUPS {
            option::join_netlink_group(socket.as_fd(), group)?;
        }
        Ok(Self(socket))
    }

    /// Takes all that was told since the last call, and says whether there was anything. Waits for nothing.
    ///
    /// # Errors
    /// What befell the socket.
    pub fn take(&self) -> io::Result<Changed> {
        let mut changed = Changed::Nothing;
        let mut start = [0; 64];
        // A datagram is gone once its start was read. Their number is bounded by the socket's buffer, but not while more come.
        for _ in 0..MOST {
            match (&self.0).read(&mut start) {
                Ok(_) => changed = Changed::Something,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // More was told than fits: something changed, whatever it was.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => changed = Changed::Something,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(changed)
    }
}

/// Whether anything changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Nothing did.
    Nothing,
    /// Something did; perhaps more will be told by the next call.
    Something,
}

impl AsFd for Changes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Changes {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Most datagrams that one call takes.
const MOST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_change_there_is_nothing() {
        // Other tests change nothing, and a machine at work may change something now and then, not always.
        let changes = Changes::open().unwrap();
        assert!((0..100).any(|_| changes.take().unwrap() == Changed::Nothing));
    }
}
