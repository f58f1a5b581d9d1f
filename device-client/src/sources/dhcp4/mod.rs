//! DHCPv4 option 143 (RFC 8572 §8.1).
//!
//! A device that has an address already asks with DHCPINFORM, beside whatever DHCP client got it the address ([`Mode::Inform`]).
//! A device on which nobody else speaks DHCP gets its address here ([`Mode::Lease`]).

mod inform;
mod lease;
mod messages;
mod ports;

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    path::{Path, PathBuf},
    time::Duration,
};

use dhcp::{
    bootstrap_uri::AcceptedForms,
    v4::{DomainName, DomainNameServers, DomainSearch, Message, OptionCode, ServerIdentifier},
};
use pki::key;
use serde::{Deserialize, Deserializer, de::Error};
use verdict::{ReasonCode, Refusal};

use super::{
    Surroundings,
    gathering::{self, Patience},
    name_service::NameService,
    redirect_option::{self, Received},
};
use crate::{link::Interface, machine::Discovery};

/// How DHCP is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Whether the device has an address or wants one.
    #[serde(default)]
    pub mode: Mode,
    /// The interface on which to ask. Without one: the one that has `address`, or every Ethernet interface in turn.
    #[serde(default)]
    pub interface: Option<String>,
    /// The address this device has already ([`Mode::Inform`] alone); without one, the interface's.
    #[serde(default)]
    pub address: Option<Ipv4Addr>,
    /// Whom to ask ([`Mode::Inform`] alone); the broadcast address for anybody.
    #[serde(default = "anybody")]
    pub server: SocketAddrV4,
    /// The local port ([`Mode::Inform`] alone), 0 for any. Without one: 68, to which most servers answer whatever they are
    /// asked from, where the server's port is 67, and any port otherwise.
    #[serde(default)]
    pub port: Option<u16>,
    /// How long to wait for a first answer.
    #[serde(
        default = "gathering::silence",
        rename = "timeout-seconds",
        deserialize_with = "crate::config::read_seconds"
    )]
    pub timeout: Duration,
    /// How long to wait for other servers' answers after the first, where anybody is asked.
    #[serde(
        default = "gathering::others",
        rename = "gather-seconds",
        deserialize_with = "crate::config::read_seconds"
    )]
    pub gather: Duration,
    /// The forms of the option that are taken (DHC-15); the standard's alone by default.
    #[serde(default, deserialize_with = "redirect_option::read_forms")]
    pub accept: AcceptedForms,
    /// What kind of device this is, for servers that answer by it (option 60).
    #[serde(default)]
    pub vendor_class: Option<String>,
    /// A class that the device says it belongs to (option 77, RFC 3004).
    #[serde(default)]
    pub user_class: Option<String>,
    /// Where DNS servers and domains are written, in the form of `resolv.conf(5)` ([`Mode::Lease`] alone).
    #[serde(default)]
    pub resolv_conf: Option<PathBuf>,
}

/// Whether the device has an address or wants one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Mode {
    /// It has one; DHCPINFORM asks for everything else (RFC 2131 §4.4.3).
    #[default]
    Inform,
    /// It gets one and sets its interface up with it. Nobody else may speak DHCP there.
    Lease,
}

const fn anybody() -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::BROADCAST, messages::SERVER_PORT)
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let settings = Self::deserialize(deserializer)?;
        match settings.misplaced() {
            Some(member) => Err(D::Error::custom(format!("`{member}` does not go with this `mode`"))),
            None => Ok(settings),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            interface: None,
            address: None,
            server: anybody(),
            port: None,
            timeout: gathering::silence(),
            gather: gathering::others(),
            accept: AcceptedForms::STRICT,
            vendor_class: None,
            user_class: None,
            resolv_conf: None,
        }
    }
}

impl Settings {
    /// A member that means nothing in this mode.
    fn misplaced(&self) -> Option<&'static str> {
        let lease = self.mode == Mode::Lease;
        let wrong = [
            ("address", lease && self.address.is_some()),
            ("server", lease && self.server != anybody()),
            ("port", lease && self.port.is_some()),
            ("resolv-conf", !lease && self.resolv_conf.is_some()),
        ];
        wrong.into_iter().find(|(_, is_wrong)| *is_wrong).map(|(member, _)| member)
    }

    /// What it is called in the trace.
    #[must_use]
    pub fn label(&self) -> String {
        match (&self.interface, self.address) {
            (Some(interface), _) => format!("DHCPv4 on {interface}"),
            (None, Some(address)) => format!("DHCPv4 from {address}"),
            (None, None) => "DHCPv4".to_owned(),
        }
    }

    /// The same, with a path that is relative to `base` made whole.
    pub(super) fn relative_to(mut self, base: &Path) -> Self {
        self.resolv_conf = self.resolv_conf.map(|path| base.join(path));
        self
    }

    /// A server that was named answers alone.
    const fn patience(&self) -> Patience {
        let others = if self.server.ip().is_broadcast() { self.gather } else { Duration::ZERO };
        Patience { silence: self.timeout, others }
    }

    /// The interfaces to ask on.
    fn interfaces(&self) -> Result<Vec<Interface>, Refusal> {
        let refuse = |error: std::io::Error| Refusal::new(ReasonCode::NoSource, format!("{}: {error}", self.label()));
        match &self.interface {
            Some(name) => Interface::named(name).map(|it| vec![it]).map_err(refuse),
            None => Interface::all().map_err(refuse),
        }
    }
}

/// Asks for the option and reads it. What DHCP says is believed by nobody: it is a list of servers to try (DHC-01).
///
/// # Errors
/// [`ReasonCode::NoSource`] when nobody answers or no answer has the option, [`ReasonCode::DhcpUriInvalid`] when nothing in
/// it is usable (DHC-09).
pub fn discover(settings: &Settings, surroundings: &mut Surroundings<'_>) -> Result<Discovery, Refusal> {
    let answers = match settings.mode {
        Mode::Inform => inform::ask(settings, surroundings)?,
        Mode::Lease => lease::ask(settings, surroundings)?,
    };
    for answer in &answers {
        name_service_of(answer).teach(surroundings.learned);
    }
    let options: Vec<_> = answers.iter().filter_map(option_of).collect();
    if options.is_empty() {
        let count = answers.len();
        let detail = format!("of {count} DHCP answers none has option 143; the server must be told to send it");
        return Err(Refusal::new(ReasonCode::NoSource, detail));
    }
    redirect_option::keep(&options, surroundings.learned);
    redirect_option::read(&options, settings.accept, surroundings.notes)
}

/// Option 143, and whose it is.
fn option_of(answer: &Message) -> Option<Received> {
    let value = answer.options.bytes(OptionCode::SZTP_REDIRECT)?.to_vec();
    Some(Received { whence: format!("option 143 of {}", server_of(answer)), value })
}

/// The server as it calls itself.
fn server_of(answer: &Message) -> Ipv4Addr {
    let said = answer.options.value::<ServerIdentifier>().ok().flatten();
    said.map_or(answer.next_server, |it| it.0)
}

/// What an answer says of the DNS. What is broken in it is left out: nothing depends on it.
pub(super) fn name_service_of(answer: &Message) -> NameService {
    let options = &answer.options;
    let servers = options.value::<DomainNameServers>().ok().flatten();
    let domain = options.value::<DomainName>().ok().flatten();
    let domain = domain.and_then(|it| String::from_utf8(it.0).ok());
    let domain = domain.and_then(|it| it.trim_end_matches(['\0', '.']).parse().ok());
    let search = options.value::<DomainSearch>().ok().flatten().map(|it| it.0);
    NameService {
        name_servers: servers.into_iter().flat_map(|it| it.0).map(Into::into).collect(),
        domains: domain.into_iter().chain(search.into_iter().flatten()).collect(),
    }
}

fn transaction() -> Result<dhcp::v4::TransactionId, Refusal> {
    let octets = key::random().map_err(|error| Refusal::new(ReasonCode::NoSource, error.to_string()))?;
    Ok(dhcp::v4::TransactionId(u32::from_be_bytes(octets)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_and_what_does_not_fit_its_mode_refused() {
        let read = |text: &str| toml::from_str::<Settings>(text);
        let old = read("address = '127.0.0.1'\nserver = '127.0.0.1:6700'\nport = 0\ntimeout-seconds = 3").unwrap();
        assert_eq!((old.mode, old.port, old.timeout), (Mode::Inform, Some(0), Duration::from_secs(3)));
        assert_eq!(old.patience().others, Duration::ZERO);
        assert_eq!(read("").unwrap(), Settings::default());
        let lease = read("mode = 'lease'\ninterface = 'eth0'\naccept = ['text']\nresolv-conf = '/r'").unwrap();
        assert_eq!((lease.mode, lease.label().as_str()), (Mode::Lease, "DHCPv4 on eth0"));
        assert!(lease.accept.contains(dhcp::bootstrap_uri::FieldForm::Text));
        for wrong in [
            "mode = 'lease'\naddress = '192.0.2.1'",
            "mode = 'lease'\nserver = '192.0.2.1:67'",
            "mode = 'lease'\nport = 68",
            "resolv-conf = '/r'",
            "accept = ['plain']",
            "mode = 'static'",
            "modes = 'lease'",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn dns_16_domains_and_servers_of_an_answer_are_read() {
        use dhcp::v4::{HardwareAddress, MacAddress, Operation};
        let mut answer = Message::new(Operation::Reply, HardwareAddress::ethernet(MacAddress([2; 6])));
        answer.options.put(&DomainNameServers(vec![Ipv4Addr::new(192, 0, 2, 53)]));
        answer.options.put(&DomainName(b"example.net\0".to_vec()));
        answer.options.put(&DomainSearch(vec!["example.com".parse().unwrap()]));
        let name_service = name_service_of(&answer);
        assert_eq!(name_service.name_servers, [Ipv4Addr::new(192, 0, 2, 53)]);
        assert_eq!(
            name_service.domains.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["example.net", "example.com"]
        );
        answer.options.insert(OptionCode::DOMAIN_NAME, *b"no domain \xff");
        answer.options.insert(OptionCode::DOMAIN_NAME_SERVERS, [1, 2, 3]);
        assert_eq!(name_service_of(&answer).name_servers, Vec::<std::net::IpAddr>::new());
        assert_eq!(name_service_of(&answer).domains.len(), 1);
    }
}
