//! A token bucket, kept as the one moment at which it is full again.

use std::time::{Duration, Instant};

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Time that one costs.
    interval: Duration,
    /// How far ahead of that pace one may be.
    ahead: Duration,
}

impl Rate {
    /// `per_day` on average, `burst` at once. Zero counts as one.
    pub(crate) fn per_day(per_day: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(24 * 60 * 60) / per_day.max(1);
        Self { interval, ahead: interval.saturating_mul(burst.saturating_sub(1)) }
    }

    /// `per_second` on average, `burst` at once. Zero counts as one.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self { interval, ahead: interval.saturating_mul(burst.saturating_sub(1)) }
    }
}

/// What has been used of a [`Rate`]. It says nothing once the moment it holds has passed, and may be forgotten then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    full_at: Instant,
}

impl Bucket {
    pub(crate) const fn full(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// Takes one token, or says how long there will be none.
    pub(crate) fn take(&mut self, now: Instant, rate: Rate) -> Result<(), Duration> {
        self.take_many(now, rate, 1)
    }

    /// Takes `tokens` as soon as there is one, or says how long there will be none: what costs more than the burst has its
    /// turn too, and the next one waits for longer.
    pub(crate) fn take_many(&mut self, now: Instant, rate: Rate, tokens: u32) -> Result<(), Duration> {
        if rate.interval.is_zero() {
            // Faster than the clock can tell. Of two that come together one may have read it before the other.
            return Ok(());
        }
        let full_at = self.full_at.max(now);
        match full_at.saturating_duration_since(now).checked_sub(rate.ahead) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                self.full_at = full_at + rate.interval.saturating_mul(tokens);
                Ok(())
            }
        }
    }

    /// When all of it is there again.
    pub(crate) const fn full_at(&self) -> Instant {
        self.full_at
    }

    /// Whether it says nothing any more.
    pub(crate) fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rcf_23_a_burst_passes_and_then_the_rate_holds() {
        let (rate, start) = (Rate::new(10, 5), Instant::now());
        let mut bucket = Bucket::full(start);
        assert_eq!((0..20).filter(|_| bucket.take(start, rate).is_ok()).count(), 5);
        assert_eq!(bucket.take(start, rate), Err(Duration::from_millis(100)));
        let later = start + Duration::from_millis(100);
        assert_eq!((bucket.take(later, rate), bucket.take(later, rate).is_err()), (Ok(()), true));
        // However long the rest, what was not used does not add up beyond the burst.
        let much_later = start + Duration::from_secs(3600);
        assert!(bucket.is_full(much_later));
        assert_eq!((0..20).filter(|_| bucket.take(much_later, rate).is_ok()).count(), 5);
        // Over ten seconds: the burst and ten a second.
        let taken = (0..10_000_u64).filter(|step| {
            bucket.take(much_later + Duration::from_secs(10) + Duration::from_millis(*step), rate).is_ok()
        });
        assert_eq!(taken.count(), 5 + 99);
    }

    #[test]
    fn a_rate_beyond_the_clock_is_no_limit_in_whatever_order_requests_come() {
        let (rate, start) = (Rate::new(u32::MAX, u32::MAX), Instant::now());
        let mut bucket = Bucket::full(start);
        assert_eq!(bucket.take(start + Duration::from_millis(1), rate), Ok(()));
        assert_eq!(bucket.take(start, rate), Ok(()), "it read the clock first and came second");
    }
}
