//! One datagram in, actions out (RFC 8415 §16, §18.3, §19.3).

use std::net::{Ipv6Addr, SocketAddrV6};

use dhcp::v6::{Duid, MessageType, StatusCode};

use super::{
    case::{Case, Decision},
    compose::{Material, Reply, compose},
    request::{self, Request},
};
use crate::{
    action::{Action, Destination, Outgoing, Pending},
    lease::{Before, Book, ClientKey, Lease, Written},
    moment::Moment,
    note::{Event, Ignored, Note, ServerName},
    policy::{Arrival, ClientPort, Dhcp6Policy, Directory},
};

/// One datagram as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Who sent it.
    pub source: SocketAddrV6,
    /// Where it came in.
    pub arrival: Arrival<'a, Ipv6Addr>,
    /// What it was sent to.
    pub reached_by: ReachedBy,
    /// Its payload.
    pub bytes: &'a [u8],
}

/// What a datagram was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReachedBy {
    /// A group: `ff02::1:2` or `ff05::1:3` (RFC 8415 §7.1).
    Multicast,
    /// An address of this server's own, to which only relay agents may write.
    Unicast,
}

/// A DHCPv6 server without socket or clock.
#[derive(Clone, Debug)]
pub struct Dhcp6Machine {
    policy: Dhcp6Policy,
    duid: Duid,
    book: Book<Ipv6Addr>,
}

impl Dhcp6Machine {
    /// A server that obeys this policy and has lent nothing yet. Clients know it by the DUID in the policy, or by `made` where there is none.
    #[must_use]
    pub fn new(policy: Dhcp6Policy, made: Duid) -> Self {
        let duid = policy.server_duid().cloned().unwrap_or(made);
        let book = policy.rules().book();
        Self { policy, duid, book }
    }

    /// The policy it obeys.
    #[must_use]
    pub const fn policy(&self) -> &Dhcp6Policy {
        &self.policy
    }

    /// By what clients know it.
    #[must_use]
    pub const fn duid(&self) -> &Duid {
        &self.duid
    }

    /// What is recorded of its addresses.
    #[must_use]
    pub const fn book(&self) -> &Book<Ipv6Addr> {
        &self.book
    }

    /// The same, for when the clock is set and what that moves is written again.
    #[must_use]
    pub const fn book_mut(&mut self) -> &mut Book<Ipv6Addr> {
        &mut self.book
    }

    /// Takes one datagram. There is at most one reply, and always a note, now or when what it waits for is done; no input makes it panic.
    pub fn on_datagram(
        &mut self,
        now: Moment,
        datagram: &Datagram<'_>,
        directory: &Directory,
    ) -> Vec<Action<Ipv6Addr>> {
        let source = datagram.source;
        let ignored = |client, ignored| {
            vec![Action::Note(Note { source: source.into(), client, event: Event::Ignored(ignored) })]
        };
        if source.ip().is_unspecified() || source.ip().is_multicast() {
            return ignored(None, Ignored::Elsewhere { address: (*source.ip()).into() });
        }
        let received = match request::open(datagram.bytes) {
            Ok(received) => received,
            Err(because) => return ignored(None, because),
        };
        let name = request::name(&received);
        let request = match Request::new(received, source) {
            Ok(request) => request,
            Err(because) => return ignored(Some(name), because),
        };
        let note = |event| Note { source: source.into(), client: Some(name.clone()), event };
        if let Some(other) = request.server().filter(|server| **server != self.duid) {
            let unexpected = self.other_server(&request, other);
            let passed = Event::Ignored(Ignored::OtherServer(ServerName::Duid(other.as_bytes().into())));
            return unexpected.into_iter().chain([passed]).map(|event| Action::Note(note(event))).collect();
        }
        // Borrowed apart from the book, which changes while the policy is obeyed.
        let (policy, server, book) = (&self.policy, &self.duid, &mut self.book);
        let decided = Case::new(now, policy, &request, datagram, directory).and_then(|case| {
            let decision = match addressed(&request, datagram.reached_by)? {
                Addressed::Well => case.decide(book)?,
                Addressed::Personally => {
                    let fault = "came to the server's own address";
                    let event = Event::Denied(Ignored::Invalid { kind: request.kind.as_str(), fault });
                    Decision::Say(Reply::of_status(StatusCode::USE_MULTICAST, Vec::new()), vec![event])
                }
            };
            let to = destination(policy.client_port(), &request, source);
            carry_out(&request, decision, Material { policy, server, answer: &case.answer }, to, book, note)
        });
        match decided {
            Ok(actions) => actions,
            Err(because) => vec![Action::Note(note(Event::Ignored(because)))],
        }
    }

    /// What became of records that were to be written, in their order, or why the store failed.
    pub fn on_written(
        &mut self,
        pending: Pending<Ipv6Addr>,
        outcome: Result<&[Written], String>,
    ) -> Vec<Action<Ipv6Addr>> {
        let first = pending.notes.first().cloned();
        let about = |event: Event| first.clone().map(|note| Action::Note(Note { event, ..note }));
        match outcome {
            Ok(written) if written.iter().all(|it| *it == Written::Yes) => {
                pending.leases.iter().for_each(|lease| self.book.durable(lease));
                let notes = pending.notes.into_iter().map(Action::Note);
                pending.reply.map(Action::Send).into_iter().chain(notes).collect()
            }
            Ok(written) => {
                self.undo(pending.before);
                let mut refused = None;
                for (lease, written) in pending.leases.into_iter().zip(written) {
                    match written {
                        Written::Yes => {
                            self.book.record(lease.clone().moved(pending.clock_set));
                            self.book.durable(&lease);
                        }
                        Written::Taken(theirs) => {
                            refused = Some(theirs.address);
                            self.book.follow(theirs.as_ref().clone());
                        }
                    }
                }
                let note = refused.and_then(|address| about(Event::Refused(address)));
                pending.refusal.map(Action::Send).into_iter().chain(note).collect()
            }
            // RFC 8415 §18.3.10: what is not durable was not lent. The client asks again.
            Err(because) => {
                self.undo(pending.before);
                about(Event::Ignored(Ignored::NotKept(because))).into_iter().collect()
            }
        }
    }

    /// Takes over what is on record already: at the start, and what other servers wrote since, in the order in which it was written. What this
    /// server is writing itself must not be among it: that is newer.
    pub fn on_followed(&mut self, leases: impl IntoIterator<Item = Lease>) {
        leases.into_iter().for_each(|lease| self.book.follow(lease));
    }

    /// Drops what ended, in steps. `keep_seconds` is how long a client that comes back finds its address again.
    pub fn on_tick(&mut self, now: Moment, keep_seconds: u32) {
        let before = Moment(now.0.saturating_sub(keep_seconds.into()));
        self.book.forget(now, before, FORGOTTEN_AT_ONCE);
    }

    /// A client that takes another server's offer says so to everybody (RFC 8415 §18.2.2): what was offered to it here is free.
    fn other_server(&mut self, request: &Request, server: &Duid) -> Option<Event> {
        if request.kind == MessageType::Request
            && let Some(duid) = &request.duid
        {
            for association in &request.associations {
                self.book.withdraw_offer(&ClientKey::v6(duid.as_bytes(), association.iaid));
            }
        }
        let name = || ServerName::Duid(server.as_bytes().into());
        (!self.policy.expects(server)).then(|| Event::OtherServer(name()))
    }

    /// The newest first, so that what one message did twice is undone to the beginning.
    fn undo(&mut self, before: Vec<Before<Ipv6Addr>>) {
        before.into_iter().rev().for_each(|before| self.book.undo(before));
    }
}

/// Whether a message came the way it has to.
enum Addressed {
    /// It did.
    Well,
    /// The client wrote to this server's own address, which it was never allowed to.
    Personally,
}

fn addressed(request: &Request, reached_by: ReachedBy) -> Result<Addressed, Ignored> {
    if reached_by == ReachedBy::Multicast || !request.received.layers.is_empty() {
        return Ok(Addressed::Well);
    }
    match request.kind {
        // RFC 8415 §18.4: these are answered with UseMulticast.
        MessageType::Request | MessageType::Renew | MessageType::Release | MessageType::Decline => {
            Ok(Addressed::Personally)
        }
        // RFC 8415 §16: these are discarded.
        _ => Err(Ignored::Invalid { kind: request.kind.as_str(), fault: "came to the server's own address" }),
    }
}

/// Where the reply goes: back to whoever sent the datagram (RFC 8415 §18.3.10, §19.3).
fn destination(port: ClientPort, request: &Request, source: SocketAddrV6) -> Destination {
    let mut to = source;
    match (request.received.layers.first(), port) {
        // RFC 8357 §5: such a relay agent is answered at the port it sends from.
        (_, ClientPort::Source) => {}
        (Some(relay), ClientPort::Fixed(_)) if relay.wants_source_port() => {}
        // RFC 8415 §7.2.
        (Some(_), ClientPort::Fixed(_)) => to.set_port(SERVER_PORT),
        (None, ClientPort::Fixed(port)) => to.set_port(port),
    }
    Destination::Address(to.into())
}

fn carry_out(
    request: &Request,
    decision: Decision<'_>,
    material: Material<'_, '_>,
    destination: Destination,
    book: &mut Book<Ipv6Addr>,
    note: impl Fn(Event) -> Note,
) -> Result<Vec<Action<Ipv6Addr>>, Ignored> {
    let outgoing = |reply: &Reply<'_>| {
        let composed = compose(request, reply, material)?;
        Ok::<_, Ignored>((Outgoing { destination, bytes: composed.bytes }, composed.shortened))
    };
    match decision {
        Decision::Say(reply, events) => {
            let (outgoing, shortened) = outgoing(&reply)?;
            let notes = events.into_iter().chain(shortened).map(|event| Action::Note(note(event)));
            Ok(std::iter::once(Action::Send(outgoing)).chain(notes).collect())
        }
        Decision::Write { leases, reply, refusal, events } => {
            let (reply, shortened) = outgoing(&reply)?;
            let refusal = refusal.as_ref().map(outgoing).transpose()?.map(|(refusal, _)| refusal);
            let notes = events.into_iter().chain(shortened).map(note).collect();
            // On record from now on, so that nobody else is given it while it is being written.
            let before = leases.iter().filter_map(|lease| book.record(lease.clone())).collect();
            let pending = Pending { leases, before, reply: Some(reply), refusal, notes, clock_set: 0 };
            Ok(vec![Action::Write(Box::new(pending))])
        }
    }
}

/// Where relay agents and servers listen.
const SERVER_PORT: u16 = 547;
/// How many records are dropped in one step.
const FORGOTTEN_AT_ONCE: usize = 1024;
