//! Where a bootstrap server is: host and port.

use std::{fmt, net::IpAddr};

use serde::{Serialize, Serializer};

/// A bootstrap server's DNS name or IP address, and its TCP port. Shown as `host:port`, an IPv6 address in brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Server {
    host: String,
    port: u16,
}

impl Server {
    /// A server. Names compare without regard to case and to a final dot (RFC 4343; RFC 1034 §3.1), so they are kept
    /// in lower case and without one.
    #[must_use]
    pub fn new(host: &str, port: u16) -> Self {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        Self { host, port }
    }

    /// The name or address, an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The host when it is an address and needs no resolution.
    #[must_use]
    pub fn literal_address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl Serialize for Server {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_has_one_spelling() {
        assert_eq!(Server::new("SZTP.Example.net.", 443), Server::new("sztp.example.net", 443));
        assert_eq!(Server::new("2001:db8::1", 8443).to_string(), "[2001:db8::1]:8443");
        assert_eq!(Server::new("192.0.2.1", 443).to_string(), "192.0.2.1:443");
        assert!(Server::new("192.0.2.1", 1).literal_address().is_some());
        assert!(Server::new("sztp1", 1).literal_address().is_none());
    }
}
