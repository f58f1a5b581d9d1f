//! When a device tries again after an attempt that failed (RFC 8572 §5.2; CLI-03, CLI-05).
//!
//! Pauses grow, and differ between devices ([`crate::env::spread`]). How fast they grow depends on what failed: whoever reaches
//! nobody costs nobody anything, whoever is refused costs a server a handshake, and whoever cannot apply what it was given
//! costs a whole onboarding, which ends the same way until a person has mended the document. Each kind counts for itself, so
//! that a device that fails in turns does not begin anew each time.
//!
//! | failure | first pause | grows | longest |
//! |---|---|---|---|
//! | [`Failure::Unreachable`] | 5 s | twofold | 5 min |
//! | [`Failure::Refused`] | 10 s | twofold | 10 min |
//! | [`Failure::Unfit`] | 1 min | fourfold | 15 min |
//!
//! Each is a mean: the pause is between half and one and a half of it. So the longest any device stays away after everything
//! is mended is 22.5 minutes.
//!
//! ```
//! use device_client::{Outcome, OutcomeState, retry::Retry};
//!
//! let mut retry = Retry::default();
//! let unreachable = Outcome::new(OutcomeState::Unreachable, "no server could be reached");
//! assert_eq!(retry.pause_after(&unreachable).mean().as_secs(), 5);
//! assert_eq!(retry.pause_after(&unreachable).mean().as_secs(), 10);
//! ```

use std::time::Duration;

use verdict::ReasonCode;

use crate::{Outcome, OutcomeState, machine::Pause};

/// What failed, as far as it matters for when to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No server was reached, or what would have helped was out of reach for the moment.
    Unreachable,
    /// Servers answered, and gave nothing that counts.
    Refused,
    /// What was given was good and cannot be applied: the same document will fail the same way.
    Unfit,
}

impl Failure {
    /// The kind of failure that an attempt ended with.
    #[must_use]
    pub const fn of(outcome: &Outcome) -> Self {
        match (outcome.state, outcome.reason) {
            // Somebody does not answer or has no room: it passes by itself.
            (OutcomeState::ApplyFailed, Some(ReasonCode::ImageUnreachable | ReasonCode::ReportNotAcknowledged)) => {
                Self::Refused
            }
            (OutcomeState::ApplyFailed, _) => Self::Unfit,
            (OutcomeState::Unreachable, _) => Self::Unreachable,
            _ => Self::Refused,
        }
    }

    /// The mean of the first pause, what it is multiplied by each time, and how long it may become.
    const fn growth(self) -> (Duration, u32, Duration) {
        match self {
            Self::Unreachable => (Duration::from_secs(5), 2, Duration::from_secs(5 * 60)),
            Self::Refused => (Duration::from_secs(10), 2, Duration::from_secs(10 * 60)),
            Self::Unfit => (Duration::from_secs(60), 4, Duration::from_secs(15 * 60)),
        }
    }
}

/// What a device remembers of its failures. It begins anew with each start of the agent, and a device that succeeded is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retry {
    unreachable: u32,
    refused: u32,
    unfit: u32,
}

impl Retry {
    /// Counts a failed attempt, and says how long to wait before the next. No sooner than a server asked for that had no
    /// room (RFC 9110 §10.2.3).
    pub fn pause_after(&mut self, outcome: &Outcome) -> Pause {
        let failure = Failure::of(outcome);
        let count = match failure {
            Failure::Unreachable => &mut self.unreachable,
            Failure::Refused => &mut self.refused,
            Failure::Unfit => &mut self.unfit,
        };
        let (first, factor, longest) = failure.growth();
        let pause = first.saturating_mul(factor.saturating_pow(*count)).min(longest);
        *count = count.saturating_add(1);
        match outcome.come_back {
            // Half of the pause is the soonest that it may end.
            Some(told) if told > pause / 2 => Pause::AtLeast(told.max(pause)),
            _ => Pause::About(pause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::spread_by;

    const DEVICES: usize = 10_000;

    fn outcome(state: OutcomeState, reason: ReasonCode) -> Outcome {
        let mut outcome = Outcome::new(state, "");
        outcome.reason = Some(reason);
        outcome
    }

    fn bad_image() -> Outcome {
        outcome(OutcomeState::ApplyFailed, ReasonCode::ImageHashMismatch)
    }

    fn means(outcome: &Outcome, count: usize) -> Vec<u64> {
        let mut retry = Retry::default();
        (0..count).map(|_| retry.pause_after(outcome).mean().as_secs()).collect()
    }

    #[test]
    fn cli_05_pauses_grow_up_to_a_bound_and_faster_where_trying_again_costs_more() {
        let unreachable = outcome(OutcomeState::Unreachable, ReasonCode::ServerUnreachable);
        assert_eq!(means(&unreachable, 9), [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        let refused = outcome(OutcomeState::Refused, ReasonCode::NothingForThisDevice);
        assert_eq!(means(&refused, 8), [10, 20, 40, 80, 160, 320, 600, 600]);
        assert_eq!(means(&bad_image(), 5), [60, 240, 900, 900, 900]);
        assert_eq!(means(&bad_image(), 100).last(), Some(&900));
        let elsewhere = outcome(OutcomeState::ApplyFailed, ReasonCode::ImageUnreachable);
        assert_eq!(means(&elsewhere, 1), [10]);
    }

    #[test]
    fn cli_05_a_device_that_fails_in_turns_does_not_begin_anew_each_time() {
        let mut retry = Retry::default();
        let unreachable = outcome(OutcomeState::Unreachable, ReasonCode::ServerUnreachable);
        let mut pauses = Vec::new();
        for _ in 0..3 {
            pauses.push(retry.pause_after(&unreachable).mean().as_secs());
            pauses.push(retry.pause_after(&bad_image()).mean().as_secs());
        }
        assert_eq!(pauses, [5, 60, 10, 240, 20, 900]);
    }

    #[test]
    fn cli_05_no_device_comes_sooner_than_a_server_asked_for() {
        let mut full = outcome(OutcomeState::Refused, ReasonCode::ServerRefused);
        full.come_back = Some(Duration::from_secs(120));
        let mut retry = Retry::default();
        for _ in 0..12 {
            let pause = retry.pause_after(&full);
            assert!(spread_by(pause, 0) >= Duration::from_secs(120), "{pause:?}");
        }
        full.come_back = Some(Duration::from_secs(1));
        assert_eq!(Retry::default().pause_after(&full), Pause::About(Duration::from_secs(10)));
    }

    /// Attempts in each second, of devices that are switched on at the same moment and fail this way for an hour.
    fn attempts(failure: &Outcome) -> Vec<usize> {
        let mut seconds = vec![0; 3600];
        // A generator of Lehmer's kind: the same numbers each time.
        let mut seed: u64 = 1;
        for _ in 0..DEVICES {
            let (mut retry, mut now) = (Retry::default(), Duration::ZERO);
            while let Some(second) = usize::try_from(now.as_secs()).ok().and_then(|at| seconds.get_mut(at)) {
                *second += 1;
                seed = seed * 48_271 % 2_147_483_647;
                now += spread_by(retry.pause_after(failure), u16::try_from(seed >> 15).unwrap());
            }
        }
        seconds
    }

    /// The most attempts a second, over any ten seconds that begin in `range`.
    fn busiest(attempts: &[usize], range: std::ops::Range<usize>) -> usize {
        attempts[range].windows(10).map(|window| window.iter().sum::<usize>().div_ceil(10)).max().unwrap()
    }

    #[test]
    fn cli_05_ten_thousand_devices_with_a_bad_image_cost_under_twenty_attempts_a_second_after_ten_minutes() {
        let attempts = attempts(&bad_image());
        assert_eq!(attempts[0], DEVICES);
        let rate = busiest(&attempts, 600..3600);
        assert!(rate < 20, "{rate}");
        // Nobody gives up either: each comes once in 22.5 minutes or more often.
        assert!(attempts[600..600 + 1350].iter().sum::<usize>() >= DEVICES);
    }

    #[test]
    fn cli_05_a_server_that_comes_back_after_an_outage_sees_no_wave() {
        let attempts = attempts(&outcome(OutcomeState::Unreachable, ReasonCode::ServerUnreachable));
        // Whenever it comes back after ten minutes, fewer than sixty devices a second knock, and all of them within 7.5 minutes.
        let rate = busiest(&attempts, 600..3600);
        assert!(rate < 60, "{rate}");
        for back in (600..3000).step_by(300) {
            assert!(attempts[back..back + 450].iter().sum::<usize>() >= DEVICES);
        }
    }
}
