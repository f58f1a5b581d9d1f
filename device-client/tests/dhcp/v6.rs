//! DHCPv6.

use crate::bench::{bench, list};

const INFORM: &str = "[[sources]]\nkind = 'dhcp6'\n";
const LEASE: &str = "[[sources]]\nkind = 'dhcp6'\nmode = 'lease'\ninterface = 'veth0'\nresolv-conf = '/run/learned'\n";

/// A configuration of Kea for `br0`. Without rapid commit, which is Kea's default, an address takes four messages.
fn kea(option: &str) -> String {
    let option = option.replace(':', "");
    format!(
        r#"{{"Dhcp6": {{"interfaces-config": {{"interfaces": ["br0"]}}, "preferred-lifetime": 500, "valid-lifetime": 600,
        "lease-database": {{"type": "memfile", "persist": false}},
        "server-id": {{"type": "EN", "enterprise-id": 32473, "identifier": "0102", "persist": false}},
        "subnet6": [{{"subnet": "2001:db8::/64", "id": 1, "interface": "br0",
        "pools": [{{"pool": "2001:db8::50 - 2001:db8::5f"}}],
        "option-data": [{{"code": 136, "csv-format": false, "data": "{option}"}},
        {{"name": "dns-servers", "data": "2001:db8::53"}}, {{"name": "domain-search", "data": "example.net"}}]}}],
        "loggers": [{{"name": "kea-dhcp6", "severity": "WARN"}}]}}}}"#
    )
}

const START_KEA: &str = "export KEA_PIDFILE_DIR=/run KEA_LOCKFILE_DIR=/run\n\
    ip netns exec other kea-dhcp6 -c kea.json > kea.log 2>&1 &\nstarted 547\n";

#[test]
fn dhc_08_information_is_asked_of_dnsmasq_with_136_in_the_option_request() {
    let bench = bench!("ip", "ss", "dnsmasq", "python3");
    bench.configure("device.toml", INFORM);
    let ran = bench.run(&format!(
        "cable\nwatched\nsettled\n\
         serve other br0 --dhcp-range=2001:db8::50,2001:db8::5f,64,600 --dhcp-option=option6:136,{}\n\
         agent device.toml\nseen '0006000a00880017001800200053'\nip -6 addr show dev veth0 scope global\n",
        list(&["https://[2001:db8::1]:9443", "https://192.0.2.1"])
    ));
    assert_eq!(ran.tried()[0], "[2001:db8::1]:9443");
    assert!(ran.details("source-asked")[0].ends_with(", 192.0.2.1:443"));
    assert!(!ran.printed.contains("inet6"), "an address was not asked for: {}", ran.printed);
}

#[test]
fn dhc_08_information_is_asked_of_kea() {
    let bench = bench!("ip", "ss", "kea-dhcp6");
    bench.configure("device.toml", INFORM);
    bench.write("kea.json", &kea(&list(&["https://[2001:db8::1]:9443"])));
    let ran = bench.run(&format!("cable\n{START_KEA}settled\nagent device.toml\n"));
    assert_eq!(ran.tried(), ["[2001:db8::1]:9443"]);
}

#[test]
fn dhc_03_kea_gives_a_bare_interface_an_address_in_four_messages() {
    let bench = bench!("ip", "ss", "kea-dhcp6", "python3");
    bench.configure("device.toml", LEASE);
    bench.write("kea.json", &kea(&list(&["https://[2001:db8::1]:9443"])));
    let ran = bench.run(&format!(
        "cable\nwatched\n{START_KEA}agent device.toml\nip -6 addr show dev veth0 scope global\ncat /run/learned\n\
         seen '02230222........02'\nseen '02220223........03'\nseen '02230222........07'\n"
    ));
    assert_eq!(ran.tried(), ["[2001:db8::1]:9443"]);
    assert!(ran.printed.contains("inet6 2001:db8::5") && !ran.printed.contains("tentative"), "{}", ran.printed);
    // DNS-16.
    assert!(ran.printed.contains("nameserver 2001:db8::53\nsearch example.net\n"), "{}", ran.printed);
}

#[test]
fn dhc_03_dnsmasq_gives_a_bare_interface_an_address_in_two_messages() {
    let bench = bench!("ip", "ss", "dnsmasq", "python3");
    bench.configure("device.toml", LEASE);
    let ran = bench.run(&format!(
        "cable\nwatched\nserve other br0 --dhcp-range=2001:db8::50,2001:db8::5f,64,600 --dhcp-option=option6:136,{}\n\
         agent device.toml\nip -6 addr show dev veth0 scope global\nseen '02230222........07'\n! grep '02230222........02' capture\n",
        list(&["https://[2001:db8::1]:9443"])
    ));
    assert_eq!(ran.tried(), ["[2001:db8::1]:9443"]);
    assert!(ran.printed.contains("inet6 2001:db8::5"), "{}", ran.printed);
}

#[test]
fn dhc_08_the_agent_asks_beside_clients_that_hold_the_lease() {
    for (client, start) in [
        ("dhclient", "dhclient -6 -nw -cf /dev/null -sf ./up -lf /run/leases -pf /run/pid veth0"),
        ("dhcpcd", "dhcpcd -6 -q -B -f $PWD/dhcpcd.conf -C resolv.conf veth0"),
    ] {
        let bench = bench!("ip", "ss", "kea-dhcp6", "dhclient", "dhcpcd");
        bench.configure("device.toml", INFORM);
        // Kea sends no router advertisements, and without one dhcpcd asks for an address only when it is told to.
        bench.write("dhcpcd.conf", "ia_na 1\nduid\n");
        bench.write("kea.json", &kea(&list(&["https://[2001:db8::1]:9443"])));
        let ran = bench.run(&format!(
            "cable\n{START_KEA}settled\nmount -t tmpfs tmpfs /var/lib/dhcpcd\n\
             printf '#!/bin/sh\\n[ -z \"${{new_ip6_address:-}}\" ] || ip addr replace $new_ip6_address/128 dev veth0\\n' > up\n\
             chmod +x up\n{start} > client.log 2>&1 &\n\
             waits 'ip -6 addr show dev veth0 | grep -q 2001:db8::5'\nagent device.toml\n\
             pgrep -x {client} > /dev/null && echo holds\n"
        ));
        assert_eq!(ran.tried(), ["[2001:db8::1]:9443"], "{client}");
        assert!(ran.printed.contains("holds"), "{client}: {}", ran.printed);
    }
}
