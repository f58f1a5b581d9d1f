//! From a name to addresses, once for each entry (SEC-10).

use std::net::{IpAddr, SocketAddr};

use verdict::{ReasonCode, Refusal};

use super::{
    Action, Event, Origin, State, Transition,
    connecting::{self, Attempt},
    entry::Entry,
    shared::{Shared, unexpected},
};

/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// Waits for the addresses of a name.
#[derive(Debug)]
pub(super) struct Resolving {
    entry: Entry,
}

/// Begins to try an entry.
pub(super) fn begin(entry: Entry, shared: &mut Shared) -> Transition {
    if let Some(address) = entry.server.literal_address() {
        return with_addresses(entry, &[address], shared);
    }
    let action = Action::Resolve(entry.server.clone());
    Transition { state: State::Resolving(Resolving { entry }), action }
}

impl Resolving {
    pub(super) fn on(self, event: Event, shared: &mut Shared) -> Transition {
        match event {
            Event::Resolved(addresses) => with_addresses(self.entry, &addresses, shared),
            Event::Failed(refusal) => shared.pass_over(&self.entry.server, refusal),
            _ => shared.pass_over(&self.entry.server, unexpected("resolve")),
        }
    }
}

fn with_addresses(entry: Entry, addresses: &[IpAddr], shared: &mut Shared) -> Transition {
    if addresses.is_empty() {
        let refusal = Refusal::new(ReasonCode::ServerUnreachable, "the name has no address");
        return shared.pass_over(&entry.server, refusal);
    }
    // SEC-10: what an untrusted source names may not lead to this host or to the link it is on.
    let permitted =
        |address: &&IpAddr| entry.origin != Origin::Untrusted || shared.policy.allowed_targets.permits(**address);
    let mut usable: Vec<SocketAddr> = addresses
        .iter()
        .filter(permitted)
        .take(MAX_ADDRESSES)
        .map(|address| SocketAddr::new(*address, entry.server.port()))
        .collect();
    if usable.is_empty() {
        let listed: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        let detail = format!("an untrusted source leads to {}", listed.join(", "));
        return shared.pass_over(&entry.server, Refusal::new(ReasonCode::RedirectTargetBlocked, detail));
    }
    let address = usable.remove(0);
    connecting::begin(Attempt { entry, address, remaining: usable, times_turned_away: 0 }, shared)
}
