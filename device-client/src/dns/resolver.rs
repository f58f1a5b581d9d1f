//! Whom a device asks: addresses of name servers, and what `resolv.conf` says of them.

use std::{
    fmt,
    net::{AddrParseError, IpAddr, SocketAddr},
    path::Path,
    str::FromStr,
};

/// Where systems keep what they know of name servers.
pub const RESOLV_CONF: &str = "/etc/resolv.conf";

/// The port of name servers (RFC 1035 §4.2).
const PORT: u16 = 53;

/// Most octets of the file that are read.
const MAX_FILE: usize = 16 * 1024;

/// Address and port of a name server; in text, the port may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameServer(pub SocketAddr);

impl From<IpAddr> for NameServer {
    fn from(address: IpAddr) -> Self {
        Self(SocketAddr::new(address, PORT))
    }
}

impl FromStr for NameServer {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(IpAddr::into).or_else(|_| text.parse().map(Self))
    }
}

impl fmt::Display for NameServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.port() == PORT { self.0.ip().fmt(f) } else { self.0.fmt(f) }
    }
}

/// What a `resolv.conf` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvConf {
    /// The name servers, in order.
    pub name_servers: Vec<IpAddr>,
    /// The domains that are searched, in order.
    pub domains: Vec<String>,
}

impl ResolvConf {
    /// Reads a file; one that is missing or unreadable says nothing.
    #[must_use]
    pub fn load(path: &Path) -> Self {
        let octets = std::fs::read(path).unwrap_or_default();
        Self::parse(&String::from_utf8_lossy(octets.get(..MAX_FILE).unwrap_or(&octets)))
    }

    /// Reads the text of such a file. What is not understood is passed over, as resolvers do; of `search` and `domain` the
    /// last line counts. Addresses with a zone are left out: they mean something to one interface only.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut read = Self::default();
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") => {
                    read.name_servers.extend(words.next().and_then(|word| word.parse::<IpAddr>().ok()))
                }
                Some("search") => read.domains = words.map(str::to_owned).collect(),
                Some("domain") => read.domains = words.take(1).map(str::to_owned).collect(),
                _ => {}
            }
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_16_a_resolv_conf_gives_servers_and_domains() {
        let text = "# a comment\n; another\nnameserver 192.0.2.53\nnameserver\t2001:db8::53 \nnameserver fe80::1%eth0\n\
                    nameserver nonsense\noptions ndots:2\ndomain old.example\nsearch lab.example.net example.net\n";
        let read = ResolvConf::parse(text);
        let servers: Vec<IpAddr> = ["192.0.2.53", "2001:db8::53"].map(|text| text.parse().unwrap()).into();
        assert_eq!(read.name_servers, servers);
        assert_eq!(read.domains, ["lab.example.net", "example.net"]);
        assert_eq!(ResolvConf::parse("search a b\ndomain c d\n").domains, ["c"]);
        assert_eq!(ResolvConf::load(Path::new("/nonexistent/resolv.conf")), ResolvConf::default());
    }

    #[test]
    fn a_name_server_is_an_address_with_or_without_a_port() {
        for (text, port, shown) in [
            ("192.0.2.53", 53, "192.0.2.53"),
            ("192.0.2.53:5300", 5300, "192.0.2.53:5300"),
            ("2001:db8::53", 53, "2001:db8::53"),
            ("[2001:db8::53]:53", 53, "2001:db8::53"),
        ] {
            let server: NameServer = text.parse().unwrap();
            assert_eq!((server.0.port(), server.to_string().as_str()), (port, shown));
        }
        assert!("ns.example".parse::<NameServer>().is_err());
    }
}
