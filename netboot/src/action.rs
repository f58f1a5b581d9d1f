//! What a machine wants done.

use std::net::{Ipv4Addr, SocketAddr};

use dhcp::v4::MacAddress;

use crate::{
    lease::{Before, Lease},
    note::Note,
};

/// What is to be done about a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action<A> {
    /// Send this now.
    Send(Outgoing),
    /// Make these records durable, and come back with what became of them: only then may the client hear of it.
    Write(Box<Pending<A>>),
    /// Find out whether a host uses an address, and come back with that: only then is it offered.
    Probe(Box<Probe<A>>),
    /// Tell the operator this.
    Note(Note),
}

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// To whom.
    pub destination: Destination,
    /// The payload.
    pub bytes: Vec<u8>,
}

/// Where a reply goes; always through the interface that the request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To this address and port; 255.255.255.255 is a broadcast.
    Address(SocketAddr),
    /// To a client that does not have its address yet, so that nobody can ask for its hardware address (RFC 2131 §4.1). Where frames cannot be sent,
    /// a broadcast does as well.
    Unnumbered {
        /// The client's hardware address.
        mac: MacAddress,
        /// The address that it is given.
        address: Ipv4Addr,
        /// Its port.
        port: u16,
    },
}

/// Records on their way to the store, and what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending<A> {
    /// The records.
    pub leases: Vec<Lease>,
    /// What was known of each address before.
    pub(crate) before: Vec<Before<A>>,
    /// What the client hears when all are durable.
    pub(crate) reply: Option<Outgoing>,
    /// What it hears when another client has one of the addresses.
    pub(crate) refusal: Option<Outgoing>,
    /// What the operator hears when all are durable.
    pub(crate) notes: Vec<Note>,
}

/// An address that is about to be offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe<A> {
    /// The address to find out about.
    pub address: A,
    /// The request that waits, to be looked at once more when the address is in use.
    pub(crate) datagram: Vec<u8>,
    /// What the client hears when the address is free.
    pub(crate) reply: Outgoing,
    /// What the operator hears then.
    pub(crate) notes: Vec<Note>,
}
