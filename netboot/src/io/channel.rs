//! What the DHCPv4 and the DHCPv6 socket have in common: many datagrams at a time, in and out, counted where they are lost.

use std::{
    io,
    net::IpAddr,
    os::fd::AsFd,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use linux_sys::{
    datagram::{self, Batch, Outgoing},
    option,
};
use socket2::Socket;
use thiserror::Error;
use tokio::{io::Interest, net::UdpSocket, time::timeout};

/// A bound, non-blocking UDP socket in a tokio runtime.
#[derive(Debug)]
pub(super) struct Channel {
    socket: UdpSocket,
    /// Its lower 32 bits are the kernel's counter.
    lost: AtomicU64,
    /// The one address that it is bound to, if it is bound to one.
    own: Option<IpAddr>,
}

impl Channel {
    /// Sets what both sockets want: a long queue, and the count of what did not fit in it.
    pub(super) fn prepare(socket: &Socket) -> io::Result<()> {
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        option::set_receive_buffer(socket, RECEIVE_BUFFER)?;
        option::tell_losses(socket)
    }

    pub(super) fn new(socket: Socket) -> io::Result<Self> {
        let socket = UdpSocket::from_std(socket.into())?;
        let own = Some(socket.local_addr()?.ip()).filter(|address| !address.is_unspecified());
        Ok(Self { socket, lost: AtomicU64::new(0), own })
    }

    /// What datagrams are to come from. With an interface alone the kernel takes that one's first address, even for a socket that is bound to
    /// another.
    pub(super) const fn own(&self) -> Option<IpAddr> {
        self.own
    }

    pub(super) const fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    pub(super) async fn receive(&self, batch: &mut Batch) -> io::Result<()> {
        self.socket.async_io(Interest::READABLE, || batch.receive(self.socket.as_fd())).await?;
        if let Some(counter) = batch.iter().filter_map(|it| it.lost).last() {
            let before = self.lost.load(Ordering::Relaxed);
            self.lost.store(counted(before, counter), Ordering::Relaxed);
        }
        Ok(())
    }

    pub(super) async fn send_many(&self, datagrams: &[Outgoing<'_>]) -> Vec<Unsent> {
        let mut unsent = Vec::new();
        let mut next: usize = 0;
        while let Some(rest) = datagrams.get(next..).filter(|rest| !rest.is_empty()) {
            let sent = match self.send_some(rest).await {
                Ok(sent) => sent,
                Err(error) => {
                    unsent.push(Unsent { datagram: next, error });
                    1
                }
            };
            next = next.saturating_add(sent);
        }
        unsent
    }

    async fn send_some(&self, datagrams: &[Outgoing<'_>]) -> io::Result<usize> {
        let send = || datagram::send(self.socket.as_fd(), datagrams);
        match self.socket.try_io(Interest::WRITABLE, send) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            ended => return ended,
        }
        // A client asks again; a server that waits for one interface serves none.
        timeout(PATIENCE, self.socket.async_io(Interest::WRITABLE, send))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// A datagram that was not sent.
#[derive(Debug)]
pub struct Unsent {
    /// Its place among those that were to be sent.
    pub datagram: usize,
    /// Why.
    pub error: io::Error,
}

/// A socket cannot be had. The environment's fault.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It cannot be made or bound.
    #[error("cannot listen on {listen}{}", remedy(source))]
    Bind {
        /// The address.
        listen: std::net::SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It cannot be confined to the interface, or hear groups on it.
    #[error("cannot serve the interface {interface}{}", remedy(source))]
    Interface {
        /// The interface's name.
        interface: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// What to do about it, where that is known.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; give the program CAP_NET_BIND_SERVICE and CAP_NET_RAW, or start it as root"
        }
        io::ErrorKind::AddrInUse => "; stop the other server that has it, or listen elsewhere",
        io::ErrorKind::NotFound => "; `ip link` shows the names of interfaces",
        // ENODEV has no kind of its own.
        _ if error.raw_os_error() == Some(19) => "; `ip link` shows the names of interfaces",
        _ => "",
    }
}

/// The count after the kernel's counter, of 32 bits, was seen at a later value.
const fn counted(before: u64, counter: u32) -> u64 {
    let [.., a, b, c, d] = before.to_be_bytes();
    let more = counter.wrapping_sub(u32::from_be_bytes([a, b, c, d]));
    // `u64::from` is not const.
    let [a, b, c, d] = more.to_be_bytes();
    before.saturating_add(u64::from_be_bytes([0, 0, 0, 0, a, b, c, d]))
}

/// Several thousand requests, should a whole data hall wake up at once.
const RECEIVE_BUFFER: u32 = 8 * 1024 * 1024;
/// How long a full send queue is waited for.
const PATIENCE: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_counter_may_begin_again() {
        assert_eq!(counted(0, 0), 0);
        assert_eq!(counted(0, 7), 7);
        assert_eq!(counted(7, 7), 7);
        assert_eq!(counted(0xffff_fffe, 3), 0x1_0000_0003);
    }

    #[test]
    fn an_error_says_what_to_do() {
        let listen = "0.0.0.0:67".parse().unwrap();
        let error = OpenError::Bind { listen, source: io::ErrorKind::PermissionDenied.into() };
        assert!(error.to_string().contains("CAP_NET_BIND_SERVICE"), "{error}");
        let source = io::Error::from_raw_os_error(19);
        let error = OpenError::Interface { interface: "eth7".to_owned(), source };
        assert!(error.to_string().contains("eth7; `ip link`"), "{error}");
    }
}
