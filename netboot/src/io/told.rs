//! A log that nobody can flood: of each kind of event a few lines a second, and then their number.

use std::collections::BTreeMap;

use tracing::{debug, info, warn};

use super::Protocol;
use crate::note::{Event, Ignored, Note};

/// What was told in this second.
#[derive(Debug)]
pub(super) struct Told {
    protocol: Protocol,
    kinds: BTreeMap<(&'static str, &'static str), Count>,
}

#[derive(Debug, Default)]
struct Count {
    told: u32,
    left_out: u64,
}

impl Told {
    /// Lines of one kind in one second.
    const LINES: u32 = 10;

    pub(super) const fn new(protocol: Protocol) -> Self {
        Self { protocol, kinds: BTreeMap::new() }
    }

    /// Writes it down, or counts it.
    pub(super) fn tell(&mut self, note: &Note, interface: &str) {
        let reason = note.event.because().and_then(Ignored::reason).map_or("", |reason| reason.as_str());
        let count = self.kinds.entry((note.event.as_str(), reason)).or_default();
        if count.told >= Self::LINES {
            count.left_out = count.left_out.saturating_add(1);
            return;
        }
        count.told = count.told.saturating_add(1);
        let protocol = self.protocol.as_str();
        let client = note.client.as_ref().map(tracing::field::display);
        let address = note.event.address().map(tracing::field::display);
        let (event, source) = (note.event.as_str(), note.source);
        match &note.event {
            // Every server on the segment hears this; it is no news.
            Event::Ignored(because @ (Ignored::OtherServer(_) | Ignored::NotFirmware | Ignored::AddressAsked)) => {
                debug!(event, %source, interface, client, %because, "{protocol}");
            }
            Event::Ignored(because) | Event::Denied(because) => {
                warn!(event, %source, interface, client, reason, %because, "{protocol}");
            }
            Event::Shortened { uris_left_out, options_left_out } => {
                warn!(event, %source, interface, client, uris_left_out, ?options_left_out, "{protocol}");
            }
            Event::OtherServer(server) => {
                warn!(event, %source, interface, client, %server, reason = "dhcp-other-server", "{protocol}");
            }
            _ => info!(event, %source, interface, client, address, "{protocol}"),
        }
    }

    /// A second is over: says what was left out.
    pub(super) fn sum_up(&mut self) {
        let protocol = self.protocol.as_str();
        for ((event, reason), count) in std::mem::take(&mut self.kinds) {
            if count.left_out > 0 {
                info!(event, reason, more = count.left_out, "{protocol}");
            }
        }
    }
}
