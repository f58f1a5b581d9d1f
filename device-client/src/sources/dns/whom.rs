//! Which name servers are asked, and about which domains.

use std::{net::SocketAddr, path::Path};

use conveyed_info::discovery::dns::Name;
use verdict::{ReasonCode, Refusal};

use super::Settings;
use crate::{
    dns::{
        multicast::Interface,
        resolver::{NameServer, RESOLV_CONF, ResolvConf},
    },
    sources::Learned,
};

/// Most name servers that are asked.
const MAX_SERVERS: usize = 4;

/// Who is asked about what.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Whom {
    pub(super) servers: Vec<SocketAddr>,
    pub(super) domains: Vec<Name>,
    /// Domains that are none.
    pub(super) ignored: Vec<Refusal>,
}

impl Whom {
    pub(super) fn of(settings: &Settings, learned: &Learned) -> Self {
        let mut whom = Self::choose(settings, learned, &ResolvConf::load(Path::new(RESOLV_CONF)));
        let interface = settings.interface.as_deref().and_then(|name| Interface::named(name).ok());
        if let Some(interface) = interface.or_else(Interface::only) {
            whom.servers.iter_mut().for_each(|server| on_link(server, &interface));
        }
        whom
    }

    /// What is configured; where nothing is, what this network's DHCP says, and then what the system knows (DNS-16).
    fn choose(settings: &Settings, learned: &Learned, system: &ResolvConf) -> Self {
        let mut whom = Self::default();
        let found = learned.name_servers.iter().chain(&system.name_servers).map(|it| NameServer::from(*it));
        let servers = settings.servers.iter().copied();
        let found = found.filter(|_| settings.servers.is_empty());
        for NameServer(server) in servers.chain(found) {
            if whom.servers.len() < MAX_SERVERS && !whom.servers.contains(&server) {
                whom.servers.push(server);
            }
        }
        whom.domains.clone_from(&settings.domains);
        for text in learned.domains.iter().chain(&system.domains).filter(|_| settings.domains.is_empty()) {
            match text.parse::<Name>() {
                Ok(name) if whom.domains.iter().any(|other| other.is_same_as(&name)) => {}
                Ok(name) => whom.domains.push(name),
                Err(error) => {
                    let detail = format!("the domain `{}`: {error}", text.escape_debug());
                    whom.ignored.push(Refusal::new(ReasonCode::NoSource, detail));
                }
            }
        }
        whom
    }
}

/// An address of the link alone says nothing without its link: DHCPv6 and router advertisements name such servers.
fn on_link(server: &mut SocketAddr, interface: &Interface) {
    if let SocketAddr::V6(server) = server
        && server.ip().is_unicast_link_local()
        && server.scope_id() == 0
    {
        server.set_scope_id(interface.index());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(settings: &Settings, learned: &Learned) -> (Vec<String>, Vec<String>) {
        let system = ResolvConf::parse("nameserver 192.0.2.1\nnameserver 192.0.2.53\nsearch system.example\n");
        let whom = Whom::choose(settings, learned, &system);
        let servers = whom.servers.iter().map(|server| NameServer(*server).to_string()).collect();
        (servers, whom.domains.iter().map(Name::to_string).collect())
    }

    fn learned(servers: &[&str], domains: &[&str]) -> Learned {
        let mut learned = Learned::default();
        let servers = servers.iter().map(|text| text.parse().unwrap());
        learned.add(servers, domains.iter().map(|text| (*text).to_owned()));
        learned
    }

    /// DNS-16: another option 15, other questions.
    #[test]
    fn dns_16_what_dhcp_says_goes_before_what_the_system_knows() {
        let any = Settings::default();
        for domain in ["lab.example", "other.example"] {
            let (servers, domains) = chosen(&any, &learned(&["192.0.2.53"], &[domain, "SYSTEM.example."]));
            assert_eq!(servers, ["192.0.2.53", "192.0.2.1"]);
            assert_eq!(domains, [format!("{domain}."), "SYSTEM.example.".to_owned()]);
        }
        assert_eq!(chosen(&any, &Learned::default()).1, ["system.example."]);
    }

    #[test]
    fn dns_16_what_is_configured_stands_alone() {
        let settings: Settings =
            toml::from_str("servers = ['192.0.2.7', '[2001:db8::7]:5300']\ndomains = ['a.example']").unwrap();
        let (servers, domains) = chosen(&settings, &learned(&["192.0.2.53"], &["lab.example"]));
        assert_eq!(
            (servers, domains),
            (vec!["192.0.2.7".into(), "[2001:db8::7]:5300".into()], vec!["a.example.".into()])
        );
    }

    #[test]
    fn a_server_on_the_link_is_asked_there() {
        let loopback = Interface::named("lo").unwrap();
        let asked = |text: &str| {
            let mut server: SocketAddr = text.parse().unwrap();
            on_link(&mut server, &loopback);
            server.to_string()
        };
        assert_eq!(asked("[fe80::1]:53"), format!("[fe80::1%{}]:53", loopback.index()));
        for as_it_is in ["[fe80::1%77]:53", "[2001:db8::1]:53", "192.0.2.1:53"] {
            assert_eq!(asked(as_it_is), as_it_is);
        }
    }

    #[test]
    fn a_domain_that_is_none_is_told_and_servers_are_bounded() {
        let learned =
            learned(&["192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"], &["a..b", "good.example"]);
        let whom = Whom::choose(&Settings::default(), &learned, &ResolvConf::default());
        assert_eq!((whom.servers.len(), whom.domains.len(), whom.ignored.len()), (4, 1, 1));
        assert!(whom.ignored[0].detail.contains("a..b"), "{:?}", whom.ignored);
    }
}
