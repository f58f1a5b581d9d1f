//! Hostile bytes never panic, and whatever is encoded decodes to itself.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{Ipv4Addr, Ipv6Addr};

use dhcp::{
    bootstrap_uri::{AcceptedForms, BootstrapServerUri, FieldForm, UriList, recognise},
    v4::{
        ClasslessRoutes, ClientArchitectures, ClientIdentifier, DomainName, DomainNameServers, DomainSearch,
        FixedField, Flags, HardwareAddress, InterfaceMtu, LeaseTime, MacAddress, MachineIdentifier, MaximumMessageSize,
        Message, MessageType, NetworkInterface, Operation, OptionCode, OptionValue, Options, ParameterRequestList,
        PxeOptions, RapidCommit, RelayAgentInformation, RequestedAddress, ServerIdentifier, TransactionId, UserClass,
        VendorClass, VendorIdentifyingClass, VendorIdentifyingOptions, known,
    },
    v6,
};
use proptest::{collection::vec, prelude::*};

/// A value that decodes also survives being encoded and decoded again.
fn stable<T: OptionValue + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    if let Ok(value) = T::decode(bytes) {
        assert_eq!(T::decode(&value.encode()).unwrap(), value);
    }
}

fn read_everything(message: &Message) {
    assert_eq!(message.hardware.to_string().is_empty(), message.hardware.octets().is_empty());
    for (code, bytes) in message.options.iter() {
        assert_eq!(OptionCode::new(code.number()), Some(code));
        stable::<MessageType>(bytes);
        stable::<RequestedAddress>(bytes);
        stable::<LeaseTime>(bytes);
        stable::<ServerIdentifier>(bytes);
        stable::<ParameterRequestList>(bytes);
        stable::<ClientIdentifier>(bytes);
        stable::<MaximumMessageSize>(bytes);
        stable::<VendorClass>(bytes);
        stable::<UserClass>(bytes);
        stable::<ClientArchitectures>(bytes);
        stable::<NetworkInterface>(bytes);
        stable::<MachineIdentifier>(bytes);
        stable::<RelayAgentInformation>(bytes);
        stable::<DomainNameServers>(bytes);
        stable::<DomainName>(bytes);
        stable::<DomainSearch>(bytes);
        stable::<InterfaceMtu>(bytes);
        stable::<ClasslessRoutes>(bytes);
        stable::<RapidCommit>(bytes);
        stable::<VendorIdentifyingClass>(bytes);
        stable::<VendorIdentifyingOptions>(bytes);
        if let Ok(options) = PxeOptions::decode(bytes) {
            // Sub-options that are cut in two join to what no length can say.
            if let Ok(value) = options.encode() {
                assert_eq!(PxeOptions::decode(&value.0), Ok(options));
            }
        }
        bounded(&known::describe(code, bytes));
        read_uris(bytes);
    }
}

/// A description fits a line of a terminal, and cannot drive it.
fn bounded(text: &str) {
    assert!(text.len() <= 1024 + '…'.len_utf8(), "{} bytes", text.len());
    assert!(text.strip_suffix('…').unwrap_or(text).bytes().all(|byte| matches!(byte, b' '..=b'~')), "{text:?}");
}

/// As [`stable`], and what is written is what was read.
fn stable6<T: v6::OptionValue + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    if let Ok(value) = T::decode(bytes) {
        assert_eq!(value.encode(), bytes);
    }
}

fn read_everything6(code: v6::OptionCode, bytes: &[u8]) {
    stable6::<v6::BootFileParameters>(bytes);
    stable6::<v6::BootFileUrl>(bytes);
    stable6::<v6::ClientIdentifier>(bytes);
    stable6::<v6::ClientLinkLayerAddress>(bytes);
    stable6::<v6::DnsServers>(bytes);
    stable6::<v6::ElapsedTime>(bytes);
    stable6::<v6::InterfaceId>(bytes);
    stable6::<v6::OptionRequest>(bytes);
    stable6::<v6::Preference>(bytes);
    stable6::<v6::RapidCommit>(bytes);
    stable6::<v6::RemoteId>(bytes);
    stable6::<v6::ServerUnicast>(bytes);
    stable6::<v6::SolMaxRt>(bytes);
    stable6::<v6::Status>(bytes);
    stable6::<v6::SubscriberId>(bytes);
    stable6::<v6::UserClass>(bytes);
    stable6::<v6::VendorClass>(bytes);
    stable6::<v6::VendorOptions>(bytes);
    stable6::<ClientArchitectures>(bytes);
    stable6::<NetworkInterface>(bytes);
    if let Ok(association) = v6::IdentityAssociation::decode(bytes) {
        assert_eq!(association.encode(), bytes);
    }
    if let Ok(association) = v6::TemporaryAssociation::decode(bytes) {
        assert_eq!(association.encode(), bytes);
    }
    if let Some(duid) = v6::Duid::new(bytes) {
        assert_eq!(duid.to_string().parse(), Ok(duid));
    }
    bounded(&v6::known::describe(code, bytes));
}

/// Whatever is usable in a hostile value is usable again.
fn read_uris(value: &[u8]) {
    if let Ok(decoded) = UriList::decode(value) {
        assert_eq!(UriList::decode(&decoded.uris.encode()).unwrap().uris, decoded.uris);
    }
    if let Some(read) = recognise(value) {
        assert_eq!(AcceptedForms::STRICT.decode(value).is_ok(), read.is_standard());
        assert_eq!(AcceptedForms::STRICT.and(read.form).decode(value), Ok(read));
    }
}

fn address() -> impl Strategy<Value = Ipv4Addr> {
    any::<u32>().prop_map(Ipv4Addr::from_bits)
}

fn text(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    vec(1..=u8::MAX, length)
}

fn options() -> impl Strategy<Value = Options> {
    let code = any::<u8>().prop_filter_map("shapes the packet", OptionCode::new);
    vec((code, vec(any::<u8>(), 0..600)), 0..8).prop_map(|entries| {
        let mut options = Options::new();
        for (code, value) in entries {
            options.insert(code, value);
        }
        options
    })
}

fn options6() -> impl Strategy<Value = v6::Options> {
    let code = prop_oneof![Just(18_u16), Just(37), Just(43), Just(79), Just(135), any::<u16>()];
    vec((code, vec(any::<u8>(), 0..40)), 0..6).prop_map(|entries| {
        let mut options = v6::Options::new();
        for (code, value) in entries {
            options.add(v6::OptionCode(code), value).unwrap();
        }
        options
    })
}

fn message() -> impl Strategy<Value = Message> {
    let header = (any::<bool>(), any::<[u8; 6]>(), any::<u8>(), any::<u32>(), any::<u16>(), any::<u16>());
    let addresses = [address(), address(), address(), address()];
    (header, addresses, text(0..64), text(0..128), options()).prop_map(|(header, addresses, name, file, options)| {
        let (request, mac, hops, transaction, seconds, flags) = header;
        let operation = if request { Operation::Request } else { Operation::Reply };
        let mut message = Message::new(operation, HardwareAddress::ethernet(MacAddress(mac)));
        message.hops = hops;
        message.transaction = TransactionId(transaction);
        message.seconds = seconds;
        message.flags = Flags(flags);
        [message.client_address, message.your_address, message.next_server, message.relay] = addresses;
        message.server_name = FixedField::new(name).unwrap();
        message.boot_file = FixedField::new(file).unwrap();
        message.options = options;
        message
    })
}

/// Bytes that pass the header checks, so that the options are reached: 240 bytes of header, then anything.
fn plausible() -> impl Strategy<Value = Vec<u8>> {
    (vec(any::<u8>(), 236), 0..=17_u8, vec(any::<u8>(), 0..400)).prop_map(|(mut bytes, hlen, options)| {
        bytes[0] = 1;
        bytes[2] = hlen;
        bytes.extend([99, 130, 83, 99]);
        bytes.extend(options);
        bytes
    })
}

fn uri() -> impl Strategy<Value = BootstrapServerUri> {
    let host = prop_oneof![
        "[a-z][a-z0-9]{0,20}(\\.[a-z0-9]{1,20}){0,3}\\.[a-z]{2,8}",
        address().prop_map(|address| address.to_string()),
        any::<u128>().prop_map(|bits| format!("[{}]", Ipv6Addr::from_bits(bits))),
    ];
    (host, 1..=u16::MAX).prop_map(|(host, port)| format!("https://{host}:{port}").parse().unwrap())
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..700)) {
        if let Ok(message) = Message::decode(&bytes) {
            read_everything(&message);
        }
        read_uris(&bytes);
        if let Ok(options) = v6::Options::decode(&bytes) {
            prop_assert_eq!(options.encode(), &bytes[..]);
        }
        if let Ok(datagram) = v6::Datagram::decode(&bytes) {
            prop_assert_eq!(datagram.encode(), &bytes[..]);
        }
        for number in [1, 3, 6, 13, 15, 16, 17, 24, 59, 60, 61, 79, 136] {
            read_everything6(v6::OptionCode(number), &bytes);
        }
        if let Ok(uri) = String::from_utf8_lossy(&bytes).parse::<BootstrapServerUri>() {
            prop_assert_eq!(uri.to_string().parse(), Ok(uri));
        }
    }

    #[test]
    fn plausible_bytes_never_panic_and_reencode(bytes in plausible()) {
        if let Ok(message) = Message::decode(&bytes) {
            read_everything(&message);
            prop_assert_eq!(Message::decode(&message.encode()), Ok(message));
        }
    }

    #[test]
    fn damaged_messages_never_panic(message in message(), damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = message.encode();
        for (place, value) in damage {
            let index = place.index(bytes.len());
            bytes[index] = value;
        }
        if let Ok(message) = Message::decode(&bytes) {
            read_everything(&message);
        }
    }

    #[test]
    fn decoding_what_was_encoded_gives_it_back(message in message()) {
        prop_assert_eq!(Message::decode(&message.encode()), Ok(message));
    }

    /// DHC-10: whatever the packing had to overload or cut, the reader gets every option whole.
    #[test]
    fn a_limited_message_fits_and_decodes_to_itself(mut message in message(), bare in any::<bool>(), limit in 576..1600_u16) {
        if bare {
            message.server_name = FixedField::default();
            message.boot_file = FixedField::default();
        }
        let limit = MaximumMessageSize::new(limit);
        if let Ok(bytes) = message.encode_within(limit) {
            prop_assert!(bytes.len() <= limit.payload());
            let mut decoded = Message::decode(&bytes).unwrap();
            let order = |options: &Options| {
                let mut entries: Vec<_> = options.iter().map(|(code, value)| (code, value.to_vec())).collect();
                entries.sort();
                entries
            };
            prop_assert_eq!(order(&decoded.options), order(&message.options));
            decoded.options = message.options.clone();
            prop_assert_eq!(decoded, message);
        }
    }

    #[test]
    fn uri_lists_round_trip(uris in vec(uri(), 1..20)) {
        let list = UriList::new(uris).unwrap();
        let decoded = UriList::decode(&list.encode()).unwrap();
        prop_assert_eq!(decoded.uris, list);
        prop_assert_eq!(decoded.ignored, []);
    }

    /// DHC-15: in every form, a server is read back as it was, unless the form cannot say it.
    #[test]
    fn dhc_15_every_form_round_trips(uri in uri(), form in prop::sample::select(&FieldForm::ALL[..])) {
        let list = UriList::from(uri);
        if let Ok(value) = form.encode(&list) {
            let read = AcceptedForms::STRICT.and(form).decode(&value);
            // Addresses at which no server can be are written, being asked for, but not believed.
            let is_address = matches!(form, FieldForm::Ipv4Text | FieldForm::Ipv4Octets);
            match read {
                Ok(read) => prop_assert_eq!(read.list.uris, list),
                Err(discarded) => prop_assert!(is_address, "{}", discarded),
            }
        }
    }

    /// Printable text is in one form at most, and its first two bytes never pass for a length (DHC-04).
    #[test]
    fn text_is_never_taken_for_a_framed_list(text in "[!-~]{3,300}") {
        prop_assert!(UriList::decode(text.as_bytes()).is_err());
    }

    /// What a relay agent's layers hold comes back out of them, and an answer goes back through as many.
    #[test]
    fn relayed_messages_open_and_close(
        layers in vec((any::<u128>(), any::<u128>(), options6()), 0..=9),
        kind in prop::sample::select(&v6::MessageType::ALL[..]),
        options in options6(),
        garbage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let message = v6::Message { kind, transaction: v6::TransactionId([1, 2, 3]), options };
        let mut datagram = v6::Datagram::Message(message.clone());
        for (hop_count, (link, peer, mut options)) in (0..).zip(layers.clone()) {
            options.remove(v6::OptionCode::RELAY_MESSAGE);
            let (link, peer) = (Ipv6Addr::from_bits(link), Ipv6Addr::from_bits(peer));
            let direction = v6::RelayDirection::Forward;
            let mut relay = v6::RelayMessage { direction, hop_count, link, peer, options };
            relay.carry(&datagram).unwrap();
            datagram = v6::Datagram::Relay(relay);
        }
        let mut bytes = datagram.encode();
        let received = v6::Received::decode(&bytes).unwrap();
        prop_assert_eq!(&received.message, &message);
        prop_assert_eq!(received.layers.len(), layers.len());

        let mut answer = received.answer(message.clone()).unwrap();
        for layer in &received.layers {
            let v6::Datagram::Relay(relay) = answer else { panic!("a layer is missing") };
            prop_assert_eq!((relay.link, relay.peer, relay.hop_count), (layer.link, layer.peer, layer.hop_count));
            answer = relay.carried().unwrap();
        }
        prop_assert_eq!(answer, v6::Datagram::Message(message));

        for (place, value) in garbage {
            let index = place.index(bytes.len());
            bytes[index] = value;
        }
        if let Ok(received) = v6::Received::decode(&bytes) {
            prop_assert!(received.layers.len() <= v6::Received::MAXIMUM_LAYERS);
            let answered = received.answer(received.message.clone()).unwrap();
            prop_assert!(answered.encode().len() <= bytes.len());
        }
    }

    /// What is written for a configuration has the shape it is shown in.
    #[test]
    fn shapes_are_read_as_they_are_shown(number in any::<u32>(), octets in vec(any::<u8>(), 1..40), text in "[!-~]{1,60}") {
        use dhcp::shape::Shape;
        for shape in [Shape::U8, Shape::U16, Shape::U32, Shape::Ipv4s, Shape::Ipv6, Shape::Octets, Shape::U8s, Shape::I32] {
            // Numbers that fit, addresses and bytes are written as they are shown.
            for written in [number.to_string(), Ipv4Addr::from_bits(number).to_string()] {
                if let Ok(value) = shape.parse(&written) {
                    for known in known::ALL.iter().filter(|known| known.shape == shape) {
                        let shown = known::describe(known.code, &value);
                        if known.shape != Shape::Octets && !matches!(known.code.number(), 53 | 55) {
                            prop_assert_eq!(shape.parse(&shown), Ok(value.clone()), "{}: {}", known.name, shown);
                        }
                    }
                }
            }
        }
        let hexadecimal: Vec<_> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        prop_assert_eq!(Shape::Octets.parse(&hexadecimal.join(":")), Ok(octets));
        prop_assert_eq!(Shape::Text.parse(&text), Ok(text.into_bytes()));
    }

    #[test]
    fn options_of_dhcpv6_round_trip(entries in vec((any::<u16>(), vec(any::<u8>(), 0..300)), 0..20)) {
        let mut options = v6::Options::new();
        for (code, value) in &entries {
            options.insert(v6::OptionCode(*code), value.clone()).unwrap();
        }
        prop_assert_eq!(v6::Options::decode(&options.encode()), Ok(options.clone()));
        for (code, _) in entries {
            prop_assert!(options.single(v6::OptionCode(code)).unwrap().is_some());
        }
    }
}
