//! The decision about one message (RFC 2131 §4.3).

use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};

use dhcp::v4::MessageType;

use super::{
    compose::{Material, Reply, compose},
    destination::destination,
    machine::Datagram,
    request::{Port, Request},
};
use crate::{
    action::{Action, Outgoing, Pending, Probe},
    lease::{Book, ClientKey, Lease, Lent, Standing},
    moment::Moment,
    note::{Event, Ignored, Note, ServerName},
    policy::{Answer, Dhcp4Policy, Directory, Subnet},
};

/// What is known of a request before anything is decided.
pub(super) struct Case<'a> {
    pub(super) request: &'a Request,
    pub(super) source: SocketAddrV4,
    /// The address by which the client knows this server.
    pub(super) server: Ipv4Addr,
    subnet: Option<(usize, &'a Subnet<Ipv4Addr>)>,
    pub(super) answer: Answer<'a>,
    now: Moment,
}

/// What a message leads to.
pub(super) enum Decision {
    /// Say this.
    Say(Reply, Event),
    /// Say this when the address is free.
    SayIfFree(Ipv4Addr, Reply, Event),
    /// Decide anew when this address is free.
    LendIfFree(Ipv4Addr),
    /// Write this, and say that; or else refuse.
    Lend(Lease, Reply, Event),
    /// Write this, and say nothing.
    Record(Lease, Event),
}

impl<'a> Case<'a> {
    pub(super) fn new(
        now: Moment,
        policy: &'a Dhcp4Policy,
        request: &'a Request,
        datagram: &Datagram<'_>,
        directory: &'a Directory,
    ) -> Result<Self, Ignored> {
        let rules = policy.rules();
        let source = datagram.source;
        let numbered = request.kind == MessageType::Inform || request.port == Port::Boot;
        let subnet = match request.relay() {
            // RFC 2131 §4.3.5: a client that has its address is where that address is.
            None if numbered => {
                let of_address = |address: Ipv4Addr| {
                    let place = rules.subnets().iter().position(|subnet| subnet.network().contains(address))?;
                    rules.subnets().get(place).map(|subnet| (place, subnet))
                };
                let current = request.current().or_else(|| Some(*source.ip()));
                current.and_then(of_address)
            }
            _ => rules.subnet_of(&request.client, request.selected(), &datagram.arrival),
        };
        // A relay agent that is asked to forward to anybody would be a gun in anybody's hand: its own address must be one that is known.
        if let Some(relay) = request.relay().filter(|it| !rules.subnets().iter().any(|s| s.is_behind((*it).into()))) {
            return Err(Ignored::OtherNetwork { relay: Some(relay.into()) });
        }
        let answer = rules.answer(&request.client, subnet.map(|(_, subnet)| subnet), directory);
        if let Some(origin) = answer.silence() {
            return Err(Ignored::Silenced(origin.to_string()));
        }
        if answer.known().is_none() && rules.ignores_strangers() {
            return Err(Ignored::Stranger);
        }
        let own = datagram.arrival.addresses;
        let nearest = || own.iter().find(|it| subnet.is_some_and(|(_, subnet)| subnet.network().contains(**it)));
        let server = request
            .server_override()
            .or_else(|| policy.server_identifier())
            .or_else(|| nearest().or_else(|| own.first()).copied())
            .ok_or(Ignored::NoSubnet)?;
        Ok(Self { request, source, server, subnet, answer, now })
    }

    /// `found_free` is the address that was looked for on the wire already.
    pub(super) fn decide(
        &self,
        policy: &Dhcp4Policy,
        book: &mut Book<Ipv4Addr>,
        found_free: Option<Ipv4Addr>,
    ) -> Result<Decision, Ignored> {
        match self.request.kind {
            MessageType::Discover => self.discover(policy, book, found_free),
            MessageType::Request => self.request(book),
            MessageType::Decline => self.decline(book),
            MessageType::Release => self.release(book),
            MessageType::Inform => self.inform(policy).map(|(reply, event)| Decision::Say(reply, event)),
            MessageType::Offer | MessageType::Ack | MessageType::Nak => Err(Ignored::NotFromClient),
        }
    }

    /// RFC 2131 §4.3.1.
    fn discover(
        &self,
        policy: &Dhcp4Policy,
        book: &mut Book<Ipv4Addr>,
        found_free: Option<Ipv4Addr>,
    ) -> Result<Decision, Ignored> {
        let (place, _) = self.subnet(policy)?;
        let key = self.key();
        let reserved = self.reserved().filter(|address| self.is_free_for(book, *address, &key));
        let known = self.answer.known().is_some();
        let address = match reserved {
            Some(address) => address,
            None => book
                .offer(place, &self.request.key, self.request.requested(), known, self.now)
                .ok_or(Ignored::PoolExhausted)?,
        };
        // RFC 2131 §3.1: an address that nobody had lately is looked for on the wire first. Behind a relay agent that is as good.
        let fresh = reserved.is_none() && book.lease(address).is_none_or(|lease| lease.client != self.request.key);
        let probe = fresh && policy.conflict_check() && found_free != Some(address);
        // RFC 4039 §3.1: two messages where the client says that they are enough. Nobody else looks for the address then but the client.
        if self.request.rapid_commit {
            if probe {
                return Ok(Decision::LendIfFree(address));
            }
            let lease = self.lease(address, if reserved.is_some() { key } else { self.request.key.clone() });
            return Ok(Decision::Lend(lease, Reply::Grant(address), Event::Granted(address.into())));
        }
        let (reply, event) = (Reply::Offer(address), Event::Offered(address.into()));
        Ok(if probe { Decision::SayIfFree(address, reply, event) } else { Decision::Say(reply, event) })
    }

    /// RFC 2131 §4.3.2: which of the four kinds of DHCPREQUEST it is follows from three fields.
    fn request(&self, book: &mut Book<Ipv4Addr>) -> Result<Decision, Ignored> {
        self.meant_for_us(book)?;
        match (self.request.server(), self.request.current(), self.request.requested()) {
            // SELECTING (RFC 2131 table 5: whatever `ciaddr` says counts as 0): the client takes our offer. Whatever cannot be granted is
            // refused, so that it starts again.
            (Some(_), _, Some(address)) => self.grant(book, address, Unknown::Refuse),
            // RENEWING and REBINDING: the client has its address and is believed, unless someone else has it.
            (_, Some(address), _) => self.grant(book, address, Unknown::Silent),
            // INIT-REBOOT: the client remembers an address. Without a record of the client a server must be silent.
            (None, None, Some(address)) => self.reboot(book, address),
            (_, None, None) => Err(Ignored::AddressMissing(self.request.kind)),
        }
    }

    fn reboot(&self, book: &Book<Ipv4Addr>, address: Ipv4Addr) -> Result<Decision, Ignored> {
        let (_, subnet) = self.in_subnet()?;
        let recorded = self.reserved().or_else(|| book.address_of(&self.request.key));
        // RFC 2131 §4.3.2: an address of another network is refused even to a stranger.
        if subnet.network().contains(address) && recorded.is_none() {
            return Err(Ignored::NoRecord(address.into()));
        }
        if recorded != Some(address) {
            return Ok(refuse(address));
        }
        self.grant(book, address, Unknown::Refuse)
    }

    fn grant(&self, book: &Book<Ipv4Addr>, address: Ipv4Addr, unknown: Unknown) -> Result<Decision, Ignored> {
        let (place, subnet) = self.in_subnet()?;
        let lend = |key: ClientKey| {
            Decision::Lend(self.lease(address, key), Reply::Grant(address), Event::Granted(address.into()))
        };
        // RFC 2131 §4.3.2: whoever moved to another network starts again.
        if !subnet.network().contains(address) {
            return Ok(refuse(address));
        }
        // Whoever has a reservation gets that address and no other, unless somebody still has it.
        let key = self.key();
        if let Some(reserved) = self.reserved().filter(|reserved| self.is_free_for(book, *reserved, &key)) {
            return Ok(if reserved == address { lend(key) } else { refuse(address) });
        }
        match (book.may_have(place, &self.request.key, address, self.now), unknown) {
            (Lent::Yes, _) => Ok(lend(self.request.key.clone())),
            (Lent::Taken, _) | (Lent::NotOurs, Unknown::Refuse) => Ok(refuse(address)),
            (Lent::NotOurs, Unknown::Silent) => Err(Ignored::NoRecord(address.into())),
        }
    }

    /// RFC 2131 §4.3.3.
    fn decline(&self, book: &mut Book<Ipv4Addr>) -> Result<Decision, Ignored> {
        self.meant_for_us(book)?;
        let address = self.request.requested().ok_or(Ignored::AddressMissing(self.request.kind))?;
        self.held(book, address)?;
        Ok(Decision::Record(conflict(address, self.now), Event::Declined(address.into())))
    }

    /// RFC 2131 §4.3.4.
    fn release(&self, book: &mut Book<Ipv4Addr>) -> Result<Decision, Ignored> {
        self.meant_for_us(book)?;
        let address = self.request.current().ok_or(Ignored::AddressMissing(self.request.kind))?;
        let lease = self.held(book, address)?;
        Ok(Decision::Record(Lease { since: self.now, expires: self.now, ..lease }, Event::Released(address.into())))
    }

    /// The lease that this client has of this address, whichever of its keys it stands under.
    fn held(&self, book: &Book<Ipv4Addr>, address: Ipv4Addr) -> Result<Lease, Ignored> {
        let lease = book.lease(address).filter(|lease| lease.standing == Standing::Lent && lease.holds(self.now));
        let theirs = lease.filter(|lease| lease.client == self.request.key || lease.client == self.key());
        theirs.cloned().ok_or_else(|| Ignored::NoRecord(address.into()))
    }

    /// RFC 2131 §3.1 step 4: a message that names another server also declines our offer.
    fn meant_for_us(&self, book: &mut Book<Ipv4Addr>) -> Result<(), Ignored> {
        match self.request.server() {
            Some(other) if other != self.server => {
                book.withdraw_offer(&self.request.key);
                Err(Ignored::OtherServer(ServerName::Address(other.into())))
            }
            _ => Ok(()),
        }
    }

    /// RFC 2131 §4.3.5. `ciaddr` is whatever the sender likes: without a check this server would send a long answer to
    /// anybody whom a short message names.
    pub(super) fn inform(&self, policy: &Dhcp4Policy) -> Result<(Reply, Event), Ignored> {
        let address = self.informed_address(policy)?;
        Ok((Reply::Inform, Event::Informed(address.into())))
    }

    /// The address of a client that has one and is answered there.
    pub(super) fn informed_address(&self, policy: &Dhcp4Policy) -> Result<Ipv4Addr, Ignored> {
        let numbered = Some(*self.source.ip()).filter(|address| !address.is_unspecified());
        let address = self.request.current().or(numbered);
        let address = address.ok_or(Ignored::AddressMissing(self.request.kind))?;
        // Without a subnet only the sender itself is answered.
        let known = self.subnet.is_some() || (policy.rules().subnets().is_empty() && numbered == Some(address));
        if known {
            Ok(address)
        } else {
            Err(Ignored::Elsewhere { address: self.request.relay().unwrap_or(address).into() })
        }
    }

    fn in_subnet(&self) -> Result<(usize, &'a Subnet<Ipv4Addr>), Ignored> {
        self.subnet.ok_or(Ignored::OtherNetwork { relay: self.request.client.relay })
    }

    fn subnet(&self, policy: &Dhcp4Policy) -> Result<(usize, &'a Subnet<Ipv4Addr>), Ignored> {
        if policy.rules().subnets().is_empty() { Err(Ignored::NoSubnet) } else { self.in_subnet() }
    }

    fn reserved(&self) -> Option<Ipv4Addr> {
        Some(self.subnet?.1.reserved_for(&self.request.client)?.address())
    }

    /// The key under which a reserved address is recorded: firmware and system of one machine send different identifiers.
    fn key(&self) -> ClientKey {
        match self.reserved() {
            Some(_) => ClientKey::v4(None, &self.request.message.hardware),
            None => self.request.key.clone(),
        }
    }

    fn is_free_for(&self, book: &Book<Ipv4Addr>, address: Ipv4Addr, key: &ClientKey) -> bool {
        book.lease(address).is_none_or(|lease| lease.client == *key || !lease.holds(self.now))
    }

    /// The record that ends the lease which the client had before this one: whoever shares the store may give that address to others.
    fn former(&self, book: &Book<Ipv4Addr>, lease: &Lease) -> Option<Lease> {
        let former = book.address_of(&lease.client).and_then(|former| book.lease(former))?;
        let ends = former.address != lease.address && former.standing == Standing::Lent && former.holds(self.now);
        ends.then(|| Lease { since: self.now, expires: self.now, ..former.clone() })
    }

    fn lease(&self, address: Ipv4Addr, client: ClientKey) -> Lease {
        let printable = |name: &&String| name.len() <= 63 && name.chars().all(|c| c.is_ascii_graphic());
        Lease {
            address: address.into(),
            client,
            mac: self.request.client.mac,
            host_name: self.request.client.host_name.as_ref().filter(printable).map(|name| name.as_str().into()),
            standing: Standing::Lent,
            since: self.now,
            expires: self.now.plus(self.answer.lease_seconds()),
        }
    }

    /// What sends this reply at once.
    pub(super) fn say(
        &self,
        policy: &Dhcp4Policy,
        reply: Reply,
        event: Event,
        note: impl Fn(Event) -> Note,
    ) -> Result<Vec<Action<Ipv4Addr>>, Ignored> {
        let (outgoing, shortened) = self.outgoing(policy, reply)?;
        let notes = std::iter::once(event).chain(shortened).map(|event| Action::Note(note(event)));
        Ok(std::iter::once(Action::Send(outgoing)).chain(notes).collect())
    }

    fn outgoing(&self, policy: &Dhcp4Policy, reply: Reply) -> Result<(Outgoing, Option<Event>), Ignored> {
        let mask = self.subnet.map(|(_, subnet)| subnet.network().mask());
        let material = Material { server: self.server, mask, answer: &self.answer };
        let composed = compose(self.request, reply, material)?;
        let destination = destination(policy.client_port(), self.request, self.source, reply);
        Ok((Outgoing { destination, bytes: composed.bytes }, composed.shortened))
    }

    pub(super) fn carry_out(
        &self,
        policy: &Dhcp4Policy,
        book: &mut Book<Ipv4Addr>,
        decision: Decision,
        datagram: &Datagram<'_>,
        note: impl Fn(Event) -> Note,
    ) -> Result<Vec<Action<Ipv4Addr>>, Ignored> {
        let outgoing = |reply| self.outgoing(policy, reply);
        let notes = |event, shortened: Option<Event>| -> Vec<Note> {
            std::iter::once(event).chain(shortened).map(&note).collect()
        };
        let probe = |address, reply, notes| {
            let (client, datagram) = (self.request.client.mac, datagram.bytes.to_vec());
            vec![Action::Probe(Box::new(Probe { address, client, datagram, reply, notes }))]
        };
        Ok(match decision {
            Decision::Say(reply, event) => {
                return self.say(policy, reply, event, note);
            }
            Decision::SayIfFree(address, reply, event) => {
                let (reply, shortened) = outgoing(reply)?;
                probe(address, Some(reply), notes(event, shortened))
            }
            // The note is for when the address is in use.
            Decision::LendIfFree(address) => probe(address, None, notes(Event::Offered(address.into()), None)),
            Decision::Lend(lease, reply, event) => {
                let (reply, shortened) = outgoing(reply)?;
                let (refusal, _) = outgoing(Reply::Refuse)?;
                let leases: Vec<_> = self.former(book, &lease).into_iter().chain(std::iter::once(lease)).collect();
                let before = leases.iter().filter_map(|lease| book.record(lease.clone())).collect();
                let notes = notes(event, shortened);
                // RFC 4039 §3.1: a DISCOVER is refused by silence.
                let refusal = Some(refusal).filter(|_| self.request.kind == MessageType::Request);
                let pending = Pending { leases, before, reply: Some(reply), refusal, notes, clock_set: 0 };
                vec![Action::Write(Box::new(pending))]
            }
            Decision::Record(lease, event) => {
                let before = book.record(lease.clone()).into_iter().collect();
                let notes = notes(event, None);
                let pending = Pending { leases: vec![lease], before, reply: None, refusal: None, notes, clock_set: 0 };
                vec![Action::Write(Box::new(pending))]
            }
        })
    }
}

/// What becomes of a request for an address of the network that this server does not give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unknown {
    /// The client chose us, so it is told to start again.
    Refuse,
    /// Another server may have lent it.
    Silent,
}

fn refuse(address: Ipv4Addr) -> Decision {
    Decision::Say(Reply::Refuse, Event::Refused(address.into()))
}

/// The record of an address that a host uses which never asked for it.
pub(super) fn conflict(address: Ipv4Addr, now: Moment) -> Lease {
    Lease {
        address: IpAddr::V4(address),
        client: ClientKey::nobody(),
        mac: None,
        host_name: None,
        standing: Standing::Conflict,
        since: now,
        expires: now.plus(Book::<Ipv4Addr>::CONFLICT_SECONDS),
    }
}
