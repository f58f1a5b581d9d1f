//! What is known of a request before anything is decided, and what may be decided.

use std::net::Ipv6Addr;

use dhcp::v6::Duid;

use super::{compose::Reply, machine::Datagram, request::Request};
use crate::{
    lease::{Book, ClientKey, Lease, Standing},
    moment::Moment,
    note::{Event, Ignored},
    policy::{Answer, Dhcp6Policy, Directory, Subnet},
};

/// What is known of a request before anything is decided.
pub(super) struct Case<'a> {
    pub(super) policy: &'a Dhcp6Policy,
    pub(super) request: &'a Request,
    pub(super) datagram: &'a Datagram<'a>,
    /// Where the client is.
    pub(super) subnet: Option<(usize, &'a Subnet<Ipv6Addr>)>,
    /// What it is given.
    pub(super) answer: Answer<'a>,
    pub(super) now: Moment,
}

/// What a message leads to.
pub(super) enum Decision<'a> {
    /// Say this.
    Say(Reply<'a>, Vec<Event>),
    /// Write these, and say the first; when another client has one of the addresses, the second.
    Write { leases: Vec<Lease>, reply: Reply<'a>, refusal: Option<Reply<'a>>, events: Vec<Event> },
}

impl<'a> Case<'a> {
    pub(super) fn new(
        now: Moment,
        policy: &'a Dhcp6Policy,
        request: &'a Request,
        datagram: &'a Datagram<'a>,
        directory: &'a Directory,
    ) -> Result<Self, Ignored> {
        let rules = policy.rules();
        // RFC 8415 §13.1: by the address that a relay agent gives the client's link, else by the interface.
        let subnet = rules.subnet_of(&request.client, None, &datagram.arrival);
        // Whoever writes from far away gets an answer only for a network that is known: its own address may be another's.
        if request.client.relay.is_some() && subnet.is_none() {
            return Err(Ignored::OtherNetwork { relay: request.client.relay });
        }
        let answer = rules.answer(&request.client, subnet.map(|(_, subnet)| subnet), directory);
        if let Some(origin) = answer.silence() {
            return Err(Ignored::Silenced(origin.to_string()));
        }
        if answer.known().is_none() && rules.ignores_strangers() {
            return Err(Ignored::Stranger);
        }
        Ok(Self { policy, request, datagram, subnet, answer, now })
    }

    /// Where the client is, for messages that make no sense elsewhere.
    pub(super) fn in_subnet(&self) -> Result<(usize, &'a Subnet<Ipv6Addr>), Ignored> {
        if self.policy.rules().subnets().is_empty() {
            return Err(Ignored::NoSubnet);
        }
        self.subnet.ok_or(Ignored::OtherNetwork { relay: self.request.client.relay })
    }

    /// Whether an address fits the client's link, as far as the configuration knows: several networks may be on one.
    pub(super) fn is_on_link(&self, address: Ipv6Addr) -> bool {
        let arrival = &self.datagram.arrival;
        self.policy.rules().subnets().iter().filter(|subnet| subnet.network().contains(address)).any(
            |subnet| match self.request.client.relay {
                Some(relay) => subnet.is_behind(relay),
                None => subnet.is_on(arrival.interface, arrival.addresses),
            },
        )
    }

    /// By what the leases of an association are found.
    pub(super) fn key(&self, iaid: u32) -> ClientKey {
        ClientKey::v6(self.request.duid.as_ref().map(Duid::as_bytes).unwrap_or_default(), iaid)
    }

    /// The address that is kept for this client, if this association can have it.
    pub(super) fn reserved(&self, book: &Book<Ipv6Addr>, key: &ClientKey, chosen: &[Ipv6Addr]) -> Option<Ipv6Addr> {
        let address = self.subnet?.1.reserved_for(&self.request.client)?.address();
        let holder = book.lease(address).filter(|lease| lease.holds(self.now));
        let can_have = match holder {
            None => true,
            Some(lease) if lease.standing == Standing::Conflict => false,
            Some(lease) if lease.client == *key => true,
            // Firmware and system of one machine have different DUIDs: the one that runs has it. But one client's interfaces do not take it from
            // one another.
            Some(lease) => lease.client.identifier() != key.identifier(),
        };
        Some(address).filter(|address| can_have && !chosen.contains(address))
    }

    /// What is to be written so that this association has this address: who had it under a reservation loses it, and what the association
    /// had before is free.
    pub(super) fn lend(&self, book: &Book<Ipv6Addr>, key: ClientKey, address: Ipv6Addr) -> Vec<Lease> {
        let held = |lease: &&Lease| lease.standing == Standing::Lent && lease.holds(self.now);
        let other = book.lease(address).filter(held).filter(|lease| lease.client != key);
        let former = book.address_of(&key).filter(|former| *former != address).and_then(|former| book.lease(former));
        let ended = other.into_iter().chain(former.filter(held)).map(|lease| self.ended(lease));
        let printable = |name: &&String| name.len() <= 63 && name.chars().all(|c| c.is_ascii_graphic());
        let lease = Lease {
            address: address.into(),
            client: key.clone(),
            mac: self.request.client.mac,
            host_name: self.request.client.host_name.as_ref().filter(printable).map(|name| name.as_str().into()),
            standing: Standing::Lent,
            since: self.now,
            expires: self.now.plus(self.answer.lease_seconds()),
        };
        ended.chain(std::iter::once(lease)).collect()
    }

    /// The record that ends a lease.
    pub(super) fn ended(&self, lease: &Lease) -> Lease {
        Lease { since: self.now, expires: self.now, ..lease.clone() }
    }

    /// The lease that an association has of an address.
    pub(super) fn held<'b>(&self, book: &'b Book<Ipv6Addr>, key: &ClientKey, address: Ipv6Addr) -> Option<&'b Lease> {
        let held = |lease: &&Lease| lease.standing == Standing::Lent && lease.holds(self.now) && lease.client == *key;
        book.lease(address).filter(held)
    }
}
