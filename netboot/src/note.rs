//! What the operator is told about each datagram.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use dhcp::{
    v4::{self, HardwareAddress, MessageType, TransactionId},
    v6,
};
use thiserror::Error;
use verdict::ReasonCode;

/// What became of one datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where the datagram came from.
    pub source: SocketAddr,
    /// Who the client is, once that could be read.
    pub client: Option<ClientName>,
    /// What happened.
    pub event: Event,
}

/// A client as logs name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientName {
    /// A DHCPv4 client: its hardware address, and the transaction.
    V4(HardwareAddress, TransactionId),
    /// A DHCPv6 client: its DUID, and the transaction.
    V6(Box<[u8]>, v6::TransactionId),
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(hardware, transaction) => write!(f, "{hardware} ({transaction})"),
            Self::V6(duid, v6::TransactionId([a, b, c])) => {
                // A DUID may be long, and is whatever its sender likes.
                duid.iter().take(32).try_for_each(|octet| write!(f, "{octet:02x}"))?;
                write!(f, " ({a:02x}{b:02x}{c:02x})")
            }
        }
    }
}

/// What a datagram led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An address was offered.
    Offered(IpAddr),
    /// An address was lent, or its lease extended.
    Granted(IpAddr),
    /// A request for an address was refused: the client has to start again.
    Refused(IpAddr),
    /// A client got what it asked for, and no address.
    Informed(IpAddr),
    /// A client was told what to boot, beside the server that gives it its address.
    BootOffered,
    /// A client that has its address was told what to boot.
    BootServed(IpAddr),
    /// A client gave its address back.
    Released(IpAddr),
    /// A client found its address in use by another host.
    Declined(IpAddr),
    /// The conflict check found an address in use that was about to be offered.
    InUse(IpAddr),
    /// The reply had to be shortened to what the client accepts (RFC 2132 §9.10).
    Shortened {
        /// Bootstrap URIs left out, from the end of the list.
        uris_left_out: usize,
        /// Options left out altogether.
        options_left_out: Vec<u16>,
    },
    /// A client spoke with a DHCP server that nobody told this one of. In DHCPv6 it is named by its DUID.
    OtherServer(ServerName),
    /// A client was told that it gets nothing of what it asked for, and why.
    Denied(Ignored),
    /// Nothing was answered.
    Ignored(Ignored),
}

/// How DHCP servers are named.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ServerName {
    /// Its address: option 54.
    Address(IpAddr),
    /// Its DUID: option 2 of DHCPv6.
    Duid(Box<[u8]>),
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Duid(duid) => duid.iter().take(32).try_for_each(|octet| write!(f, "{octet:02x}")),
        }
    }
}

impl Event {
    /// The event's name in logs and metrics, kebab-case.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Offered(_) => "offered",
            Self::Granted(_) => "granted",
            Self::Refused(_) => "refused",
            Self::Informed(_) => "informed",
            Self::BootOffered => "boot-offered",
            Self::BootServed(_) => "boot-served",
            Self::Released(_) => "released",
            Self::Declined(_) => "declined",
            Self::InUse(_) => "in-use",
            Self::Shortened { .. } => "shortened",
            Self::OtherServer(_) => "other-server",
            Self::Denied(_) => "denied",
            Self::Ignored(_) => "ignored",
        }
    }

    /// The address the event is about.
    #[must_use]
    pub const fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Offered(address)
            | Self::Granted(address)
            | Self::Refused(address)
            | Self::Informed(address)
            | Self::BootServed(address)
            | Self::Released(address)
            | Self::Declined(address)
            | Self::InUse(address) => Some(*address),
            Self::BootOffered | Self::Shortened { .. } | Self::OtherServer(_) | Self::Denied(_) | Self::Ignored(_) => {
                None
            }
        }
    }

    /// Why a client got nothing.
    #[must_use]
    pub const fn because(&self) -> Option<&Ignored> {
        match self {
            Self::Denied(because) | Self::Ignored(because) => Some(because),
            _ => None,
        }
    }
}

/// Why a datagram was not answered, or answered with nothing of what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Ignored {
    /// It is no DHCPv4 message. The sender's fault.
    #[error(transparent)]
    Malformed(#[from] v4::DecodeError),
    /// One of its options is malformed. The sender's fault.
    #[error(transparent)]
    OptionMalformed(#[from] v4::OptionError),
    /// It is no DHCPv6 message. The sender's fault.
    #[error(transparent)]
    MalformedV6(#[from] v6::DecodeError),
    /// One of its options is malformed. The sender's fault.
    #[error(transparent)]
    OptionMalformedV6(#[from] v6::OptionError),
    /// It lacks what its type demands, or has what its type forbids (RFC 8415 §16). The sender's fault.
    #[error("a message of type {kind} {fault}")]
    Invalid {
        /// The type.
        kind: &'static str,
        /// What is wrong.
        fault: &'static str,
    },
    /// It is a reply, or a message that only servers send.
    #[error("not a client's message")]
    NotFromClient,
    /// It has no DHCP message type: plain BOOTP.
    #[error("no DHCP message type")]
    Bootp,
    /// The client chose another server.
    #[error("meant for the server {0}")]
    OtherServer(ServerName),
    /// It names no address where the message type demands one. The sender's fault.
    #[error("{0} names no address")]
    AddressMissing(MessageType),
    /// It passed more relay agents than there can be (RFC 1542 §4.1.1, RFC 8415 §19.1.2): they form a loop.
    #[error("passed {hops} relay agents: they form a loop")]
    RelayLoop {
        /// How many.
        hops: u8,
    },
    /// This server gives no addresses.
    #[error("no subnet is configured")]
    NoSubnet,
    /// It comes from a network that is not configured.
    #[error("its network is none that is served here{}", relay.map(|it| format!(": relay agent {it}")).unwrap_or_default())]
    OtherNetwork {
        /// The relay agent, if it came through one.
        relay: Option<IpAddr>,
    },
    /// It asks for an answer to an address that is neither the sender's own nor of a network served here.
    #[error("an answer to {address} is asked for, which is neither the sender's nor served here")]
    Elsewhere {
        /// The address to be answered.
        address: IpAddr,
    },
    /// Every address is lent, offered or in conflict.
    #[error("no address is free")]
    PoolExhausted,
    /// The client speaks of an address this server knows nothing about.
    #[error("no record of {0} for this client")]
    NoRecord(IpAddr),
    /// The configuration says that this client gets no answer.
    #[error("not answered, as {0} says")]
    Silenced(String),
    /// The client is not on the owner's list, and strangers get no answer.
    #[error("not on the owner's list")]
    Stranger,
    /// It is no boot firmware, and this server only tells those what to boot.
    #[error("no boot firmware")]
    NotFirmware,
    /// It asks for an address, or speaks of one, where only boot firmware is answered.
    #[error("addresses are another server's business")]
    AddressAsked,
    /// There is nothing to tell it.
    #[error("nothing is configured for it to boot")]
    NothingToBoot,
    /// Not even the shortest reply fits what the client accepts.
    #[error("the reply does not fit what the client accepts")]
    ReplyTooLong,
    /// The lease could not be made durable.
    #[error("the lease could not be kept: {0}")]
    NotKept(String),
    /// More is under way than can be finished; what was begun goes first.
    #[error("too much is under way")]
    Busy,
}

impl Ignored {
    /// The reason's name in metrics, kebab-case.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::MalformedV6(_) => "malformed",
            Self::OptionMalformed(_) | Self::OptionMalformedV6(_) => "option-malformed",
            Self::Invalid { .. } => "invalid",
            Self::NotFromClient => "not-from-client",
            Self::Bootp => "bootp",
            Self::OtherServer(_) => "other-server",
            Self::AddressMissing(_) => "address-missing",
            Self::RelayLoop { .. } => "relay-loop",
            Self::NoSubnet => "no-subnet",
            Self::OtherNetwork { .. } => "other-network",
            Self::Elsewhere { .. } => "elsewhere",
            Self::PoolExhausted => "pool-exhausted",
            Self::NoRecord(_) => "no-record",
            Self::Silenced(_) => "silenced",
            Self::Stranger => "stranger",
            Self::NotFirmware => "not-firmware",
            Self::AddressAsked => "address-asked",
            Self::NothingToBoot => "nothing-to-boot",
            Self::ReplyTooLong => "reply-too-long",
            Self::NotKept(_) => "not-kept",
            Self::Busy => "busy",
        }
    }

    /// The reason code an operator sees; `None` where silence is what the protocol wants.
    #[must_use]
    pub const fn reason(&self) -> Option<ReasonCode> {
        match self {
            Self::Malformed(error) => Some(error.reason()),
            Self::OptionMalformed(error) => Some(error.reason()),
            Self::MalformedV6(error) => Some(error.reason()),
            Self::OptionMalformedV6(error) => Some(error.reason()),
            Self::AddressMissing(_) | Self::Invalid { .. } => Some(ReasonCode::DhcpMalformed),
            Self::RelayLoop { .. } => Some(ReasonCode::DhcpRelayLoop),
            Self::PoolExhausted => Some(ReasonCode::DhcpPoolExhausted),
            Self::NoRecord(_) => Some(ReasonCode::DhcpNoRecord),
            Self::OtherNetwork { .. } | Self::Elsewhere { .. } => Some(ReasonCode::DhcpWrongNetwork),
            Self::NotKept(_) => Some(ReasonCode::DhcpLeaseNotKept),
            Self::Busy => Some(ReasonCode::DhcpBusy),
            Self::NotFromClient
            | Self::Bootp
            | Self::OtherServer(_)
            | Self::NoSubnet
            | Self::Silenced(_)
            | Self::Stranger
            | Self::NotFirmware
            | Self::AddressAsked
            | Self::NothingToBoot
            | Self::ReplyTooLong => None,
        }
    }
}
