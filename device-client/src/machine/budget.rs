//! The time that strangers may cost a device (SEC-09).

use std::time::Duration;

/// How long the servers of one source are tried for while nobody vouches for them.
pub(super) const SEARCH: Duration = Duration::from_secs(5 * 60);

/// Whether time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The device looks for data that it accepts.
    Search,
    /// It applies data that it accepted: the owner's own work takes as long as it takes.
    Onboarding,
}

/// The time left for one source.
#[derive(Debug, Default)]
pub(super) struct Budget {
    now: Duration,
    deadline: Duration,
}

impl Budget {
    /// A new source has all its time before it.
    pub(super) const fn begin(&mut self) {
        self.deadline = self.now.saturating_add(SEARCH);
    }

    /// It is `now`, by a clock that never goes back.
    pub(super) fn advance(&mut self, now: Duration, phase: Phase) {
        let passed = now.saturating_sub(self.now);
        self.now = self.now.max(now);
        if phase == Phase::Onboarding {
            self.deadline = self.deadline.saturating_add(passed);
        }
    }

    /// Whether so much is left.
    pub(super) fn has(&self, time: Duration) -> bool {
        self.now.saturating_add(time) < self.deadline
    }

    pub(super) fn is_over(&self) -> bool {
        self.now >= self.deadline
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_09_searching_costs_time_and_onboarding_does_not() {
        let mut budget = Budget::default();
        let second = Duration::from_secs(1);
        budget.advance(second * 50, Phase::Search);
        budget.begin();
        budget.advance(second * 349, Phase::Search);
        assert!(!budget.is_over());
        budget.advance(second * 5000, Phase::Onboarding);
        assert!(!budget.is_over());
        budget.advance(second * 5001, Phase::Search);
        assert!(budget.is_over());
        budget.begin();
        assert!(!budget.is_over());
    }
}
