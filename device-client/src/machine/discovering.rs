//! Asking one source for servers (RFC 8572 §5.2).

use verdict::Refusal;

use super::{
    Event, Offer, SourceIndex, Transition,
    shared::{Pending, Shared},
};
use crate::{Decision, Record};

/// Waits for what a source gives.
#[derive(Debug)]
pub(super) struct Discovering {
    pub(super) source: SourceIndex,
}

impl Discovering {
    pub(super) fn on(self, event: Event, shared: &mut Shared) -> Transition {
        let source = shared.name_of(self.source);
        match event {
            Event::Discovered(discovery) => {
                for ignored in &discovery.ignored {
                    shared.record(Record::refused("source-entry-ignored", ignored));
                }
                let names: Vec<_> = discovery.offers.iter().map(name_of).collect();
                let names = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
                shared.record(Record::new("source-asked", Decision::Noted, format!("{source} names {names}")));
                // RFC 8572 §5.5 (DHC-13): the list is processed like redirect information without trust anchors.
                shared.push(discovery.offers.into_iter().map(Pending::from).collect());
            }
            Event::Failed(refusal) => said_nothing(&source, refusal, shared),
            _ => said_nothing(&source, super::shared::unexpected("discover"), shared),
        }
        shared.next()
    }
}

fn name_of(offer: &Offer) -> String {
    match offer {
        Offer::Server(server, _) => server.to_string(),
        Offer::Data(place, _) => place.to_string(),
    }
}

fn said_nothing(source: &str, mut refusal: Refusal, shared: &mut Shared) {
    refusal.detail = format!("{source}: {}", refusal.detail);
    shared.record(Record::refused("source-asked", &refusal));
}
