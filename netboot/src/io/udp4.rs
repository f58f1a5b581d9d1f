//! The socket of a DHCPv4 server: what arrived, where, and for whom (RFC 2131 §4.1).

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4},
};

use linux_sys::{
    datagram::{Batch, Outgoing},
    option,
};
use socket2::{Domain, Protocol, Socket, Type};

use super::channel::{Channel, OpenError, Unsent};

/// A UDP socket over IPv4, of one interface or of all of them.
#[derive(Debug)]
pub struct Udp4Socket {
    channel: Channel,
    local_address: SocketAddrV4,
}

/// A datagram that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received4<'a> {
    /// Its payload.
    pub bytes: &'a [u8],
    /// Who sent it; `0.0.0.0` is a client without an address.
    pub source: SocketAddrV4,
    /// The address it was sent to, as its header has it: this host's, or a broadcast address.
    pub destination: Ipv4Addr,
    /// The index of the interface it arrived by.
    pub interface: u32,
}

impl Udp4Socket {
    /// Binds a socket to this address, and confines it to the interface of this name. Broadcasts reach it only when the
    /// address is `0.0.0.0`. Ports below 1024 need `CAP_NET_BIND_SERVICE`, an interface `CAP_NET_RAW`.
    ///
    /// An interface that is removed takes its socket's hearing with it, even when another of its name comes back: whoever
    /// sees its index change binds anew.
    ///
    /// # Errors
    /// [`OpenError`] naming the step that failed.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O enabled.
    pub fn bind(listen: SocketAddrV4, interface: Option<&str>) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Bind { listen: listen.into(), source };
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).map_err(failed)?;
        Channel::prepare(&socket).map_err(failed)?;
        option::tell_destination_v4(&socket).map_err(failed)?;
        socket.set_broadcast(true).map_err(failed)?;
        if let Some(interface) = interface {
            let named = |source| OpenError::Interface { interface: interface.to_owned(), source };
            socket.bind_device(Some(interface.as_bytes())).map_err(named)?;
        }
        socket.bind(&SocketAddr::from(listen).into()).map_err(failed)?;
        let local_address = socket.local_addr().map_err(failed)?.as_socket_ipv4().unwrap_or(listen);
        Ok(Self { channel: Channel::new(socket).map_err(failed)?, local_address })
    }

    /// The address the socket is bound to, with the port the system chose where 0 was asked for.
    #[must_use]
    pub const fn local_address(&self) -> SocketAddrV4 {
        self.local_address
    }

    /// The bare channel, for the engine.
    pub(super) fn into_channel(self) -> Channel {
        self.channel
    }

    /// Waits for datagrams and takes all that wait, as far as the batch has room. Dropped while it waits, it takes none.
    ///
    /// # Errors
    /// What befell the socket; it may be well again the next time.
    pub async fn receive_many<'b>(&self, batch: &'b mut Batch) -> io::Result<impl Iterator<Item = Received4<'b>>> {
        self.channel.receive(batch).await?;
        Ok(batch.iter().filter_map(|it| match (it.source, it.destination, it.interface) {
            (SocketAddr::V4(source), Some(IpAddr::V4(destination)), Some(interface)) => {
                Some(Received4 { bytes: it.bytes, source, destination, interface })
            }
            _ => None,
        }))
    }

    /// Sends these datagrams and gives back which of them were not sent, each with its reason. One that cannot be sent keeps
    /// no other from being sent; none is waited for longer than a moment.
    pub async fn send_many(&self, datagrams: &[Outgoing<'_>]) -> Vec<Unsent> {
        self.channel.send_many(datagrams).await
    }

    /// How many datagrams were lost because nobody read them in time, or their checksum was wrong, as far as a datagram that
    /// came later told.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.channel.lost()
    }
}
