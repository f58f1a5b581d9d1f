//! How much a peer may cost.

use std::time::Duration;

/// Caps and deadlines of the device listener. The defaults suit a server; tests shorten them.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; more wait in the kernel's queue.
    pub connections: usize,
    /// Images sent at once; a request for one more is told to come back.
    pub images: usize,
    /// Time for the TLS handshake.
    pub handshake: Duration,
    /// Time for a request's header, which is also the longest that a connection may idle.
    pub header: Duration,
    /// Time for a request's body.
    pub body: Duration,
    /// Time for a whole connection. What is under way then may finish within the same time again.
    pub connection: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: connections(open_files()),
            images: 256,
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(10),
            body: Duration::from_secs(10),
            connection: Duration::from_secs(600),
        }
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

/// Connections that are never exceeded, however many files may be open.
const MAX_CONNECTIONS: usize = 4096;
/// Files kept for everything that is no connection.
const RESERVED_FILES: usize = 256;

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
}
