//! Leases of DHCP: what came from dnsmasq goes back to it as it was.

use serde_json::{Value, json};

use crate::site::Site;

const FILE: &str = "4000000000 02:00:5e:10:00:01 192.0.2.9 bmc-1 01:02:00:5e:10:00:01\n\
    0 02:00:5e:10:00:02 192.0.2.10 * *\n\
    4000000000 7 2001:db8::9 * 00:03:00:01:02:00:5e:10:00:01\n";

/// dnsmasq goes on under the name that clients know (netboot/tests/lease_files shows that it does): its line stands before IPv6.
#[test]
fn an_export_names_the_dhcpv6_server() {
    let duid = "00:03:00:01:02:00:5e:10:00:fe";
    let mut site = Site::start();
    site.stop();
    let config = std::fs::read_to_string(site.path("sztp.toml")).unwrap();
    let dhcp = format!(
        "\n[dhcp6]\nserver-duid = '{duid}'\nlisten = '[::1]:0'\ninterfaces = ['lo']\n[dhcp6.give]\nbootstrap-uris = ['https://a.example']\n"
    );
    site.write("sztp.toml", &format!("{config}{dhcp}"));
    site.start_again();
    site.write("dnsmasq.leases", FILE);
    site.sztp(&["dhcp", "leases", "import", "dnsmasq.leases"]).good();
    let (v4, v6) = FILE.split_at(FILE.find("4000000000 7").unwrap());
    assert_eq!(site.sztp(&["dhcp", "leases", "export"]).good().out, format!("{v4}duid {duid}\n{v6}"));
    assert_eq!(site.sztp(&["dhcp", "leases", "export", "--subnet", "192.0.2.0/24"]).good().out, v4);
}

#[test]
fn leases_of_dnsmasq_come_and_go() {
    let site = Site::start();
    site.write("dnsmasq.leases", FILE);
    let rehearsed = site.sztp(&["dhcp", "leases", "import", "dnsmasq.leases", "--dry-run"]).good();
    assert_eq!(
        rehearsed.out,
        "3 leases: 3 would be taken over, 0 left out for other clients, 0 as outdated, 0 lines were not read\n"
    );
    assert_eq!(site.sztp(&["dhcp", "leases", "list"]).good().out, "none\n");
    site.sztp(&["dhcp", "leases", "import", "dnsmasq.leases"]).good();
    assert_eq!(site.sztp(&["dhcp", "leases", "export"]).good().out, FILE);

    let list = ["dhcp", "leases", "list", "--mac", "02:00:5e:10:00:02", "--output", "json"];
    let listed = site.sztp(&list).good().json();
    assert_eq!((&listed[0]["address"], &listed[0]["standing"]), (&json!("192.0.2.10"), &json!("lent")));
    let release = ["dhcp", "leases", "release", "192.0.2.10", "--reason", "scrapped"];
    let rehearsed = site.sztp(&[&release[..], &["--dry-run"]].concat()).good();
    assert_eq!(rehearsed.out, "would be done: release 192.0.2.10\n");
    assert_eq!(site.sztp(&release).good().out, "released 192.0.2.10\n");
    assert_eq!(site.sztp(&["dhcp", "leases", "release", "192.0.2.11", "--reason", "x"]).code, Some(4));
    let exported = site.sztp(&["dhcp", "leases", "export"]).good().out;
    assert_eq!(exported.lines().count(), 2, "what has ended is not gone on with: {exported}");
    let ended = site.sztp(&["dhcp", "leases", "list", "--expired", "--output", "csv"]).good().out;
    assert!(ended.lines().count() == 2 && ended.contains("192.0.2.10,ended,"), "{ended}");
    let log = site.sztp(&["audit", "list"]).good().out;
    assert!(log.contains("dhcp-lease-released") && log.contains("scrapped"), "{log}");

    // Whoever has an address here keeps it, and the line says so.
    let other =
        FILE.replace("02:00:5e:10:00:01 192", "02:00:5e:10:00:33 192").replace(" 01:02:00:5e:10:00:01", " ff:33");
    let told = site.sztp_reading(&["dhcp", "leases", "import", "-"], &format!("what\n{other}"));
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(
        told.err.contains("-:1: it has 1 words") && told.err.contains("-:2: 192.0.2.9 is left out: 02:00:5e:10:00:01")
    );
    assert!(told.out.starts_with("3 leases: 2 taken over, 1 left out"), "{told:?}");
    // A file of earlier ends no lease that its client has, and each line says what is known instead.
    site.write("old.leases", "3999999999 02:00:5e:10:00:01 192.0.2.77 * 01:02:00:5e:10:00:01\n");
    let told = site.sztp(&["dhcp", "leases", "import", "old.leases", "--as-of", "2026-01-01T00:00:00Z"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    let expected =
        "old.leases:1: 192.0.2.77 is left out: its client has newer things on record here: 192.0.2.9, lent, ";
    assert!(told.err.contains(expected) && told.out.contains("1 as outdated"), "{told:?}");
    let updates = site.sztp(&["dhcp", "leases", "import", "dnsmasq.leases", "--output", "json"]).good().out;
    let last: Value = serde_json::from_str(updates.lines().last().unwrap()).unwrap();
    assert_eq!((&last["kind"], &last["written"]), (&json!("done"), &json!(3)));
}
