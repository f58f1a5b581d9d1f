//! What an explanation says is what the server would do, and why.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use dhcp::v4::{Architecture, HardwareAddress, MacAddress};
use netboot::{
    dhcp4,
    explain::{AddressFrom, Explanation, Item, Present, Question},
    lease::{ClientKey, Lease, Standing},
    moment::Moment,
    policy::{Dhcp4Policy, Directory, GivingSettings, Known, ProfileGiving},
};

const POLICY: &str = r#"
server-identifier = "192.0.2.1"

[give]
bootstrap-uris = ["https://sztp.example.net:8443", "https://[2001:db8::1]"]
next-server = "192.0.2.2"
boot-file = "generic.efi"
dns = ["192.0.2.53"]
options = [{ code = 42, addresses = ["192.0.2.42"], send = "when-asked" }]

[[class]]
name = "arm"
when = { architecture = [11] }
give = { boot-file = "arm.efi" }

[[class]]
name = "iscsi"
when = { mac = ["02:00:5e:00:07:*"] }
give = { root-path = "iscsi:192.0.2.2::::iqn", without = ["boot-file", "next-server", "dns", 42, "lease-seconds"] }

[[class]]
name = "silent"
when = { vendor-class = ["printer*"] }
give = { answer = false }

[[subnet]]
network = "192.0.2.0/24"
pools = [{ first = "192.0.2.100", last = "192.0.2.199" }]
reservations = [{ mac = "02:00:00:00:00:09", address = "192.0.2.9", give = { lease-seconds = 60 } }]
give = { dns = ["192.0.2.54"] }

[[subnet]]
network = "198.51.100.0/24"
pools = [{ first = "198.51.100.10", last = "198.51.100.10" }]
relays = ["203.0.113.1"]
"#;

const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
const NOW: Moment = Moment(1_000_000);

fn policy(text: &str) -> Dhcp4Policy {
    toml::from_str(text).unwrap()
}

fn directory() -> Directory {
    let mut directory = Directory::default();
    let known = Known::new("acme/SN-1", "SN-1").of_kind(Some(Arc::from("xpu")), Some(Arc::from("M-1")));
    directory.put(known.at(&[MAC], Some([0x11; 16]), Some("leaf-1")));
    let text = "give = { boot-file = 'xpu.efi' }\nclass = [{ name = 'uefi-http', when = { vendor-class = ['HTTPClient*'] }, give = { boot-file = 'https://b.example/x.efi' } }]";
    let settings: GivingSettings = toml::from_str(text).unwrap();
    let giving = ProfileGiving { v4: settings.check::<Ipv4Addr>().unwrap(), ..ProfileGiving::default() };
    directory.put_profile("xpu", Some(Arc::new(giving)));
    directory
}

fn present<'a>(leases: &'a [Lease]) -> Present<'a> {
    Present { now: NOW, leases, addresses: &[] }
}

fn of_subnet(mac: MacAddress) -> Question {
    Question { mac: Some(mac), subnet: Some(IpAddr::from([192, 0, 2, 0])), ..Question::default() }
}

fn explain(question: &Question) -> Explanation {
    dhcp4::explain(&policy(POLICY), &directory(), question, &present(&[]))
}

fn item<'e>(items: &'e [Item], name: &str) -> &'e Item {
    items.iter().find(|item| item.name == name).unwrap_or_else(|| panic!("no {name} in {items:?}"))
}

fn text<'e>(items: &'e [Item], name: &str) -> (&'e str, &'e str) {
    let item = item(items, name);
    (&item.value, &item.from)
}

#[test]
fn every_thing_has_its_value_and_its_origin() {
    let said = explain(&of_subnet(MAC));
    let device = said.device.as_ref().unwrap();
    assert_eq!((device.name.as_str(), device.recognised_by), ("acme/SN-1", "MAC address"));
    assert_eq!((device.profile.as_deref(), device.model.as_deref()), (Some("xpu"), Some("M-1")));
    let subnet = said.subnet.as_ref().unwrap();
    assert_eq!((subnet.network.as_str(), subnet.because.as_str()), ("192.0.2.0/24", "the question says so"));
    assert_eq!(said.applies, ["profile xpu", "subnet 192.0.2.0/24", "everybody"]);
    assert_eq!(said.message.as_deref(), Some("DHCPOFFER"));
    assert_eq!(text(&said.items, "siaddr"), ("192.0.2.2", "everybody"));
    assert_eq!(text(&said.items, "file"), ("xpu.efi", "profile xpu"));
    assert_eq!(text(&said.items, "domain-name-servers").1, "subnet 192.0.2.0/24");
    assert_eq!(item(&said.items, "dhcp-server-identifier").value, "192.0.2.1");
    assert_eq!(item(&said.items, "subnet-mask").value, "255.255.255.0");
    let address = said.address.unwrap();
    assert_eq!((address.from, address.until), (AddressFrom::Pool, None));
    let boots = said.boots.as_ref().unwrap();
    assert_eq!((boots.file.as_str(), boots.server.as_deref()), ("xpu.efi", Some("192.0.2.2")));
    // What a wider place says is not hidden.
    let overridden: Vec<_> = said.overridden.iter().map(|it| (it.name.as_str(), it.from.as_str())).collect();
    assert_eq!(overridden, [("boot-file", "everybody"), ("domain-name-servers", "everybody")]);
    assert_eq!(text(&said.when_asked, "ntp-servers"), ("192.0.2.42", "everybody"));
    assert_eq!(said.hindrances, []);
}

/// DHC-14: what is explained, as what is sent, is places to ask; no trust anchor among them.
#[test]
fn dhc_05_dhc_14_the_bootstrap_servers_are_shown_as_they_are_sent() {
    let bootstrap = explain(&of_subnet(MAC)).bootstrap.unwrap();
    assert_eq!(bootstrap.uris, ["https://sztp.example.net:8443", "https://[2001:db8::1]"]);
    assert_eq!((bootstrap.form, bootstrap.from.as_str()), ("rfc8572", "everybody"));
    let without = POLICY.replace("bootstrap-uris", "#");
    let said = dhcp4::explain(&policy(&without), &directory(), &of_subnet(MAC), &present(&[]));
    assert_eq!(said.bootstrap, None);
    assert!(said.hindrances[0].what.contains("no bootstrap server"), "{:?}", said.hindrances);
    // Only when asked: then it stands there, and when it is asked for it comes.
    let asked = POLICY.replace("[give]", "[give]\nbootstrap-send = 'when-asked'");
    let said = dhcp4::explain(&policy(&asked), &directory(), &of_subnet(MAC), &present(&[]));
    assert!(said.bootstrap.is_none() && item(&said.when_asked, "v4-sztp-redirect").value.contains("sztp.example.net"));
    let question = Question { asks: vec![143], ..of_subnet(MAC) };
    let said = dhcp4::explain(&policy(&asked), &directory(), &question, &present(&[]));
    assert!(said.bootstrap.is_some(), "{said:?}");
}

/// NET-07, NET-08: firmware of another architecture boots something else.
#[test]
fn net_07_net_08_what_is_booted_follows_from_the_architecture() {
    let stranger = MacAddress([2, 0, 0, 0, 0, 7]);
    let pxe = Question {
        vendor_class: Some(b"PXEClient:Arch:00011:UNDI:003000".to_vec()),
        architectures: vec![Architecture(11)],
        ..of_subnet(stranger)
    };
    let boots = explain(&pxe).boots.unwrap();
    assert_eq!((boots.client, boots.file.as_str(), boots.from.as_str()), ("PXE firmware", "arm.efi", "class arm"));
    let other = Question { architectures: vec![Architecture(7)], ..pxe };
    assert_eq!(explain(&other).boots.unwrap().file, "generic.efi");
    let http = Question { vendor_class: Some(b"HTTPClient:Arch:00016".to_vec()), ..of_subnet(MAC) };
    let said = explain(&http);
    let boots = said.boots.as_ref().unwrap();
    assert_eq!((boots.file.as_str(), boots.server.as_deref()), ("https://b.example/x.efi", None));
    assert_eq!(boots.from, "class uefi-http of profile xpu");
    assert!(item(&said.items, "vendor-class-identifier").value.contains("HTTPClient"));
}

#[test]
fn a_device_is_recognised_by_its_uuid_in_either_byte_order() {
    let mut directory = directory();
    let written = *b"\x12\x3e\x45\x67\xe8\x9b\x12\xd3\xa4\x56\x42\x66\x14\x17\x40\x00";
    directory.put(Known::new("acme/SN-2", "SN-2").at(&[], Some(written), None));
    let swapped = *b"\x67\x45\x3e\x12\x9b\xe8\xd3\x12\xa4\x56\x42\x66\x14\x17\x40\x00";
    for uuid in [written, swapped] {
        let question = Question { uuid: Some(uuid), ..of_subnet(MacAddress([2, 0, 0, 0, 0, 8])) };
        let said = dhcp4::explain(&policy(POLICY), &directory, &question, &present(&[]));
        let device = said.device.unwrap();
        assert_eq!((device.name.as_str(), device.recognised_by), ("acme/SN-2", "UUID"));
    }
}

#[test]
fn an_address_is_reserved_or_lent_or_from_a_pool() {
    let reserved = explain(&of_subnet(MacAddress([2, 0, 0, 0, 0, 9])));
    assert_eq!(reserved.address.as_ref().unwrap().from, AddressFrom::Reserved);
    assert_eq!(text(&reserved.items, "dhcp-lease-time").1, "reservation");
    let key = ClientKey::v4(None, &HardwareAddress::ethernet(MAC));
    let lease = |address: [u8; 4], client: &ClientKey| Lease {
        address: IpAddr::from(address),
        client: client.clone(),
        mac: None,
        host_name: None,
        standing: Standing::Lent,
        since: Moment(NOW.0 - 10),
        expires: Moment(NOW.0 + 500),
    };
    let leases = [lease([192, 0, 2, 150], &key)];
    let said = dhcp4::explain(&policy(POLICY), &directory(), &of_subnet(MAC), &present(&leases));
    let address = said.address.unwrap();
    assert_eq!((address.address, address.from), (IpAddr::from([192, 0, 2, 150]), AddressFrom::Lease));
    assert_eq!(address.until, Some(Moment(NOW.0 + 500)));

    // Somebody else has what is reserved, and the only address of the other network.
    let other = ClientKey::v4(None, &HardwareAddress::ethernet(MacAddress([2, 9, 9, 9, 9, 9])));
    let third = ClientKey::v4(None, &HardwareAddress::ethernet(MacAddress([2, 9, 9, 9, 9, 8])));
    let leases = [lease([192, 0, 2, 9], &other), lease([198, 51, 100, 10], &third)];
    let taken = of_subnet(MacAddress([2, 0, 0, 0, 0, 9]));
    let said = dhcp4::explain(&policy(POLICY), &directory(), &taken, &present(&leases));
    assert!(
        said.hindrances.iter().any(|it| it.what.contains("192.0.2.9") && it.remedy.contains("release")),
        "{said:?}"
    );
    let full = Question { subnet: Some(IpAddr::from([198, 51, 100, 1])), ..of_subnet(MAC) };
    let said = dhcp4::explain(&policy(POLICY), &directory(), &full, &present(&leases));
    assert_eq!(said.message, None);
    assert_eq!(said.hindrances[0].what, "no answer: no address is free");
    assert!(said.hindrances[0].reason.is_some());
}

/// RFC 2131 §4.2: whoever calls itself something is known by that, and an operator who knows the hardware address alone is told the same.
#[test]
fn a_client_that_calls_itself_something_is_found_by_its_hardware_address() {
    let lease = |last: u8, client: ClientKey, mac, expires| Lease {
        address: IpAddr::from([192, 0, 2, last]),
        client,
        mac,
        host_name: None,
        standing: Standing::Lent,
        since: Moment(NOW.0 - 10),
        expires: Moment(expires),
    };
    let called = |name: &[u8]| ClientKey::of_identifier(name);
    let leases = [
        lease(150, called(b"\0firmware"), Some(MAC), NOW.0 + 60),
        lease(151, called(b"\0system"), Some(MAC), NOW.0 + 500),
        lease(152, called(b"\0other"), None, NOW.0 + 900),
    ];
    let found = |question: &Question, leases: &[Lease]| {
        let said = dhcp4::explain(&policy(POLICY), &directory(), question, &present(leases));
        let given = said.address.unwrap();
        (given.address, given.from)
    };
    let at = |last| (IpAddr::from([192, 0, 2, last]), AddressFrom::Lease);
    assert_eq!(found(&of_subnet(MAC), &leases), at(151));
    let named = Question { identifier: Some(b"\0firmware".to_vec()), ..of_subnet(MAC) };
    assert_eq!(found(&named, &leases), at(150));
    // It was here without a name as well, and that later.
    let bare = lease(153, ClientKey::v4(None, &HardwareAddress::ethernet(MAC)), Some(MAC), NOW.0 + 600);
    let leases = [&leases[..], &[bare]].concat();
    assert_eq!(found(&of_subnet(MAC), &leases), at(153));
    assert_eq!(found(&of_subnet(MacAddress([2, 9, 9, 9, 9, 9])), &leases).1, AddressFrom::Pool);
}

#[test]
fn behind_a_relay_agent_the_server_is_no_loopback() {
    let addresses = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([192, 0, 2, 7])];
    let policy = policy(&POLICY.replace("server-identifier = \"192.0.2.1\"", ""));
    let present = Present { addresses: &addresses, ..present(&[]) };
    let relayed = Question { relay: Some(IpAddr::from([203, 0, 113, 1])), mac: Some(MAC), ..Question::default() };
    let said = dhcp4::explain(&policy, &directory(), &relayed, &present);
    assert_eq!(item(&said.items, "dhcp-server-identifier").value, "192.0.2.7");
}

#[test]
fn a_relay_agent_says_which_network_it_is() {
    let relayed =
        Question { relay: Some(IpAddr::from([203, 0, 113, 1])), ..Question { subnet: None, ..of_subnet(MAC) } };
    let said = explain(&relayed);
    assert_eq!(said.subnet.as_ref().unwrap().network, "198.51.100.0/24");
    assert!(said.subnet.unwrap().because.contains("203.0.113.1"));
    assert_eq!(said.address.unwrap().address, IpAddr::from([198, 51, 100, 10]));
    let stray = Question { relay: Some(IpAddr::from([203, 0, 113, 77])), ..relayed };
    let said = explain(&stray);
    assert!(said.message.is_none() && said.hindrances[0].remedy.contains("relays"), "{said:?}");
}

#[test]
fn what_keeps_a_client_from_an_answer_is_named_with_its_remedy() {
    let ignoring = POLICY.replace("[give]", "strangers = 'ignore'\n[give]");
    let ignoring = policy(&ignoring);
    let stranger = of_subnet(MacAddress([2, 0, 0, 0, 0, 7]));
    let said = dhcp4::explain(&ignoring, &directory(), &stranger, &present(&[]));
    assert!(said.message.is_none() && said.device.is_none());
    assert!(said.hindrances[0].remedy.contains("sztp device add … --mac 02:00:00:00:00:07"), "{said:?}");
    assert!(dhcp4::explain(&ignoring, &directory(), &of_subnet(MAC), &present(&[])).message.is_some());

    let printer = Question { vendor_class: Some(b"printer 9".to_vec()), ..stranger.clone() };
    let said = explain(&printer);
    assert_eq!(said.hindrances[0].what, "no answer: not answered, as class silent says");
    assert!(said.hindrances[0].remedy.contains("class silent"));

    let nowhere = Question { subnet: None, ..stranger.clone() };
    let said = explain(&nowhere);
    assert!(said.hindrances[0].remedy.contains("--subnet"), "{said:?}");
    let none = dhcp4::explain(&policy("server-identifier = '192.0.2.1'"), &directory(), &nowhere, &present(&[]));
    assert!(none.hindrances[0].remedy.contains("dhcp4.subnet"), "{none:?}");
}

/// Beside a server that gives the addresses, boot firmware is told what to boot, and nobody else anything.
#[test]
fn net_07_what_a_proxy_says_is_explained_too() {
    let text = "mode = 'proxy'\nserver-identifier = '192.0.2.1'\n\
                [give]\nboot-file = 'ipxe.efi'\nnext-server = '192.0.2.2'\nbootstrap-uris = ['https://a.example']\n\
                [[subnet]]\nnetwork = '192.0.2.0/24'\n";
    let pxe = Question {
        vendor_class: Some(b"PXEClient:Arch:00007:UNDI:003000".to_vec()),
        architectures: vec![Architecture(7)],
        uuid: Some([0x22; 16]),
        ..of_subnet(MAC)
    };
    let said = dhcp4::explain(&policy(text), &Directory::default(), &pxe, &present(&[]));
    assert_eq!((said.message.as_deref(), &said.address), (Some("DHCPOFFER"), &None), "{said:?}");
    assert_eq!(said.boots.as_ref().unwrap().file, "ipxe.efi");
    assert!(item(&said.items, "vendor-class-identifier").value.contains("PXEClient"), "{said:?}");
    let other = dhcp4::explain(&policy(text), &Directory::default(), &of_subnet(MAC), &present(&[]));
    assert!(other.message.is_none() && other.hindrances[0].remedy.contains("PXEClient"), "{other:?}");
}

#[test]
fn a_server_with_one_network_needs_no_more_to_be_said() {
    let only = "[[subnet]]\nnetwork = '192.0.2.0/24'\npools = [{ first = '192.0.2.100', last = '192.0.2.199' }]";
    let question = Question { mac: Some(MAC), ..Question::default() };
    let said = dhcp4::explain(&policy(only), &Directory::default(), &question, &present(&[]));
    assert_eq!(said.subnet.unwrap().because, "there is no other");
    // Where its own address is not known none is made up.
    assert_eq!(item(&said.items, "dhcp-server-identifier").value, "its address on the interface");
    let addresses = [IpAddr::from([192, 0, 2, 3])];
    let present = Present { addresses: &addresses, ..present(&[]) };
    let said = dhcp4::explain(&policy(only), &Directory::default(), &question, &present);
    assert_eq!(item(&said.items, "dhcp-server-identifier").value, "192.0.2.3");
}

/// A disk by iSCSI: iPXE boots from it only where it is told of no boot file, whoever else is.
#[test]
fn net_08_what_a_wider_place_gives_is_taken_away_by_a_narrower_one() {
    let disk = Question { asks: vec![6, 17, 42, 67], ..of_subnet(MacAddress([2, 0, 0x5e, 0, 7, 1])) };
    let said = explain(&disk);
    assert_eq!((&said.boots, item(&said.items, "root-path").from.as_str()), (&None, "class iscsi"));
    assert_eq!(item(&said.items, "root-path").value, "\"iscsi:192.0.2.2::::iqn\"");
    for gone in ["siaddr", "file", "domain-name-servers", "ntp-servers"] {
        assert!(said.items.iter().chain(&said.when_asked).all(|it| it.name != gone), "{gone}: {:?}", said.items);
    }
    let taken: Vec<_> = said.taken_away.iter().map(|it| (it.name.as_str(), it.from.as_str())).collect();
    // Not what nobody gives: a lease time. What a still wider place says of the same is otherwise said, as ever.
    let by = "class iscsi";
    assert_eq!(taken, [("domain-name-servers", by), ("next-server", by), ("boot-file", by), ("ntp-servers", by)]);
    assert_eq!(said.overridden.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["domain-name-servers"]);

    // A narrower place still gives its own: the profile of a device, with its reservation or without.
    let mut directory = directory();
    let known = Known::new("acme/SN-2", "SN-2").of_kind(Some(Arc::from("xpu")), None);
    directory.put(known.at(&[MacAddress([2, 0, 0x5e, 0, 7, 1])], None, None));
    let said = dhcp4::explain(&policy(POLICY), &directory, &disk, &present(&[]));
    assert_eq!(said.boots.map(|boots| boots.from), Some("profile xpu".to_owned()));
}

/// A profile takes away what the site gives, and a menu goes by its key.
#[test]
fn net_08_a_profile_takes_away_a_menu_and_the_bootstrap_servers() {
    let menu = POLICY.replace("boot-file = \"generic.efi\"", "pxe = {}");
    let mut directory = directory();
    let text = "give = { without = ['pxe', 'bootstrap-uris'] }";
    let settings: GivingSettings = toml::from_str(text).unwrap();
    let giving = ProfileGiving { v4: settings.check::<Ipv4Addr>().unwrap(), ..ProfileGiving::default() };
    directory.put_profile("xpu", Some(Arc::new(giving)));
    let firmware =
        |mac| Question { vendor_class: Some(b"PXEClient:Arch:00007:UNDI:003000".to_vec()), ..of_subnet(mac) };
    let other = dhcp4::explain(&policy(&menu), &directory, &firmware(MacAddress([2, 0, 0, 0, 0, 77])), &present(&[]));
    assert!(other.items.iter().any(|it| it.code == Some(43)), "{:?}", other.items);
    let said = dhcp4::explain(&policy(&menu), &directory, &firmware(MAC), &present(&[]));
    assert!(
        said.items.iter().all(|it| !matches!(it.code, Some(43 | 143))) && said.bootstrap.is_none(),
        "{:?}",
        said.items
    );
    let taken: Vec<_> = said.taken_away.iter().map(|it| (it.name.as_str(), it.from.as_str())).collect();
    assert_eq!(taken, [("pxe", "profile xpu"), ("bootstrap-uris", "profile xpu")]);
    let remedies: Vec<_> = said.hindrances.iter().map(|it| it.remedy.as_str()).collect();
    assert_eq!(remedies, ["if it is to learn of any, remove `bootstrap-uris` from `without` in: profile xpu"]);
}
