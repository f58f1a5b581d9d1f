//! Points in time, and whether the clock that names the present may be believed.

use std::fmt;

use ::time::{Duration, OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// A point in time, in whole seconds since 1970-01-01T00:00:00Z. Shown and parsed as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(OffsetDateTime);

impl Timestamp {
    /// 9999-12-31T23:59:59Z, the "no well-defined expiration" of RFC 5280 §4.1.2.5 that 802.1AR demands of IDevIDs.
    pub const INFINITY: Self = Self(match OffsetDateTime::from_unix_timestamp(253_402_300_799) {
        Ok(date) => date,
        Err(_) => OffsetDateTime::UNIX_EPOCH,
    });

    /// From seconds since the epoch; values beyond the year 9999 become [`Timestamp::INFINITY`].
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        OffsetDateTime::from_unix_timestamp(seconds).map_or(Self::INFINITY, Self)
    }

    /// What the operating system's clock says.
    #[must_use]
    pub fn from_system(time: std::time::SystemTime) -> Self {
        let seconds = match time.duration_since(std::time::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds),
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
        self.0.checked_add(Duration::seconds(seconds)).map_or(Self::INFINITY, Self)
    }

    /// Reads `yang:date-and-time` (RFC 6991 §3): RFC 3339 with an offset or `Z`; fractions of a second are dropped.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let date = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        Some(Self::from_unix(date.to_offset(UtcOffset::UTC).unix_timestamp()))
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
    /// The clock may not be believed. Expiry and revocation are not judged (RFC 8572 §9.1); the present is known only
    /// to lie at or after this bound, which comes from the build date and verified vouchers.
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
    }
}
