//! Whether the clock goes as time does.

use std::{
    fmt,
    time::{Duration, Instant},
};

use audit_log::UnixMillis;

/// How far the clock may move away from the time that passes, between two looks. Corrections are seconds; records are kept
/// for days.
const TOLERANCE: Duration = Duration::from_secs(3600);

/// What the clock said the last time that somebody looked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steady {
    wall: UnixMillis,
    at: Instant,
}

/// The clock says something else than what has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Jump {
    /// By the clock, in milliseconds; less than nothing where it went back.
    clock: i128,
    /// What has passed. A machine that slept does not count its sleep.
    passed: Duration,
}

impl fmt::Display for Jump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the clock moved by {} s while {} s passed", self.clock / 1000, self.passed.as_secs())
    }
}

impl Steady {
    pub(super) const fn new(wall: UnixMillis, at: Instant) -> Self {
        Self { wall, at }
    }

    /// Whether the clock, which says `wall` at `at`, has gone on since the last look as time did. From here on this is the
    /// last look.
    pub(super) fn look(&mut self, wall: UnixMillis, at: Instant) -> Result<(), Jump> {
        let last = std::mem::replace(self, Self::new(wall, at));
        let passed = at.saturating_duration_since(last.at);
        let clock = i128::from(wall.0).saturating_sub(i128::from(last.wall.0));
        let millis = |duration: Duration| i128::try_from(duration.as_millis()).unwrap_or(i128::MAX);
        let away = clock.saturating_sub(millis(passed)).saturating_abs();
        if away <= millis(TOLERANCE) { Ok(()) } else { Err(Jump { clock, passed }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_22_a_clock_that_jumps_is_believed_once_it_has_stood_by_it() {
        const HOUR: u64 = 3_600_000;
        let (start, hours) = (Instant::now(), |hours: u64| Duration::from_secs(hours * 3600));
        let mut steady = Steady::new(UnixMillis(1000 * HOUR), start);
        assert_eq!(steady.look(UnixMillis(1006 * HOUR + 1), start + hours(6)), Ok(()));
        let jump = steady.look(UnixMillis(9000 * HOUR), start + hours(12)).unwrap_err();
        assert_eq!(jump.to_string(), "the clock moved by 28778399 s while 21600 s passed");
        assert_eq!(steady.look(UnixMillis(9006 * HOUR), start + hours(18)), Ok(()));
        // And back, as far as there is time at all.
        assert!(steady.look(UnixMillis(0), start + hours(24)).unwrap_err().clock < 0);
        assert!(steady.look(UnixMillis(u64::MAX), start + hours(24)).is_err());
    }
}
