//! The settings of a DHCPv4 server and the policy checked from them.

use std::net::{Ipv4Addr, SocketAddrV4};

use dhcp::bootstrap_uri::{FormUnsuited, UriList};
use serde::Deserialize;
use thiserror::Error;

use super::{ClassSettings, Give, GiveSettings, Origin, Pxe, Rules, RulesError, Strangers, SubnetSettings};

/// A DHCPv4 server's settings as they stand in a configuration file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Dhcp4Settings {
    /// The address by which clients know this server, option 54. Without it, that of the interface on which a request arrives.
    #[serde(default)]
    pub server_identifier: Option<Ipv4Addr>,
    /// The network interfaces to serve, by name; without any, every interface that the listening address belongs to.
    #[serde(default)]
    pub interfaces: Vec<String>,
    /// Where requests arrive. Default `0.0.0.0:67`.
    #[serde(default)]
    pub listen: Option<SocketAddrV4>,
    /// Where replies go. Default: port 68.
    #[serde(default)]
    pub client_port: ClientPort,
    /// Whether addresses are given, or boot options beside another server that does.
    #[serde(default)]
    pub mode: Mode,
    /// Whether port 4011 is answered, where PXE firmware that has its address asks what to boot. Default: by a proxy, and by a server whose
    /// menus have boot files; a server whose menus stand in profiles alone needs `true`.
    #[serde(default)]
    pub boot_server: Option<bool>,
    /// What becomes of clients that are not on the owner's list.
    #[serde(default)]
    pub strangers: Strangers,
    /// Other DHCP servers that are meant to be there. Any other that is seen is reported; a proxy, which is never alone, reports others only
    /// when some stand here.
    #[serde(default)]
    pub other_servers: Vec<Ipv4Addr>,
    /// Whether an address that nobody had lately is probed before it is offered (RFC 2131 §3.1). Default `true`.
    #[serde(default)]
    pub conflict_check: Option<bool>,
    /// Whether a client that sends an identifier is known by it (RFC 2131 §4.2), as by default, or by its hardware address alone, so that
    /// firmware, boot loader and system get one address.
    #[serde(default)]
    pub client_identifiers: Option<bool>,
    /// What everybody gets.
    #[serde(default)]
    pub give: GiveSettings,
    /// What classes of clients get; the first that says something goes before those behind it.
    #[serde(default, rename = "class")]
    pub classes: Vec<ClassSettings>,
    /// The networks whose addresses are given. Without any the server only answers those that have one.
    #[serde(default, rename = "subnet")]
    pub subnets: Vec<SubnetSettings<Ipv4Addr>>,
}

/// What a DHCPv4 server does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It gives addresses and everything else.
    #[default]
    Server,
    /// It tells boot firmware what to boot, beside a server that gives the addresses (PXE 2.1 §2.2.4, proxyDHCP).
    Proxy,
}

/// The UDP port to which replies go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientPort {
    /// Always this port; 68 is the standard's (RFC 2131 §4.1). Written `{ fixed = 68 }`.
    Fixed(u16),
    /// The address and port the request came from, where it has an address. For laboratories on one machine, in which
    /// every device has a loopback address and no privilege to bind port 68. Written `"source"`.
    Source,
}

impl Default for ClientPort {
    fn default() -> Self {
        Self::Fixed(68)
    }
}

/// Settings that were found consistent.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Dhcp4Settings")]
pub struct Dhcp4Policy {
    server_identifier: Option<Ipv4Addr>,
    interfaces: Vec<String>,
    listen: SocketAddrV4,
    client_port: ClientPort,
    mode: Mode,
    boot_server: bool,
    other_servers: Vec<Ipv4Addr>,
    conflict_check: bool,
    client_identifiers: bool,
    rules: Rules<Ipv4Addr>,
}

impl Dhcp4Policy {
    /// The address by which clients know this server, where it is written down.
    #[must_use]
    pub const fn server_identifier(&self) -> Option<Ipv4Addr> {
        self.server_identifier
    }

    /// The interfaces to serve; every one when there is none.
    #[must_use]
    pub fn interfaces(&self) -> &[String] {
        &self.interfaces
    }

    /// Where requests arrive.
    #[must_use]
    pub const fn listen(&self) -> SocketAddrV4 {
        self.listen
    }

    /// Where replies go.
    #[must_use]
    pub const fn client_port(&self) -> ClientPort {
        self.client_port
    }

    /// What the server does.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Where firmware asks what to boot, if it may (PXE 2.1 §2.2).
    #[must_use]
    pub fn boot_listen(&self) -> Option<SocketAddrV4> {
        self.boot_server.then(|| SocketAddrV4::new(*self.listen.ip(), BOOT_SERVER_PORT))
    }

    /// Whether that server is meant to be there.
    #[must_use]
    pub fn expects(&self, server: Ipv4Addr) -> bool {
        self.other_servers.contains(&server) || (self.mode == Mode::Proxy && self.other_servers.is_empty())
    }

    /// Whether addresses are probed before they are offered.
    #[must_use]
    pub const fn conflict_check(&self) -> bool {
        self.conflict_check
    }

    /// Whether a client is known by the identifier that it sends.
    #[must_use]
    pub const fn client_identifiers(&self) -> bool {
        self.client_identifiers
    }

    /// Who gets what.
    #[must_use]
    pub const fn rules(&self) -> &Rules<Ipv4Addr> {
        &self.rules
    }
}

impl Dhcp4Policy {
    /// The same, with these bootstrap servers where everybody is given none: those of the site itself.
    ///
    /// # Errors
    /// [`FormUnsuited`] when the form that everybody gets cannot say it.
    pub fn with_bootstrap_servers(mut self, uris: UriList) -> Result<Self, FormUnsuited> {
        self.rules = self.rules.with_bootstrap_servers(uris)?;
        Ok(self)
    }
}

impl TryFrom<Dhcp4Settings> for Dhcp4Policy {
    type Error = Dhcp4PolicyError;

    fn try_from(settings: Dhcp4Settings) -> Result<Self, Self::Error> {
        let identifier = settings.server_identifier;
        if let Some(bad) = identifier.filter(|it| it.is_unspecified() || it.is_broadcast() || it.is_multicast()) {
            return Err(Dhcp4PolicyError::ServerIdentifier(bad));
        }
        let rules = Rules::new(settings.subnets, settings.classes, settings.give, settings.strangers)?;
        if let Some(own) = identifier.filter(|own| rules.gives((*own).into())) {
            return Err(Dhcp4PolicyError::ServerAddressGiven(own));
        }
        if settings.mode == Mode::Proxy
            && let Some(subnet) = rules.subnets().iter().find(|subnet| subnet.has_pools())
        {
            return Err(Dhcp4PolicyError::ProxyPools(subnet.network().to_string()));
        }
        let answers = |(origin, give): (Origin<'_>, &Give)| {
            give.pxe.as_ref().is_some_and(Pxe::is_answered_here).then(|| origin.to_string())
        };
        let answered = rules.places().find_map(answers);
        if let (Some(false), Some(origin)) = (settings.boot_server, &answered) {
            return Err(Dhcp4PolicyError::BootServerClosed(origin.clone()));
        }
        let boot_server = settings.boot_server.unwrap_or_else(|| settings.mode == Mode::Proxy || answered.is_some());
        Ok(Self {
            boot_server,
            server_identifier: identifier,
            interfaces: settings.interfaces,
            listen: settings.listen.unwrap_or(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 67)),
            client_port: settings.client_port,
            mode: settings.mode,
            other_servers: settings.other_servers,
            conflict_check: settings.conflict_check.unwrap_or(true),
            client_identifiers: settings.client_identifiers.unwrap_or(true),
            rules,
        })
    }
}

/// Settings that contradict themselves. The configuration must be corrected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Dhcp4PolicyError {
    /// Clients cannot address a reply to this.
    #[error("server-identifier {0} is no address of a server")]
    ServerIdentifier(Ipv4Addr),
    /// The server's own address is one that it gives to clients.
    #[error("server-identifier {0} is in a pool or reserved")]
    ServerAddressGiven(Ipv4Addr),
    /// A proxy has addresses to give.
    #[error("subnet {0}: a proxy gives no addresses; remove the pools, or mode = \"proxy\"")]
    ProxyPools(String),
    /// Firmware is sent to a port that is not answered.
    #[error("boot-server = false, but the menu of {0} sends firmware to this server's port 4011; remove one of them")]
    BootServerClosed(String),
    /// Who gets what is inconsistent.
    #[error(transparent)]
    Rules(#[from] RulesError),
}

/// Where boot servers listen (PXE 2.1 §2.2).
const BOOT_SERVER_PORT: u16 = 4011;

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> Result<Dhcp4Policy, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn defaults_are_the_standard_ports() {
        let policy = policy("").unwrap();
        assert_eq!(policy.listen(), SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 67));
        assert_eq!((policy.client_port(), policy.mode()), (ClientPort::Fixed(68), Mode::Server));
        assert!(policy.conflict_check() && policy.client_identifiers());
    }

    #[test]
    fn the_client_port_has_two_forms() {
        let source = policy("client-port = 'source'").unwrap();
        assert_eq!(source.client_port(), ClientPort::Source);
        let fixed = policy("client-port = { fixed = 1068 }").unwrap();
        assert_eq!(fixed.client_port(), ClientPort::Fixed(1068));
    }

    #[test]
    fn the_servers_own_address_is_given_to_nobody() {
        assert!(policy("server-identifier = '0.0.0.0'").is_err());
        let own = "[[subnet]]\nnetwork = '192.0.2.0/24'\npools = [{ first = '192.0.2.1', last = '192.0.2.9' }]";
        assert!(policy(&format!("server-identifier = '192.0.2.9'\n{own}")).is_err());
        assert!(policy(&format!("server-identifier = '192.0.2.10'\n{own}")).is_ok());
        assert!(policy("server-identifer = '192.0.2.10'").unwrap_err().to_string().contains("unknown field"));
    }

    #[test]
    fn port_4011_is_open_where_firmware_is_sent_there() {
        let open = |text: &str| policy(text).unwrap().boot_listen();
        let there = Some(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 4011));
        let menu = "[[class]]\nname = 'x'\ngive = { pxe = { menu = [{ item = 1, text = 'x', boot-file = 'a' }] } }";
        assert_eq!(open("mode = 'proxy'"), there);
        assert_eq!((open(""), open(menu)), (None, there));
        assert_eq!(open("boot-server = true\nlisten = '192.0.2.1:67'"), Some("192.0.2.1:4011".parse().unwrap()));
        assert_eq!(open("mode = 'proxy'\nboot-server = false"), None);
        let closed = policy(&format!("boot-server = false\n{menu}")).unwrap_err().to_string();
        assert!(closed.contains("the menu of class x"), "{closed}");
    }

    #[test]
    fn a_proxy_has_no_pools_and_knows_of_other_servers() {
        let pools = "mode = 'proxy'\n[[subnet]]\nnetwork = '192.0.2.0/24'\n\
                     pools = [{ first = '192.0.2.8', last = '192.0.2.9' }]";
        assert!(policy(pools).unwrap_err().to_string().contains("subnet 192.0.2.0/24: a proxy gives no addresses"));
        let other = Ipv4Addr::new(192, 0, 2, 3);
        assert!(policy("mode = 'proxy'").unwrap().expects(other) && !policy("").unwrap().expects(other));
        let listed = policy("mode = 'proxy'\nother-servers = ['192.0.2.1']").unwrap();
        assert!(!listed.expects(other) && listed.expects(Ipv4Addr::new(192, 0, 2, 1)));
    }

    #[test]
    fn the_documented_example_is_accepted() {
        let example: String = include_str!("mod.rs")
            .lines()
            .skip_while(|line| *line != "//! ```toml")
            .skip(1)
            .take_while(|line| *line != "//! ```")
            .map(|line| format!("{}\n", line.trim_start_matches("//!").trim_start()))
            .collect();
        let policy = policy(&example).unwrap();
        assert_eq!(policy.interfaces(), ["eth1"]);
        assert_eq!(policy.rules().subnets().len(), 1);
    }
}
