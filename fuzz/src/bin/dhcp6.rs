//! DHCPv6 messages, relay agents around them, and options; lists of domains: what is read can be written, an option that may
//! stand once does, and whatever arrives can be described.
#![no_main]

use std::{fmt::Debug, net::Ipv6Addr};

use dhcp::{
    bootstrap_uri::UriList,
    domain_names::{self, Pointers},
    v4::{Architecture, ClientArchitectures, MacAddress, NetworkInterface},
    v6::{
        BootFileParameters, BootFileUrl, ClassFraming, ClientIdentifier, ClientLinkLayerAddress, Datagram,
        DelegatedPrefix, DnsServers, Duid, ElapsedTime, IdentityAssociation, InterfaceId, LeasedAddress, Message,
        MessageType, OptionCode, OptionRequest, OptionValue, Options, Preference, RapidCommit, Received,
        RelayDirection, RelayMessage, RemoteId, ServerUnicast, SolMaxRt, Status, StatusCode, SubscriberId,
        TemporaryAssociation, TransactionId, UserClass, VendorClass, VendorOptions, addresses, known,
    },
};
use fuzz::Seed;

fuzz::target!(seeds, check);

fn seeds() -> Vec<Seed> {
    let uris = vec!["https://bootstrap.example.com:8443".parse().expect("a URI"); 1];
    let list = UriList::new(uris).expect("a list").encode();
    let mut options = Options::new();
    let request = OptionRequest(vec![OptionCode(23), OptionCode::SZTP_REDIRECT]);
    options.insert(OptionCode::OPTION_REQUEST, request.encode()).expect("a short value");
    options.insert(OptionCode::SZTP_REDIRECT, list.clone()).expect("a short value");
    let once = options.encode();
    options.add(OptionCode::SZTP_REDIRECT, list).expect("a short value");
    let twice = options.encode();
    let leased = LeasedAddress { address: "2001:db8::5".parse().expect("an address"), preferred: 300, valid: 600 };
    let mut association = IdentityAssociation::new(1);
    association.options.insert(OptionCode::IA_ADDRESS, leased.encode()).expect("a short value");
    let prefix = DelegatedPrefix { preferred: 1, valid: 2, length: 56, prefix: Ipv6Addr::UNSPECIFIED };
    association.options.insert(OptionCode::IA_PREFIX, prefix.encode()).expect("a short value");
    let refused = Status { code: StatusCode::NO_PREFIX_AVAIL, text: "none".into() };
    association.options.put(&refused).expect("a short value");
    options.insert(OptionCode::IA_NA, association.encode()).expect("a short value");
    let reply = [&[7, 1, 2, 3][..], &options.encode()].concat();
    let names = b"\x03eng\x07example\x03com\x00\x05sales\xc0\x04".to_vec();
    let mut seeds = vec![once, twice, request.encode(), reply, association.encode(), names];
    seeds.extend((0..=9).step_by(3).map(|count| relayed(count, firmware()).encode()));
    seeds
}

/// What boot firmware asks.
fn firmware() -> Message {
    let mut message = Message::new(MessageType::Solicit, TransactionId([1, 2, 3]));
    let options = &mut message.options;
    let mac = MacAddress([2, 0, 0, 0, 0, 1]);
    let framing = ClassFraming::Rfc8415;
    let class = VendorClass { enterprise: 343, classes: vec![b"PXEClient:Arch:00007".to_vec()], framing };
    let url: BootFileUrl = "http://[2001:db8::1]/a".parse().expect("a URL");
    [
        options.put(&ClientIdentifier(Duid::link_layer_time(mac, 7))),
        options.put(&UserClass { classes: vec![b"iPXE".to_vec()], framing: ClassFraming::Unframed }),
        options.put(&class),
        options.put(&VendorOptions { enterprise: 42_623, options: Options::new() }),
        options.put(&ClientArchitectures(vec![Architecture(7), Architecture(16)])),
        options.put(&NetworkInterface { kind: 1, major: 3, minor: 16 }),
        options.put(&url),
        options.put(&BootFileParameters(vec!["ro".into()])),
        options.put(&RapidCommit),
    ]
    .into_iter()
    .collect::<Result<(), _>>()
    .expect("short values");
    message
}

/// The message with relay agents around it.
fn relayed(count: u8, message: Message) -> Datagram {
    (0..count).fold(Datagram::Message(message), |carried, hop_count| {
        let mut options = Options::new();
        [
            options.put(&InterfaceId(vec![hop_count])),
            options.put(&RemoteId { enterprise: 9, identifier: vec![1] }),
            options.put(&ClientLinkLayerAddress { hardware: 1, address: vec![2, 0, 0, 0, 0, 1] }),
            options.insert(OptionCode::ECHO_REQUEST, [0, 37]),
        ]
        .into_iter()
        .collect::<Result<(), _>>()
        .expect("short values");
        let (link, peer) = (Ipv6Addr::LOCALHOST, Ipv6Addr::LOCALHOST);
        let mut relay = RelayMessage { direction: RelayDirection::Forward, hop_count, link, peer, options };
        relay.carry(&carried).expect("a short message");
        Datagram::Relay(relay)
    })
}

fn check(bytes: &[u8]) {
    if let Ok(request) = OptionRequest::decode(bytes) {
        assert_eq!(OptionRequest::decode(&request.encode()).as_ref().ok(), Some(&request));
    }
    if let Ok(datagram) = Datagram::decode(bytes) {
        assert_eq!(datagram.encode(), bytes);
    }
    if let Ok(received) = Received::decode(bytes) {
        opened(&received, bytes);
    }
    if let Ok(association) = TemporaryAssociation::decode(bytes) {
        assert_eq!(association.encode(), bytes);
    }
    if let Ok(association) = IdentityAssociation::decode(bytes) {
        assert_eq!(association.encode(), bytes);
        let _status: Result<StatusCode, _> = StatusCode::of(&association.options);
        for leased in association.addresses() {
            assert_eq!(LeasedAddress::decode(&leased.encode()).as_ref().ok(), Some(&leased));
        }
    }
    drop(addresses(OptionCode::DNS_SERVERS, bytes));
    for pointers in [Pointers::Followed, Pointers::Refused] {
        let names = domain_names::decode(bytes, pointers);
        assert!(names.len() <= domain_names::MAXIMUM);
        assert_eq!(domain_names::decode(&domain_names::encode(&names), Pointers::Refused), names);
    }
    value(bytes);
    // The first two bytes choose an option, so that its description is reached without the framing of a message.
    if let Some(([high, low], rest)) = bytes.split_first_chunk() {
        described(OptionCode(u16::from_be_bytes([*high, *low])), rest);
    }
    let Ok(options) = Options::decode(bytes) else { return };
    assert_eq!(options.encode(), bytes);
    for (code, value) in options.iter() {
        described(code, value);
        // DHC-12.
        match options.single(code) {
            Ok(single) => assert_eq!((single, options.all(code).count()), (Some(value), 1)),
            Err(_) => assert!(options.all(code).count() > 1),
        }
        drop(UriList::decode(value));
    }
}

/// RFC 8415 §19.3: an answer goes back through as many layers as the question came, each as it was.
fn opened(received: &Received, bytes: &[u8]) {
    assert!(received.layers.len() <= Received::MAXIMUM_LAYERS);
    assert!(received.link().is_none_or(|link| received.layers.iter().any(|layer| layer.link == link)));
    assert!(received.mac().is_none() || received.nearest().is_some());
    let mut answer = received.answer(received.message.clone()).expect("no longer than the question");
    assert!(answer.encode().len() <= bytes.len());
    for layer in &received.layers {
        let Datagram::Relay(relay) = answer else { panic!("a layer is missing") };
        assert_eq!((relay.link, relay.peer, relay.hop_count), (layer.link, layer.peer, layer.hop_count));
        assert_eq!(relay.options.single(OptionCode::INTERFACE_ID), layer.options.single(OptionCode::INTERFACE_ID));
        answer = relay.carried().expect("what was put in");
    }
    assert_eq!(answer, Datagram::Message(received.message.clone()));
}

/// Every kind of option, whatever the code in front of it said.
fn value(bytes: &[u8]) {
    stable::<BootFileParameters>(bytes);
    stable::<BootFileUrl>(bytes);
    stable::<ClientArchitectures>(bytes);
    stable::<ClientIdentifier>(bytes);
    stable::<ClientLinkLayerAddress>(bytes);
    stable::<DnsServers>(bytes);
    stable::<ElapsedTime>(bytes);
    stable::<InterfaceId>(bytes);
    stable::<NetworkInterface>(bytes);
    stable::<Preference>(bytes);
    stable::<RapidCommit>(bytes);
    stable::<RemoteId>(bytes);
    stable::<ServerUnicast>(bytes);
    stable::<SolMaxRt>(bytes);
    stable::<Status>(bytes);
    stable::<SubscriberId>(bytes);
    stable::<UserClass>(bytes);
    stable::<VendorClass>(bytes);
    stable::<VendorOptions>(bytes);
    if let Some(duid) = Duid::new(bytes) {
        assert!(duid.mac().is_none() || duid.uuid().is_none());
        assert_eq!(duid.to_string().parse().as_ref(), Ok(&duid));
    }
}

fn stable<T: OptionValue + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(value) = T::decode(bytes) {
        assert_eq!(value.encode(), bytes);
    }
}

fn described(code: OptionCode, value: &[u8]) {
    let text = known::describe(code, value);
    let text = text.strip_suffix('…').unwrap_or(&text);
    assert!(text.len() <= 1024 && text.bytes().all(|byte| matches!(byte, b' '..=b'~')));
}
