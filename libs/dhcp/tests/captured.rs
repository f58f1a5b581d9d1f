//! What other programs sent, octet by octet: `tests/captures` has the commands beside the messages.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{Ipv4Addr, Ipv6Addr};

use dhcp::{
    bootstrap_uri::UriList,
    v4, v6,
    v6::{Datagram, Received},
};

const RELAY_AND_KEA: &str = include_str!("captures/relay_and_kea.txt");
const DNSMASQ: &str = include_str!("captures/dnsmasq.txt");

/// The messages of a file: a name in brackets, then hexadecimal.
fn messages(file: &str) -> Vec<(&str, Vec<u8>)> {
    let mut messages = Vec::new();
    for line in file.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(name) => messages.push((name, Vec::new())),
            None => {
                let (pairs, half) = line.as_bytes().as_chunks::<2>();
                assert!(half.is_empty(), "half an octet in {line}");
                let octets = pairs.iter().map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap());
                messages.last_mut().unwrap().1.extend(octets);
            }
        }
    }
    messages
}

fn named(file: &str, name: &str) -> Vec<u8> {
    messages(file).into_iter().find(|(candidate, _)| *candidate == name).unwrap().1
}

fn v4(file: &str, name: &str) -> v4::Message {
    v4::Message::decode(&named(file, name)).unwrap()
}

/// A server's message, out of the layer of the relay agent if there was one.
fn answer(file: &str, name: &str) -> v6::Message {
    let octets = match Datagram::decode(&named(file, name)).unwrap() {
        Datagram::Message(message) => return message,
        Datagram::Relay(relay) => relay.carried().unwrap().encode(),
    };
    v6::Message::decode(&octets).unwrap()
}

fn single<T: v6::OptionValue>(message: &v6::Message) -> T {
    message.options.value().unwrap().unwrap()
}

fn the_list() -> UriList {
    UriList::from("https://sztp1.example.net:8443".parse::<dhcp::bootstrap_uri::BootstrapServerUri>().unwrap())
}

/// What we read, we write: in DHCPv6 octet by octet, in DHCPv4 to a message that says the same.
#[test]
fn every_message_is_read_written_and_described() {
    let mut seen = 0;
    for (name, octets) in [messages(RELAY_AND_KEA), messages(DNSMASQ)].concat() {
        seen += 1;
        if let Ok(message) = v4::Message::decode(&octets) {
            assert_eq!(v4::Message::decode(&message.encode()), Ok(message.clone()), "{name}");
            for (code, value) in message.options.iter() {
                let known = v4::known::of(code).unwrap_or_else(|| panic!("{name}: option {code} has no name"));
                assert!(!v4::known::describe(code, value).is_empty(), "{name}: {}", known.name);
            }
        } else {
            let datagram = Datagram::decode(&octets).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(datagram.encode(), octets, "{name}");
            let (Datagram::Message(v6::Message { options, .. }) | Datagram::Relay(v6::RelayMessage { options, .. })) =
                &datagram;
            for (code, value) in options.iter() {
                assert!(v6::known::of(code).is_some(), "{name}: option {code} has no name");
                assert!(!v6::known::describe(code, value).is_empty(), "{name}: option {code}");
            }
        }
    }
    assert_eq!(seen, 30);
}

/// Relay agent information comes back as the relay agent wrote it, and last (RFC 3046 §2.2).
#[test]
fn dhcrelay_adds_option_82_and_kea_returns_it() {
    for (asked, answered) in [("udhcpc discover, relayed", "kea offer"), ("udhcpc request, relayed", "kea ack")] {
        let (asked, answered) = (v4(RELAY_AND_KEA, asked), v4(RELAY_AND_KEA, answered));
        let information: v4::RelayAgentInformation = asked.options.value().unwrap().unwrap();
        assert_eq!(information.circuit_id(), Some(&b"r0"[..]));
        assert_eq!((information.remote_id(), information.link_selection()), (None, None));
        assert_eq!(asked.relay, Ipv4Addr::new(192, 0, 2, 1));
        assert_eq!(answered.options.value(), Ok(Some(information)));
        assert_eq!(answered.options.iter().last().map(|(code, _)| code.number()), Some(82));
    }
}

/// NET-07: busybox sends what a firmware does; the list of architectures is kept whole.
#[test]
fn net_07_udhcpc_says_what_firmware_says() {
    let discover = v4(RELAY_AND_KEA, "udhcpc discover, relayed");
    let architectures: v4::ClientArchitectures = discover.options.value().unwrap().unwrap();
    assert_eq!(architectures.0, [v4::Architecture(7), v4::Architecture(16)]);
    let class: v4::UserClass = discover.options.value().unwrap().unwrap();
    assert_eq!((class.classes, class.framing), (vec![b"iPXE".to_vec()], v4::UserClassFraming::Unframed));
    assert!(discover.options.value::<v4::MachineIdentifier>().is_err(), "ten bytes where there must be 16");
}

/// The typed options of an answer, against what Kea was configured with.
#[test]
fn kea_answers_with_the_options_it_was_given() {
    let ack = v4(RELAY_AND_KEA, "kea ack");
    let options = &ack.options;
    assert_eq!(ack.next_server, Ipv4Addr::new(198, 51, 100, 9));
    assert_eq!((ack.server_name.as_bytes(), ack.boot_file.as_bytes()), (&b"boot.example.net"[..], &b"boot.itb"[..]));
    let root: v4::RootPath = options.value().unwrap().unwrap();
    assert_eq!(root.text(), Some("iscsi:198.51.100.9::::iqn.2026-01.net.example:disk"));
    assert_eq!(options.value(), Ok(Some(v4::NtpServers(vec![Ipv4Addr::new(192, 0, 2, 123)]))));
    assert_eq!(options.value(), Ok(Some(v4::TftpServerAddresses(vec![ack.next_server]))));
    let portal: v4::CaptivePortal = options.value().unwrap().unwrap();
    assert_eq!(portal.text(), Some("https://portal.example.net/api"));
    let routes: v4::ClasslessRoutes = options.value().unwrap().unwrap();
    let texts: Vec<_> = routes.0.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["0.0.0.0/0 192.0.2.1", "10.0.0.0/8 192.0.2.2"]);
    let domains: v4::DomainSearch = options.value().unwrap().unwrap();
    assert_eq!(domains.0.iter().map(ToString::to_string).collect::<Vec<_>>(), ["example.net", "lab.example.net"]);
    assert_eq!(UriList::decode(options.bytes(v4::OptionCode::SZTP_REDIRECT).unwrap()).unwrap().uris, the_list());
}

/// NET-07: the menu that dnsmasq offers a BIOS is the one that we would write, octet by octet.
#[test]
fn net_07_dnsmasq_shows_a_boot_menu_in_option_43() {
    use v4::{PxeBootServers, PxeDiscovery, PxeMenuEntry, PxeOptions, PxePrompt, PxeServerKind};

    let ack = v4(DNSMASQ, "dnsmasq ack to BIOS");
    let value: v4::VendorSpecific = ack.options.value().unwrap().unwrap();
    let (install, local) = (PxeServerKind(0x8001), PxeServerKind(0));
    let expected = PxeOptions {
        discovery: Some(PxeDiscovery::NO_BROADCAST.and(PxeDiscovery::NO_MULTICAST)),
        boot_servers: vec![PxeBootServers { kind: install, addresses: vec![Ipv4Addr::new(192, 0, 2, 1)] }],
        menu: vec![
            PxeMenuEntry { kind: install, text: "Install".into() },
            PxeMenuEntry { kind: local, text: "Local boot".into() },
        ],
        prompt: Some(PxePrompt { timeout: 5, text: "Press F8".into() }),
        ..PxeOptions::default()
    };
    assert_eq!(PxeOptions::decode(&value.0), Ok(expected.clone()));
    assert_eq!(expected.encode(), Ok(value));

    let offer = v4(DNSMASQ, "dnsmasq offer to UEFI");
    let value: v4::VendorSpecific = offer.options.value().unwrap().unwrap();
    assert_eq!(PxeOptions::decode(&value.0).unwrap().discovery, Some(PxeDiscovery::BOOT_FILE_AT_ONCE));
    // NET-07: the identifier comes back as it was sent.
    let sent = v4(DNSMASQ, "udhcpc discover from UEFI").options.value::<v4::MachineIdentifier>().unwrap();
    assert_eq!((offer.options.value(), sent.is_some()), (Ok(sent), true));
    // RFC 3397 §2: dnsmasq compresses the list of domains, and we follow.
    let domains: v4::DomainSearch = offer.options.value().unwrap().unwrap();
    assert_eq!(domains.0.iter().map(ToString::to_string).collect::<Vec<_>>(), ["example.net", "lab.example.net"]);
}

#[test]
fn dnsmasq_gives_onie_its_installer_in_option_125() {
    let ack = v4(DNSMASQ, "dnsmasq ack to ONIE");
    let value: v4::VendorIdentifyingOptions = ack.options.value().unwrap().unwrap();
    let url = &b"http://192.0.2.1/installer.bin"[..];
    let ours = v4::VendorData::with(v4::onie::ENTERPRISE, &[(v4::onie::INSTALLER_URL, url)]).unwrap();
    assert_eq!(value, v4::VendorIdentifyingOptions(vec![ours]));
    let discover = v4(DNSMASQ, "udhcpc discover as ONIE");
    assert!(discover.options.value::<v4::VendorIdentifyingOptions>().is_err(), "its length was made wrong");
    let class: v4::UserClass = discover.options.value().unwrap().unwrap();
    assert_eq!(class.classes, [v4::onie::USER_CLASS.as_bytes()]);
}

/// Our way back through the relay agent gives the very octets of Kea's Relay-reply (RFC 8415 §19.3).
#[test]
fn a_relayed_answer_is_wrapped_as_kea_wraps_it() {
    for (asked, answered) in [
        ("dhclient solicit, relayed", "kea advertise"),
        ("dhclient request, relayed", "kea reply"),
        ("dhclient release, relayed", "kea reply to the release"),
        ("dhclient solicit for a prefix, relayed", "kea advertise without a prefix"),
        ("dhcpcd solicit, relayed", "kea advertise to dhcpcd"),
        ("dhcpcd request, relayed", "kea reply to dhcpcd"),
    ] {
        let received = Received::decode(&named(RELAY_AND_KEA, asked)).unwrap();
        assert!(received.message.kind.is_from_client(), "{asked}");
        assert_eq!(received.link(), Some("2001:db8:1::1".parse().unwrap()));
        let nearest = received.nearest().unwrap();
        assert_eq!(nearest.peer, "fe80::ff:fe00:7".parse::<Ipv6Addr>().unwrap());
        assert_eq!(nearest.interface_id().map(<[u8]>::len), Some(4));
        let expected = named(RELAY_AND_KEA, answered);
        assert_eq!(received.answer(answer(RELAY_AND_KEA, answered)).unwrap().encode(), expected, "{answered}");
    }
}

/// NET-09: options 59 and 60 of Kea and dnsmasq are the octets that we write for the same settings.
#[test]
fn net_09_boot_options_are_written_as_kea_and_dnsmasq_write_them() {
    let reply = answer(RELAY_AND_KEA, "kea reply");
    let url: v6::BootFileUrl = "http://[2001:db8:2::2]/ipxe.efi".parse().unwrap();
    let parameters = v6::BootFileParameters(vec!["ro".into(), "console=ttyS0".into()]);
    let domains = v6::DomainList(["example.net", "lab.example.net"].map(|name| name.parse().unwrap()).to_vec());
    let mut ours = v6::Options::new();
    ours.put(&v6::DnsServers(vec!["2001:db8::53".parse().unwrap()])).unwrap();
    ours.put(&domains).unwrap();
    ours.put(&url).unwrap();
    ours.put(&parameters).unwrap();
    ours.put(&v6::SolMaxRt(3600)).unwrap();
    ours.insert(v6::OptionCode::SZTP_REDIRECT, the_list().encode()).unwrap();
    assert!(reply.encode().ends_with(&ours.encode()), "all of Kea's options behind the lease");

    let reply = answer(DNSMASQ, "dnsmasq reply with information");
    assert_eq!(single::<v6::BootFileUrl>(&reply).as_str(), "http://[2001:db8:1::1]/ipxe.efi");
    assert_eq!(single::<v6::InformationRefreshTime>(&reply).0, 3600);
    let list = reply.options.single(v6::OptionCode::SZTP_REDIRECT).unwrap().unwrap();
    assert_eq!(UriList::decode(list).unwrap().uris, the_list());
}

#[test]
fn dhcpcd_says_its_classes_and_wants_a_prefix_in_two_messages() {
    let solicit = Received::decode(&named(RELAY_AND_KEA, "dhcpcd solicit, relayed")).unwrap().message;
    let user: v6::UserClass = single(&solicit);
    assert_eq!((user.classes, user.framing), (vec![b"iPXE".to_vec()], v6::ClassFraming::Rfc8415));
    let vendor: v6::VendorClass = single(&solicit);
    assert_eq!((vendor.enterprise, vendor.framing), (343, v6::ClassFraming::Rfc8415));
    assert_eq!(vendor.classes, [b"PXEClient:Arch:00007:UNDI:003010".to_vec()]);
    let v6::ClientIdentifier(duid) = single(&solicit);
    assert_eq!(duid, v6::Duid::link_layer(v4::MacAddress([2, 0, 0, 0, 0, 7])));
    let prefix = solicit.options.single(v6::OptionCode::IA_PD).unwrap().unwrap();
    assert_eq!(v6::IdentityAssociation::decode(prefix).unwrap(), v6::IdentityAssociation::new(2));
}

#[test]
fn leases_and_refusals_of_kea_and_dnsmasq_are_read() {
    for (file, name, t1, t2) in [(RELAY_AND_KEA, "kea reply", 1800, 2880), (DNSMASQ, "dnsmasq reply", 1800, 3150)] {
        let reply = answer(file, name);
        let value = reply.options.single(v6::OptionCode::IA_NA).unwrap().unwrap();
        let association = v6::IdentityAssociation::decode(value).unwrap();
        assert_eq!((association.renewal, association.rebinding), (t1, t2));
        let leased: Vec<_> = association.addresses().collect();
        assert_eq!((leased.len(), leased[0].preferred), (1, 3600));
        assert_eq!(association.encode(), value);
    }
    let refused = answer(RELAY_AND_KEA, "kea advertise without a prefix");
    let value = refused.options.single(v6::OptionCode::IA_PD).unwrap().unwrap();
    let association = v6::IdentityAssociation::decode(value).unwrap();
    assert_eq!(v6::StatusCode::of(&association.options), Ok(v6::StatusCode::NO_PREFIX_AVAIL));
    assert_eq!(single::<v6::Status>(&answer(DNSMASQ, "dnsmasq reply")).text, "success");
    let released = answer(RELAY_AND_KEA, "kea reply to the release");
    assert_eq!(v6::StatusCode::of(&released.options), Ok(v6::StatusCode::SUCCESS));
}
