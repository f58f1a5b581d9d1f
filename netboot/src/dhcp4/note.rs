//! What the operator is told about each datagram.

use std::net::{Ipv4Addr, SocketAddrV4};

use dhcp::v4::{DecodeError, HardwareAddress, MessageType, OptionCode, OptionError, TransactionId};
use thiserror::Error;
use verdict::ReasonCode;

use crate::policy::Network;

/// What became of one datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where the datagram came from.
    pub source: SocketAddrV4,
    /// The client's hardware address and transaction, once they could be read.
    pub client: Option<(HardwareAddress, TransactionId)>,
    /// What happened.
    pub event: Event,
}

/// What a datagram led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An address was offered.
    Offered(Ipv4Addr),
    /// An address was lent, or its lease extended.
    Granted(Ipv4Addr),
    /// A request for an address was refused with DHCPNAK: the client has to start again.
    Refused(Ipv4Addr),
    /// A client that has an address got the other parameters.
    Informed(Ipv4Addr),
    /// A client gave its address back.
    Released(Ipv4Addr),
    /// A client found its address in use by another host.
    Declined(Ipv4Addr),
    /// The reply had to be shortened to what the client accepts (RFC 2132 §9.10).
    Shortened {
        /// Bootstrap URIs left out, from the end of the list.
        uris_left_out: usize,
        /// Options left out altogether.
        options_left_out: Vec<OptionCode>,
    },
    /// Nothing was answered.
    Ignored(Ignored),
}

impl Event {
    /// The event's name in logs, kebab-case.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Offered(_) => "offered",
            Self::Granted(_) => "granted",
            Self::Refused(_) => "refused",
            Self::Informed(_) => "informed",
            Self::Released(_) => "released",
            Self::Declined(_) => "declined",
            Self::Shortened { .. } => "shortened",
            Self::Ignored(_) => "ignored",
        }
    }

    /// The address the event is about.
    #[must_use]
    pub const fn address(&self) -> Option<Ipv4Addr> {
        match self {
            Self::Offered(address)
            | Self::Granted(address)
            | Self::Refused(address)
            | Self::Informed(address)
            | Self::Released(address)
            | Self::Declined(address) => Some(*address),
            Self::Shortened { .. } | Self::Ignored(_) => None,
        }
    }
}

/// Why a datagram was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Ignored {
    /// It is no DHCP message. The sender's fault.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// One of its options is malformed. The sender's fault.
    #[error(transparent)]
    OptionMalformed(#[from] OptionError),
    /// It is a reply, or a message that only servers send.
    #[error("not a client's message")]
    NotFromClient,
    /// It has no DHCP message type: plain BOOTP.
    #[error("no DHCP message type")]
    Bootp,
    /// The client chose another server.
    #[error("meant for the server {0}")]
    OtherServer(Ipv4Addr),
    /// It names no address where the message type demands one. The sender's fault.
    #[error("{0} names no address")]
    AddressMissing(MessageType),
    /// This server gives no addresses.
    #[error("no subnet is configured")]
    NoSubnet,
    /// Its relay agent serves another network.
    #[error("the relay agent {relay} is not in {network}")]
    OtherNetwork {
        /// The relay agent.
        relay: Ipv4Addr,
        /// The network that this server serves.
        network: Network,
    },
    /// It asks for an answer to an address that is neither the sender's own nor of a network served here.
    #[error("an answer to {address} is asked for, which is neither the sender's nor served here")]
    Elsewhere {
        /// The address to be answered.
        address: Ipv4Addr,
    },
    /// Every address is lent, offered or in conflict.
    #[error("no address is free")]
    PoolExhausted,
    /// The client speaks of an address this server knows nothing about.
    #[error("no record of {0} for this client")]
    NoRecord(Ipv4Addr),
    /// Not even the shortest reply fits what the client accepts.
    #[error("the reply does not fit what the client accepts")]
    ReplyTooLong,
}

impl Ignored {
    /// The reason code an operator sees; `None` where silence is what the protocol wants.
    #[must_use]
    pub const fn reason(&self) -> Option<ReasonCode> {
        match self {
            Self::Malformed(error) => Some(error.reason()),
            Self::OptionMalformed(error) => Some(error.reason()),
            Self::AddressMissing(_) => Some(ReasonCode::DhcpMalformed),
            Self::PoolExhausted => Some(ReasonCode::DhcpPoolExhausted),
            Self::NoRecord(_) => Some(ReasonCode::DhcpNoRecord),
            Self::OtherNetwork { .. } | Self::Elsewhere { .. } => Some(ReasonCode::DhcpWrongNetwork),
            Self::NotFromClient | Self::Bootp | Self::OtherServer(_) | Self::NoSubnet | Self::ReplyTooLong => None,
        }
    }
}
