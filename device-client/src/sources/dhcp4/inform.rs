//! Asking beside whoever got the device its address (RFC 2131 §4.4.3).

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddrV4},
};

use dhcp::v4::{MacAddress, Message, MessageType};
use verdict::{ReasonCode, Refusal};

use super::{
    Settings, Surroundings,
    messages::{Asker, CLIENT_PORT, SERVER_PORT},
    ports::AddressedPort,
    transaction,
};
use crate::{link::Interface, sources::gathering::gather};

/// From where to ask.
struct Place {
    address: Ipv4Addr,
    mac: Option<MacAddress>,
}

/// Every answer, of every interface that is asked on.
pub(super) fn ask(settings: &Settings, surroundings: &Surroundings<'_>) -> Result<Vec<Message>, Refusal> {
    let refuse = |detail: String| Refusal::new(ReasonCode::NoSource, detail);
    let places = places(settings)?;
    let mut answers = Vec::new();
    let mut failure = None;
    for Place { address, mac } in &places {
        let asker = Asker::new(settings, *mac, surroundings.serial_number, transaction()?);
        match exchange(settings, &asker, *address) {
            Ok(more) => answers.extend(more),
            Err(error) => failure = Some(refuse(format!("DHCP from {address}: {error}"))),
        }
    }
    match failure {
        Some(failure) if answers.is_empty() => Err(failure),
        _ if answers.is_empty() && places.is_empty() => {
            Err(refuse("no interface has an IPv4 address: `mode = \"lease\"` gets one".to_owned()))
        }
        _ if answers.is_empty() => Err(refuse("no DHCP server answered".to_owned())),
        _ => Ok(answers),
    }
}

fn exchange(settings: &Settings, asker: &Asker<'_>, address: Ipv4Addr) -> io::Result<Vec<Message>> {
    let usual = if settings.server.port() == SERVER_PORT { CLIENT_PORT } else { 0 };
    let port = settings.port.unwrap_or(usual);
    let mut port = AddressedPort::open(SocketAddrV4::new(address, port), settings.server)?;
    gather(
        &mut port,
        |elapsed| asker.inform(address, elapsed),
        settings.patience(),
        |it| asker.is_answer(it, MessageType::Ack),
    )
}

/// The address that was named; otherwise that of each interface that may be asked on.
fn places(settings: &Settings) -> Result<Vec<Place>, Refusal> {
    if let Some(address) = settings.address {
        let interfaces = settings.interfaces().unwrap_or_default();
        let mac = if settings.interface.is_some() {
            interfaces.first().and_then(|it| it.mac)
        } else {
            interfaces.iter().find(|it| has(it, address)).and_then(|it| it.mac)
        };
        return Ok(vec![Place { address, mac }]);
    }
    let usable = settings.interfaces()?.into_iter().filter(Interface::is_up);
    let place = |it: Interface| Some(Place { address: it.ipv4_address().ok().flatten()?, mac: it.mac });
    Ok(usable.filter_map(place).collect())
}

fn has(interface: &Interface, address: Ipv4Addr) -> bool {
    interface.addresses().is_ok_and(|all| all.iter().any(|it| it.address == IpAddr::V4(address)))
}

#[cfg(test)]
mod tests {
    use std::{
        net::UdpSocket,
        thread,
        time::{Duration, Instant},
    };

    use dhcp::v4::{Operation, OptionCode, ParameterRequestList, TransactionId};

    use super::{super::discover, *};
    use crate::sources::Around;
    use crate::{
        Server,
        machine::{Discovery, Origin},
        sources::Learned,
    };

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
        let settings = Settings {
            address: Some(Ipv4Addr::LOCALHOST),
            server: SocketAddrV4::new(Ipv4Addr::LOCALHOST, port),
            timeout: Duration::from_millis(900),
            ..Settings::default()
        };
        (settings, server)
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
        answer.options.insert(OptionCode::DOMAIN_NAME, *b"example.net");
        answer
    }

    fn ask_once(settings: &Settings) -> (Result<Discovery, Refusal>, Learned) {
        let mut around = Around::new("SN-1");
        (discover(settings, &mut around.surroundings()), around.learned)
    }

    #[test]
    fn dhc_09_good_uris_are_used_and_bad_ones_named() {
        let (settings, server) = serve(|request| {
            assert_eq!(request.options.value(), Ok(Some(MessageType::Inform)));
            let wanted = request.options.value::<ParameterRequestList>().unwrap().unwrap();
            assert!(wanted.0.contains(&OptionCode::SZTP_REDIRECT));
            let mut other = ack(request, &["https://other.example"]);
            other.transaction = TransactionId(request.transaction.0.wrapping_add(1));
            vec![other, ack(request, &["http://no.example", "https://sztp.example:8443", "https://[2001:db8::1]"])]
        });
        let (found, learned) = ask_once(&settings);
        server.join().unwrap();
        let servers = vec![Server::new("sztp.example", 8443), Server::new("2001:db8::1", 443)];
        let found = found.unwrap();
        assert_eq!(found.offers, Discovery::of_servers(servers, Origin::Untrusted).offers);
        assert_eq!(found.ignored.len(), 1);
        assert_eq!(learned.domains, ["example.net"], "DNS-16");
    }

    #[test]
    fn dhc_09_a_list_without_a_good_uri_is_no_source() {
        let (settings, server) = serve(|request| vec![ack(request, &["http://no.example", "https://a/path"])]);
        let refusal = ask_once(&settings).0.unwrap_err();
        server.join().unwrap();
        assert_eq!(refusal.reason, ReasonCode::DhcpUriInvalid);
    }

    #[test]
    fn silence_ends_in_time() {
        let (settings, server) = serve(|_| Vec::new());
        let begun = Instant::now();
        let refusal = ask_once(&settings).0.unwrap_err();
        server.join().unwrap();
        assert_eq!(refusal.reason, ReasonCode::NoSource);
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn an_answer_without_the_option_says_what_is_missing() {
        let (settings, server) = serve(|request| {
            let mut answer = ack(request, &[]);
            answer.options.remove(OptionCode::SZTP_REDIRECT);
            vec![answer]
        });
        let refusal = ask_once(&settings).0.unwrap_err();
        server.join().unwrap();
        assert_eq!(refusal.reason, ReasonCode::NoSource);
        assert!(refusal.detail.contains("none has option 143"), "{}", refusal.detail);
    }
}
