//! A bounded memory of who was here lately.

use std::{
    collections::HashSet,
    hash::Hash,
    mem,
    time::{Duration, Instant},
};

/// Remembers each for at least `period` and at most twice as long, unless more than `size` come within one period: then
/// the older half is forgotten early.
#[derive(Debug)]
pub(crate) struct Lately<K> {
    period: Duration,
    size: usize,
    since: Instant,
    young: HashSet<K>,
    old: HashSet<K>,
}

impl<K: Eq + Hash> Lately<K> {
    pub(crate) fn new(now: Instant, period: Duration, size: usize) -> Self {
        Self { period, size, since: now, young: HashSet::new(), old: HashSet::new() }
    }

    /// Notes that `who` is here.
    pub(crate) fn note(&mut self, now: Instant, who: K) {
        self.age(now);
        if self.young.len() >= self.size && !self.young.contains(&who) {
            self.turn(now);
        }
        self.young.insert(who);
    }

    /// Whether `who` was here lately.
    pub(crate) fn knows(&mut self, now: Instant, who: &K) -> bool {
        self.age(now);
        self.young.contains(who) || self.old.contains(who)
    }

    /// Forgets `who`.
    pub(crate) fn forget(&mut self, who: &K) {
        self.young.remove(who);
        self.old.remove(who);
    }

    fn age(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.since);
        if age >= self.period {
            self.turn(now);
            if age >= self.period.saturating_mul(2) {
                self.old.clear();
            }
        }
    }

    fn turn(&mut self, now: Instant) {
        self.old = mem::take(&mut self.young);
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn it_remembers_for_a_period_and_forgets_after_two() {
        let start = Instant::now();
        let mut lately = Lately::new(start, MINUTE, 10);
        lately.note(start + MINUTE / 2, "a");
        assert!(lately.knows(start + MINUTE, &"a"));
        assert!(lately.knows(start + MINUTE * 2 - MINUTE / 4, &"a"));
        assert!(!lately.knows(start + MINUTE * 2 + MINUTE / 4, &"a"));
        lately.note(start + MINUTE * 3, "b");
        assert!(!lately.knows(start + MINUTE * 9, &"b"), "nobody asked in between");
        lately.note(start + MINUTE * 9, "c");
        lately.forget(&"c");
        assert!(!lately.knows(start + MINUTE * 9, &"c"));
    }

    #[test]
    fn a_flood_is_never_remembered_beyond_its_size() {
        let start = Instant::now();
        let mut lately = Lately::new(start, MINUTE, 10);
        for who in 0..1000 {
            lately.note(start, who);
            assert!(lately.young.len() <= 10 && lately.old.len() <= 10);
            assert!(lately.knows(start, &who));
        }
    }
}
