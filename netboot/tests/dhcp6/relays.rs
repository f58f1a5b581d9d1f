//! Relay agents of others between client and server.

use crate::{
    bench::bench,
    clients::{DHCLIENT, DHCPCD, LIST, POLICY, START, START_DHCPCD, TAKE},
};

/// In `middle`, between the two cables.
pub(crate) const DHCRELAY: &str = "ip netns exec middle dhcrelay -6 -d --no-pid -I -l down0 -u 2001:db8:2::2%up0 > relay.log 2>&1 &\n\
    waits \"ip netns exec middle ss -uln | grep -q ':547 '\"\n";

#[test]
fn section_19_dhclient_gets_an_address_through_relay_agents_of_two_makes() {
    for (program, start) in [
        ("dhcrelay", "dhcrelay -6 -d --no-pid -I -l down0 -u 2001:db8:2::2%up0"),
        (
            "dnsmasq",
            "dnsmasq --no-daemon --conf-file=/dev/null --port=0 --bind-interfaces --interface=down0 --interface=up0 \
             --dhcp-relay=2001:db8::1,2001:db8:2::2 --log-dhcp --dhcp-leasefile=/run/leases",
        ),
    ] {
        let bench = bench!("ip", "ss", "dhclient", "dhcrelay", "dnsmasq");
        bench.write("policy.toml", POLICY);
        bench.write("client.conf", DHCLIENT);
        bench.write("take", TAKE);
        let ran = bench.run(&format!(
            "two_cables\nserve\nip netns exec middle {start} > relay.log 2>&1 &\n\
             waits \"ip netns exec middle ss -uln | grep -q ':547 '\"\n\
             {START}: > leases\nclient -1\ncat came.BOUND6\nip -6 addr show dev veth0 scope global\n"
        ));
        assert!(ran.printed.contains("inet6 2001:db8::5"), "{program}: {}", ran.printed);
        assert!(ran.printed.contains("new_dhcp6_sztp="), "{program}: {}", ran.printed);
        assert!(ran.log.contains("granted"), "{program}: {}", ran.log);
    }
}

#[test]
fn dhc_03_dhcpcd_gets_an_address_and_option_136_through_a_relay_agent() {
    let bench = bench!("ip", "ss", "dhcpcd", "dhcrelay");
    bench.write("policy.toml", POLICY);
    bench.write("dhcpcd.conf", DHCPCD);
    let ran = bench.run(&format!("two_cables\nserve\n{DHCRELAY}{START_DHCPCD}"));
    assert!(ran.printed.contains(LIST), "{}", ran.printed);
    assert!(ran.log.contains("granted") && ran.log.contains("offered"), "{}", ran.log);
}
