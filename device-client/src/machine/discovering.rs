//! Asking one source for servers (RFC 8572 §5.2).

use verdict::Refusal;

use super::{Event, SourceIndex, Transition, entry::Entry, shared::Shared};
use crate::{Decision, Record};

/// Waits for what a source gives.
#[derive(Debug)]
pub(super) struct Discovering {
    pub(super) source: SourceIndex,
}

impl Discovering {
    pub(super) fn on(self, event: Event, shared: &mut Shared) -> Transition {
        let number = self.source.0;
        match event {
            Event::Discovered(discovery) => {
                for ignored in &discovery.ignored {
                    shared.record(Record::refused("source-entry-ignored", ignored));
                }
                let names: Vec<_> = discovery.servers.iter().map(ToString::to_string).collect();
                let detail = format!(
                    "source {number} names {}",
                    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
                );
                shared.record(Record::new("source-asked", Decision::Noted, detail));
                let origin = discovery.origin;
                // RFC 8572 §5.5 (DHC-13): the list is processed like redirect information without trust anchors.
                shared.push(discovery.servers.into_iter().map(|server| Entry::from_source(server, origin)).collect());
            }
            Event::Failed(refusal) => shared.record(Record::refused("source-asked", &refusal)),
            _ => {
                let refusal: Refusal = super::shared::unexpected("discover");
                shared.record(Record::refused("source-asked", &refusal));
            }
        }
        shared.next()
    }
}
