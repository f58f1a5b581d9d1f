//! Refusals of peers that did not authenticate, summed so that nobody can flood the audit log by knocking.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use verdict::ReasonCode;

use super::Event;
use crate::admission::Source;

/// At most one leaf per source and reason in this time.
const PERIOD: Duration = Duration::from_secs(60);
/// Most that a leaf holds of what a peer caused to be said, in characters: names in certificates are as long as it likes.
const MAX_DETAIL: usize = 256;
/// Sources that are told apart; those beyond share one sum per reason.
const MAX_SOURCES: usize = 256;

/// Decides when a refusal becomes an audit event: the first one of a source and reason at once, those that follow as a
/// sum, at most once a minute. An IPv6 address stands for its /64, of which one peer has all addresses.
#[derive(Debug, Default)]
pub struct RefusalLedger {
    sums: BTreeMap<(Option<IpAddr>, ReasonCode), Sum>,
}

#[derive(Debug)]
struct Sum {
    reported: Instant,
    count: u64,
    detail: String,
}

impl RefusalLedger {
    /// Notes one refusal; gives the event to be logged now, if any.
    pub fn note(&mut self, now: Instant, source: IpAddr, reason: ReasonCode, detail: &str) -> Option<Event> {
        let key = self.key(Some(Source::of(source).address()), reason);
        let detail = shortened(detail);
        let Some(sum) = self.sums.get_mut(&key) else {
            self.sums.insert(key, Sum { reported: now, count: 0, detail: String::new() });
            return Some(event(key, detail.to_owned(), 1));
        };
        sum.count = sum.count.saturating_add(1);
        detail.clone_into(&mut sum.detail);
        None
    }

    /// Takes back an event that could not be logged: it is part of the next sum. Events of other kinds are not ours.
    pub fn restore(&mut self, now: Instant, event: Event) {
        let Event::ConnectionsRefused { source, reason, detail, count } = event else { return };
        let key = self.key(source, reason);
        let sum = self.sums.entry(key).or_insert_with(|| Sum { reported: now, count: 0, detail: String::new() });
        sum.count = sum.count.saturating_add(count);
        if sum.detail.is_empty() {
            sum.detail = detail;
        }
    }

    /// Gives every sum, due or not: nothing more will come.
    pub fn flush(&mut self) -> Vec<Event> {
        let sums = std::mem::take(&mut self.sums).into_iter().filter(|(_, sum)| sum.count > 0);
        sums.map(|(key, sum)| event(key, sum.detail, sum.count)).collect()
    }

    fn key(&self, source: Option<IpAddr>, reason: ReasonCode) -> (Option<IpAddr>, ReasonCode) {
        let key = (source, reason);
        if self.sums.len() < MAX_SOURCES || self.sums.contains_key(&key) { key } else { (None, reason) }
    }

    /// Gives the sums that are due, and forgets sources that have been quiet. To be called now and then.
    pub fn due(&mut self, now: Instant) -> Vec<Event> {
        let mut events = Vec::new();
        self.sums.retain(|key, sum| {
            if now.saturating_duration_since(sum.reported) < PERIOD {
                return true;
            }
            if sum.count == 0 {
                return false;
            }
            events.push(event(*key, std::mem::take(&mut sum.detail), sum.count));
            (sum.reported, sum.count) = (now, 0);
            true
        });
        events
    }
}

fn event((source, reason): (Option<IpAddr>, ReasonCode), detail: String, count: u64) -> Event {
    Event::ConnectionsRefused { source, reason, detail, count }
}

fn shortened(detail: &str) -> &str {
    detail.char_indices().nth(MAX_DETAIL).and_then(|(end, _)| detail.get(..end)).unwrap_or(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(event: &Event) -> u64 {
        match event {
            Event::ConnectionsRefused { count, .. } => *count,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_first_is_logged_at_once_the_rest_as_a_sum_a_minute_later() {
        let (mut ledger, start, peer) = (RefusalLedger::default(), Instant::now(), IpAddr::from([127, 0, 0, 9]));
        let note = |ledger: &mut RefusalLedger, seconds| {
            ledger.note(start + Duration::from_secs(seconds), peer, ReasonCode::IdevidUntrusted, "x")
        };
        assert_eq!(count(&note(&mut ledger, 0).unwrap()), 1);
        assert!((1..=50).all(|second| note(&mut ledger, second).is_none()));
        assert!(ledger.due(start + Duration::from_secs(59)).is_empty());
        assert_eq!(ledger.due(start + Duration::from_secs(60)).iter().map(count).collect::<Vec<_>>(), [50]);
        // Quiet for a whole period: forgotten, so the next one is logged at once again.
        assert!(ledger.due(start + Duration::from_secs(120)).is_empty());
        assert_eq!(count(&note(&mut ledger, 121).unwrap()), 1);
    }

    #[test]
    fn a_flood_from_many_addresses_stays_bounded() {
        let (mut ledger, start) = (RefusalLedger::default(), Instant::now());
        let peers = (0_u32..100_000).map(|n| IpAddr::from(n.to_be_bytes()));
        let events = peers.filter_map(|peer| ledger.note(start, peer, ReasonCode::HandshakeFailed, "x")).count();
        assert!(events <= MAX_SOURCES + 1, "{events} leaves");
        assert!(ledger.sums.len() <= MAX_SOURCES + 1);
    }

    #[test]
    fn a_whole_ipv6_network_is_one_source() {
        let (mut ledger, start) = (RefusalLedger::default(), Instant::now());
        let note = |ledger: &mut RefusalLedger, address: &str| {
            ledger.note(start, address.parse().unwrap(), ReasonCode::HandshakeFailed, "x")
        };
        assert!(note(&mut ledger, "2001:db8::1").is_some());
        assert!(note(&mut ledger, "2001:db8::ffff:ffff:ffff:ffff").is_none());
        assert!(note(&mut ledger, "2001:db8:0:1::1").is_some());
    }

    #[test]
    fn a_long_detail_is_cut_between_characters() {
        let (mut ledger, start) = (RefusalLedger::default(), Instant::now());
        let long = "ü".repeat(30_000);
        let event = ledger.note(start, IpAddr::from([127, 0, 0, 9]), ReasonCode::IdevidUntrusted, &long).unwrap();
        let Event::ConnectionsRefused { detail, .. } = &event else { panic!("{event:?}") };
        assert_eq!(*detail, "ü".repeat(MAX_DETAIL));
    }

    #[test]
    fn nothing_counted_is_lost_by_a_stop_or_a_failed_commit() {
        let (mut ledger, start, peer) = (RefusalLedger::default(), Instant::now(), IpAddr::from([127, 0, 0, 9]));
        let first = ledger.note(start, peer, ReasonCode::IdevidUntrusted, "x").unwrap();
        assert!(ledger.flush().is_empty(), "the first one was given out already");
        ledger.restore(start, first);
        assert!(ledger.note(start, peer, ReasonCode::IdevidUntrusted, "y").is_none());
        assert!(ledger.due(start).is_empty());
        assert_eq!(ledger.flush().iter().map(count).collect::<Vec<_>>(), [2]);
        assert!(ledger.flush().is_empty());
    }
}
