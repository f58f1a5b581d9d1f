//! The socket of a DHCPv6 server: it hears the groups of servers and relay agents (RFC 8415 §7.1).

use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6},
};

use linux_sys::{
    datagram::{Batch, Outgoing},
    option,
};
use socket2::{Domain, Protocol, Socket, Type};

use super::{
    channel::{Channel, OpenError, Unsent},
    interfaces::Interface,
};

/// All servers and relay agents of a link (RFC 8415 §7.1).
pub const ALL_RELAY_AGENTS_AND_SERVERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);
/// All servers of a site (RFC 8415 §7.1).
pub const ALL_SERVERS: Ipv6Addr = Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 1, 3);

/// A UDP socket over IPv6, of one interface or of all of them.
#[derive(Debug)]
pub struct Udp6Socket {
    channel: Channel,
    local_address: SocketAddrV6,
}

/// A datagram that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received6<'a> {
    /// Its payload.
    pub bytes: &'a [u8],
    /// Who sent it. A link-local address has its interface's index as the scope, so that an answer to it finds the way.
    pub source: SocketAddrV6,
    /// The address it was sent to, as its header has it: this host's, or one of the groups.
    pub destination: Ipv6Addr,
    /// The index of the interface it arrived by.
    pub interface: u32,
}

impl Udp6Socket {
    /// Binds a socket to this address, for IPv6 alone, and confines it to the interface of this name. Groups reach it only
    /// when the address is `::`, and on interfaces that were [joined](Self::join). Ports below 1024 need
    /// `CAP_NET_BIND_SERVICE`, an interface `CAP_NET_RAW`.
    ///
    /// # Errors
    /// [`OpenError`] naming the step that failed.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O enabled.
    pub fn bind(listen: SocketAddrV6, interface: Option<&str>) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Bind { listen: listen.into(), source };
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP)).map_err(failed)?;
        Channel::prepare(&socket).map_err(failed)?;
        option::tell_destination_v6(&socket).map_err(failed)?;
        socket.set_only_v6(true).map_err(failed)?;
        if let Some(interface) = interface {
            let named = |source| OpenError::Interface { interface: interface.to_owned(), source };
            socket.bind_device(Some(interface.as_bytes())).map_err(named)?;
        }
        socket.bind(&SocketAddr::from(listen).into()).map_err(failed)?;
        let local_address = socket.local_addr().map_err(failed)?.as_socket_ipv6().unwrap_or(listen);
        Ok(Self { channel: Channel::new(socket).map_err(failed)?, local_address })
    }

    /// Hears both groups of servers on this interface from now on. Again is as good as once. An interface that is removed
    /// takes this with it; one that is only switched off and on does not.
    ///
    /// # Errors
    /// [`OpenError::Interface`] naming it.
    pub fn join(&self, interface: &Interface) -> Result<(), OpenError> {
        for group in [ALL_RELAY_AGENTS_AND_SERVERS, ALL_SERVERS] {
            match self.channel.socket().join_multicast_v6(&group, interface.index) {
                Err(source) if source.kind() != io::ErrorKind::AddrInUse => {
                    return Err(OpenError::Interface { interface: interface.name.clone(), source });
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// The address the socket is bound to, with the port the system chose where 0 was asked for.
    #[must_use]
    pub const fn local_address(&self) -> SocketAddrV6 {
        self.local_address
    }

    /// Waits for datagrams and takes all that wait, as far as the batch has room. Dropped while it waits, it takes none.
    ///
    /// # Errors
    /// What befell the socket; it may be well again the next time.
    pub async fn receive_many<'b>(&self, batch: &'b mut Batch) -> io::Result<impl Iterator<Item = Received6<'b>>> {
        self.channel.receive(batch).await?;
        Ok(batch.iter().filter_map(|it| match (it.source, it.destination, it.interface) {
            (SocketAddr::V6(source), Some(IpAddr::V6(destination)), Some(interface)) => {
                Some(Received6 { bytes: it.bytes, source, destination, interface })
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
