//! systemd-networkd, which shows no option that it does not know: that it is given option 136 is seen on the wire.

use crate::{
    bench::bench,
    clients::{LIST, POLICY},
    relays::DHCRELAY,
};

/// Without router advertisements it asks for an address only when it is told to.
const SETTINGS: &str = "[Match]\nName=veth0\n[Network]\nDHCP=ipv6\nIPv6AcceptRA=no\n[DHCPv6]\nWithoutRA=solicit\n";

const ASKS: &str = "RequestOptions=136\n";

/// Until it has an address of the pool, and has renewed it.
const RENEWS: &str = "watched veth0\nnetworkd 10-veth0.network\n\
    waits 'ip -6 addr show dev veth0 scope global -tentative | grep -q \"inet6 2001:db8::5\"'\n\
    waits 'test $(grep -c granted server.log) -ge 2'\nip -6 addr show dev veth0 scope global\ncat capture\n";

/// Option 136 as it is on the wire, with its number and length.
fn option_136() -> String {
    format!("00880037{LIST}")
}

/// Renewed after half of the time (RFC 8415 §21.4), or up to ten seconds later: networkd wakes up for several things at once.
fn policy() -> String {
    POLICY.replace("lease-seconds = 600", "lease-seconds = 24")
}

#[test]
fn dhc_03_dhc_08_systemd_networkd_gets_an_address_renews_it_and_gets_136_only_when_it_asks() {
    for (asks, there) in [(ASKS, true), ("", false)] {
        let bench = bench!("ip", "python3", "systemd-analyze");
        bench.write("policy.toml", &policy());
        bench.write("10-veth0.network", &format!("{SETTINGS}{asks}"));
        let ran = bench.run(&format!("cable\nserve\n{RENEWS}"));
        assert!(ran.printed.contains("inet6 2001:db8::5"), "{}", ran.printed);
        assert_eq!(ran.printed.contains(&option_136()), there, "{}", ran.printed);
        // One offer: what was granted the second time was renewed.
        assert_eq!(ran.log.matches("event=\"offered\"").count(), 1, "{}", ran.log);
    }
}

#[test]
fn dhc_03_systemd_networkd_gets_an_address_and_renews_it_through_a_relay_agent() {
    let bench = bench!("ip", "ss", "dhcrelay", "python3", "systemd-analyze");
    bench.write("policy.toml", &policy());
    bench.write("10-veth0.network", &format!("{SETTINGS}{ASKS}"));
    let ran = bench.run(&format!("two_cables\nserve\n{DHCRELAY}{RENEWS}"));
    assert!(ran.printed.contains("inet6 2001:db8::5"), "{}", ran.printed);
    assert!(ran.printed.contains(&option_136()), "{}", ran.printed);
    assert_eq!(ran.log.matches("event=\"offered\"").count(), 1, "{}", ran.log);
}
