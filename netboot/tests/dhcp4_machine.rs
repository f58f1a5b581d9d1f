//! Every message of RFC 2131 against the machine, without a socket.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::{Ipv4Addr, SocketAddrV4};

use dhcp::{
    bootstrap_uri::UriList,
    v4::{
        Architecture, BootFileName, ClientArchitectures, ClientIdentifier, Flags, HardwareAddress, LeaseTime,
        MacAddress, MaximumMessageSize, Message, MessageType, Operation, OptionCode, ParameterRequestList,
        RebindingTime, RelayAgentInformation, RenewalTime, RequestedAddress, ServerIdentifier, SubnetMask,
        TransactionId, VendorClass,
    },
};
use netboot::{
    action::{Action, Destination},
    dhcp4::{Datagram, Dhcp4Machine},
    lease::{Book, Written},
    moment::Moment,
    note::{Event, Ignored, Note, ServerName},
    policy::{Arrival, Dhcp4Policy, Directory},
};
use proptest::{collection::vec, prelude::*};
use verdict::ReasonCode;

const NOW: Moment = Moment(1_700_000_000);
const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const URIS: &str = "[give]\nbootstrap-uris = ['https://sztp1.example.net:8443', 'https://[2001:db8::1]']\n";
const SUBNET: &str = "[[subnet]]\nnetwork = '192.0.2.0/24'\n\
                      pools = [{ first = '192.0.2.100', last = '192.0.2.101' }]\n\
                      reservations = [{ mac = '02:00:00:00:00:99', address = '192.0.2.9' }]\n\
                      give = { routers = ['192.0.2.1'], dns = ['192.0.2.53'] }\n";
const HERE: Arrival<'_, Ipv4Addr> = Arrival { interface: "eth0", addresses: &[SERVER] };
const UNNUMBERED: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68);

fn machine(settings: &str) -> Dhcp4Machine {
    let policy: Dhcp4Policy = toml::from_str(settings).unwrap();
    Dhcp4Machine::new(policy)
}

fn whole() -> Dhcp4Machine {
    machine(&format!("{URIS}{SUBNET}"))
}

fn host(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, last)
}

fn from_client(number: u8, kind: MessageType) -> Message {
    let mut message = Message::new(Operation::Request, HardwareAddress::ethernet(MacAddress([2, 0, 0, 0, 0, number])));
    message.transaction = TransactionId(0x1234_5678);
    message.options.put(&kind);
    message
}

fn selecting(number: u8, address: Ipv4Addr) -> Message {
    let mut message = from_client(number, MessageType::Request);
    message.options.put(&ServerIdentifier(SERVER));
    message.options.put(&RequestedAddress(address));
    message
}

fn renewing(number: u8, address: Ipv4Addr) -> Message {
    let mut message = from_client(number, MessageType::Request);
    message.client_address = address;
    message
}

fn rebooting(number: u8, address: Ipv4Addr) -> Message {
    let mut message = from_client(number, MessageType::Request);
    message.options.put(&RequestedAddress(address));
    message
}

/// The reply with its destination, and the events.
fn exchange(
    machine: &mut Dhcp4Machine,
    now: Moment,
    source: SocketAddrV4,
    request: &Message,
) -> (Option<(Destination, Message)>, Vec<Event>) {
    let bytes = request.encode();
    let datagram = Datagram { source, arrival: HERE, bytes: &bytes };
    let (mut reply, mut events) = (None, Vec::new());
    let mut todo = machine.on_datagram(now, &datagram, &Directory::default());
    while !todo.is_empty() {
        match todo.remove(0) {
            Action::Send(outgoing) => {
                assert!(reply.is_none(), "one reply at most");
                let message = Message::decode(&outgoing.bytes).unwrap();
                assert_eq!(message.operation, Operation::Reply);
                assert_eq!((message.transaction, message.hardware), (request.transaction, request.hardware));
                reply = Some((outgoing.destination, message));
            }
            // Everything is durable at once, and no address is in use.
            Action::Write(pending) => {
                let written = vec![Written::Yes; pending.leases.len()];
                todo.extend(machine.on_written(*pending, Ok(&written)));
            }
            Action::Probe(probe) => {
                todo.extend(machine.on_probed(now, *probe, &datagram, false, &Directory::default()));
            }
            Action::Note(Note { event, .. }) => events.push(event),
        }
    }
    (reply, events)
}

fn to(address: Ipv4Addr, port: u16) -> Destination {
    Destination::Address(SocketAddrV4::new(address, port).into())
}

fn reply(machine: &mut Dhcp4Machine, request: &Message) -> Message {
    let (reply, events) = exchange(machine, NOW, UNNUMBERED, request);
    reply.unwrap_or_else(|| panic!("no reply: {events:?}")).1
}

fn kind(message: &Message) -> MessageType {
    message.options.value().unwrap().unwrap()
}

#[track_caller]
fn assert_ignored(machine: &mut Dhcp4Machine, request: &Message, because: Ignored) {
    let (reply, events) = exchange(machine, NOW, UNNUMBERED, request);
    assert_eq!((reply, events), (None, vec![Event::Ignored(because)]));
}

#[test]
fn discover_and_request_lend_an_address_with_every_parameter() {
    let mut machine = whole();
    let mut discover = from_client(1, MessageType::Discover);
    discover.options.put(&RequestedAddress(host(100)));
    let (offer, events) = exchange(&mut machine, NOW, UNNUMBERED, &discover);
    let (destination, offer) = offer.unwrap();
    let mac = MacAddress([2, 0, 0, 0, 0, 1]);
    assert_eq!(destination, Destination::Unnumbered { mac, address: host(100), port: 68 });
    assert_eq!((kind(&offer), offer.your_address), (MessageType::Offer, host(100)));
    assert_eq!(events, [Event::Offered(host(100).into())]);

    let ack = reply(&mut machine, &selecting(1, host(100)));
    assert_eq!((kind(&ack), ack.your_address), (MessageType::Ack, host(100)));
    for message in [offer, ack] {
        let options = &message.options;
        assert_eq!(options.value(), Ok(Some(ServerIdentifier(SERVER))));
        assert_eq!(options.value(), Ok(Some(SubnetMask(Ipv4Addr::new(255, 255, 255, 0)))));
        assert_eq!(options.value(), Ok(Some(LeaseTime(3600))));
        assert_eq!(options.value(), Ok(Some(RenewalTime(1800))));
        assert_eq!(options.value(), Ok(Some(RebindingTime(3150))));
        assert_eq!(options.bytes(OptionCode::ROUTERS), Some(&host(1).octets()[..]));
        assert_eq!(options.bytes(OptionCode::DOMAIN_NAME_SERVERS), Some(&host(53).octets()[..]));
        // DHC-02: sent unasked, as no boot firmware asks.
        let decoded = UriList::decode(options.bytes(OptionCode::SZTP_REDIRECT).unwrap()).unwrap();
        assert_eq!(decoded.uris.as_slice().len(), 2);
    }
}

#[test]
fn the_pool_ends_and_silence_follows() {
    let mut machine = whole();
    for number in [1, 2] {
        reply(&mut machine, &from_client(number, MessageType::Discover));
    }
    assert_ignored(&mut machine, &from_client(3, MessageType::Discover), Ignored::PoolExhausted);
}

#[test]
fn a_reservation_holds_whatever_identifier_the_client_sends() {
    let mut machine = whole();
    let mut discover = from_client(0x99, MessageType::Discover);
    discover.options.put(&ClientIdentifier(b"\xffsome DUID".to_vec()));
    discover.options.put(&RequestedAddress(host(100)));
    let offer = reply(&mut machine, &discover);
    assert_eq!(offer.your_address, host(9));
    // RFC 6842: the identifier comes back.
    assert_eq!(offer.options.value(), Ok(Some(ClientIdentifier(b"\xffsome DUID".to_vec()))));
    assert_eq!(kind(&reply(&mut machine, &selecting(0x99, host(9)))), MessageType::Ack);
    assert_eq!(kind(&reply(&mut machine, &selecting(0x99, host(100)))), MessageType::Nak);
    assert_eq!(kind(&reply(&mut machine, &selecting(1, host(9)))), MessageType::Nak);
}

#[test]
fn choosing_another_server_frees_our_offer() {
    let mut machine = whole();
    let first = reply(&mut machine, &from_client(1, MessageType::Discover)).your_address;
    reply(&mut machine, &from_client(2, MessageType::Discover));
    let mut elsewhere = selecting(1, host(200));
    elsewhere.options.put(&ServerIdentifier(host(250)));
    let other = ServerName::Address(host(250).into());
    let (silence, events) = exchange(&mut machine, NOW, UNNUMBERED, &elsewhere);
    let expected = [Event::OtherServer(other.clone()), Event::Ignored(Ignored::OtherServer(other))];
    assert_eq!((silence, events), (None, expected.to_vec()), "a server that nobody named is told of");
    assert_eq!(reply(&mut machine, &from_client(3, MessageType::Discover)).your_address, first);
}

#[test]
fn a_taken_address_is_refused_by_broadcast_with_nothing_but_the_refusal() {
    let mut machine = whole();
    reply(&mut machine, &selecting(1, host(100)));
    let (nak, events) = exchange(&mut machine, NOW, UNNUMBERED, &selecting(2, host(100)));
    let (destination, nak) = nak.unwrap();
    assert_eq!(destination, to(Ipv4Addr::BROADCAST, 68));
    assert_eq!((kind(&nak), nak.your_address), (MessageType::Nak, Ipv4Addr::UNSPECIFIED));
    let codes: Vec<_> = nak.options.iter().map(|(code, _)| code).collect();
    assert_eq!(codes, [OptionCode::MESSAGE_TYPE, OptionCode::SERVER_IDENTIFIER]);
    assert_eq!(events, [Event::Refused(host(100).into())]);
}

/// RFC 2131 §4.3.2, RENEWING and REBINDING, in one table.
#[test]
fn renewing_is_believed_unless_the_address_is_anothers() {
    let mut machine = whole();
    reply(&mut machine, &selecting(1, host(100)));
    let (ack, _) = exchange(&mut machine, NOW, SocketAddrV4::new(host(100), 68), &renewing(1, host(100)));
    let (destination, ack) = ack.unwrap();
    assert_eq!(destination, to(host(100), 68), "unicast to an address the client has");
    assert_eq!((kind(&ack), ack.client_address), (MessageType::Ack, host(100)));

    // Lost in a restart, and free: believed.
    assert_eq!(kind(&reply(&mut machine, &renewing(2, host(101)))), MessageType::Ack);
    // Another client's, and another network's: refused, although the client thinks it has an address.
    for address in [host(100), Ipv4Addr::new(198, 51, 100, 7)] {
        let (nak, _) = exchange(&mut machine, NOW, UNNUMBERED, &renewing(3, address));
        let (destination, nak) = nak.unwrap();
        assert_eq!((kind(&nak), destination), (MessageType::Nak, to(Ipv4Addr::BROADCAST, 68)));
    }
    // In the network but not ours to give: another server may have lent it.
    assert_ignored(&mut machine, &renewing(3, host(200)), Ignored::NoRecord(host(200).into()));
}

#[test]
fn a_lease_that_was_not_renewed_ends() {
    let mut machine = whole();
    reply(&mut machine, &selecting(1, host(100)));
    let ask = |machine: &mut Dhcp4Machine, now| {
        let (reply, _) = exchange(machine, now, UNNUMBERED, &selecting(2, host(100)));
        kind(&reply.unwrap().1)
    };
    assert_eq!(ask(&mut machine, NOW.plus(3599)), MessageType::Nak);
    assert_eq!(ask(&mut machine, NOW.plus(3600)), MessageType::Ack);
}

/// RFC 2131 §4.3.2, INIT-REBOOT.
#[test]
fn a_rebooting_client_is_answered_only_with_a_record() {
    let mut machine = whole();
    assert_ignored(&mut machine, &rebooting(1, host(100)), Ignored::NoRecord(host(100).into()));
    assert_eq!(kind(&reply(&mut machine, &rebooting(1, Ipv4Addr::new(198, 51, 100, 7)))), MessageType::Nak);
    reply(&mut machine, &selecting(1, host(100)));
    assert_eq!(kind(&reply(&mut machine, &rebooting(1, host(100)))), MessageType::Ack);
    assert_eq!(kind(&reply(&mut machine, &rebooting(1, host(101)))), MessageType::Nak);
    assert_eq!(kind(&reply(&mut machine, &rebooting(0x99, host(9)))), MessageType::Ack);
    let empty = from_client(1, MessageType::Request);
    assert_ignored(&mut machine, &empty, Ignored::AddressMissing(MessageType::Request));
}

#[test]
fn a_declined_address_rests() {
    let mut machine = whole();
    reply(&mut machine, &selecting(1, host(100)));
    let mut decline = from_client(1, MessageType::Decline);
    decline.options.put(&ServerIdentifier(SERVER));
    decline.options.put(&RequestedAddress(host(100)));
    let (silence, events) = exchange(&mut machine, NOW, UNNUMBERED, &decline);
    assert_eq!((silence, events), (None, vec![Event::Declined(host(100).into())]));
    assert_eq!(reply(&mut machine, &from_client(1, MessageType::Discover)).your_address, host(101));
    assert_ignored(&mut machine, &decline, Ignored::NoRecord(host(100).into()));
    let later = NOW.plus(Book::<Ipv4Addr>::CONFLICT_SECONDS);
    let (offer, _) = exchange(&mut machine, later, UNNUMBERED, &selecting(2, host(100)));
    assert_eq!(kind(&offer.unwrap().1), MessageType::Ack);
}

#[test]
fn a_released_address_is_free_at_once() {
    let mut machine = whole();
    reply(&mut machine, &selecting(1, host(100)));
    let mut release = from_client(2, MessageType::Release);
    release.client_address = host(100);
    release.options.put(&ServerIdentifier(SERVER));
    assert_ignored(&mut machine, &release, Ignored::NoRecord(host(100).into()));
    release.hardware = from_client(1, MessageType::Release).hardware;
    let (silence, events) = exchange(&mut machine, NOW, UNNUMBERED, &release);
    assert_eq!((silence, events), (None, vec![Event::Released(host(100).into())]));
    assert_eq!(kind(&reply(&mut machine, &selecting(2, host(100)))), MessageType::Ack);
}

/// RFC 2131 §4.3.5: parameters, but neither address nor lease; to the client's own address.
#[test]
fn inform_is_answered_without_address_or_lease() {
    let mut machine = whole();
    let mut inform = from_client(1, MessageType::Inform);
    inform.client_address = host(77);
    let (ack, events) = exchange(&mut machine, NOW, SocketAddrV4::new(host(77), 68), &inform);
    let (destination, ack) = ack.unwrap();
    assert_eq!(destination, to(host(77), 68));
    assert_eq!((kind(&ack), ack.your_address), (MessageType::Ack, Ipv4Addr::UNSPECIFIED));
    for code in [OptionCode::LEASE_TIME, OptionCode::RENEWAL_TIME, OptionCode::REBINDING_TIME] {
        assert_eq!(ack.options.bytes(code), None);
    }
    assert!(ack.options.bytes(OptionCode::SZTP_REDIRECT).is_some());
    assert_eq!(events, [Event::Informed(host(77).into())]);

    let nowhere = from_client(1, MessageType::Inform);
    assert_ignored(&mut machine, &nowhere, Ignored::AddressMissing(MessageType::Inform));
}

#[test]
fn without_a_subnet_only_inform_is_answered() {
    let mut machine = machine(&format!("client-port = 'source'\n{URIS}"));
    assert_ignored(&mut machine, &from_client(1, MessageType::Discover), Ignored::NoSubnet);
    let source = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 5), 40_000);
    let (ack, _) = exchange(&mut machine, NOW, source, &from_client(1, MessageType::Inform));
    assert_eq!(
        ack.unwrap().0,
        Destination::Address(source.into()),
        "the answer goes back to where the question came from"
    );
}

/// DHC-07: a client asks by option 55; the policy may insist on that.
#[test]
fn dhc_07_option_143_follows_policy_and_request() {
    let mut polite = machine(&format!("{URIS}bootstrap-send = 'when-asked'\n{SUBNET}"));
    let mut inform = from_client(1, MessageType::Inform);
    inform.client_address = host(77);
    assert_eq!(reply(&mut polite, &inform).options.bytes(OptionCode::SZTP_REDIRECT), None);
    inform.options.put(&ParameterRequestList(vec![OptionCode::SZTP_REDIRECT]));
    let asked = reply(&mut polite, &inform);
    assert!(asked.options.bytes(OptionCode::SZTP_REDIRECT).is_some());
    assert_eq!(asked.options.bytes(OptionCode::ROUTERS), None, "what was not asked for stays out");
}

#[test]
fn a_relayed_request_goes_back_through_its_relay() {
    let mut machine = whole();
    let mut discover = from_client(1, MessageType::Discover);
    discover.relay = host(2);
    discover.options.put(&RelayAgentInformation(b"\x01\x04port".to_vec()));
    discover.options.put(&ClientIdentifier(vec![1, 2, 3]));
    let (offer, _) = exchange(&mut machine, NOW, SocketAddrV4::new(host(2), 67), &discover);
    let (destination, offer) = offer.unwrap();
    assert_eq!((destination, offer.relay), (to(host(2), 67), host(2)));
    // RFC 3046 §2.2: echoed, and last.
    let last = offer.options.iter().last().unwrap();
    assert_eq!(last, (OptionCode::RELAY_AGENT_INFORMATION, &b"\x01\x04port"[..]));

    let mut refused = selecting(1, host(200));
    refused.relay = host(2);
    let nak = reply(&mut machine, &refused);
    assert_eq!((kind(&nak), nak.flags), (MessageType::Nak, Flags::BROADCAST));

    discover.relay = Ipv4Addr::new(198, 51, 100, 1);
    let relay = Some(discover.relay.into());
    assert_ignored(&mut machine, &discover, Ignored::OtherNetwork { relay });
}

/// NET-07, NET-08: header fields by architecture; options 66 and 67 for those that ask.
#[test]
fn net_08_boot_fields_follow_the_architecture() {
    let boot = "[give]\nnext-server = '192.0.2.2'\nserver-name = 'boot'\nboot-file = 'pxe.0'\n\
                [[class]]\nname = 'http'\nwhen = { architecture = [16] }\n\
                give = { boot-file = 'https://boot.example.net/ipxe.efi' }\n";
    let mut machine = machine(&format!("{boot}{SUBNET}"));
    let plain = reply(&mut machine, &from_client(1, MessageType::Discover));
    assert_eq!((plain.next_server, plain.boot_file.as_bytes()), (host(2), &b"pxe.0"[..]));
    assert_eq!(plain.options.bytes(OptionCode::BOOT_FILE_NAME), None);
    assert_eq!(plain.options.bytes(OptionCode::VENDOR_CLASS), None);

    let mut http = from_client(2, MessageType::Discover);
    http.options.put(&ClientArchitectures(vec![Architecture(16)]));
    http.options.put(&VendorClass(b"HTTPClient:Arch:00016:UNDI:003000".to_vec()));
    http.options.put(&ParameterRequestList(vec![OptionCode::BOOT_FILE_NAME]));
    let offer = reply(&mut machine, &http);
    let url = b"https://boot.example.net/ipxe.efi".to_vec();
    assert_eq!(offer.boot_file.as_bytes(), url);
    assert_eq!(offer.options.value(), Ok(Some(BootFileName(url))));
    assert_eq!(offer.options.value(), Ok(Some(VendorClass(b"HTTPClient".to_vec()))));
}

/// DHC-11: what exceeds the client's limit loses whole URIs from the end, and the operator hears of it.
#[test]
fn dhc_11_a_long_list_is_shortened_by_whole_uris_only() {
    let uris: Vec<_> = (0..40).map(|index| format!("'https://sztp{index:02}.example.com'")).collect();
    let mut machine = machine(&format!("[give]\nbootstrap-uris = [{}]\n{SUBNET}", uris.join(",")));
    let served = |machine: &mut Dhcp4Machine, size: u16| {
        let mut discover = from_client(1, MessageType::Discover);
        discover.options.put(&MaximumMessageSize::new(size));
        let (offer, events) = exchange(machine, NOW, UNNUMBERED, &discover);
        let value = offer.unwrap().1.options.bytes(OptionCode::SZTP_REDIRECT).unwrap().to_vec();
        let decoded = UriList::decode(&value).unwrap();
        assert_eq!(decoded.ignored, []);
        let left_out = events.iter().find_map(|event| match event {
            Event::Shortened { uris_left_out, .. } => Some(*uris_left_out),
            _ => None,
        });
        (decoded.uris.as_slice().len(), left_out)
    };
    // 548 bytes hold 13 or more thanks to overload; 1472 hold all 40 after the header.
    let (few, left_out) = served(&mut machine, 576);
    assert!((13..20).contains(&few), "{few}");
    assert_eq!(left_out, Some(40 - few));
    let (all, left_out) = served(&mut machine, u16::MAX);
    assert_eq!((all, left_out), (40, None));
}

#[test]
fn what_is_no_request_is_noted_with_its_reason() {
    let mut machine = whole();
    let datagram = Datagram { source: UNNUMBERED, arrival: HERE, bytes: &[1, 2, 3] };
    let actions = machine.on_datagram(NOW, &datagram, &Directory::default());
    let [Action::Note(Note { event: Event::Ignored(because), client: None, .. })] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    assert_eq!(because.reason(), Some(ReasonCode::DhcpMalformed));

    let mut message = from_client(1, MessageType::Discover);
    message.operation = Operation::Reply;
    assert_ignored(&mut machine, &message, Ignored::NotFromClient);
    assert_ignored(&mut machine, &from_client(1, MessageType::Offer), Ignored::NotFromClient);
    message = from_client(1, MessageType::Discover);
    message.options.remove(OptionCode::MESSAGE_TYPE);
    assert_ignored(&mut machine, &message, Ignored::Bootp);
    message = from_client(1, MessageType::Discover);
    message.options.insert(OptionCode::REQUESTED_ADDRESS, [1, 2]);
    let (reply, events) = exchange(&mut machine, NOW, UNNUMBERED, &message);
    assert!(reply.is_none());
    assert!(matches!(events[..], [Event::Ignored(Ignored::OptionMalformed(_))]));
}

proptest! {
    /// SEC-20: hostile bytes get at most one reply that fits a frame, and never a panic.
    #[test]
    fn sec_20_damaged_requests_never_panic(
        kind in 1..=8_u8,
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        tail in vec(any::<u8>(), 0..200),
    ) {
        let mut machine = whole();
        let mut message = from_client(1, MessageType::Discover);
        message.options.insert(OptionCode::MESSAGE_TYPE, [kind]);
        message.options.put(&RequestedAddress(host(100)));
        let mut bytes = message.encode();
        bytes.truncate(249);
        bytes.extend(tail);
        for (place, value) in damage {
            let index = place.index(bytes.len());
            bytes[index] = value;
        }
        let actions = machine.on_datagram(NOW, &Datagram { source: UNNUMBERED, arrival: HERE, bytes: &bytes }, &Directory::default());
        let mut replies = Vec::new();
        let mut notes = 0;
        for action in actions {
            match action {
                Action::Send(outgoing) => replies.push(outgoing.bytes),
                Action::Write(pending) => {
                    let written = vec![Written::Yes; pending.leases.len()];
                    for action in machine.on_written(*pending, Ok(&written)) {
                        match action {
                            Action::Send(outgoing) => replies.push(outgoing.bytes),
                            _ => notes += 1,
                        }
                    }
                }
                Action::Probe(_) | Action::Note(_) => notes += 1,
            }
        }
        prop_assert!(replies.len() <= 1 && notes >= 1);
        for reply in replies {
            prop_assert!(reply.len() <= 1472 && Message::decode(&reply).is_ok());
        }
    }
}
