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
    /// By how many seconds the clock was set since the records were handed to the store.
    pub(crate) clock_set: i64,
}

/// Whether records were handed to the store already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandedOver {
    /// The store has them, and their moments cannot be changed any more.
    Yes,
    /// They wait.
    NotYet,
}

impl<A> Pending<A> {
    /// The clock was set by this many seconds: records that wait, and what is put back when they cannot be written, are dated by it.
    pub fn clock_set(&mut self, by: i64, handed_over: HandedOver) {
        self.before.iter_mut().for_each(|before| before.clock_set(by));
        match handed_over {
            HandedOver::Yes => self.clock_set = self.clock_set.saturating_add(by),
            HandedOver::NotYet => {
                let leases = std::mem::take(&mut self.leases);
                self.leases = leases.into_iter().map(|lease| lease.moved(by)).collect();
            }
        }
    }
}

/// An address that is about to be offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe<A> {
    /// The address to find out about.
    pub address: A,
    /// The hardware address of the client that is to get it: when that answers, there is no conflict.
    pub client: Option<MacAddress>,
    /// The request that waits, to be looked at once more when the address is in use, or when it is lent at once (RFC 4039).
    pub(crate) datagram: Vec<u8>,
    /// What the client hears when the address is free; without it, the request is decided anew.
    pub(crate) reply: Option<Outgoing>,
    /// What the operator hears then.
    pub(crate) notes: Vec<Note>,
}
