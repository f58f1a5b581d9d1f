//! The sockets of multicast DNS.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket},
};

use pki::key;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};

use super::{
    collector::Expected,
    link::{Interface, Link},
};
use crate::dns::question::{Manner, Question};

/// The port of multicast DNS (RFC 6762 §3).
pub(super) const PORT: u16 = 5353;

const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

/// RFC 6762 §11: what is sent cannot have passed a router.
const HOPS: u32 = 255;

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V4,
    V6,
}

/// A socket that asks over one version of IP.
#[derive(Debug)]
pub(super) struct Channel {
    socket: UdpSocket,
    version: Version,
    expected: Expected,
}

impl Channel {
    /// A channel for each version of IP that this system has.
    pub(super) fn open_all(link: &Link) -> io::Result<Vec<Self>> {
        let mut opened = Vec::new();
        let mut failed = None;
        for version in [Version::V4, Version::V6] {
            match Self::open(version, link) {
                Ok(channel) => opened.push(channel),
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) if opened.is_empty() => Err(error),
            _ => Ok(opened),
        }
    }

    /// At the port of multicast DNS, beside whoever else is there; where that is not to be had, at any port.
    fn open(version: Version, link: &Link) -> io::Result<Self> {
        let joined = bound(version, PORT).map(|socket| {
            link.interfaces().iter().for_each(|interface| join(&socket, version, interface));
            Self { socket, version, expected: Expected::Group }
        });
        joined.or_else(|_| {
            // RFC 6762 §6.7: who asks from another port is answered like an ordinary resolver, with id and question.
            let id = key::random().map(u16::from_be_bytes).map_err(io::Error::other)?;
            Ok(Self { socket: bound(version, 0)?, version, expected: Expected::Reply { id } })
        })
    }

    pub(super) const fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    pub(super) const fn expected(&self) -> Expected {
        self.expected
    }

    /// Sends the question on one interface, for the `number`th time, from 0.
    pub(super) fn send(&self, question: &Question, interface: &Interface, number: usize) -> io::Result<()> {
        let message = match (self.expected, number) {
            // RFC 6762 §5.4: who has just come needs the answer alone. §15.1: where another program shares the port, it may
            // be the one that gets it, so the next time the answer is to go to all.
            (Expected::Group, 0) => question.encode(0, Manner::MulticastUnicastReply),
            (Expected::Group, _) => question.encode(0, Manner::Multicast),
            (Expected::Reply { id }, _) => question.encode(id, Manner::Multicast),
        };
        let group: SocketAddr = match self.version {
            Version::V4 => {
                let any = Ipv4Addr::UNSPECIFIED;
                sockopt::set_ip_multicast_if_with_ifindex(&self.socket, &GROUP_V4, &any, interface.index())?;
                (GROUP_V4, PORT).into()
            }
            Version::V6 => SocketAddrV6::new(GROUP_V6, PORT, 0, interface.index()).into(),
        };
        self.socket.send_to(&message, group).map(drop)
    }
}

fn bound(version: Version, port: u16) -> io::Result<UdpSocket> {
    let family = match version {
        Version::V4 => AddressFamily::INET,
        Version::V6 => AddressFamily::INET6,
    };
    let socket = socket_with(family, SocketType::DGRAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    if port != 0 {
        // RFC 6762 §15.
        sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    match version {
        Version::V4 => {
            sockopt::set_ip_multicast_ttl(&socket, HOPS)?;
            bind(&socket, &SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))?;
        }
        Version::V6 => {
            sockopt::set_ipv6_v6only(&socket, true)?;
            sockopt::set_ipv6_multicast_hops(&socket, HOPS)?;
            bind(&socket, &SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)))?;
        }
    }
    Ok(socket.into())
}

/// Answers to the group are heard on interfaces that have joined it. One that cannot is heard by what comes to us alone.
fn join(socket: &UdpSocket, version: Version, interface: &Interface) {
    drop(match version {
        Version::V4 => {
            let any = Ipv4Addr::UNSPECIFIED;
            sockopt::set_ip_add_membership_with_ifindex(socket, &GROUP_V4, &any, interface.index())
                .map_err(io::Error::from)
        }
        Version::V6 => socket.join_multicast_v6(&GROUP_V6, interface.index()),
    });
}
