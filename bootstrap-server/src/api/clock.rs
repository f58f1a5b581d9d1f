//! The server's clock, and how dates are written.

use std::time::SystemTime;

use audit_log::UnixMillis;
use pki::time::Timestamp;

/// The time.
pub(crate) fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// In whole seconds, as dates in certificates are.
pub(super) fn seconds(at: UnixMillis) -> i64 {
    i64::try_from(at.0 / 1000).unwrap_or(i64::MAX)
}

/// RFC 3339, in UTC, with milliseconds.
pub(crate) fn written(at: UnixMillis) -> String {
    let millis = at.0 % 1000;
    let text = Timestamp::from_unix(seconds(at)).to_string();
    format!("{}.{millis:03}Z", text.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_milliseconds_and_a_zone() {
        assert_eq!(written(UnixMillis(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(written(UnixMillis(1_767_225_600_042)), "2026-01-01T00:00:00.042Z");
    }
}
