//! What DHCP says of the DNS: kept for the sources after it, and written down where the system's resolver reads it.

use std::{fmt::Write, fs, io, net::IpAddr, path::Path};

use dhcp::bootstrap_uri::DnsName;

use super::Learned;

/// DNS servers and domains of one answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NameService {
    pub(super) name_servers: Vec<IpAddr>,
    pub(super) domains: Vec<DnsName>,
}

/// What `resolv.conf(5)` counts.
const NAME_SERVERS: usize = 3;
const DOMAINS: usize = 6;

impl NameService {
    /// Adds what is not there yet, as long as there is room: a few servers may answer, none of whom anybody knows.
    pub(super) fn teach(&self, learned: &mut Learned) {
        let usable = self.name_servers.iter().filter(|it| !it.is_unspecified() && !it.is_multicast());
        let servers = usable.take(NAME_SERVERS).copied();
        learned.add(servers, self.domains.iter().take(DOMAINS).map(ToString::to_string));
    }

    /// Writes a `resolv.conf(5)`, in one step; nothing without a DNS server.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = String::new();
        for server in self.name_servers.iter().take(NAME_SERVERS) {
            writeln!(text, "nameserver {server}").map_err(io::Error::other)?;
        }
        if text.is_empty() {
            return Ok(());
        }
        if !self.domains.is_empty() {
            let domains: Vec<_> = self.domains.iter().take(DOMAINS).map(DnsName::as_str).collect();
            writeln!(text, "search {}", domains.join(" ")).map_err(io::Error::other)?;
        }
        // What every program of the system may read, and nobody misses after a power cut.
        let written = path.with_extension("sztp");
        fs::write(&written, text)?;
        fs::rename(&written, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_16_servers_and_domains_are_learned_and_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resolv.conf");
        NameService::default().write(&path).unwrap();
        assert!(!path.exists());
        let name_service = NameService {
            name_servers: vec![
                "192.0.2.53".parse().unwrap(),
                "2001:db8::53".parse().unwrap(),
                "0.0.0.0".parse().unwrap(),
            ],
            domains: vec!["example.net".parse().unwrap(), "example.com".parse().unwrap()],
        };
        let mut learned = Learned::default();
        name_service.teach(&mut learned);
        name_service.teach(&mut learned);
        assert_eq!(learned.name_servers, name_service.name_servers[..2]);
        assert_eq!(learned.domains, ["example.net", "example.com"]);
        name_service.write(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("nameserver 192.0.2.53\nnameserver 2001:db8::53\n"), "{text}");
        assert!(text.ends_with("search example.net example.com\n"));
    }
}
