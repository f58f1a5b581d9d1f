//! DHCPv4 option 143, asked for with DHCPINFORM (RFC 8572 §8.1; RFC 2131 §4.4.3).

use std::{
    io,
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    time::{Duration, Instant},
};

use dhcp::{
    bootstrap_uri::{Host, IgnoredEntry, UriList},
    v4::{
        ClientIdentifier, HardwareAddress, MacAddress, MaximumMessageSize, Message, MessageType, Operation, OptionCode,
        ParameterRequestList, TransactionId,
    },
};
use pki::{digest::sha256, identity::SerialNumber, key};
use serde::Deserialize;
use verdict::{ReasonCode, Refusal};

use super::Surroundings;
use crate::{
    Server,
    machine::{Discovery, Offer, Origin},
};

/// Pause before the second try, doubled each time (RFC 2131 §4.1 starts at four seconds, for whole networks that boot
/// at once; a device that is refused goes on to its next source soon).
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// How DHCP is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The address this device has already.
    pub address: Ipv4Addr,
    /// Whom to ask; the broadcast address for anybody.
    #[serde(default = "anybody")]
    pub server: SocketAddrV4,
    /// The local port; 0 for any, 68 on a real network.
    #[serde(default)]
    pub port: u16,
    /// The interface whose hardware address is told; without one, an address is made from the serial number.
    #[serde(default)]
    pub interface: Option<String>,
    /// How long all tries together may take.
    #[serde(default = "patience", rename = "timeout-seconds", deserialize_with = "crate::config::read_seconds")]
    pub timeout: Duration,
}

const fn anybody() -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::BROADCAST, 67)
}

const fn patience() -> Duration {
    Duration::from_secs(8)
}

impl Settings {
    /// Asks anybody on the link, from any port, for eight seconds.
    #[must_use]
    pub const fn new(address: Ipv4Addr) -> Self {
        Self { address, server: anybody(), port: 0, interface: None, timeout: patience() }
    }

    /// What it is called in the trace.
    #[must_use]
    pub fn label(&self) -> String {
        format!("DHCPv4 from {}", self.address)
    }
}

/// Asks for the option and reads it. What DHCP says is believed by nobody: it is a list of servers to try (DHC-01).
///
/// # Errors
/// [`ReasonCode::NoSource`] when nobody answers or the answer has no such option, [`ReasonCode::DhcpUriInvalid`] when
/// nothing in it is usable (DHC-09).
pub fn discover(config: &Settings, surroundings: &mut Surroundings<'_>) -> Result<Discovery, Refusal> {
    let octets = key::random().map_err(|error| Refusal::new(ReasonCode::NoSource, error.to_string()))?;
    ask(config, surroundings.serial_number, TransactionId(u32::from_be_bytes(octets)))
}

fn ask(config: &Settings, serial_number: &SerialNumber, transaction: TransactionId) -> Result<Discovery, Refusal> {
    let request = request(config, serial_number, transaction);
    let value = exchange(config, &request, transaction)
        .map_err(|error| Refusal::new(ReasonCode::NoSource, format!("DHCP from {}: {error}", config.address)))?
        .ok_or_else(|| Refusal::new(ReasonCode::NoSource, "no DHCP server answered with option 143"))?;
    read(&value)
}

fn request(config: &Settings, serial_number: &SerialNumber, transaction: TransactionId) -> Message {
    let mut message = Message::new(Operation::Request, hardware_address(config, serial_number));
    message.transaction = transaction;
    // RFC 2131 §4.4.3: the address the client has; the server answers to it.
    message.client_address = config.address;
    message.options.put(&MessageType::Inform);
    message.options.put(&client_identifier(serial_number));
    // RFC 8572 §8.1 (DHC-07).
    message.options.put(&ParameterRequestList(vec![OptionCode::SZTP_REDIRECT]));
    message.options.put(&MaximumMessageSize::ETHERNET);
    message
}

/// The same in every boot, and nothing that names the device: anybody on the link reads it (RFC 8572 §9.6 spares the
/// serial number likewise). Type 0 is an identifier that is no hardware address (RFC 2132 §9.14).
fn client_identifier(serial_number: &SerialNumber) -> ClientIdentifier {
    const LENGTH: usize = 16;
    let digest = sha256(serial_number.as_str().as_bytes()).0;
    ClientIdentifier(std::iter::once(0).chain(digest.into_iter().take(LENGTH)).collect())
}

/// The interface's own address where it is known; otherwise a locally administered one that stays the same.
fn hardware_address(config: &Settings, serial_number: &SerialNumber) -> HardwareAddress {
    let read = |interface: &String| std::fs::read_to_string(format!("/sys/class/net/{interface}/address")).ok();
    let known = config.interface.as_ref().and_then(read).and_then(|text| text.trim().parse::<MacAddress>().ok());
    let [a, b, c, d, e, ..] = sha256(serial_number.as_str().as_bytes()).0;
    HardwareAddress::ethernet(known.unwrap_or(MacAddress([0x02, a, b, c, d, e])))
}

/// Sends until somebody answers with the option, or time is up.
fn exchange(config: &Settings, request: &Message, transaction: TransactionId) -> io::Result<Option<Vec<u8>>> {
    let socket = UdpSocket::bind(SocketAddrV4::new(config.address, config.port))?;
    socket.set_broadcast(true)?;
    let deadline = Instant::now() + config.timeout;
    let mut pause = FIRST_PAUSE;
    let mut datagram = [0; 4096];
    while Instant::now() < deadline {
        socket.send_to(&request.encode(), config.server)?;
        let again = (Instant::now() + pause).min(deadline);
        pause = pause.saturating_mul(2);
        loop {
            let left = again.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            socket.set_read_timeout(Some(left))?;
            match socket.recv_from(&mut datagram) {
                Ok((length, _)) => {
                    if let Some(value) = answer(datagram.get(..length).unwrap_or_default(), transaction) {
                        return Ok(Some(value));
                    }
                }
                // Nothing yet, or an earlier datagram found no server at that port: time will tell.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock
                            | io::ErrorKind::TimedOut
                            | io::ErrorKind::Interrupted
                            | io::ErrorKind::ConnectionRefused
                    ) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(None)
}

/// The option's value in an acknowledgement of this very request; anything else is not for us.
fn answer(datagram: &[u8], transaction: TransactionId) -> Option<Vec<u8>> {
    let message = Message::decode(datagram).ok()?;
    let is_ours = message.operation == Operation::Reply
        && message.transaction == transaction
        && matches!(message.options.value::<MessageType>(), Ok(Some(MessageType::Ack)));
    if !is_ours {
        return None;
    }
    message.options.bytes(OptionCode::SZTP_REDIRECT).map(<[u8]>::to_vec)
}

fn read(value: &[u8]) -> Result<Discovery, Refusal> {
    let list = UriList::decode(value).map_err(|error| Refusal::new(error.reason(), error.to_string()))?;
    let server = |host: &Host, port| match host {
        Host::Name(name) => Offer::Server(Server::new(name.as_str(), port), Origin::Untrusted),
        Host::Address(address) => Offer::Server(Server::new(&address.to_string(), port), Origin::Untrusted),
    };
    let ignored = |entry: &IgnoredEntry| {
        let detail = format!("entry {} of option 143: {}", entry.index, entry.because);
        Refusal::new(entry.because.reason(), detail)
    };
    Ok(Discovery {
        offers: list.uris.as_slice().iter().map(|uri| server(uri.host(), uri.port())).collect(),
        ignored: list.ignored.iter().map(ignored).collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn serve(answers: impl Fn(&Message) -> Vec<Message> + Send + 'static) -> (Settings, thread::JoinHandle<()>) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let mut datagram = [0; 2000];
            let (length, from) = socket.recv_from(&mut datagram).unwrap();
            let request = Message::decode(&datagram[..length]).unwrap();
            for answer in answers(&request) {
                socket.send_to(&answer.encode(), from).unwrap();
            }
        });
        let config = Settings {
            server: SocketAddrV4::new(Ipv4Addr::LOCALHOST, port),
            timeout: Duration::from_millis(900),
            ..Settings::new(Ipv4Addr::LOCALHOST)
        };
        (config, server)
    }

    fn ack(request: &Message, uris: &[&str]) -> Message {
        let mut value = Vec::new();
        for uri in uris {
            value.extend(u16::try_from(uri.len()).unwrap().to_be_bytes());
            value.extend(uri.bytes());
        }
        let mut answer = Message::new(Operation::Reply, request.hardware);
        answer.transaction = request.transaction;
        answer.options.put(&MessageType::Ack);
        answer.options.insert(OptionCode::SZTP_REDIRECT, value);
        answer
    }

    fn serial() -> SerialNumber {
        SerialNumber::new("SN-1").unwrap()
    }

    #[test]
    fn dhc_09_good_uris_are_used_and_bad_ones_named() {
        let (config, server) = serve(|request| {
            assert_eq!(request.options.value(), Ok(Some(MessageType::Inform)));
            let wanted = request.options.value::<ParameterRequestList>().unwrap().unwrap();
            assert!(wanted.0.contains(&OptionCode::SZTP_REDIRECT));
            let mut other = ack(request, &["https://other.example"]);
            other.transaction = TransactionId(request.transaction.0.wrapping_add(1));
            vec![other, ack(request, &["http://no.example", "https://sztp.example:8443", "https://[2001:db8::1]"])]
        });
        let found = ask(&config, &serial(), TransactionId(7)).unwrap();
        server.join().unwrap();
        let servers = vec![Server::new("sztp.example", 8443), Server::new("2001:db8::1", 443)];
        assert_eq!(found.offers, Discovery::of_servers(servers, Origin::Untrusted).offers);
        assert_eq!(found.ignored.len(), 1);
    }

    #[test]
    fn dhc_09_a_list_without_a_good_uri_is_no_source() {
        let (config, server) = serve(|request| vec![ack(request, &["http://no.example", "https://a/path"])]);
        let refusal = ask(&config, &serial(), TransactionId(7)).unwrap_err();
        server.join().unwrap();
        assert_eq!(refusal.reason, ReasonCode::DhcpUriInvalid);
    }

    #[test]
    fn no_request_tells_the_serial_number() {
        let request = request(&Settings::new(Ipv4Addr::LOCALHOST), &serial(), TransactionId(7));
        assert!(!request.encode().windows(4).any(|window| window == b"SN-1"));
        let identifier = client_identifier(&serial());
        assert_eq!((identifier.0.len(), identifier.0.first()), (17, Some(&0)));
        assert_ne!(identifier, client_identifier(&SerialNumber::new("SN-2").unwrap()));
    }

    #[test]
    fn silence_ends_in_time() {
        let (config, server) = serve(|_| Vec::new());
        let begun = Instant::now();
        let refusal = ask(&config, &serial(), TransactionId(7)).unwrap_err();
        server.join().unwrap();
        assert_eq!(refusal.reason, ReasonCode::NoSource);
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}
