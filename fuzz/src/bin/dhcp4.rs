//! DHCPv4 messages and the options in them: what is read can be written, within any size it fits, and described.
#![no_main]

use std::net::Ipv4Addr;

use dhcp::{
    bootstrap_uri::UriList,
    v4::{
        ClasslessRoutes, ClientArchitectures, ClientIdentifier, DomainNameServers, FixedField, HardwareAddress,
        LeaseTime, MacAddress, MachineIdentifier, MaximumMessageSize, Message, MessageType, NetworkInterface,
        Operation, OptionCode, OptionValue, Options, ParameterRequestList, PxeBootServers, PxeDiscovery, PxeMenuEntry,
        PxeOptions, PxePrompt, PxeServerKind, RapidCommit, RelayAgentInformation, RelaySubOption, RequestedAddress,
        ServerIdentifier, SubnetSelection, UserClass, VendorClass, VendorData, VendorIdentifyingClass,
        VendorIdentifyingOptions, known, onie,
    },
};
use fuzz::Seed;

fuzz::target!(seeds, check);

fn seeds() -> Vec<Seed> {
    let mut offer = Message::new(Operation::Reply, HardwareAddress::ethernet(MacAddress([2, 0, 0, 0, 0, 1])));
    offer.your_address = Ipv4Addr::new(192, 0, 2, 9);
    offer.boot_file = FixedField::new("boot.itb").expect("a short name");
    offer.options.put(&MessageType::Offer);
    offer.options.put(&ServerIdentifier(Ipv4Addr::new(192, 0, 2, 1)));
    offer.options.put(&LeaseTime(3600));
    offer.options.put(&DomainNameServers(vec![Ipv4Addr::new(192, 0, 2, 2), Ipv4Addr::new(192, 0, 2, 3)]));
    let uris = (0..12).map(|n| format!("https://bootstrap-{n}.example.com:8443").parse().expect("a URI")).collect();
    let uris = UriList::new(uris).expect("a list");
    offer.options.insert(OptionCode::new(143).expect("a code"), uris.encode());

    let mut discover = Message::new(Operation::Request, offer.hardware);
    discover.options.put(&MessageType::Discover);
    for (code, value) in [(55, vec![1, 3, 6, 143]), (57, vec![2, 64]), (60, b"sztp".to_vec()), (61, vec![1; 7])] {
        discover.options.insert(OptionCode::new(code).expect("a code"), value);
    }
    for (code, value) in [(77, b"\x04iPXE".to_vec()), (82, vec![1, 2, 3, 4]), (93, vec![0, 7]), (94, vec![1, 2, 3])] {
        discover.options.insert(OptionCode::new(code).expect("a code"), value);
    }
    let kind = PxeServerKind(0x8001);
    let menu = PxeOptions {
        discovery: Some(PxeDiscovery::NO_BROADCAST),
        boot_servers: vec![PxeBootServers { kind, addresses: vec![Ipv4Addr::new(192, 0, 2, 1)] }],
        menu: vec![PxeMenuEntry { kind, text: "Install".into() }],
        prompt: Some(PxePrompt { timeout: 5, text: "F8".into() }),
        ..PxeOptions::default()
    };
    let menu = menu.encode().expect("a short menu");
    let installer = VendorData::with(onie::ENTERPRISE, &[(onie::INSTALLER_URL, b"http://a/b")]).expect("a short URL");
    let mut served = offer.clone();
    served.options.put(&menu);
    served.options.put(&VendorIdentifyingOptions(vec![installer]));
    served.options.put(&RapidCommit);
    for (code, value) in [(121, vec![8, 10, 192, 0, 2, 1]), (119, b"\x01a\x00".to_vec()), (97, vec![0; 17])] {
        served.options.insert(OptionCode::new(code).expect("a code"), value);
    }
    let mut bare = offer.clone();
    bare.boot_file = FixedField::default();
    // Small enough that the list is cut and spills into `file` and `sname` (RFC 3396).
    let overloaded = bare.encode_within(MaximumMessageSize::new(576)).unwrap_or_default();
    vec![offer.encode(), discover.encode(), served.encode(), overloaded, menu.0]
}

fn check(bytes: &[u8]) {
    // The first byte chooses an option, so that its value is reached without the framing of a message.
    if let Some((code, value)) = bytes.split_first() {
        option(value);
        if let Some(code) = OptionCode::new(*code) {
            described(code, value);
        }
    }
    let Ok(message) = Message::decode(bytes) else { return };
    assert_eq!(Message::decode(&message.encode()).as_ref(), Ok(&message));
    let order = |options: &Options| {
        let mut entries: Vec<_> = options.iter().map(|(code, value)| (code, value.to_vec())).collect();
        entries.sort();
        entries
    };
    for size in [576, 600, 1500] {
        let limit = MaximumMessageSize::new(size);
        let Ok(packed) = message.encode_within(limit) else { continue };
        assert!(packed.len() <= limit.payload());
        let mut unpacked = Message::decode(&packed).expect("what was packed");
        assert_eq!(order(&unpacked.options), order(&message.options));
        unpacked.options = message.options.clone();
        assert_eq!(unpacked, message);
    }
    for (code, value) in message.options.iter() {
        assert_eq!(OptionCode::new(code.number()), Some(code));
        option(value);
        described(code, value);
    }
}

fn described(code: OptionCode, value: &[u8]) {
    let text = known::describe(code, value);
    let text = text.strip_suffix('…').unwrap_or(&text);
    assert!(text.len() <= 1024 && text.bytes().all(|byte| matches!(byte, b' '..=b'~')));
}

/// Every kind of option, whatever the code in front of it said.
fn option(value: &[u8]) {
    stable::<MessageType>(value);
    stable::<RequestedAddress>(value);
    stable::<LeaseTime>(value);
    stable::<ServerIdentifier>(value);
    stable::<ParameterRequestList>(value);
    stable::<ClientIdentifier>(value);
    stable::<MaximumMessageSize>(value);
    stable::<VendorClass>(value);
    stable::<UserClass>(value);
    stable::<ClientArchitectures>(value);
    stable::<NetworkInterface>(value);
    stable::<MachineIdentifier>(value);
    stable::<RelayAgentInformation>(value);
    stable::<DomainNameServers>(value);
    stable::<SubnetSelection>(value);
    stable::<ClasslessRoutes>(value);
    stable::<VendorIdentifyingClass>(value);
    stable::<VendorIdentifyingOptions>(value);
    if let Ok(information) = RelayAgentInformation::decode(value) {
        if let Some(address) = information.link_selection() {
            assert_eq!(information.sub_option(RelaySubOption::LINK_SELECTION), Some(&address.octets()[..]));
        }
        let parts: Vec<_> = information.sub_options().collect();
        let written = RelayAgentInformation::with(&parts).expect("as long as it was read");
        assert!(information.0.starts_with(&written.0));
    }
    if let Ok(options) = PxeOptions::decode(value) {
        // A tag may stand several times, and then hold more than one can.
        if let Ok(written) = options.encode() {
            assert_eq!(PxeOptions::decode(&written.0).as_ref().ok(), Some(&options));
        }
    }
}

fn stable<T: OptionValue + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    if let Ok(value) = T::decode(bytes) {
        assert_eq!(T::decode(&value.encode()).as_ref().ok(), Some(&value));
    }
}
