//! The boot server at port 4011, and firmware that looks for one by broadcast.

use std::net::{Ipv4Addr, SocketAddrV4};

use dhcp::v4::MessageType;
use netboot::{
    action::Destination,
    note::{Event, Ignored},
};

use crate::{
    clients::{self, UUID, chooses},
    stage::{CLIENT, OWN, Stage, codes, file, kind, option},
};

const POLICY: &str = "mode = 'proxy'\n\
    [give]\nboot-file = 'default.efi'\n\
    [give.pxe]\nprompt = { text = 'F8', seconds = 3 }\n\
    menu = [\n\
        { item = 0, text = 'Disk' },\n\
        { item = 32768, text = 'Install', boot-file = 'install.efi', layer-files = ['second.efi'] },\n\
        { item = 32769, text = 'Rescue', servers = ['192.0.2.7'] },\n\
    ]\n\
    [[class]]\nname = 'ipxe'\nwhen = { user-class = ['iPXE'] }\ngive = { boot-file = 'script.ipxe' }\n";

const NUMBERED: SocketAddrV4 = SocketAddrV4::new(CLIENT, 4011);

/// PXE 2.1 §2.4: the line and the layer that were chosen decide, and come back.
#[test]
fn net_07_port_4011_answers_for_the_line_that_was_chosen() {
    let mut stage = Stage::new(POLICY);
    for (item, layer, boot_file) in [(32_768, 0, "install.efi"), (32_768, 1, "second.efi")] {
        let request = chooses(clients::uefi(), CLIENT, Some((item, layer)));
        let said = stage.is_asked(NUMBERED, &request.encode());
        assert_eq!(said.events, [Event::BootServed(CLIENT.into())]);
        let (destination, ack) = said.reply.unwrap();
        assert_eq!(destination, Destination::Address(NUMBERED.into()), "the port that was asked from");
        assert_eq!((kind(&ack), file(&ack)), (MessageType::Ack, boot_file));
        assert_eq!((ack.client_address, ack.your_address), (CLIENT, Ipv4Addr::UNSPECIFIED));
        assert_eq!(ack.next_server, OWN);
        assert_eq!(option(&ack, 43), [71, 4, 0x80, 0, 0, u8::try_from(layer).unwrap(), 255]);
        assert_eq!((option(&ack, 60), option(&ack, 97)), (&b"PXEClient"[..], &[&[0][..], &UUID].concat()[..]));
        assert_eq!(codes(&ack), [43, 53, 54, 60, 67, 97]);
    }
}

#[test]
fn net_07_lines_of_others_and_layers_that_are_not_there_get_no_answer() {
    let mut stage = Stage::new(POLICY);
    for item in [(32_769, 0), (1, 0), (0, 0), (32_768, 2), (32_768, 0x8000)] {
        let said = stage.is_asked(NUMBERED, &chooses(clients::uefi(), CLIENT, Some(item)).encode());
        assert_eq!(said.events, [Event::Ignored(Ignored::NothingToBoot)], "{item:?}");
        assert!(said.reply.is_none());
    }
    // Without a menu there is one file; some firmware names line 0 all the same.
    let mut plain = Stage::new("mode = 'proxy'\n[give]\nboot-file = 'default.efi'");
    let mut plain = |item| plain.is_asked(NUMBERED, &chooses(clients::bios(), CLIENT, item).encode()).reply;
    assert_eq!(file(&plain(Some((0, 0))).unwrap().1), "default.efi");
    assert_eq!(file(&plain(None).unwrap().1), "default.efi");
    assert!(plain(Some((0, 1))).is_none());
}

/// Firmware that chose nothing gets the general file; who is iPXE gets the script, not the menu again; DHCPINFORM is as good.
#[test]
fn net_07_who_chose_nothing_gets_its_file() {
    let mut stage = Stage::new(POLICY);
    let mut asked = |request: dhcp::v4::Message| stage.is_asked(NUMBERED, &request.encode()).reply.unwrap().1;
    assert_eq!(file(&asked(chooses(clients::uefi(), CLIENT, None))), "default.efi");
    assert_eq!(file(&asked(chooses(clients::ipxe(), CLIENT, None))), "script.ipxe");
    let mut inform = chooses(clients::uefi(), CLIENT, None);
    inform.options.put(&MessageType::Inform);
    assert_eq!(file(&asked(inform)), "default.efi");
    assert_eq!(option(&stage.reply(&clients::ipxe()), 43), [6, 1, 8, 255]);
}

/// PXE 2.1 §2.2: by broadcast it comes to port 67, and goes back to 68; beside a server's renewals it is known by the line that it names.
#[test]
fn net_07_a_broadcast_for_boot_servers_is_answered_in_both_modes() {
    let server = POLICY.replacen(
        "mode = 'proxy'\n",
        "[[subnet]]\nnetwork = '192.0.2.0/24'\npools = [{ first = '192.0.2.70', last = '192.0.2.79' }]\n",
        1,
    );
    for policy in [POLICY, &server] {
        let mut stage = Stage::new(policy);
        let request = chooses(clients::uefi(), CLIENT, Some((32_768, 0)));
        let source = SocketAddrV4::new(CLIENT, 68);
        let (destination, ack) = stage.hears(source, &request.encode()).reply.unwrap();
        assert_eq!((destination, file(&ack)), (Destination::Address(source.into()), "install.efi"));
        assert_eq!(codes(&ack), [43, 53, 54, 60, 67, 97], "nothing is lent");
    }
}

#[test]
fn net_07_port_4011_is_for_firmware_that_has_an_address() {
    let mut stage = Stage::new(POLICY);
    let mut ignored = |source, request: dhcp::v4::Message| {
        let said = stage.is_asked(source, &request.encode());
        assert!(said.reply.is_none());
        match said.events.as_slice() {
            [Event::Ignored(because)] => because.clone(),
            other => panic!("{other:?}"),
        }
    };
    let chosen = || chooses(clients::uefi(), CLIENT, Some((32_768, 0)));
    assert_eq!(ignored(NUMBERED, chooses(clients::system("dhcpcd", &[]), CLIENT, None)), Ignored::NotFirmware);
    assert_eq!(ignored(NUMBERED, clients::uefi()), Ignored::AddressAsked);
    let mut offer = chosen();
    offer.options.put(&MessageType::Offer);
    assert_eq!(ignored(NUMBERED, offer), Ignored::NotFromClient);
    let nowhere = chooses(clients::uefi(), Ipv4Addr::UNSPECIFIED, None);
    let unspecified = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68);
    assert_eq!(ignored(unspecified, nowhere), Ignored::AddressMissing(MessageType::Request));
    // Nobody has an answer sent to somebody else.
    let other = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 78), 4011);
    assert_eq!(ignored(other, chosen()), Ignored::Elsewhere { address: CLIENT.into() });
}

/// Where networks are written down, nobody from elsewhere is answered.
#[test]
fn net_07_port_4011_answers_networks_that_are_served() {
    let mut stage = Stage::new(&format!("{POLICY}[[subnet]]\nnetwork = '198.51.100.0/24'\n"));
    let mut asked = |address: Ipv4Addr| {
        let request = chooses(clients::uefi(), address, Some((32_768, 0)));
        stage.is_asked(SocketAddrV4::new(address, 4011), &request.encode())
    };
    assert!(asked(Ipv4Addr::new(198, 51, 100, 8)).reply.is_some());
    assert_eq!(asked(CLIENT).events, [Event::Ignored(Ignored::Elsewhere { address: CLIENT.into() })]);
}
