//! The settings of one DHCPv4 server and the policy checked from them.

use std::net::{Ipv4Addr, SocketAddrV4};

use dhcp::bootstrap_uri::{BootstrapServerUri, ListLengthInvalid, UriList};
use serde::{Deserialize, Deserializer, de::Error as _};
use thiserror::Error;
use verdict::ReasonCode;

use super::{BootPolicy, BootSettings, Subnet, SubnetError, SubnetSettings};

/// A DHCPv4 server's settings as they stand in a configuration file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Dhcp4Settings {
    /// The address by which clients know this server, option 54. It must be one that clients can reach.
    pub server_identifier: Ipv4Addr,
    /// The network interface to serve, by name; without it, every interface that the listening address belongs to.
    #[serde(default)]
    pub interface: Option<String>,
    /// Where requests arrive. Default `0.0.0.0:67`.
    #[serde(default = "default_listen")]
    pub listen: SocketAddrV4,
    /// Where replies go. Default: port 68.
    #[serde(default)]
    pub client_port: ClientPort,
    /// The bootstrap servers that option 143 names, in order of preference; without any the option is not sent.
    #[serde(default, deserialize_with = "uris")]
    pub bootstrap_uris: Vec<BootstrapServerUri>,
    /// Whether option 143 is sent to clients that do not ask for it. Default `true`: no boot firmware asks.
    #[serde(default = "default_always_send")]
    pub always_send: bool,
    /// The addresses to give. Without it the server only answers DHCPINFORM.
    #[serde(default)]
    pub subnet: Option<SubnetSettings>,
    /// What to boot.
    #[serde(default)]
    pub boot: BootSettings,
}

impl Dhcp4Settings {
    /// Settings of a server that gives nothing yet: every default, nothing optional.
    #[must_use]
    pub fn new(server_identifier: Ipv4Addr) -> Self {
        Self {
            server_identifier,
            interface: None,
            listen: default_listen(),
            client_port: ClientPort::default(),
            bootstrap_uris: Vec::new(),
            always_send: default_always_send(),
            subnet: None,
            boot: BootSettings::default(),
        }
    }
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
    server_identifier: Ipv4Addr,
    interface: Option<String>,
    listen: SocketAddrV4,
    client_port: ClientPort,
    redirect: Option<Redirect>,
    subnet: Option<Subnet>,
    boot: BootPolicy,
}

/// Option 143: what it says and who gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The bootstrap servers.
    pub uris: UriList,
    /// Who gets them.
    pub sending: Sending,
}

/// Whom an option is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// Every client.
    Always,
    /// Clients whose parameter request list (option 55) names the option.
    WhenAsked,
}

impl Dhcp4Policy {
    /// The address by which clients know this server.
    #[must_use]
    pub const fn server_identifier(&self) -> Ipv4Addr {
        self.server_identifier
    }

    /// The interface to serve, if only one.
    #[must_use]
    pub fn interface(&self) -> Option<&str> {
        self.interface.as_deref()
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

    /// Option 143, if it is sent at all.
    #[must_use]
    pub const fn redirect(&self) -> Option<&Redirect> {
        self.redirect.as_ref()
    }

    /// The addresses to give, if any.
    #[must_use]
    pub const fn subnet(&self) -> Option<&Subnet> {
        self.subnet.as_ref()
    }

    /// What to boot.
    #[must_use]
    pub const fn boot(&self) -> &BootPolicy {
        &self.boot
    }
}

impl TryFrom<Dhcp4Settings> for Dhcp4Policy {
    type Error = PolicyError;

    fn try_from(settings: Dhcp4Settings) -> Result<Self, Self::Error> {
        if settings.server_identifier.is_unspecified() || settings.server_identifier.is_broadcast() {
            return Err(PolicyError::ServerIdentifier(settings.server_identifier));
        }
        let sending = if settings.always_send { Sending::Always } else { Sending::WhenAsked };
        let redirect = match settings.bootstrap_uris {
            uris if uris.is_empty() => None,
            uris => Some(Redirect { uris: UriList::new(uris)?, sending }),
        };
        let subnet = settings.subnet.map(Subnet::try_from).transpose()?;
        if subnet.as_ref().is_some_and(|subnet| subnet.gives(settings.server_identifier)) {
            return Err(PolicyError::ServerAddressGiven(settings.server_identifier));
        }
        Ok(Self {
            server_identifier: settings.server_identifier,
            interface: settings.interface,
            listen: settings.listen,
            client_port: settings.client_port,
            redirect,
            subnet,
            boot: settings.boot.into(),
        })
    }
}

/// Settings that contradict themselves. The fault is ours: the configuration must be corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Clients cannot address a reply to this.
    #[error("server-identifier {0} is no address of a server")]
    ServerIdentifier(Ipv4Addr),
    /// The server's own address is one that it gives to clients.
    #[error("server-identifier {0} is in the pool or reserved")]
    ServerAddressGiven(Ipv4Addr),
    /// Too many bootstrap servers.
    #[error("bootstrap-uris: {0}")]
    BootstrapUris(#[from] ListLengthInvalid),
    /// The addresses to give are inconsistent.
    #[error("subnet: {0}")]
    Subnet(#[from] SubnetError),
}

impl PolicyError {
    /// The reason code an operator sees, where one exists.
    #[must_use]
    pub const fn reason(&self) -> Option<ReasonCode> {
        match self {
            Self::BootstrapUris(_) => Some(ReasonCode::DhcpUriInvalid),
            Self::ServerIdentifier(_) | Self::ServerAddressGiven(_) | Self::Subnet(_) => None,
        }
    }
}

const fn default_listen() -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 67)
}

const fn default_always_send() -> bool {
    true
}

fn uris<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<BootstrapServerUri>, D::Error> {
    // RFC 8572 §8.3 (DHC-05): a server refuses to be configured with anything else.
    let parse = |text: String| text.parse().map_err(|error| D::Error::custom(format_args!("{text}: {error}")));
    Vec::<String>::deserialize(deserializer)?.into_iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> Result<Dhcp4Policy, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn defaults_are_the_standard_ports_and_always_send() {
        let policy = policy("server-identifier = '192.0.2.1'\nbootstrap-uris = ['https://a.example']").unwrap();
        assert_eq!(policy.listen(), SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 67));
        assert_eq!(policy.client_port(), ClientPort::Fixed(68));
        assert_eq!(policy.redirect().unwrap().sending, Sending::Always);
        assert!(policy.subnet().is_none() && policy.interface().is_none());
    }

    #[test]
    fn the_client_port_has_two_forms() {
        let source = policy("server-identifier = '127.0.0.1'\nclient-port = 'source'").unwrap();
        assert_eq!(source.client_port(), ClientPort::Source);
        let fixed = policy("server-identifier = '127.0.0.1'\nclient-port = { fixed = 1068 }").unwrap();
        assert_eq!(fixed.client_port(), ClientPort::Fixed(1068));
    }

    /// DHC-05: the server refuses to be configured with another scheme or with a path.
    #[test]
    fn dhc_05_invalid_uris_and_unknown_keys_are_refused_by_name() {
        for (line, expected) in [
            ("bootstrap-uris = ['http://a.example']", "does not begin with https://"),
            ("bootstrap-uris = ['https://a.example/']", "path"),
            ("bootstrap-url = 'https://a.example'", "unknown field"),
            ("[boot]\nboot-fiel = 'x'", "unknown field"),
        ] {
            let error = policy(&format!("server-identifier = '192.0.2.1'\n{line}")).unwrap_err().to_string();
            assert!(error.contains(expected), "{line}: {error}");
        }
        assert!(policy("server-identifier = '0.0.0.0'").is_err());
        let own = "[subnet]\nnetwork = '192.0.2.0/24'\npool = { first = '192.0.2.1', last = '192.0.2.9' }";
        assert!(policy(&format!("server-identifier = '192.0.2.9'\n{own}")).is_err());
        assert!(policy(&format!("server-identifier = '192.0.2.10'\n{own}")).is_ok());
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
        assert_eq!(policy.interface(), Some("eth1"));
        assert_eq!(policy.redirect().unwrap().uris.encode().len(), 55);
        assert!(policy.subnet().is_some());
    }
}
