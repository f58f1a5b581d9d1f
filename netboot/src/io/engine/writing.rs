//! Records on their way to the store, group by group.

use std::{
    collections::{HashSet, VecDeque},
    net::IpAddr,
    sync::Arc,
};

use tracing::warn;

use super::{Engine, Machine, Origin, Writing};
use crate::{
    action::{HandedOver, Pending},
    lease::{Address, Book, Lease, Written},
};

/// What waits for the store, and what the store has in hand.
#[derive(Debug)]
pub(super) struct Queue<A> {
    /// Records that wait for the group before them.
    waiting: VecDeque<(Origin, Box<Pending<A>>)>,
    in_flight: Vec<(Origin, Box<Pending<A>>)>,
    /// Records of the group in flight that the store has, and that are dated anew since the clock was set. Nobody waits for them.
    again: Vec<Lease>,
    /// Whether those wait until the second is over, because they could not be written.
    rests: bool,
}

impl<A> Default for Queue<A> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), in_flight: Vec::new(), again: Vec::new(), rests: false }
    }
}

impl<A> Queue<A> {
    pub(super) fn put(&mut self, origin: Origin, pending: Box<Pending<A>>) {
        self.waiting.push_back((origin, pending));
    }

    /// How many clients wait for the group before theirs.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The addresses of all records that are on their way.
    pub(super) fn under_way(&self) -> impl Iterator<Item = IpAddr> {
        addresses(self.waiting.iter().chain(&self.in_flight)).chain(self.again.iter().map(|lease| lease.address))
    }

    /// The clock was set by this many seconds.
    pub(super) fn clock_set(&mut self, by: i64) {
        self.waiting.iter_mut().for_each(|(_, pending)| pending.clock_set(by, HandedOver::NotYet));
        self.in_flight.iter_mut().for_each(|(_, pending)| pending.clock_set(by, HandedOver::Yes));
    }

    /// A second is over.
    pub(super) const fn try_again(&mut self) {
        self.rests = false;
    }
}

fn addresses<'a, A: 'a>(pending: impl Iterator<Item = &'a (Origin, Box<Pending<A>>)>) -> impl Iterator<Item = IpAddr> {
    pending.flat_map(|(_, pending)| &pending.leases).map(|lease| lease.address)
}

impl<M: Machine> Engine<M> {
    /// Hands everything that waits to the store, as one group.
    pub(super) fn write(&mut self) -> Option<Writing> {
        let again = self.dated_anew();
        let queue = &mut self.records;
        let group = queue.waiting.len().min(GROUP.saturating_sub(again.len()));
        if group == 0 && again.is_empty() {
            return None;
        }
        (queue.in_flight, queue.again) = (queue.waiting.drain(..group).collect(), again);
        let asked = queue.in_flight.iter().flat_map(|(_, pending)| &pending.leases);
        let records: Vec<_> = asked.chain(&queue.again).cloned().collect();
        let leases = Arc::clone(&self.services.leases);
        Some(tokio::spawn(async move { leases.write(records).await }))
    }

    /// What is written again now, since the clock was set. It has what clients leave of a group, and always an eighth.
    fn dated_anew(&mut self) -> Vec<Lease> {
        let Some(book) = self.machine.book().filter(|book| !self.records.rests && book.has_moved()) else {
            return Vec::new();
        };
        let room = GROUP.saturating_sub(self.records.waiting.len()).max(GROUP / 8);
        let under_way: HashSet<IpAddr> = self.records.under_way().collect();
        book.to_write_again(room, |address| under_way.contains(&address.into()))
    }

    /// What became of the group in flight.
    pub(super) fn written(&mut self, outcome: Result<Vec<Written>, String>) {
        let (group, again) = (std::mem::take(&mut self.records.in_flight), std::mem::take(&mut self.records.again));
        self.followed.ended(addresses(group.iter()).chain(again.iter().map(|lease| lease.address)));
        let mut written = match outcome {
            Ok(written) => written.into_iter(),
            Err(because) => {
                self.not_again(&again, &because);
                // Undone from the last to the first: a client that asked twice has two records in one group.
                for (origin, pending) in group.into_iter().rev() {
                    let actions = self.machine.on_written(*pending, Err(because.clone()));
                    self.perform(origin, actions);
                }
                return;
            }
        };
        for (origin, pending) in group {
            let count = pending.leases.len();
            let its: Vec<_> = written.by_ref().take(count).collect();
            let told = if its.len() == count { Ok(its.as_slice()) } else { Err(SAID_NOTHING.to_owned()) };
            let actions = self.machine.on_written(*pending, told);
            self.perform(origin, actions);
        }
        if written.len() == again.len() {
            if let Some(book) = self.machine.book() {
                again.into_iter().zip(written).for_each(|(lease, written)| became(book, &lease, written));
            }
        } else {
            self.not_again(&again, SAID_NOTHING);
        }
    }

    /// Records that were dated anew could not be written. They are not forgotten.
    fn not_again(&mut self, again: &[Lease], because: &str) {
        if !again.is_empty() {
            self.records.rests = true;
            let (leases, protocol) = (again.len(), M::PROTOCOL.as_str());
            warn!(leases, because, "{protocol}: leases with the time of a wrong clock cannot be written again yet");
        }
    }
}

/// A record that was dated anew is durable, or another client has won the address meanwhile.
fn became<A: Address>(book: &mut Book<A>, lease: &Lease, written: Written) {
    match written {
        Written::Yes => book.durable(lease),
        Written::Taken(theirs) => book.follow(*theirs),
    }
}

/// Most records that are made durable together.
const GROUP: usize = 1_024;
const SAID_NOTHING: &str = "the store said nothing of it";
