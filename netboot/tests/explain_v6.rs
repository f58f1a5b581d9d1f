//! What an explanation says of DHCPv6 is what the server would do, and why.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use dhcp::{
    v4::{Architecture, MacAddress},
    v6::Duid,
};
use netboot::{
    dhcp6,
    explain::{AddressFrom, Explanation, Item, Present, Question},
    lease::{ClientKey, Lease, Standing},
    moment::Moment,
    policy::{Dhcp6Policy, Directory, GivingSettings, Known, ProfileGiving},
};

const POLICY: &str = r#"
[give]
bootstrap-uris = ["https://sztp.example.net:8443"]
boot-file = "https://[2001:db8::1]/generic.efi"
dns = ["2001:db8::53"]

[[class]]
name = "arm"
when = { architecture = [11] }
give = { boot-file = "https://[2001:db8::1]/arm.efi" }

[[subnet]]
network = "2001:db8:1::/64"
pools = [{ first = "2001:db8:1::100", last = "2001:db8:1::1ff" }]
reservations = [{ mac = "02:00:00:00:00:09", address = "2001:db8:1::9" }]
give = { dns = ["2001:db8::54"] }

[[subnet]]
network = "2001:db8:2::/64"
pools = [{ first = "2001:db8:2::10", last = "2001:db8:2::10" }]
"#;

const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);
const NOW: Moment = Moment(1_000_000);

fn directory() -> Directory {
    let mut directory = Directory::default();
    let known = Known::new("acme/SN-1", "SN-1").of_kind(Some(Arc::from("xpu")), None);
    directory.put(known.at(&[MAC], Some([0x11; 16]), None));
    let settings: GivingSettings = toml::from_str("give = { boot-file = 'https://b.example/xpu.efi' }").unwrap();
    let giving = ProfileGiving { v6: settings.check::<Ipv6Addr>().unwrap(), ..ProfileGiving::default() };
    directory.put_profile("xpu", Some(Arc::new(giving)));
    directory
}

fn explain_with(policy: &str, question: &Question, leases: &[Lease]) -> Explanation {
    let policy: Dhcp6Policy = toml::from_str(policy).unwrap();
    dhcp6::explain(&policy, &directory(), question, &Present { now: NOW, leases, addresses: &[] })
}

fn explain(question: &Question) -> Explanation {
    explain_with(POLICY, question, &[])
}

fn on_link(mac: MacAddress) -> Question {
    Question { mac: Some(mac), subnet: Some("2001:db8:1::".parse().unwrap()), ..Question::default() }
}

fn item(items: &[Item], code: u16) -> &Item {
    items.iter().find(|item| item.code == Some(code)).unwrap_or_else(|| panic!("no {code} in {items:?}"))
}

#[test]
fn a_device_is_told_what_its_profile_gives() {
    let said = explain(&on_link(MAC));
    let device = said.device.as_ref().unwrap();
    assert_eq!((device.name.as_str(), device.recognised_by), ("acme/SN-1", "MAC address"));
    assert_eq!(said.subnet.as_ref().unwrap().network, "2001:db8:1::/64");
    assert_eq!(said.address.as_ref().unwrap().from, AddressFrom::Pool);
    let boots = said.boots.as_ref().unwrap();
    assert_eq!((boots.file.as_str(), boots.from.as_str()), ("https://b.example/xpu.efi", "profile xpu"));
    assert_eq!(item(&said.items, 59).from, "profile xpu");
    assert_eq!(item(&said.items, 23).from, "subnet 2001:db8:1::/64");
    let overridden: Vec<_> = said.overridden.iter().map(|it| (it.name.as_str(), it.from.as_str())).collect();
    assert_eq!(overridden.len(), 2, "{overridden:?}");
    let bootstrap = said.bootstrap.as_ref().unwrap();
    assert_eq!(
        (bootstrap.uris.as_slice(), bootstrap.form),
        (&["https://sztp.example.net:8443".to_owned()][..], "rfc8572")
    );
    assert_eq!(said.hindrances, []);
}

/// DHC-08: what is not asked for is not sent, and said to be there.
#[test]
fn dhc_08_what_is_not_asked_for_stands_apart() {
    let said = explain(&Question { asks: vec![23], ..on_link(MAC) });
    assert!(said.bootstrap.is_none() && item(&said.when_asked, 136).value.contains("sztp.example.net"), "{said:?}");
    assert!(item(&said.items, 23).value.contains("2001:db8::54"));
    assert!(said.items.iter().all(|item| item.code != Some(59)));
}

#[test]
fn a_uuid_an_architecture_and_a_relay_agent_count() {
    let by_uuid = Question { mac: None, uuid: Some([0x11; 16]), ..on_link(MAC) };
    assert_eq!(explain(&by_uuid).device.unwrap().recognised_by, "UUID");
    let relayed = Question {
        relay: Some("2001:db8:2::1".parse().unwrap()),
        subnet: None,
        circuit_id: Some(b"port 7".to_vec()),
        architectures: vec![Architecture(11)],
        ..on_link(MacAddress([2, 0, 0, 0, 0, 7]))
    };
    let said = explain(&relayed);
    assert_eq!(said.subnet.unwrap().network, "2001:db8:2::/64");
    assert_eq!(said.boots.unwrap().from, "class arm");
    assert_eq!(said.address.unwrap().address, IpAddr::from("2001:db8:2::10".parse::<Ipv6Addr>().unwrap()));
    let stray = Question { relay: Some("2001:db8:9::1".parse().unwrap()), ..relayed };
    let said = explain(&stray);
    assert!(said.message.is_none() && said.hindrances[0].remedy.contains("[[dhcp6.subnet]]"), "{said:?}");
}

#[test]
fn an_address_is_reserved_or_lent_or_there_is_none() {
    let reserved = explain(&on_link(MacAddress([2, 0, 0, 0, 0, 9]))).address.unwrap();
    assert_eq!((reserved.address.to_string().as_str(), reserved.from), ("2001:db8:1::9", AddressFrom::Reserved));
    let lease = |address: &str, duid: &Duid, mac| Lease {
        address: address.parse().unwrap(),
        client: ClientKey::v6(duid.as_bytes(), 7),
        mac,
        host_name: None,
        standing: Standing::Lent,
        since: Moment(NOW.0 - 10),
        expires: Moment(NOW.0 + 500),
    };
    // It is on record by a DUID that nobody could guess, and found by its hardware address.
    let odd = Duid::new(&[0, 4, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]).unwrap();
    let leases = [lease("2001:db8:1::150", &odd, Some(MAC))];
    let said = explain_with(POLICY, &on_link(MAC), &leases);
    let address = said.address.unwrap();
    assert_eq!((address.address.to_string().as_str(), address.from), ("2001:db8:1::150", AddressFrom::Lease));
    assert_eq!(address.until, Some(Moment(NOW.0 + 500)));
    let leases = [lease("2001:db8:2::10", &odd, None)];
    let full = Question { subnet: Some("2001:db8:2::".parse().unwrap()), ..on_link(MAC) };
    let said = explain_with(POLICY, &full, &leases);
    assert!(said.address.is_none() && !said.hindrances.is_empty(), "{said:?}");
}

#[test]
fn a_stranger_is_told_how_it_would_be_served() {
    let ignoring = format!("strangers = 'ignore'\n{POLICY}");
    let said = explain_with(&ignoring, &on_link(MacAddress([2, 0, 0, 0, 0, 7])), &[]);
    assert!(said.message.is_none() && said.hindrances[0].remedy.contains("[dhcp6]"), "{said:?}");
    assert!(explain_with(&ignoring, &on_link(MAC), &[]).message.is_some());
}

/// NET-09: of IPv6 as of IPv4, by key and by number.
#[test]
fn net_09_what_a_wider_place_gives_is_taken_away_by_a_narrower_one() {
    let class = "[[class]]\nname = 'disk'\nwhen = { mac = ['02:00:00:00:00:77'] }\ngive = { without = ['boot-file', 23, 'bootstrap-uris'] }\n";
    let policy = POLICY.replace("[[class]]", &format!("{class}[[class]]"));
    let asked = Question { asks: vec![23, 59, 136], ..on_link(MacAddress([2, 0, 0, 0, 0, 0x77])) };
    let said = explain_with(&policy, &asked, &[]);
    assert!(said.items.iter().all(|it| !matches!(it.code, Some(23 | 59 | 136))), "{:?}", said.items);
    let taken: Vec<_> = said.taken_away.iter().map(|it| (it.name.as_str(), it.from.as_str())).collect();
    assert_eq!(taken.len(), 3, "{taken:?}");
    assert!(taken.iter().all(|(_, from)| *from == "class disk") && said.boots.is_none() && said.bootstrap.is_none());
    let whole = explain(&asked);
    assert!([23, 59, 136].into_iter().all(|code| whole.items.iter().any(|it| it.code == Some(code))), "{whole:?}");
}
