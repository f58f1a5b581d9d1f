//! How often an address may be wrong.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use pki::digest::Digest;

use crate::admission::Source;

/// Wrong tokens that one address may send in [`PERIOD`].
const FAILURES: u32 = 20;
/// After which its failures are forgotten.
const PERIOD: Duration = Duration::from_secs(60);
/// Addresses that are told apart; those beyond share one count.
const SOURCES: usize = 1024;
/// Tokens that are remembered as right.
const KNOWN: usize = 256;

/// Counts failures by source. A source that failed too often is turned away before its token is looked up, unless the
/// token was right before: somebody who guesses behind the same address as an operator does not lock the operator out.
/// What is remembered opens nothing; every token is looked up each time.
#[derive(Debug, Default)]
pub(crate) struct Gate(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    failures: HashMap<Option<Source>, (Instant, u32)>,
    known: VecDeque<Digest>,
}

impl Gate {
    /// Whether a token from this source may be looked up.
    pub(super) fn admits(&self, now: Instant, source: IpAddr, token: Digest) -> bool {
        let counts = self.counts();
        let key = counts.key(source);
        let exhausted = counts
            .failures
            .get(&key)
            .is_some_and(|(since, count)| now.saturating_duration_since(*since) < PERIOD && *count >= FAILURES);
        !exhausted || counts.known.contains(&token)
    }

    /// Notes a wrong token.
    pub(super) fn failed(&self, now: Instant, source: IpAddr) {
        let mut counts = self.counts();
        if counts.failures.len() >= SOURCES {
            counts.failures.retain(|_, (since, _)| now.saturating_duration_since(*since) < PERIOD);
        }
        let key = counts.key(source);
        let (since, count) = counts.failures.entry(key).or_insert((now, 0));
        if now.saturating_duration_since(*since) >= PERIOD {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
    }

    /// Notes a token that was right.
    pub(super) fn passed(&self, token: Digest) {
        let mut counts = self.counts();
        if !counts.known.contains(&token) {
            if counts.known.len() >= KNOWN {
                counts.known.pop_front();
            }
            counts.known.push_back(token);
        }
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn key(&self, source: IpAddr) -> Option<Source> {
        let key = Some(Source::of(source));
        if self.failures.len() < SOURCES || self.failures.contains_key(&key) { key } else { None }
    }
}

#[cfg(test)]
mod tests {
    use pki::digest::sha256;

    use super::*;

    #[test]
    fn a_source_that_guesses_is_turned_away_for_a_minute() {
        let (gate, start, source) = (Gate::default(), Instant::now(), IpAddr::from([127, 0, 0, 9]));
        let (wrong, right) = (sha256(b"wrong"), sha256(b"right"));
        gate.passed(right);
        for _ in 0..FAILURES {
            assert!(gate.admits(start, source, wrong));
            gate.failed(start, source);
        }
        assert!(!gate.admits(start, source, wrong));
        assert!(gate.admits(start, source, right), "whoever was right before is not locked out");
        assert!(gate.admits(start, IpAddr::from([127, 0, 0, 8]), wrong), "nor is anybody else");
        assert!(gate.admits(start + PERIOD, source, wrong));
    }

    #[test]
    fn many_sources_cost_bounded_memory() {
        let (gate, start) = (Gate::default(), Instant::now());
        for source in 0_u32..10_000 {
            gate.failed(start, IpAddr::from(source.to_be_bytes()));
        }
        for token in 0_u32..10_000 {
            gate.passed(sha256(&token.to_be_bytes()));
        }
        let counts = gate.counts();
        assert!(counts.failures.len() <= SOURCES + 1 && counts.known.len() <= KNOWN);
    }
}
