//! Hostile bytes never panic, and whatever is encoded decodes to itself.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::Ipv4Addr;

use dhcp::{
    bootstrap_uri::{AcceptedForms, BootstrapServerUri, FieldForm, UriList, recognise},
    v4::{
        ClientArchitectures, ClientIdentifier, DomainName, DomainNameServers, DomainSearch, FixedField, Flags,
        HardwareAddress, InterfaceMtu, LeaseTime, MacAddress, MachineIdentifier, MaximumMessageSize, Message,
        MessageType, NetworkInterface, Operation, OptionCode, OptionValue, Options, ParameterRequestList,
        RelayAgentInformation, RequestedAddress, ServerIdentifier, TransactionId, UserClass, VendorClass,
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
        read_uris(bytes);
    }
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
        any::<u128>().prop_map(|bits| format!("[{}]", std::net::Ipv6Addr::from_bits(bits))),
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
        if let Ok(message) = v6::Message::decode(&bytes) {
            prop_assert_eq!(message.encode(), &bytes[..]);
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
