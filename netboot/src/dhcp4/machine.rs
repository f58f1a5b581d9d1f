//! The server as a whole: datagrams, results and time go in, actions come out.

use std::net::{Ipv4Addr, SocketAddrV4};

use dhcp::v4::{Message, MessageType};

use super::{
    decide::{Case, conflict},
    proxy,
    request::{Port, Request},
};
use crate::{
    action::{Action, Pending, Probe},
    lease::{Before, Book, Lease, Written},
    moment::Moment,
    note::{ClientName, Event, Ignored, Note, ServerName},
    policy::{Arrival, Dhcp4Policy, Directory, Mode},
};

/// One datagram as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Who sent it.
    pub source: SocketAddrV4,
    /// Where it came in.
    pub arrival: Arrival<'a, Ipv4Addr>,
    /// Its payload.
    pub bytes: &'a [u8],
}

/// A DHCPv4 server without socket or clock.
#[derive(Clone, Debug)]
pub struct Dhcp4Machine {
    policy: Dhcp4Policy,
    book: Book<Ipv4Addr>,
}

impl Dhcp4Machine {
    /// A server that obeys this policy and has lent nothing yet.
    #[must_use]
    pub fn new(policy: Dhcp4Policy) -> Self {
        let book = policy.rules().book();
        Self { policy, book }
    }

    /// The policy it obeys.
    #[must_use]
    pub const fn policy(&self) -> &Dhcp4Policy {
        &self.policy
    }

    /// What is recorded of its addresses.
    #[must_use]
    pub const fn book(&self) -> &Book<Ipv4Addr> {
        &self.book
    }

    /// The same, for when the clock is set and what that moves is written again.
    #[must_use]
    pub const fn book_mut(&mut self) -> &mut Book<Ipv4Addr> {
        &mut self.book
    }

    /// Takes one datagram. There is at most one reply, and always a note, now or when what it waits for is done; no input makes it panic.
    pub fn on_datagram(
        &mut self,
        now: Moment,
        datagram: &Datagram<'_>,
        directory: &Directory,
    ) -> Vec<Action<Ipv4Addr>> {
        self.decide(now, datagram, directory, None)
    }

    /// `found_free` is the address that a probe for this datagram found free.
    fn decide(
        &mut self,
        now: Moment,
        datagram: &Datagram<'_>,
        directory: &Directory,
        found_free: Option<Ipv4Addr>,
    ) -> Vec<Action<Ipv4Addr>> {
        let Opened { request, client } = match open(datagram, Port::Server, &self.policy) {
            Ok(opened) => opened,
            Err(note) => return vec![Action::Note(note)],
        };
        let note = |event| Note { source: datagram.source.into(), client: Some(client.clone()), event };
        let other_server = self.other_server(&request, &datagram.arrival);
        let mut actions: Vec<_> = other_server.map(|event| Action::Note(note(event))).into_iter().collect();
        // Borrowed apart from the book, which changes while the policy is obeyed.
        let (policy, book) = (&self.policy, &mut self.book);
        let decided = Case::new(now, policy, &request, datagram, directory).and_then(|case| {
            let (reply, event) = match policy.mode() {
                _ if proxy::is_discovery(&request) => proxy::acknowledge(&case, policy)?,
                Mode::Proxy => proxy::decide(&case, policy)?,
                Mode::Server => {
                    let decision = case.decide(policy, book, found_free)?;
                    return case.carry_out(policy, book, decision, datagram, note);
                }
            };
            case.say(policy, reply, event, note)
        });
        match decided {
            Ok(carried_out) => actions.extend(carried_out),
            Err(because) => actions.push(Action::Note(note(Event::Ignored(because)))),
        }
        actions
    }

    /// What became of records that were to be written: `None` when the store failed, and why.
    pub fn on_written(
        &mut self,
        pending: Pending<Ipv4Addr>,
        outcome: Result<&[Written], String>,
    ) -> Vec<Action<Ipv4Addr>> {
        let about = |event: Event| {
            let note = pending.notes.first().cloned();
            note.map(|note| Action::Note(Note { event, ..note }))
        };
        match outcome {
            Ok(written) if written.iter().all(|it| *it == Written::Yes) => {
                pending.leases.iter().for_each(|lease| self.book.durable(lease));
                let notes = pending.notes.into_iter().map(Action::Note);
                pending.reply.map(Action::Send).into_iter().chain(notes).collect()
            }
            Ok(written) => {
                self.undo(pending.before);
                let mut refused = None;
                for written in written {
                    if let Written::Taken(lease) = written {
                        refused = Some(lease.address);
                        self.book.follow(lease.as_ref().clone());
                    }
                }
                let note = pending.notes.first().cloned();
                let note = note.zip(refused).map(|(note, address)| Note { event: Event::Refused(address), ..note });
                pending.refusal.map(Action::Send).into_iter().chain(note.map(Action::Note)).collect()
            }
            // RFC 2131 §4.3: what is not durable was not lent. The client asks again.
            Err(because) => {
                let told = about(Event::Ignored(Ignored::NotKept(because)));
                self.undo(pending.before);
                told.into_iter().collect()
            }
        }
    }

    /// What a probe found. When the address is in use it is set aside, and the client is offered another one.
    pub fn on_probed(
        &mut self,
        now: Moment,
        probe: Probe<Ipv4Addr>,
        datagram: &Datagram<'_>,
        in_use: bool,
        directory: &Directory,
    ) -> Vec<Action<Ipv4Addr>> {
        let again = Datagram { bytes: &probe.datagram, ..*datagram };
        if !in_use {
            let Some(reply) = probe.reply else { return self.decide(now, &again, directory, Some(probe.address)) };
            let notes = probe.notes.into_iter().map(Action::Note);
            return std::iter::once(Action::Send(reply)).chain(notes).collect();
        }
        let lease = conflict(probe.address, now);
        let before = self.book.record(lease.clone()).into_iter().collect();
        let note = probe.notes.into_iter().next();
        let notes: Vec<_> =
            note.map(|note| Note { event: Event::InUse(probe.address.into()), ..note }).into_iter().collect();
        let pending = Pending { leases: vec![lease], before, reply: None, refusal: None, notes, clock_set: 0 };
        let mut actions = vec![Action::Write(Box::new(pending))];
        actions.extend(self.on_datagram(now, &again, directory));
        actions
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

    /// The newest first, so that what one message did twice is undone to the beginning.
    fn undo(&mut self, before: Vec<Before<Ipv4Addr>>) {
        before.into_iter().rev().for_each(|before| self.book.undo(before));
    }

    /// RFC 2131 §3.1 step 3: a client that takes another server's offer says so to everybody.
    fn other_server(&self, request: &Request, arrival: &Arrival<'_, Ipv4Addr>) -> Option<Event> {
        let server = request.server().filter(|_| request.kind == MessageType::Request)?;
        let ours = Some(server) == self.policy.server_identifier()
            || arrival.addresses.contains(&server)
            || Some(server) == request.server_override();
        let unexpected = !ours && !self.policy.expects(server);
        unexpected.then_some(Event::OtherServer(ServerName::Address(server.into())))
    }
}

/// A message that was read, and who sent it.
pub(super) struct Opened {
    pub(super) request: Request,
    pub(super) client: ClientName,
}

/// Reads a datagram; what cannot be read is noted.
pub(super) fn open(datagram: &Datagram<'_>, port: Port, policy: &Dhcp4Policy) -> Result<Opened, Note> {
    let source = datagram.source.into();
    let ignored = |client, because| Note { source, client, event: Event::Ignored(because) };
    let message = Message::decode(datagram.bytes).map_err(|error| ignored(None, error.into()))?;
    let client = ClientName::V4(message.hardware, message.transaction);
    match Request::new(message, port, policy.client_identifiers()) {
        Ok(request) => Ok(Opened { request, client }),
        Err(because) => Err(ignored(Some(client), because)),
    }
}

/// How many records are dropped at one tick.
const FORGOTTEN_AT_ONCE: usize = 4096;
