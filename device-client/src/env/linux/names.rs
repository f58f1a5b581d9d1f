//! From host names to addresses.

use std::{
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    path::Path,
    time::Duration,
};

use verdict::{ReasonCode, Refusal};

use crate::{
    dns::{
        lookup,
        resolver::{NameServer, RESOLV_CONF, ResolvConf},
    },
    sources::Learned,
};

/// How long our own questions may take for one host.
const PATIENCE: Duration = Duration::from_secs(10);

/// The addresses of a host, in the order in which they are tried: those that came with the server's name, then what the
/// system's resolver says. A device that has none yet asks the name servers that DHCP named.
pub(crate) fn resolve(host: &str, port: u16, learned: &Learned) -> Result<Vec<IpAddr>, Refusal> {
    resolve_with(host, port, learned, &ResolvConf::load(Path::new(RESOLV_CONF)))
}

fn resolve_with(host: &str, port: u16, learned: &Learned, system: &ResolvConf) -> Result<Vec<IpAddr>, Refusal> {
    let refuse = |detail: String| Refusal::new(ReasonCode::ServerUnreachable, detail);
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    let mut addresses = learned.addresses.get(host).cloned().unwrap_or_default();
    // RFC 6762 §22.1: a resolver knows nothing of names on the link.
    if !addresses.is_empty() && host.ends_with(".local") {
        return Ok(addresses);
    }
    let asked = if system.name_servers.is_empty() { from_learned_servers(host, learned) } else { Vec::new() };
    let others = if asked.is_empty() { from_the_system(host, port) } else { Ok(asked) };
    match others {
        Ok(others) => {
            for address in others {
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
        }
        Err(error) if addresses.is_empty() => return Err(refuse(format!("{host}: {error}"))),
        Err(_) => {}
    }
    if addresses.is_empty() { Err(refuse(format!("{host} has no address"))) } else { Ok(addresses) }
}

fn from_the_system(host: &str, port: u16) -> std::io::Result<Vec<IpAddr>> {
    Ok((host, port).to_socket_addrs()?.map(|address| address.ip()).collect())
}

fn from_learned_servers(host: &str, learned: &Learned) -> Vec<IpAddr> {
    let servers: Vec<SocketAddr> = learned.name_servers.iter().map(|address| NameServer::from(*address).0).collect();
    match host.parse() {
        Ok(name) if !servers.is_empty() => lookup::addresses(&name, &servers, PATIENCE),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_15_an_address_that_came_along_goes_before_the_resolver() {
        let mut learned = Learned::default();
        let learned_address: IpAddr = "192.0.2.1".parse().unwrap();
        for host in ["sztp.local", "localhost"] {
            learned.add_addresses(host, [learned_address]);
        }
        let system = ResolvConf::parse("nameserver 127.0.0.1");
        // The resolver is not asked about names on the link.
        assert_eq!(resolve_with("sztp.local", 443, &learned, &system).unwrap(), [learned_address]);
        // What a stranger says of another name does not hide what the resolver knows.
        let both = resolve_with("localhost", 443, &learned, &system).unwrap();
        assert_eq!(both[0], learned_address);
        assert!(both[1..].iter().all(IpAddr::is_loopback) && both.len() > 1, "{both:?}");
    }

    #[test]
    fn addresses_need_no_resolver_and_unknown_names_are_refused() {
        let nobody = Learned::default();
        let literal = resolve_with("2001:db8::1", 443, &nobody, &ResolvConf::default()).unwrap();
        assert_eq!(literal, ["2001:db8::1".parse::<IpAddr>().unwrap()]);
        let refusal = resolve_with("a name.invalid", 443, &nobody, &ResolvConf::default()).unwrap_err();
        assert_eq!(refusal.reason, ReasonCode::ServerUnreachable);
    }
}
