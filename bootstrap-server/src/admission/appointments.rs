//! When those who were turned away are to come back: not all at once.

use std::time::{Duration, Instant};

/// Hands out times to come back.
///
/// Everybody turned away stands in a line that is not there, which moves at [`PACE`]. Each is given a time between half
/// and one and a half of what is before it in that line, so that ten thousand who were turned away together come back
/// spread out, at a pace that can be served.
#[derive(Debug)]
pub(crate) struct Appointments {
    /// When the last one handed out falls due, without its jitter.
    last: Instant,
}

/// Devices in a second that a small server takes in: a few handshakes and a few commits each.
const PACE: u32 = 250;
/// Shortest wait: less would only be another knock at a door that is still shut.
const SHORTEST: Duration = Duration::from_secs(2);
/// Longest wait of one who has used up what is its own.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Longest wait: an operator watches the device meanwhile.
const LONGEST: Duration = Duration::from_secs(120);

impl Appointments {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { last: now }
    }

    /// As [`Appointments::next`], without a place in the line: for one who is in nobody's way but its own.
    pub(crate) fn soon(chance: u32) -> u64 {
        spread(SHORTEST, chance)
    }

    /// Whole seconds until `wait` is over for one who has to wait for itself, and a little more.
    pub(crate) fn after(wait: Duration, chance: u32) -> u64 {
        let wait = wait.clamp(SHORTEST, A_DAY);
        wait.as_secs().saturating_add(spread(wait / 4, chance))
    }

    /// Whole seconds to wait. `chance` is any number, evenly spread.
    pub(crate) fn next(&mut self, now: Instant, chance: u32) -> u64 {
        let at = self.last.max(now) + Duration::from_secs(1) / PACE;
        // A line longer than the longest wait is not counted further: those who wait that long come back to a new one.
        self.last = at.min(now + LONGEST);
        spread(at.saturating_duration_since(now).clamp(SHORTEST, LONGEST), chance)
    }
}

/// Whole seconds between half and one and a half of `wait`.
fn spread(wait: Duration, chance: u32) -> u64 {
    let jitter = wait.as_secs_f64() * (f64::from(chance) / f64::from(u32::MAX) + 0.5);
    Duration::from_secs_f64(jitter).as_secs().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Evenly spread: multiples of a large odd number.
    fn chances() -> impl Iterator<Item = u32> {
        (1_u32..).map(|n| n.wrapping_mul(2_654_435_769))
    }

    #[test]
    fn ten_thousand_turned_away_together_do_not_come_back_together() {
        let now = Instant::now();
        let mut appointments = Appointments::new(now);
        let mut seconds = [0_u32; 200];
        for chance in chances().take(10_000) {
            seconds[usize::try_from(appointments.next(now, chance)).unwrap()] += 1;
        }
        let most = *seconds.iter().max().unwrap();
        assert!(most <= 2 * PACE + 600, "{most} in one second: {seconds:?}");
        assert!(seconds[60..].iter().all(|it| *it == 0), "40 seconds of work and half as much again: {seconds:?}");
        assert_eq!(seconds[0], 0);
    }

    #[test]
    fn one_alone_comes_back_soon_and_nobody_waits_for_ever() {
        let now = Instant::now();
        let mut appointments = Appointments::new(now);
        assert_eq!(appointments.next(now, 0), 1);
        assert_eq!(Appointments::new(now).next(now, u32::MAX), 3);
        for chance in chances().take(1_000_000) {
            assert!((1..=180).contains(&appointments.next(now, chance)));
        }
        // A long line is forgotten once its time has passed.
        let later = now + LONGEST;
        assert!(appointments.next(later, u32::MAX) <= 3);
    }
}
