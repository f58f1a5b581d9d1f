//! A proxy at port 67, beside the server that gives the addresses.

use std::net::{Ipv4Addr, SocketAddrV4};

use dhcp::v4::{Flags, MessageType, OptionCode, RequestedAddress, ServerIdentifier};
use netboot::{
    action::Destination,
    note::{Event, Ignored, ServerName},
};

use crate::{
    clients::{self, UUID, chooses},
    stage::{CLIENT, OWN, Said, Stage, UNNUMBERED, codes, file, kind, option},
};

const POLICY: &str = "mode = 'proxy'\n\
    [give]\nboot-file = 'boot/grubx64.efi'\nbootstrap-uris = ['https://sztp.example.net']\ndns = ['192.0.2.53']\n\
    root-path = '/srv/root'\nrouters = ['192.0.2.1']\n\
    [[class]]\nname = 'ipxe'\nwhen = { user-class = ['iPXE'] }\n\
    give = { boot-file = 'http://boot.example.net/script.ipxe', options = [{ code = 175, hex = 'b00101' }] }\n\
    [[class]]\nname = 'uefi-http'\nwhen = { vendor-class = ['HTTPClient:*'] }\n\
    give = { boot-file = 'http://boot.example.net/grubx64.efi' }\n\
    [[class]]\nname = 'bios'\nwhen = { architecture = [0] }\ngive = { boot-file = 'pxelinux.0', next-server = '192.0.2.9' }\n";

fn everybody() -> Destination {
    Destination::Address(SocketAddrV4::new(Ipv4Addr::BROADCAST, 68).into())
}

#[track_caller]
fn assert_silent(said: &Said, because: Ignored) {
    assert_eq!((said.reply.is_none(), said.events.as_slice()), (true, &[Event::Ignored(because)][..]));
}

/// NET-07, NET-08: PXE 2.1 §2.2. An offer that has no address and nothing that goes with one.
#[test]
fn net_07_firmware_is_offered_what_to_boot_and_no_address() {
    let mut stage = Stage::new(POLICY);
    let said = stage.hears(UNNUMBERED, &clients::uefi().encode());
    assert_eq!(said.events, [Event::BootOffered]);
    let (destination, offer) = said.reply.unwrap();
    // It has no address, whatever it says of broadcasts.
    assert_eq!(destination, everybody());
    assert_eq!(kind(&offer), MessageType::Offer);
    assert_eq!((offer.your_address, offer.next_server), (Ipv4Addr::UNSPECIFIED, OWN));
    assert_eq!((file(&offer), option(&offer, 67)), ("boot/grubx64.efi", &b"boot/grubx64.efi"[..]));
    assert_eq!(codes(&offer), [17, 43, 53, 54, 60, 67, 97]);
    assert_eq!(option(&offer, 60), b"PXEClient");
    assert_eq!(option(&offer, 43), [6, 1, 8, 255]);
    assert_eq!(option(&offer, 97), [&[0][..], &UUID].concat());
}

/// NET-07: each kind of firmware its file; who is iPXE already gets the script, whatever length its user class lacks.
#[test]
fn net_07_each_firmware_gets_its_file_and_ipxe_is_not_sent_to_ipxe() {
    let mut stage = Stage::new(POLICY);
    let offer = stage.reply(&clients::ipxe());
    assert_eq!((file(&offer), option(&offer, 175)), ("http://boot.example.net/script.ipxe", &[0xb0, 1, 1][..]));

    let offer = stage.reply(&clients::bios());
    assert_eq!((file(&offer), offer.next_server), ("pxelinux.0", Ipv4Addr::new(192, 0, 2, 9)));
    assert_eq!(codes(&offer), [43, 53, 54, 60, 67], "who sends no option 97 gets none");

    // UEFI 2.10 §24.7: the class comes back, and no option of PXE.
    let offer = stage.reply(&clients::uefi_http());
    assert_eq!(file(&offer), "http://boot.example.net/grubx64.efi");
    assert_eq!((option(&offer, 60), option(&offer, 43)), (&b"HTTPClient"[..], &[][..]));
}

/// NET-07: what is no firmware hears nothing, but parameters when it asks for those alone.
#[test]
fn net_07_everybody_else_is_left_to_the_other_server() {
    let mut stage = Stage::new(POLICY);
    let linux = clients::system("udhcp 1.35.0", &[1, 3, 6]);
    assert_silent(&stage.hears(UNNUMBERED, &linux.encode()), Ignored::NotFirmware);

    let mut inform = clients::system("udhcp 1.35.0", &[6, 143]);
    inform.options.put(&MessageType::Inform);
    inform.client_address = CLIENT;
    let said = stage.hears(SocketAddrV4::new(CLIENT, 68), &inform.encode());
    let (destination, ack) = said.reply.unwrap();
    assert_eq!(destination, Destination::Address(SocketAddrV4::new(CLIENT, 68).into()));
    assert_eq!((kind(&ack), option(&ack, 6)), (MessageType::Ack, &[192, 0, 2, 53][..]));
    assert_eq!(option(&ack, 143), b"\x00\x18https://sztp.example.net");
}

/// A client that takes the other server's offer says so to everybody: that is neither the proxy's business nor a server that nobody knows.
#[test]
fn net_07_the_server_that_gives_addresses_is_no_rogue() {
    let other = Ipv4Addr::new(192, 0, 2, 1);
    let mut selecting = clients::uefi();
    selecting.options.put(&MessageType::Request);
    selecting.options.put(&ServerIdentifier(other));
    selecting.options.put(&RequestedAddress(CLIENT));
    let bytes = selecting.encode();
    assert_silent(
        &Stage::new(POLICY).hears(UNNUMBERED, &bytes),
        Ignored::OtherServer(ServerName::Address(other.into())),
    );

    // Whoever wrote down which servers there are wants to hear of others.
    let listed =
        |server: &str| Stage::new(&format!("other-servers = ['{server}']\n{POLICY}")).hears(UNNUMBERED, &bytes);
    assert_eq!(listed("192.0.2.1").events.len(), 1);
    assert!(listed("192.0.2.3").events.contains(&Event::OtherServer(ServerName::Address(other.into()))));

    for kind in [MessageType::Request, MessageType::Release, MessageType::Decline] {
        let mut message = clients::uefi();
        message.options.put(&kind);
        message.client_address = CLIENT;
        let said = Stage::new(POLICY).hears(SocketAddrV4::new(CLIENT, 68), &message.encode());
        assert_silent(&said, Ignored::AddressAsked);
    }
}

#[test]
fn net_07_without_anything_to_boot_there_is_no_offer() {
    let mut stage = Stage::new("mode = 'proxy'");
    assert_silent(&stage.hears(UNNUMBERED, &clients::uefi().encode()), Ignored::NothingToBoot);
    // A menu is something for PXE, and nothing for who wants a URL.
    let mut stage = Stage::new("mode = 'proxy'\n[give.pxe]\nmenu = [{ item = 0, text = 'Disk' }]");
    assert_eq!(option(&stage.reply(&clients::uefi()), 43), b"\x06\x01\x03\x09\x07\0\0\x04Disk\xff");
    assert_silent(&stage.hears(UNNUMBERED, &clients::uefi_http().encode()), Ignored::NothingToBoot);
}

/// An offer never exceeds what the client takes, and two messages are never enough for who gets no address.
#[test]
fn net_07_rapid_commit_is_no_address_and_a_small_client_is_spared() {
    let mut stage = Stage::new(POLICY);
    let mut discover = clients::uefi();
    discover.options.insert(OptionCode::RAPID_COMMIT, []);
    discover.options.remove(OptionCode::MAXIMUM_MESSAGE_SIZE);
    let offer = stage.reply(&discover);
    assert_eq!((kind(&offer), option(&offer, 80)), (MessageType::Offer, &[][..]));
    assert!(offer.encode().len() <= 548);
}

/// Behind a relay agent: only of a network that is written down (the owner says where relay agents are).
#[test]
fn net_07_a_relay_agent_is_answered_where_it_is_known() {
    let relay = Ipv4Addr::new(198, 51, 100, 1);
    let mut discover = clients::uefi();
    discover.relay = relay;
    let source = SocketAddrV4::new(relay, 67);
    assert_silent(
        &Stage::new(POLICY).hears(source, &discover.encode()),
        Ignored::OtherNetwork { relay: Some(relay.into()) },
    );
    let known = format!("{POLICY}[[subnet]]\nnetwork = '198.51.100.0/24'\ngive = {{ boot-file = 'there.efi' }}\n");
    let mut stage = Stage::new(&known);
    let (destination, offer) = stage.hears(source, &discover.encode()).reply.unwrap();
    assert_eq!(destination, Destination::Address(source.into()));
    assert_eq!((file(&offer), offer.relay), ("there.efi", relay));
}

/// iPXE asks a proxy whose offer had no file where it found it, at port 67.
#[test]
fn net_07_a_request_that_names_the_proxy_is_answered() {
    let mut stage = Stage::new(POLICY);
    let mut request = chooses(clients::ipxe(), CLIENT, None);
    request.options.put(&ServerIdentifier(OWN));
    let (destination, ack) = stage.hears(SocketAddrV4::new(CLIENT, 68), &request.encode()).reply.unwrap();
    assert_eq!(destination, Destination::Address(SocketAddrV4::new(CLIENT, 68).into()));
    assert_eq!((kind(&ack), file(&ack)), (MessageType::Ack, "http://boot.example.net/script.ipxe"));
    request.flags = Flags::BROADCAST;
    request.options.put(&ServerIdentifier(Ipv4Addr::new(192, 0, 2, 1)));
    assert!(stage.hears(SocketAddrV4::new(CLIENT, 68), &request.encode()).reply.is_none());
}
