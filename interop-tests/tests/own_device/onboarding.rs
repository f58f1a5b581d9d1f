//! The whole story, by either IP version, in the server's own network and behind relay agents.

use pki::digest::sha256;
use serde_json::Value;

use crate::bench::{Ran, bench};

/// What the owner sees before and after, and where the log stands.
fn story(network: &str, name: &str, version: u8, question: &str, identifier: &str) -> String {
    format!(
        "{network}\nserved {name}\ndevice\nowner\n\
         explain before --v{version} {question} --client-identifier 0x{identifier}\n\
         onboard ''\n\
         explain after --v{version} {question}\nleases leases\n\
         at other sztp device list --output json > devices\n\
         kill $server\nwait $server || true\n\
         sztp audit verify --json --config site/sztp.toml > audit\n\
         ip addr show dev veth0 scope global\ncat /run/learned\n"
    )
}

/// What must be true in the end, whatever the network. Gives the address that the device has.
fn bootstrapped(ran: &Ran, server: &str) -> String {
    assert_eq!(ran.json("device/running-config.json")["ntp"], "192.0.2.1");
    let asked = ran.details("source-asked");
    assert!(asked.iter().any(|it| it.ends_with(&format!("names {server}"))), "{asked:?}");
    // DHC-13: it goes there without any trust, and comes to trust by the voucher alone.
    assert_eq!(ran.details("server-judged"), ["provisional", "trusted"]);
    let devices = ran.json("devices");
    assert_eq!(devices[0]["state"], "bootstrapped", "{devices:#}");
    let audit = ran.json("audit");
    assert_eq!((&audit["verified"], audit["leaves"].as_u64() > Some(5)), (&Value::Bool(true), true), "{audit:#}");

    let lease = ran.lease("leases");
    let address = lease["address"].as_str().unwrap().to_owned();
    assert!(ran.printed.contains(&format!(" {address}/")), "the interface has what is on record: {}", ran.printed);
    let (before, after) = (ran.json("before"), ran.json("after"));
    assert_eq!(before["address"]["address"], address.as_str(), "what was said before is what it got: {before:#}");
    assert_eq!(before["address"]["from"], "pool", "{before:#}");
    // Afterwards the hardware address is enough.
    assert_eq!(after["address"]["address"], address.as_str(), "{after:#}");
    assert_eq!(after["address"]["from"], "lease", "{after:#}");
    for explained in [before, after] {
        assert_eq!(explained["device"]["name"], "maker/SN-0001", "{explained:#}");
        assert_eq!(explained["bootstrap"]["uris"], serde_json::json!([format!("https://{server}")]), "{explained:#}");
    }
    address
}

/// By what the device is known to DHCPv4 servers: the beginning of a digest of its serial number, behind a zero.
fn option_61() -> String {
    format!("00{}", hexadecimal(&sha256(b"SN-0001").0[..16]))
}

/// The same for DHCPv6: a UUID of its own making (RFC 9562 §5.8) in a DUID of type 4.
fn duid() -> String {
    let mut uuid: [u8; 16] = sha256(b"DHCPv6 SN-0001").0[..16].try_into().unwrap();
    uuid[6] = uuid[6] & 0x0f | 0x80;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    format!("0004{}", hexadecimal(&uuid))
}

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[test]
fn dhc_02_dhc_13_from_a_bare_interface_to_bootstrapped_by_dhcpv4() {
    let bench = bench!("ip", "dnsmasq");
    let ran = bench.run(4, &story("direct", "192.0.2.1", 4, "--subnet 192.0.2.0/24", &option_61()));
    let address = bootstrapped(&ran, "192.0.2.1:8443");
    assert!(address.starts_with("192.0.2.5"), "{address}");
    assert_eq!(ran.lease("leases")["mac"], "02:00:5e:10:00:01");
}

#[test]
fn dhc_02_dhc_13_from_a_bare_interface_to_bootstrapped_by_dhcpv4_through_a_relay_agent_and_by_name() {
    let bench = bench!("ip", "ss", "dnsmasq", "dhcrelay");
    let network = "relayed\nnamed 192.0.2.1\nrelay4";
    let ran = bench.run(4, &story(network, "sztp.example.net", 4, "--relay 198.51.100.1", &option_61()));
    let address = bootstrapped(&ran, "sztp.example.net:8443");
    assert!(address.starts_with("198.51.100.5"), "{address}");
    assert!(ran.printed.contains("nameserver 192.0.2.1\n"), "DNS-16: {}", ran.printed);
}

#[test]
fn dhc_03_dhc_06_from_a_bare_interface_to_bootstrapped_by_dhcpv6() {
    let bench = bench!("ip", "dnsmasq");
    let ran = bench.run(6, &story("direct", "2001:db8::1", 6, "--subnet 2001:db8::/64", &duid()));
    let address = bootstrapped(&ran, "[2001:db8::1]:8443");
    assert!(address.starts_with("2001:db8::5"), "{address}");
    assert_eq!(ran.lease("leases")["identifier"], duid());
}

#[test]
fn dhc_03_dhc_06_from_a_bare_interface_to_bootstrapped_by_dhcpv6_through_a_relay_agent() {
    let bench = bench!("ip", "ss", "dnsmasq", "dhcrelay");
    let network = "relayed\nrelay6 middle 2001:db8::1";
    let ran = bench.run(6, &story(network, "2001:db8::1", 6, "--relay 2001:db8:1::1", &duid()));
    let address = bootstrapped(&ran, "[2001:db8::1]:8443");
    assert!(address.starts_with("2001:db8:1::5"), "{address}");
}

#[test]
fn dhc_03_from_a_bare_interface_to_bootstrapped_by_dhcpv6_through_two_relay_agents_and_by_name() {
    let bench = bench!("ip", "ss", "dnsmasq", "dhcrelay");
    let network = "relayed_twice\nnamed 2001:db8::1\nrelay6 middle 2001:db8::1\nrelay6 first 2001:db8:2::2";
    let ran = bench.run(6, &story(network, "sztp.example.net", 6, "--relay 2001:db8:1::1", &duid()));
    let address = bootstrapped(&ran, "sztp.example.net:8443");
    assert!(address.starts_with("2001:db8:1::5"), "{address}");
    assert!(ran.printed.contains("nameserver 2001:db8::1\n"), "DNS-16: {}", ran.printed);
}
