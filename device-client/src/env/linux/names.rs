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
    resolve_with(host, port, learned, &servers(learned, &ResolvConf::load(Path::new(RESOLV_CONF))))
}

/// The name servers that we ask ourselves: none where the system has its own.
fn servers(learned: &Learned, system: &ResolvConf) -> Vec<SocketAddr> {
    let learned = learned.name_servers.iter().filter(|_| system.name_servers.is_empty());
    learned.map(|address| NameServer::from(*address).0).collect()
}

fn resolve_with(host: &str, port: u16, learned: &Learned, servers: &[SocketAddr]) -> Result<Vec<IpAddr>, Refusal> {
    let refuse = |detail: String| Refusal::new(ReasonCode::ServerUnreachable, detail);
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    let mut addresses = learned.addresses.get(host).cloned().unwrap_or_default();
    // RFC 6762 §22.1: a resolver knows nothing of names on the link.
    if !addresses.is_empty() && host.ends_with(".local") {
        return Ok(addresses);
    }
    let asked = from_servers(host, servers);
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

fn from_servers(host: &str, servers: &[SocketAddr]) -> Vec<IpAddr> {
    match host.parse() {
        Ok(name) if !servers.is_empty() => lookup::addresses(&name, servers, PATIENCE),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::{net::UdpSocket, thread};

    use super::*;
    use crate::dns::{
        message::Message,
        question::Kind,
        testing::{Response, question, rdata},
    };

    /// A device without a resolver of its own, such as a static program in an initial file system.
    #[test]
    fn dns_16_without_a_resolver_the_servers_that_dhcp_named_are_asked() {
        let mut learned = Learned::default();
        learned.add(["192.0.2.53".parse().unwrap()], []);
        let expected: SocketAddr = "192.0.2.53:53".parse().unwrap();
        assert_eq!(servers(&learned, &ResolvConf::default()), [expected]);
        assert_eq!(servers(&learned, &ResolvConf::parse("nameserver 192.0.2.1")), []);

        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let server = socket.local_addr().unwrap();
        thread::spawn(move || {
            let mut datagram = [0; 2000];
            while let Ok((length, from)) = socket.recv_from(&mut datagram) {
                let query = Message::decode(&datagram[..length]).unwrap();
                let (kind, address) = match query.questions[0].1 {
                    1 => (Kind::A, "192.0.2.7"),
                    _ => (Kind::Aaaa, "2001:db8::7"),
                };
                let name = "sztp.lab.example";
                let response = Response::to(&question(name, kind), query.id).answer(name, rdata::address(address));
                socket.send_to(&response.encode(), from).unwrap();
            }
        });
        let found = resolve_with("sztp.lab.example", 443, &learned, &[server]).unwrap();
        assert_eq!(found, ["192.0.2.7", "2001:db8::7"].map(|text| text.parse::<IpAddr>().unwrap()));
    }

    #[test]
    fn dns_15_an_address_that_came_along_goes_before_the_resolver() {
        let mut learned = Learned::default();
        let learned_address: IpAddr = "192.0.2.1".parse().unwrap();
        for host in ["sztp.local", "localhost"] {
            learned.add_addresses(host, [learned_address]);
        }
        // The resolver is not asked about names on the link.
        assert_eq!(resolve_with("sztp.local", 443, &learned, &[]).unwrap(), [learned_address]);
        // What a stranger says of another name does not hide what the resolver knows.
        let both = resolve_with("localhost", 443, &learned, &[]).unwrap();
        assert_eq!(both[0], learned_address);
        assert!(both[1..].iter().all(IpAddr::is_loopback) && both.len() > 1, "{both:?}");
    }

    #[test]
    fn addresses_need_no_resolver_and_unknown_names_are_refused() {
        let nobody = Learned::default();
        let literal = resolve_with("2001:db8::1", 443, &nobody, &[]).unwrap();
        assert_eq!(literal, ["2001:db8::1".parse::<IpAddr>().unwrap()]);
        let refusal = resolve_with("a name.invalid", 443, &nobody, &[]).unwrap_err();
        assert_eq!(refusal.reason, ReasonCode::ServerUnreachable);
    }
}
