//! How a client is recognised: by what its message, its DUID and the relay agent say.

use dhcp::{
    v4::MacAddress,
    v6::{
        ClassFraming, ClientIdentifier, ClientLinkLayerAddress, Datagram, Duid, Message, MessageType, OptionCode,
        Options, RelayDirection, RelayMessage, RemoteId, UserClass, VendorClass,
    },
};
use netboot::{dhcp6::ReachedBy, policy::Known};

use crate::world::*;

/// Which class a client is in, by the address of the name server that it gets.
fn class_of(when: &str, message: &Message, bytes: &[u8]) -> bool {
    let settings = format!("[[class]]\nname = 'x'\nwhen = {{ {when} }}\ngive = {{ dns = ['2001:db8::d5'] }}\n{SUBNET}");
    let mut world = World::new(&settings);
    let sent = world.deliver(NOW, ReachedBy::Multicast, bytes).sent;
    assert_eq!((sent.len(), message.kind), (1, MessageType::Solicit));
    sent[0].bytes.windows(16).any(|window| window == at(0xd5).octets())
}

fn asked(change: impl Fn(&mut Message)) -> (Message, Vec<u8>) {
    let mut message = asking(with(1, MessageType::Solicit, &[]), &[23]);
    change(&mut message);
    let bytes = message.encode();
    (message, bytes)
}

/// The message behind a relay agent with these options.
fn relayed(message: &Message, options: Options) -> Vec<u8> {
    let mut forward = RelayMessage {
        direction: RelayDirection::Forward,
        hop_count: 0,
        link: at(1),
        peer: "fe80::5e:10ff:fe00:7".parse().unwrap(),
        options,
    };
    forward.carry(&Datagram::Message(message.clone())).unwrap();
    forward.encode()
}

#[test]
fn conditions_hold_for_what_a_message_says() {
    let (message, bytes) = asked(|message| {
        let classes = vec![b"PXEClient:Arch:00007:UNDI:003010".to_vec()];
        let class = VendorClass { enterprise: 343, classes, framing: ClassFraming::Rfc8415 };
        message.options.put(&class).unwrap();
        // As iPXE sends it, without its length.
        let user = UserClass { classes: vec![b"iPXE".to_vec()], framing: ClassFraming::Unframed };
        message.options.put(&user).unwrap();
        message.options.insert(OptionCode::CLIENT_ARCHITECTURE, [0, 7, 0, 16]).unwrap();
    });
    for yes in [
        "mac = ['02:00:00:00:00:01']",
        "client-identifier = ['0x00030001*']",
        "vendor-class = ['PXEClient:*']",
        "enterprise = [343]",
        "user-class = ['iPXE']",
        "architecture = [16]",
    ] {
        assert!(class_of(yes, &message, &bytes), "{yes}");
    }
    for no in
        ["mac = ['02:00:00:00:00:02']", "vendor-class = ['HTTPClient*']", "architecture = [9]", "relay = ['::/0']"]
    {
        assert!(!class_of(no, &message, &bytes), "{no}");
    }
}

#[test]
fn a_uuid_is_recognised_in_either_byte_order() {
    let straight = [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 9, 10, 11, 12, 13, 14, 15, 16];
    let mixed = [0x44, 0x33, 0x22, 0x11, 0x66, 0x55, 0x88, 0x77, 9, 10, 11, 12, 13, 14, 15, 16];
    for bytes in [straight, mixed] {
        let identifier = ClientIdentifier(Duid::from_uuid(bytes));
        let (message, bytes) = asked(|message| message.options.put(&identifier).unwrap());
        assert!(class_of("uuid = ['11223344-5566-7788-090a-0b0c0d0e0f10']", &message, &bytes));
    }
}

#[test]
fn the_relay_agent_tells_line_and_hardware_address() {
    let opaque = ClientIdentifier(Duid::new(&[0, 2, 0, 0, 0, 1, 7]).unwrap());
    let (message, _) = asked(|message| message.options.put(&opaque).unwrap());
    let mut options = Options::new();
    options.insert(OptionCode::INTERFACE_ID, *b"ge-0/0/1").unwrap();
    options.put(&RemoteId { enterprise: 9, identifier: b"rack-7".to_vec() }).unwrap();
    options.insert(OptionCode::SUBSCRIBER_ID, *b"owner").unwrap();
    // The address that the relay agent heard was made from a hardware address; what it has seen itself goes before (RFC 6939 §5).
    let heard = "mac = ['02:5e:10:00:00:07']";
    assert!(class_of(heard, &message, &relayed(&message, options.clone())));
    let said = ClientLinkLayerAddress { hardware: 1, address: vec![2, 0, 0, 0, 0, 9] };
    options.put(&said).unwrap();
    let bytes = relayed(&message, options);
    assert!(!class_of(heard, &message, &bytes));
    for yes in [
        "mac = ['02:00:00:00:00:09']",
        "circuit-id = ['ge-0/*']",
        "remote-id = ['rack-7']",
        "subscriber-id = ['owner']",
        "relay = ['2001:db8::/64']",
    ] {
        assert!(class_of(yes, &message, &bytes), "{yes}");
    }
}

#[test]
fn a_device_on_the_owners_list_is_recognised() {
    let mac = MacAddress([2, 0, 0, 0, 0, 1]);
    for known in [Known::new("acme/A", "A").at(&[mac], None, None), Known::new("acme/SN-1", "SN-1")] {
        let settings = format!(
            "[[class]]\nname = 'own'\nwhen = {{ known = true }}\ngive = {{ dns = ['2001:db8::d5'] }}\n{SUBNET}"
        );
        let mut world = World::new(&settings);
        world.directory.put(known);
        let mut message = asking(with(1, MessageType::Solicit, &[]), &[23]);
        // RFC 4704 §4: flags, then a name.
        message.options.insert(OptionCode::CLIENT_FQDN, *b"\0\x04SN-1").unwrap();
        let reply = world.reply(&message);
        assert_eq!(reply.options.single(OptionCode::DNS_SERVERS), Ok(Some(&at(0xd5).octets()[..])));
    }
}
