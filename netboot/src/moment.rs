//! Time as the machines see it.

use std::fmt;

/// A point in time: whole seconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// This many seconds later.
    #[must_use]
    pub fn plus(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(seconds.into()))
    }

    /// This many seconds later, or earlier where it is less than nothing.
    #[must_use]
    pub const fn moved(self, seconds: i64) -> Self {
        Self(self.0.saturating_add_signed(seconds))
    }

    /// By how many seconds this moment is later than another one; less than nothing where it is earlier.
    #[must_use]
    pub fn later_than(self, other: Self) -> i64 {
        let seconds = i128::from(self.0).saturating_sub(i128::from(other.0));
        i64::try_from(seconds).unwrap_or(if seconds < 0 { i64::MIN } else { i64::MAX })
    }

    /// How many seconds there are from this moment to a later one; 0 when it is not later.
    #[must_use]
    pub fn until(self, later: Self) -> u32 {
        u32::try_from(later.0.saturating_sub(self.0)).unwrap_or(u32::MAX)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
