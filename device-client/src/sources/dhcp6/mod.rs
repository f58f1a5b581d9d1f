//! DHCPv6 option 136 (RFC 8572 §8.2).
//!
//! A device that has a link-local address, as every IPv6 interface has, asks with Information-request beside whatever else
//! speaks DHCPv6 ([`Mode::Inform`]). A device on which nobody else does gets its address here ([`Mode::Lease`]).

mod inform;
mod lease;
mod messages;
mod port;
mod routers;

use std::{
    io,
    net::Ipv6Addr,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use dhcp::{
    bootstrap_uri::AcceptedForms,
    domain_names::{self, Pointers},
    v6::{Message, OptionCode, TransactionId, addresses},
};
use pki::key;
use serde::Deserialize;
use verdict::{ReasonCode, Refusal};

use super::{
    Surroundings,
    gathering::{self, Patience},
    name_service::NameService,
    redirect_option::{self, Received},
};
use crate::{link::Interface, machine::Discovery};

/// How DHCPv6 is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Whether an address is wanted.
    #[serde(default)]
    pub mode: Mode,
    /// The interface on which to ask; without one, every Ethernet interface in turn.
    #[serde(default)]
    pub interface: Option<String>,
    /// How long to wait for a first answer.
    #[serde(
        default = "gathering::silence",
        rename = "timeout-seconds",
        deserialize_with = "crate::config::read_seconds"
    )]
    pub timeout: Duration,
    /// How long to wait for other servers' answers after the first.
    #[serde(
        default = "gathering::others",
        rename = "gather-seconds",
        deserialize_with = "crate::config::read_seconds"
    )]
    pub gather: Duration,
    /// The forms of the option that are taken (DHC-15); the standard's alone by default.
    #[serde(default, deserialize_with = "redirect_option::read_forms")]
    pub accept: AcceptedForms,
    /// A class that the device says it belongs to (option 15).
    #[serde(default)]
    pub user_class: Option<String>,
    /// Where DNS servers and domains are written, in the form of `resolv.conf(5)`.
    #[serde(default)]
    pub resolv_conf: Option<PathBuf>,
}

/// Whether an address is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Mode {
    /// No: Information-request asks for everything else (RFC 8415 §18.2.6). Routers may have given one (RFC 4862).
    #[default]
    Inform,
    /// Yes: the interface gets it (RFC 8415 §18.2.1). Nobody else may speak DHCPv6 there. Routes are the routers' to tell.
    Lease,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            interface: None,
            timeout: gathering::silence(),
            gather: gathering::others(),
            accept: AcceptedForms::STRICT,
            user_class: None,
            resolv_conf: None,
        }
    }
}

impl Settings {
    /// What it is called in the trace.
    #[must_use]
    pub fn label(&self) -> String {
        self.interface.as_ref().map_or_else(|| "DHCPv6".to_owned(), |interface| format!("DHCPv6 on {interface}"))
    }

    /// The same, with a path that is relative to `base` made whole.
    pub(super) fn relative_to(mut self, base: &Path) -> Self {
        self.resolv_conf = self.resolv_conf.map(|path| base.join(path));
        self
    }

    const fn patience(&self) -> Patience {
        Patience { silence: self.timeout, others: self.gather }
    }
}

/// Asks for the option and reads it. What DHCP says is believed by nobody: it is a list of servers to try (DHC-01).
///
/// # Errors
/// [`ReasonCode::NoSource`] when nobody answers or no answer has the option, [`ReasonCode::DhcpUriInvalid`] when nothing in
/// it is usable (DHC-09).
pub fn discover(settings: &Settings, surroundings: &mut Surroundings<'_>) -> Result<Discovery, Refusal> {
    let mut answers = Vec::new();
    let mut failure =
        Refusal::new(ReasonCode::NoSource, "no Ethernet interface has a carrier and a link-local address");
    for place in places(settings)? {
        match place.ask(settings, surroundings) {
            Ok(more) => answers.extend(more),
            Err(refusal) => failure = refusal,
        }
    }
    if answers.is_empty() {
        return Err(failure);
    }
    for name_service in answers.iter().map(name_service_of) {
        name_service.teach(surroundings.learned);
        if let Some(path) = &settings.resolv_conf {
            let cannot = |error| format!("{} cannot be written: {error}", path.display());
            surroundings.notes.extend(name_service.write(path).err().map(cannot));
        }
    }
    let (options, broken) = options_of(&answers);
    if options.is_empty() && broken.is_empty() {
        let count = answers.len();
        let detail = format!("of {count} DHCPv6 answers none has option 136; the server must be told to send it");
        return Err(Refusal::new(ReasonCode::NoSource, detail));
    }
    redirect_option::keep(&options, surroundings.learned);
    match redirect_option::read(&options, settings.accept, surroundings.notes) {
        Ok(mut discovery) => {
            discovery.ignored.extend(broken);
            Ok(discovery)
        }
        Err(refusal) => Err(broken.into_iter().next().unwrap_or(refusal)),
    }
}

/// The options 136 of all answers, and what is wrong with the others.
fn options_of(answers: &[Message]) -> (Vec<Received>, Vec<Refusal>) {
    let (mut options, mut broken) = (Vec::new(), Vec::new());
    for answer in answers {
        let whence = format!("option 136 of {}", messages::server_of(answer));
        // RFC 8572 §8.2 (DHC-12): it stands once.
        match answer.options.single(OptionCode::SZTP_REDIRECT) {
            Ok(Some(value)) => options.push(Received { whence, value: value.to_vec() }),
            Ok(None) => {}
            Err(error) => broken.push(Refusal::new(error.reason(), format!("{whence}: {error}"))),
        }
    }
    (options, broken)
}

/// What an answer says of the DNS (RFC 3646). What is broken in it is left out: nothing depends on it.
pub(super) fn name_service_of(answer: &Message) -> NameService {
    let code = OptionCode::DNS_SERVERS;
    let servers = answer.options.all(code).filter_map(|value| addresses(code, value).ok()).flatten();
    let domains = answer.options.all(OptionCode::DOMAIN_LIST);
    NameService {
        name_servers: servers.map(Into::into).collect(),
        domains: domains.flat_map(|value| domain_names::decode(value, Pointers::Refused)).collect(),
    }
}

/// An interface, and the address from which to ask there.
struct Place {
    interface: Interface,
    address: Ipv6Addr,
}

/// How long an interface may take to find its link-local address: a carrier, and a second to see that nobody else has it.
const LINK_LOCAL: Duration = Duration::from_secs(5);

/// Where to ask. Waits for the first place that is ready.
fn places(settings: &Settings) -> Result<Vec<Place>, Refusal> {
    let refuse = |error: io::Error| Refusal::new(ReasonCode::NoSource, format!("{}: {error}", settings.label()));
    let interfaces = || match &settings.interface {
        Some(name) => Interface::named(name).map(|it| vec![it]),
        None => Interface::all(),
    };
    if settings.mode == Mode::Lease {
        for interface in interfaces().map_err(refuse)?.iter().filter(|it| !it.is_up()) {
            interface.switch_on().map_err(refuse)?;
        }
    }
    let deadline = Instant::now() + LINK_LOCAL.min(settings.timeout);
    loop {
        let ready = interfaces().map_err(refuse)?.into_iter().filter(Interface::has_carrier);
        let place = |it: Interface| it.link_local().ok().flatten().map(|address| Place { interface: it, address });
        let ready: Vec<_> = ready.filter_map(place).collect();
        if !ready.is_empty() || Instant::now() >= deadline {
            return Ok(ready);
        }
        thread::sleep(Duration::from_millis(100));
    }
}

impl Place {
    fn ask(&self, settings: &Settings, surroundings: &mut Surroundings<'_>) -> Result<Vec<Message>, Refusal> {
        let refuse = |detail: String| Refusal::new(ReasonCode::NoSource, detail);
        let name = &self.interface.name;
        let octets = key::random().map_err(|error| refuse(error.to_string()))?;
        let asker = messages::Asker::new(settings, surroundings.serial_number, TransactionId(octets));
        let asked = match settings.mode {
            Mode::Inform => inform::exchange(&asker, self),
            Mode::Lease => lease::ask(&asker, self, surroundings.notes),
        };
        let answers = asked.map_err(|error| refuse(format!("DHCPv6 on {name}: {error}")))?;
        if answers.is_empty() { Err(refuse(format!("no DHCPv6 server answered on {name}"))) } else { Ok(answers) }
    }
}

#[cfg(test)]
mod tests {
    use dhcp::v6::{MessageType, Options};

    use super::*;

    fn answer(options: &[u8]) -> Message {
        let options = Options::decode(options).unwrap();
        Message { kind: MessageType::Reply, transaction: TransactionId([1, 2, 3]), options }
    }

    #[test]
    fn dhc_12_an_answer_with_option_136_twice_has_none() {
        let once = answer(b"\0\x88\0\x03abc");
        let twice = answer(b"\0\x88\0\x03abc\0\x88\0\x03abc");
        let (options, broken) = options_of(&[twice, once, answer(b"")]);
        assert_eq!(options.iter().map(|it| it.value.as_slice()).collect::<Vec<_>>(), [b"abc"]);
        assert_eq!(broken.iter().map(|it| it.reason).collect::<Vec<_>>(), [ReasonCode::DhcpMalformed]);
    }

    #[test]
    fn dns_16_servers_and_domains_are_read() {
        let server = [&b"\0\x17\0\x10"[..], &"2001:db8::53".parse::<Ipv6Addr>().unwrap().octets()].concat();
        let read = name_service_of(&answer(&[server.as_slice(), b"\0\x18\0\x05\x03net\0\0\x17\0\x01\0"].concat()));
        assert_eq!(read.name_servers, ["2001:db8::53".parse::<Ipv6Addr>().unwrap()]);
        assert_eq!(read.domains, ["net".parse().unwrap()]);
    }

    #[test]
    fn a_table_is_read() {
        let read = |text: &str| toml::from_str::<Settings>(text);
        assert_eq!(read("").unwrap(), Settings::default());
        let lease = read("mode = 'lease'\ninterface = 'eth0'\naccept = ['host-port']\nuser-class = 'lab'").unwrap();
        assert_eq!((lease.mode, lease.label().as_str()), (Mode::Lease, "DHCPv6 on eth0"));
        for wrong in ["mode = 'stateful'", "address = '::1'", "accept = 'text'"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
