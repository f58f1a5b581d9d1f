//! A device that is switched on again, and one that is carried to another network.
//!
//! Each attempt asks anew with the same identifier: that is how a lease is renewed, and how a device finds that it is elsewhere.

use serde_json::Value;

use crate::bench::{Ran, bench};

/// Twice in the first network, once in the second. In the end these leases run: in DHCPv4 the former one does until its time is up, since the same
/// identifier may be another interface of the same machine (RFC 2131 §2.1).
fn trips(question: &str) -> String {
    format!(
        "onboard 1\nleases first\n\
         onboard 2\nleases again\nip addr show dev veth0 scope global > there\n\
         carried\nonboards 3\nleases moved --running {question}\nip addr show dev veth0 scope global > here\n\
         at other sztp device list --output json > devices\n\
         kill $server\nwait $server || true\n\
         sztp audit verify --json --config site/sztp.toml > audit\n"
    )
}

fn text<'v>(lease: &'v Value, member: &str) -> &'v str {
    lease[member].as_str().unwrap_or_else(|| panic!("{member}: {lease:#}"))
}

/// What must be true after [`trips`]: gives the addresses there and here.
fn travelled(ran: &Ran) -> (String, String) {
    let (first, again) = (ran.lease("first"), ran.lease("again"));
    assert_eq!(first["address"], again["address"], "the same address again");
    assert!(text(&again, "expires") > text(&first, "expires"), "for longer: {first:#} {again:#}");
    let (there, here) = (text(&again, "address").to_owned(), text(&ran.lease("moved"), "address").to_owned());
    assert!(ran.read("there").contains(&format!(" {there}/")), "{}", ran.read("there"));
    let now = ran.read("here");
    assert!(now.contains(&format!(" {here}/")), "{now}");
    assert!(!now.contains(&format!(" {there}/")), "what does not lead anywhere any more is taken away: {now}");
    assert_eq!(ran.details("bootstrapped").len(), 3, "each time it arrives");
    assert_eq!(ran.json("devices")[0]["state"], "bootstrapped");
    assert_eq!(ran.json("audit")["verified"], true);
    (there, here)
}

#[test]
fn dhc_02_a_device_is_renewed_and_carried_from_the_servers_network_behind_a_relay_agent() {
    let bench = bench!("ip", "ss", "dnsmasq", "dhcrelay");
    // The address of its first network would make the server a neighbour that does not answer.
    let ran =
        bench.run(4, &format!("rack\nrelay4\nserved 192.0.2.1\ndevice\nowner\n{}", trips("--subnet 198.51.100.0/24")));
    let (there, here) = travelled(&ran);
    assert!(there.starts_with("192.0.2.5") && here.starts_with("198.51.100.5"), "{there} {here}");
}

#[test]
fn dhc_03_a_device_is_renewed_and_carried_from_one_relay_agent_to_another() {
    let bench = bench!("ip", "ss", "dnsmasq", "dhcrelay");
    // Its first address would be nearer to the server's than its second (RFC 6724 §5, rule 8), and nobody could answer to it.
    let ran = bench.run(6, &format!("racks\nserved 2001:db8::1\ndevice\nowner\n{}", trips("")));
    let (there, here) = travelled(&ran);
    assert!(there.starts_with("2001:db8:1::5") && here.starts_with("2001:db8:3::5"), "{there} {here}");
}
