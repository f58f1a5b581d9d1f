use std::{net::Ipv4Addr, sync::Arc};

use dhcp::v4::{Architecture, MacAddress};
use serde::Deserialize;

use super::*;
use crate::policy::{GivingSettings, Known, Sending};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    subnet: Vec<SubnetSettings<Ipv4Addr>>,
    #[serde(default)]
    class: Vec<ClassSettings>,
    #[serde(default)]
    give: GiveSettings,
}

fn rules(text: &str) -> Result<Rules<Ipv4Addr>, RulesError> {
    let written: Written = toml::from_str(text).unwrap();
    Rules::new(written.subnet, written.class, written.give, Strangers::Serve)
}

const SITE: &str = "[give]\nboot-file = 'general'\nnext-server = '192.0.2.1'\nbootstrap-uris = ['https://a.example']\n\
    options = [{ code = 114, text = 'everybody' }]\n\
    [[class]]\nname = 'uefi'\nwhen = { architecture = [7, 9] }\ngive = { boot-file = 'uefi' }\n\
    [[class]]\nname = 'never'\nwhen = { architecture = [7] }\ngive = { boot-file = 'never', options = [{ code = 114, text = 'never' }] }\n\
    [[class]]\nname = 'bare'\nwhen = { vendor-class = ['bare*'] }\ngive = { bootstrap-form = 'host-port', answer = false }\n\
    [[subnet]]\nnetwork = '192.0.2.0/24'\nreservations = [{ mac = '02:00:00:00:00:01', address = '192.0.2.5', give = { boot-file = 'mine' } }]\n\
    [subnet.give]\nlease-seconds = 7200\nrouters = ['192.0.2.1']\n";

fn client(architectures: &[u16]) -> Client {
    Client { architectures: architectures.iter().copied().map(Architecture).collect(), ..Client::default() }
}

/// NET-07: the boot file by architecture, and what is narrower goes first.
#[test]
fn net_07_the_first_matching_class_counts_and_gaps_are_filled() {
    let rules = rules(SITE).unwrap();
    let directory = Directory::default();
    let boot = |client: &Client| {
        let answer = rules.answer(client, None, &directory);
        let file = answer.boot_file().unwrap();
        (file.value.as_str().to_owned(), file.origin.to_string())
    };
    assert_eq!(boot(&client(&[])), ("general".into(), "everybody".into()));
    assert_eq!(boot(&client(&[7])), ("uefi".into(), "class uefi".into()));
    assert_eq!(boot(&client(&[99, 9])), ("uefi".into(), "class uefi".into()));
    let reserved = Client { mac: Some(MacAddress([2, 0, 0, 0, 0, 1])), ..client(&[7]) };
    let answer = rules.answer(&reserved, rules.subnets().first(), &directory);
    assert_eq!(answer.boot_file().unwrap().origin.to_string(), "reservation");
    assert_eq!(answer.next_server().unwrap().value, Ipv4Addr::new(192, 0, 2, 1));
    assert_eq!(answer.lease_seconds(), 7200);
    let options = answer.options();
    assert_eq!(options[&3].2.to_string(), "subnet 192.0.2.0/24");
    assert_eq!((options[&114].0, options[&114].1), (&b"never"[..], Sending::Always));
}

#[test]
fn a_class_can_be_left_to_others_and_have_its_form() {
    let rules = rules(SITE).unwrap();
    let bare = Client { vendor_classes: vec![b"bare-1".to_vec()], ..Client::default() };
    let directory = Directory::default();
    let answer = rules.answer(&bare, None, &directory);
    assert_eq!(answer.silence().map(ToString::to_string), Some("class bare".into()));
    assert_eq!(answer.form().as_str(), "host-port");
    assert_eq!(rules.answer(&client(&[]), None, &directory).silence(), None);
}

#[test]
fn a_profile_goes_before_classes_and_after_the_reservation() {
    let rules = rules(SITE).unwrap();
    let giving: GivingSettings = toml::from_str(
        "[give]\nboot-file = 'profile'\n[[class]]\nname = 'ipxe'\nwhen = { user-class = ['iPXE'] }\ngive = { boot-file = 'menu' }",
    )
    .unwrap();
    let mut directory = Directory::default();
    let v4 = giving.check::<Ipv4Addr>().unwrap();
    directory.put_profile("xpu", Some(ProfileGiving { v4, v6: Giving::default() }));
    let mac = MacAddress([2, 0, 0, 0, 0, 9]);
    directory.put(Known::new("acme/9", "9").of_kind(Some(Arc::from("xpu")), None).at(&[mac], None, None));
    let firmware = Client { mac: Some(mac), ..client(&[7]) };
    let file = |client: &Client| {
        let answer = rules.answer(client, None, &directory);
        let file = answer.boot_file().unwrap();
        (file.value.as_str().to_owned(), file.origin.to_string())
    };
    assert_eq!(file(&firmware), ("profile".into(), "profile xpu".into()));
    let chained = Client { user_classes: vec![b"iPXE".to_vec()], ..firmware.clone() };
    assert_eq!(file(&chained), ("menu".into(), "class ipxe of profile xpu".into()));
    let answer = rules.answer(&firmware, None, &directory);
    assert_eq!(answer.known().map(|(known, by)| (known.name(), by.as_str())), Some(("acme/9", "MAC address")));
}

#[test]
fn the_subnet_follows_from_relay_selection_or_interface() {
    let rules = rules("[[subnet]]\nnetwork = '192.0.2.0/24'\n[[subnet]]\nnetwork = '198.51.100.0/24'\n").unwrap();
    let arrival = Arrival { interface: "eth1", addresses: &[Ipv4Addr::new(192, 0, 2, 1)] };
    let of = |relay: Option<[u8; 4]>, selected: Option<Ipv4Addr>| {
        let client = Client { relay: relay.map(IpAddr::from), ..Client::default() };
        rules.subnet_of(&client, selected, &arrival).map(|(place, _)| place)
    };
    assert_eq!(of(None, None), Some(0));
    assert_eq!(of(Some([198, 51, 100, 1]), None), Some(1));
    assert_eq!(of(Some([203, 0, 113, 1]), None), None);
    assert_eq!(of(Some([203, 0, 113, 1]), Some(Ipv4Addr::new(198, 51, 100, 0))), Some(1));
    assert!(rules.gives(IpAddr::from([192, 0, 2, 5])) == false);
}

#[test]
fn overlapping_subnets_and_faulty_classes_are_refused_by_name() {
    let overlap = "[[subnet]]\nnetwork = '10.0.0.0/8'\n[[subnet]]\nnetwork = '10.1.0.0/16'\n";
    assert_eq!(rules(overlap).unwrap_err().to_string(), "the subnets 10.0.0.0/8 and 10.1.0.0/16 overlap");
    let class = "[[class]]\nname = 'x'\ngive = { lease-seconds = 1 }";
    assert_eq!(rules(class).unwrap_err().to_string(), "class x: lease-seconds must be at least 10");
}
