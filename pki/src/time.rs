//! Points in time, and whether the clock that names the present may be believed.

use std::fmt;

use ::time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A point in time, in whole seconds since 1970-01-01T00:00:00Z. Shown and parsed as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(OffsetDateTime);

impl Timestamp {
    /// 9999-12-31T23:59:59Z, the "no well-defined expiration" of RFC 5280 §4.1.2.5 that 802.1AR demands of IDevIDs.
    pub const INFINITY: Self = Self(match OffsetDateTime::from_unix_timestamp(253_402_300_799) {
        Ok(date) => date,
        Err(_) => OffsetDateTime::UNIX_EPOCH,
    });

    /// From seconds since the epoch; what lies outside the years 0001 to 9999 becomes the nearest moment inside.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        /// 0001-01-01T00:00:00Z.
        const EARLIEST: i64 = -62_135_596_800;
        OffsetDateTime::from_unix_timestamp(seconds.max(EARLIEST)).map_or(Self::INFINITY, Self)
    }

    /// What the operating system's clock says.
    #[must_use]
    pub fn from_system(time: std::time::SystemTime) -> Self {
        let seconds = match time.duration_since(std::time::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, i64::saturating_neg),
        };
        Self::from_unix(seconds)
    }

    /// Seconds since the epoch.
    #[must_use]
    pub const fn unix(self) -> i64 {
        self.0.unix_timestamp()
    }

    /// This moment plus `seconds` (negative for the past), kept inside the years 0001 to 9999.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self::from_unix(self.unix().saturating_add(seconds))
    }

    /// Reads `yang:date-and-time` (RFC 6991 §3): RFC 3339 with an offset or `Z`; fractions of a second are dropped.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let date = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        // Not by converting to UTC, which panics when that leaves the years the library knows.
        Some(Self::from_unix(date.unix_timestamp()))
    }

    /// The date as the `time` crate has it, for encoders.
    #[must_use]
    pub const fn to_offset_date_time(self) -> OffsetDateTime {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

/// What is known about the present when a date must be judged (RFC 8572 §9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The clock may be believed: every date is checked against it.
    Trusted(Timestamp),
    /// The clock may not be believed. Expiry is not judged, and of revocation only what is known to have happened (RFC
    /// 8572 §9.1, [`crate::revocation`]); the present is known only to lie at or after this bound, which comes from the
    /// build date and verified vouchers.
    Untrusted {
        /// The latest moment known to have passed.
        at_least: Timestamp,
    },
}

impl Clock {
    /// The present, where it is known.
    #[must_use]
    pub const fn now(self) -> Option<Timestamp> {
        match self {
            Self::Trusted(now) => Some(now),
            Self::Untrusted { .. } => None,
        }
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trusted(now) => write!(f, "clock {now}"),
            Self::Untrusted { at_least } => write!(f, "clock untrusted, at least {at_least}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_forms_of_yang_date_and_time() {
        // VCH-02: offset or Z, fractional seconds.
        let parse = |text| Timestamp::parse_rfc3339(text).map(Timestamp::unix);
        assert_eq!(parse("1970-01-01T00:00:10Z"), Some(10));
        assert_eq!(parse("1970-01-01T00:00:10.75Z"), Some(10));
        assert_eq!(parse("1969-12-31T20:00:10-04:00"), Some(10));
        assert_eq!(parse("1970-01-01 00:00:10"), None);
        assert_eq!(parse("yesterday"), None);
    }

    #[test]
    fn infinity_is_the_last_second_of_9999_and_absorbs_overflow() {
        assert_eq!(Timestamp::INFINITY.to_string(), "9999-12-31T23:59:59Z");
        assert_eq!(Timestamp::from_unix(i64::MAX), Timestamp::INFINITY);
        assert_eq!(Timestamp::INFINITY.plus_seconds(1), Timestamp::INFINITY);
        assert_eq!(Timestamp::from_unix(10).plus_seconds(i64::MAX), Timestamp::INFINITY);
    }

    #[test]
    fn the_past_ends_at_the_year_1_and_every_moment_can_be_shown() {
        let first = Timestamp::from_unix(i64::MIN);
        assert_eq!(first.to_string(), "0001-01-01T00:00:00Z");
        assert_eq!(Timestamp::from_unix(-10).plus_seconds(i64::MIN), first);
        assert_eq!(Timestamp::parse_rfc3339("0000-01-01T00:00:00+23:00"), Some(first));
    }

    #[test]
    fn offsets_at_the_end_of_time_do_not_panic() {
        // One second before infinity west of Greenwich lies beyond it.
        assert_eq!(Timestamp::parse_rfc3339("9999-12-31T23:59:58-23:00"), Some(Timestamp::INFINITY));
        let east = Timestamp::parse_rfc3339("9999-12-31T23:59:59+01:00").unwrap();
        assert_eq!(east.plus_seconds(3600), Timestamp::INFINITY);
    }

    #[test]
    fn the_system_clock_before_1970_is_a_time_too() {
        let epoch = std::time::UNIX_EPOCH;
        let day = std::time::Duration::from_secs(86_400);
        assert_eq!(Timestamp::from_system(epoch + day).unix(), 86_400);
        assert_eq!(Timestamp::from_system(epoch - day).unix(), -86_400);
    }

    #[test]
    fn only_a_trusted_clock_knows_the_present() {
        // DEV-14; both forms say in a trace which clock judged.
        let moment = Timestamp::from_unix(0);
        assert_eq!(Clock::Trusted(moment).now(), Some(moment));
        assert_eq!(Clock::Untrusted { at_least: moment }.now(), None);
        assert_eq!(Clock::Trusted(moment).to_string(), "clock 1970-01-01T00:00:00Z");
        let untrusted = Clock::Untrusted { at_least: moment }.to_string();
        assert_eq!(untrusted, "clock untrusted, at least 1970-01-01T00:00:00Z");
    }
}
