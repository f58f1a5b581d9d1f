//! The settings of a DHCPv4 server and the policy checked from them.

use std::net::{Ipv4Addr, SocketAddrV4};

use serde::Deserialize;
use thiserror::Error;

use super::{ClassSettings, GiveSettings, Rules, RulesError, Strangers, SubnetSettings};

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
    /// What becomes of clients that are not on the owner's list.
    #[serde(default)]
    pub strangers: Strangers,
    /// Other DHCP servers that are meant to be there. Any other that is seen is reported.
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

    /// Whether that server is meant to be there.
    #[must_use]
    pub fn expects(&self, server: Ipv4Addr) -> bool {
        self.other_servers.contains(&server)
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
        Ok(Self {
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
    /// Who gets what is inconsistent.
    #[error(transparent)]
    Rules(#[from] RulesError),
}

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
