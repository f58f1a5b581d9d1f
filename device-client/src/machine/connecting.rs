//! Opening a connection and judging who answers, before anything is sent.

use std::net::SocketAddr;

use verdict::Refusal;

use super::{
    Action, Event, State, Transition,
    entry::Entry,
    judgement, locating,
    shared::{Shared, unexpected},
};
use crate::{Decision, Record};

/// One address of an entry being tried, and those that are left.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) entry: Entry,
    pub(super) address: SocketAddr,
    pub(super) remaining: Vec<SocketAddr>,
    /// How often this entry said that it has no room.
    pub(super) times_turned_away: u32,
}

impl Attempt {
    /// RFC 8572 §5.5: each address of a name is tried at least once before the next entry (CLI-42), as long as
    /// there is time (SEC-09).
    pub(super) fn failed(mut self, refusal: Refusal, shared: &mut Shared) -> Transition {
        if self.remaining.is_empty() || shared.is_too_late_for(self.entry.origin) {
            return shared.pass_over(&self.entry.server, refusal);
        }
        shared.record(Record::refused("address-passed-over", &refusal).about(&self.entry.server));
        self.address = self.remaining.remove(0);
        begin(self, shared)
    }
}

/// Waits for the server's certificate chain.
#[derive(Debug)]
pub(super) struct Connecting {
    attempt: Attempt,
}

pub(super) fn begin(attempt: Attempt, shared: &mut Shared) -> Transition {
    let (server, address) = (attempt.entry.server.clone(), attempt.address);
    shared.note("connecting", &server, address.to_string());
    Transition { state: State::Connecting(Connecting { attempt }), action: Action::Connect { server, address } }
}

impl Connecting {
    pub(super) fn on(self, event: Event, shared: &mut Shared) -> Transition {
        let chain = match event {
            Event::Connected(chain) => chain,
            Event::Failed(refusal) => return self.attempt.failed(refusal, shared),
            _ => return self.attempt.failed(unexpected("connect"), shared),
        };
        match judgement::judge(&chain, &self.attempt.entry, &shared.policy, shared.clock) {
            Ok(judgement) => {
                let record = Record::new("server-judged", Decision::Passed, judgement.trust.as_str());
                shared.record(record.about(&self.attempt.entry.server).with_checks(judgement.trace));
                locating::begin(self.attempt, judgement.trust)
            }
            // RFC 8572 §5.5 (CLI-43): the entry failed; nothing was sent and there is no way back to a provisional
            // connection.
            Err(refusal) => self.attempt.failed(refusal, shared),
        }
    }
}
