//! The present moment, for machines that must not ask themselves.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use crate::moment::Moment;

/// What a host's clocks say.
pub trait Time: Send + Sync + 'static {
    /// What the clock on the wall says, which anybody may set.
    fn wall(&self) -> Moment;

    /// What has passed since some moment, sleep of the machine included. Nobody can set it.
    fn passed(&self) -> Duration;
}

/// The clocks of this host.
#[derive(Clone, Copy, Debug)]
pub struct HostTime;

impl Time for HostTime {
    fn wall(&self) -> Moment {
        Moment(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
    }

    fn passed(&self) -> Duration {
        // `Instant` stands still while the machine sleeps; the leases of clients do not.
        let passed = clock_gettime(ClockId::Boottime);
        let (seconds, nanoseconds) = (u64::try_from(passed.tv_sec), u32::try_from(passed.tv_nsec));
        Duration::new(seconds.unwrap_or_default(), nanoseconds.unwrap_or_default())
    }
}

/// A clock that reads the wall once and counts on from there, so that leases neither end nor last longer because somebody corrects the time
/// a little. When the wall says something else altogether and stands by it, somebody has set it, and this clock is set too.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Moment,
    at: Duration,
    /// What the wall said otherwise, in seconds, and since when it does.
    doubt: Option<(i64, Duration)>,
}

impl Clock {
    /// How far the wall may be away without being followed, in seconds: corrections by NTP are smaller.
    pub const AWAY: u64 = 60;
    /// For how long the wall has to stand by what it says. Programs that quarrel about the time move nothing.
    pub const STANDS: Duration = Duration::from_secs(3);

    /// A clock that begins with what the wall says now.
    #[must_use]
    pub fn start(time: &dyn Time) -> Self {
        Self { wall: time.wall(), at: time.passed(), doubt: None }
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self, time: &dyn Time) -> Moment {
        self.counted(time.passed())
    }

    fn counted(&self, passed: Duration) -> Moment {
        Moment(self.wall.0.saturating_add(passed.saturating_sub(self.at).as_secs()))
    }

    /// Looks at the wall. When that was set, this clock is from now on, and says by how many seconds: less than nothing where it went back.
    pub fn look(&mut self, time: &dyn Time) -> Option<i64> {
        let (wall, passed) = (time.wall(), time.passed());
        let by = wall.later_than(self.counted(passed));
        if by.unsigned_abs() <= Self::AWAY {
            self.doubt = None;
            return None;
        }
        match self.doubt {
            Some((before, since)) if by.abs_diff(before) <= Self::AWAY => {
                if passed.saturating_sub(since) < Self::STANDS {
                    return None;
                }
                *self = Self { wall, at: passed, doubt: None };
                Some(by)
            }
            _ => {
                self.doubt = Some((by, passed));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// A wall that says what it is told, and seconds that pass when they are told to.
    #[derive(Default)]
    struct Told {
        wall: AtomicU64,
        passed: AtomicU64,
    }

    impl Told {
        fn pass(&self, seconds: u64) {
            self.wall.fetch_add(seconds, Ordering::Relaxed);
            self.passed.fetch_add(seconds, Ordering::Relaxed);
        }

        fn set(&self, wall: u64) {
            self.wall.store(wall, Ordering::Relaxed);
        }
    }

    impl Time for Told {
        fn wall(&self) -> Moment {
            Moment(self.wall.load(Ordering::Relaxed))
        }

        fn passed(&self) -> Duration {
            Duration::from_secs(self.passed.load(Ordering::Relaxed))
        }
    }

    const TODAY: u64 = 1_800_000_000;

    /// What a clock says at each of so many seconds that pass.
    fn looks(clock: &mut Clock, time: &Told, seconds: u64) -> Vec<Option<i64>> {
        let second = |_| {
            time.pass(1);
            clock.look(time)
        };
        (0..seconds).map(second).collect()
    }

    #[test]
    fn a_wall_that_is_set_is_followed_once_it_stands_by_it() {
        let time = Told::default();
        let mut clock = Clock::start(&time);
        assert_eq!(looks(&mut clock, &time, 5), [None; 5]);
        assert_eq!(clock.now(&time), Moment(5));
        time.set(TODAY);
        let by = i64::try_from(TODAY - 5).unwrap();
        assert_eq!(looks(&mut clock, &time, 5), [None, None, None, Some(by), None]);
        assert_eq!(clock.now(&time), Moment(TODAY + 5));
        // And back.
        time.set(1000);
        assert_eq!(looks(&mut clock, &time, 5), [None, None, None, Some(1000 - by - 10), None]);
        assert_eq!(clock.now(&time), Moment(1005));
    }

    #[test]
    fn small_corrections_move_nothing_until_they_are_a_minute_together() {
        let time = Told::default();
        time.set(TODAY);
        let mut clock = Clock::start(&time);
        for correction in 1..=60 {
            time.pass(1);
            time.set(time.wall().0 - 1);
            assert_eq!(clock.look(&time), None);
            assert_eq!(clock.now(&time), Moment(TODAY + correction));
        }
        time.set(time.wall().0 - 1);
        assert_eq!(looks(&mut clock, &time, 5), [None, None, None, Some(-61), None]);
    }

    #[test]
    fn programs_that_quarrel_about_the_time_move_nothing() {
        let time = Told::default();
        time.set(TODAY);
        let mut clock = Clock::start(&time);
        for turn in 0..100_u64 {
            time.set(if turn % 2 == 0 { TODAY + turn * 10_000 } else { 7 });
            assert_eq!(looks(&mut clock, &time, 2), [None; 2]);
        }
        assert_eq!(clock.now(&time), Moment(TODAY + 200));
    }

    #[test]
    fn no_wall_is_too_far_away() {
        let time = Told::default();
        time.set(u64::MAX);
        let mut clock = Clock::start(&time);
        assert_eq!((clock.look(&time), clock.now(&time)), (None, Moment(u64::MAX)));
        time.set(0);
        assert_eq!(looks(&mut clock, &time, 4).last(), Some(&Some(i64::MIN)));
        assert_eq!(clock.now(&time), Moment(4));
    }

    #[test]
    fn the_clocks_of_this_host_go_on() {
        let (wall, passed) = (HostTime.wall(), HostTime.passed());
        assert!(wall.0 > 0 && passed > Duration::ZERO);
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while HostTime.passed() == passed {
            assert!(std::time::Instant::now() < deadline, "it stands still");
        }
        assert!(HostTime.passed() > passed);
    }
}
