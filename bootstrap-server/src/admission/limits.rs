//! How much a peer may cost: `[limits]` in `sztp.toml`.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

use serde::{Deserialize, Deserializer, de::Error as _};

/// Caps, rates and deadlines of the listeners for devices. The defaults suit a server; tests shorten them.
///
/// Caps are shared fairly between sources: one alone may take three quarters of each, and the more it has, the less of
/// what is left is for it. There is no fixed cap for a source, since a whole data hall may call from behind one address. The
/// sources of one IPv6 site, a /48, may take fifteen sixteenths together.
/// In the file deadlines are whole seconds, and nothing may be zero.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Limits {
    /// Connections at once. One more waits in the kernel until there is a place, and costs nothing.
    #[serde(deserialize_with = "count")]
    pub connections: usize,
    /// TLS handshakes at once. Others wait for their turn, source by source.
    #[serde(deserialize_with = "count")]
    pub handshakes: usize,
    /// TLS handshakes begun in a second, on average; as fast as the machine can when there is none.
    pub handshakes_per_second: Option<NonZeroU32>,
    /// Requests at once, images not counted. New devices are turned away at half of it, those that come back at three
    /// quarters, and those in the middle of their onboarding only at the whole.
    #[serde(deserialize_with = "count")]
    pub requests: usize,
    /// Requests at once of one device.
    #[serde(deserialize_with = "count")]
    pub requests_per_device: usize,
    /// Requests of one device in a second, on average over a burst of five seconds.
    pub requests_per_second_per_device: NonZeroU32,
    /// Octets that one device may add to the database in a day, on average over a burst of a quarter of it. Of that burst
    /// the last quarter is for answers, and for reports that begin or end an onboarding.
    pub stored_octets_per_day_per_device: NonZeroU32,
    /// Images sent at once; a request for one more is told to come back.
    #[serde(deserialize_with = "count")]
    pub images: usize,
    /// Time for the TLS handshake, waiting for its turn included.
    #[serde(deserialize_with = "seconds")]
    pub handshake: Duration,
    /// Time for a request's header, which is also the longest that a connection may idle.
    #[serde(deserialize_with = "seconds")]
    pub header: Duration,
    /// Time for a request's body.
    #[serde(deserialize_with = "seconds")]
    pub body: Duration,
    /// Longest that an answer may stand still, or trickle, because its reader does not read.
    #[serde(deserialize_with = "seconds")]
    pub stall: Duration,
    /// Time for a whole connection. What is under way then may finish within the same time again.
    #[serde(deserialize_with = "seconds")]
    pub connection: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: connections(open_files()),
            handshakes: 512,
            handshakes_per_second: None,
            requests: 2048,
            requests_per_device: 4,
            requests_per_second_per_device: NonZeroU32::new(20).unwrap_or(NonZeroU32::MIN),
            stored_octets_per_day_per_device: NonZeroU32::new(STORED_OCTETS).unwrap_or(NonZeroU32::MAX),
            images: 256,
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(10),
            body: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            connection: Duration::from_secs(600),
        }
    }
}

fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    NonZeroUsize::deserialize(deserializer).map(NonZeroUsize::get)
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    match u64::deserialize(deserializer)? {
        seconds @ 1..=MAX_SECONDS => Ok(Duration::from_secs(seconds)),
        other => Err(D::Error::custom(format_args!("{other} seconds: between 1 and {MAX_SECONDS} are possible"))),
    }
}

/// Connections that a process with so many file descriptors can hold: each may need a second one for an image, and the
/// store and the other listeners need theirs.
fn connections(open_files: Option<usize>) -> usize {
    open_files.map_or(MAX_CONNECTIONS, |files| (files.saturating_sub(RESERVED_FILES) / 2).clamp(1, MAX_CONNECTIONS))
}

/// The soft limit on open files, where the system tells.
fn open_files() -> Option<usize> {
    soft_limit(&std::fs::read_to_string("/proc/self/limits").ok()?)
}

/// proc(5): name, soft limit, hard limit, unit. `unlimited` is no number and gives `None`.
fn soft_limit(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Connections that are never exceeded by default, however many files may be open.
const MAX_CONNECTIONS: usize = 4096;
/// 64 MiB: some seventy onboardings with every report there is at its longest.
const STORED_OCTETS: u32 = 64 * 1024 * 1024;
/// Files kept for everything that is no connection.
const RESERVED_FILES: usize = 256;
/// Longest deadline, in seconds: a day.
const MAX_SECONDS: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_follow_the_limit_on_open_files() {
        let of = |soft: &str| {
            let line =
                format!("Limit  Soft Limit  Hard Limit  Units\nMax open files            {soft}   524288  files\n");
            connections(soft_limit(&line))
        };
        assert_eq!(of("1024"), 384);
        assert_eq!(of("64"), 1, "a tiny limit still lets one device in");
        assert_eq!(of("1000000"), MAX_CONNECTIONS);
        assert_eq!(of("unlimited"), MAX_CONNECTIONS);
        assert_eq!(connections(soft_limit("")), MAX_CONNECTIONS);
    }

    #[test]
    fn what_the_file_leaves_out_is_the_default_and_nothing_is_zero() {
        let limits: Limits = toml::from_str("connections = 10\nstall = 5\nhandshakes-per-second = 100\n").unwrap();
        assert_eq!((limits.connections, limits.stall), (10, Duration::from_secs(5)));
        assert_eq!(limits.handshakes_per_second, NonZeroU32::new(100));
        assert_eq!((limits.header, limits.images), (Limits::default().header, Limits::default().images));
        for wrong in ["images = 0", "header = 0", "header = 86401", "body = -1", "requests = 'many'", "unknown = 1"] {
            toml::from_str::<Limits>(wrong).expect_err(wrong);
        }
    }
}
