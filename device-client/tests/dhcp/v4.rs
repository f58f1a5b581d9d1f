//! DHCPv4.

use dhcp::bootstrap_uri::FieldForm;

use crate::bench::{bench, in_form, list};

const LEASE: &str = "[[sources]]\nkind = 'dhcp4'\nmode = 'lease'\ninterface = 'veth0'\nresolv-conf = '/run/learned'\n";
const INFORM: &str = "[[sources]]\nkind = 'dhcp4'\n";

/// A configuration of Kea for `br0`.
fn kea(option: &str) -> String {
    let option = option.replace(':', "");
    format!(
        r#"{{"Dhcp4": {{"interfaces-config": {{"interfaces": ["br0"]}}, "valid-lifetime": 600,
        "lease-database": {{"type": "memfile", "persist": false}},
        "subnet4": [{{"subnet": "192.0.2.0/24", "id": 1, "pools": [{{"pool": "192.0.2.50 - 192.0.2.59"}}],
        "option-data": [{{"name": "routers", "data": "192.0.2.1"}}, {{"code": 143, "csv-format": false, "data": "{option}"}}]}}],
        "loggers": [{{"name": "kea-dhcp4", "severity": "WARN"}}]}}}}"#
    )
}

const START_KEA: &str = "export KEA_PIDFILE_DIR=/run KEA_LOCKFILE_DIR=/run\n\
    ip netns exec other kea-dhcp4 -c kea.json > kea.log 2>&1 &\nstarted 67\n";

#[test]
fn dhc_07_a_bare_interface_is_set_up_and_asks_for_option_143() {
    let bench = bench!("ip", "ss", "dnsmasq", "python3");
    bench.configure("device.toml", LEASE);
    let ran = bench.run(&format!(
        "cable\nwatched\n\
         # Whoever drops what comes from where no route leads must not keep a device from its first address.\n\
         echo 1 > /proc/sys/net/ipv4/conf/all/rp_filter\n\
         serve other br0 --no-ping --dhcp-range=192.0.2.50,192.0.2.59,600 --dhcp-option=143,{} --dhcp-option=15,example.net \\\n\
            --dhcp-option=6,192.0.2.53 --dhcp-option=119,example.com --dhcp-option=26,1400\n\
         agent device.toml\n\
         ip -4 addr show dev veth0\nip route\ncat /run/learned\nip -o link show dev veth0\n\
         seen 370b01031a33363a3b060f778f\n",
        list(&["https://192.0.2.1:9443"])
    ));
    assert_eq!(ran.tried(), ["192.0.2.1:9443"]);
    for expected in ["inet 192.0.2.5", "/24 brd 192.0.2.255", "default via 192.0.2.1 dev veth0 proto dhcp"] {
        assert!(ran.printed.contains(expected), "{expected}: {}", ran.printed);
    }
    assert!(!ran.printed.contains("valid_lft forever"), "the kernel takes the address away: {}", ran.printed);
    // DNS-16.
    assert!(ran.printed.contains("nameserver 192.0.2.53\nsearch example.net example.com\n"), "{}", ran.printed);
    assert!(ran.printed.contains("mtu 1400"), "{}", ran.printed);
    let notes = ran.details("source-noted");
    assert!(notes.iter().any(|it| it.contains("by way of 192.0.2.1, for 600 seconds")), "{notes:?}");
}

#[test]
fn dhc_10_a_list_of_364_octets_arrives_in_two_parts() {
    let bench = bench!("ip", "ss", "kea-dhcp4", "python3");
    let uris: Vec<_> =
        (0..7).map(|number| format!("https://server-number-{number:06}.sztp.example.net:8443")).collect();
    let value = list(&uris.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(value.split(':').count(), 364);
    bench.configure("device.toml", LEASE);
    bench.write("kea.json", &kea(&value));
    let ran = bench.run(&format!(
        "cable\nwatched\n{START_KEA}agent device.toml\n\
         seen 8ffd0032687474\nseen 8f6f\n"
    ));
    let expected: Vec<_> = uris.iter().map(|uri| uri.replace("https://", "")).collect();
    assert_eq!(ran.details("source-asked"), [format!("DHCPv4 on veth0 names {}", expected.join(", "))]);
}

#[test]
fn dhc_15_each_form_is_taken_where_it_is_named_and_only_there() {
    let bench = bench!("ip", "ss", "dnsmasq");
    let mut script = "cable\nip link set veth0 up\nip addr add 192.0.2.7/24 dev veth0\n".to_owned();
    let forms: Vec<_> = FieldForm::ALL.into_iter().filter(|form| *form != FieldForm::Rfc8572Single).collect();
    for form in &forms {
        // Whoever names a server waits for no other.
        let asked = format!("{INFORM}server = '192.0.2.1:67'\naddress = '192.0.2.7'\n");
        bench.configure(&format!("{form}.strict"), &asked);
        bench.configure(&format!("{form}.lenient"), &format!("{asked}accept = ['{form}']\n"));
        let value = in_form(*form, &["https://192.0.2.1"]);
        script += &format!(
            "serve other br0 --no-ping --dhcp-range=192.0.2.50,192.0.2.59,600 --dhcp-option=143,{value}\n\
             agent {form}.strict\nagent {form}.lenient\nkill $server\n\
             waits '! ip netns exec other ss -uln | grep -q :67'\n"
        );
    }
    let ran = bench.run(&script);
    let asked = ran.details("source-asked");
    assert_eq!(asked.len(), 2 * forms.len(), "{asked:?}");
    for (form, pair) in forms.iter().zip(asked.chunks(2)) {
        let named = "DHCPv4 from 192.0.2.7 names 192.0.2.1:443";
        assert_eq!(pair[1], named, "{form}");
        if *form == FieldForm::Rfc8572 {
            assert_eq!(pair[0], named);
        } else {
            assert!(pair[0].contains(&format!("({form}, not accepted here)")), "{}", pair[0]);
        }
    }
    let notes = ran.details("source-noted");
    let expected: Vec<_> = forms.iter().skip(1).map(|form| format!("accepted as `{form}`")).collect();
    assert!(
        notes.len() == expected.len() && notes.iter().zip(&expected).all(|(it, end)| it.ends_with(end)),
        "{notes:?}"
    );
}

/// Two servers on one link. The good one looks for three seconds whether somebody has the address that it will offer; the rogue
/// does not care.
fn with_a_rogue(rogue: &str, good: &str) -> String {
    format!(
        "cable\nip netns add rogue\n\
         ip link add veth2 netns other type veth peer name veth3 netns rogue\n\
         ip -n other link set veth2 master br0\nip -n other link set veth2 up\n\
         ip -n rogue addr add 192.0.2.66/24 dev veth3\nip -n rogue link set veth3 up\n\
         serve other br0 --dhcp-range=192.0.2.50,192.0.2.59,600 {good}\n\
         serve rogue veth3 --no-ping --dhcp-range=192.0.2.100,192.0.2.110,600 {rogue}\n"
    )
}

#[test]
fn dhc_01_a_rogue_server_does_not_hide_the_list_of_another() {
    let bench = bench!("ip", "ss", "dnsmasq");
    let option = |uri: &str| format!("--dhcp-option=143,{}", list(&[uri]));
    let servers = with_a_rogue(&option("https://192.0.2.66:6666"), &option("https://192.0.2.1:9443"));
    bench.configure("inform.toml", INFORM);
    let ran =
        bench.run(&format!("{servers}ip link set veth0 up\nip addr add 192.0.2.7/24 dev veth0\nagent inform.toml\n"));
    let mut tried = ran.tried();
    tried.sort_unstable();
    assert_eq!(tried, ["192.0.2.1:9443", "192.0.2.66:6666"]);
    bench.configure("lease.toml", &format!("{LEASE}gather-seconds = 5\n"));
    let ran = bench.run(&format!("rm trace\n{servers}agent lease.toml\n"));
    assert_eq!(ran.tried(), ["192.0.2.66:6666", "192.0.2.1:9443"]);
}

#[test]
fn dhc_01_an_offer_with_the_option_comes_before_a_faster_one_without() {
    let bench = bench!("ip", "ss", "dnsmasq");
    bench.configure("lease.toml", &format!("{LEASE}gather-seconds = 5\n"));
    let good = format!("--dhcp-option=143,{}", list(&["https://192.0.2.1:9443"]));
    let servers = with_a_rogue("--dhcp-option=3,192.0.2.66", &good);
    let ran = bench.run(&format!("{servers}agent lease.toml\nip route\n"));
    assert_eq!(ran.tried(), ["192.0.2.1:9443"]);
    assert!(ran.printed.contains("default via 192.0.2.1 "), "{}", ran.printed);
}

#[test]
fn dhc_07_the_agent_asks_beside_clients_that_hold_the_lease() {
    // Kea answers to port 68 whatever it is asked from, and that port is another program's.
    for (client, start) in [
        ("dhclient", "dhclient -4 -nw -cf /dev/null -sf ./up -lf /run/leases -pf /run/pid veth0"),
        ("dhcpcd", "dhcpcd -4 -q --noarp -C resolv.conf veth0"),
    ] {
        let bench = bench!("ip", "ss", "kea-dhcp4", "dhclient", "dhcpcd");
        bench.configure("device.toml", INFORM);
        bench.write("kea.json", &kea(&list(&["https://192.0.2.1:9443"])));
        let ran = bench.run(&format!(
            "cable\n{START_KEA}ip link set veth0 up\nmount -t tmpfs tmpfs /var/lib/dhcpcd\n\
             printf '#!/bin/sh\\n[ -z \"${{new_ip_address:-}}\" ] || ip addr replace $new_ip_address/24 dev veth0\\n' > up\n\
             chmod +x up\n{start} > client.log 2>&1 &\n\
             waits 'ip -4 addr show dev veth0 | grep -q inet'\nagent device.toml\n\
             pgrep -x {client} > /dev/null && echo holds\n"
        ));
        assert_eq!(ran.tried(), ["192.0.2.1:9443"], "{client}");
        assert!(ran.printed.contains("holds"), "{client}: {}", ran.printed);
    }
}

#[test]
fn dns_16_the_domain_that_dhcp_names_is_searched_at_the_servers_that_it_names() {
    let bench = bench!("ip", "ss", "dnsmasq");
    // Nobody says which interface: the one with a cable is found.
    bench.configure(
        "device.toml",
        "[[sources]]\nkind = 'dhcp4'\nmode = 'lease'\n[[sources]]\nkind = 'dns'\nmulticast = false\n",
    );
    let mut script = "dns=53\ncable\nip link add idle type veth peer name idle9\n".to_owned();
    for domain in ["example.net", "example.org"] {
        script += &format!(
            "serve other br0 --no-resolv --no-hosts --no-ping --dhcp-range=192.0.2.50,192.0.2.59,600 \\\n\
                --dhcp-option=15,{domain} --srv-host=_sztp._tcp.example.net,192-0-2-1.example.net,9443,0,0 \\\n\
                --srv-host=_sztp._tcp.example.org,192-0-2-1.example.org,9443,0,0 \\\n\
                --address=/192-0-2-1.example.net/192.0.2.1 --address=/192-0-2-1.example.org/192.0.2.1\n\
             agent device.toml\nkill $server\nwaits '! ip netns exec other ss -uln | grep -q :67'\n"
        );
    }
    let ran = bench.run(&script);
    let named: Vec<_> = ran.details("source-asked").into_iter().filter(|it| it.contains("names 192-0-2-1")).collect();
    assert_eq!(named.len(), 2, "{:?}", ran.details("source-asked"));
    assert!(named[0].ends_with("names 192-0-2-1.example.net:9443"), "{named:?}");
    // The agent was started anew with the second; what it learned from the first is gone.
    assert!(named[1].ends_with("names 192-0-2-1.example.org:9443"), "{named:?}");
}

#[test]
fn dhc_13_another_attempt_asks_again_and_keeps_the_address() {
    let bench = bench!("ip", "ss", "dnsmasq");
    bench.configure("device.toml", LEASE);
    let ran = bench.run(&format!(
        "cable\nserve other br0 --no-ping --dhcp-range=192.0.2.50,192.0.2.59,600 --dhcp-option=143,{}\n\
         agent device.toml\nagent device.toml\nip -4 -o addr show dev veth0\nip route show default\n\
         grep -c 'DHCPACK(br0) 192.0.2.5' dnsmasq.log\n",
        // DHC-13: without a port it is 443's.
        list(&["https://192.0.2.1"])
    ));
    assert_eq!(ran.tried(), ["192.0.2.1:443"; 2]);
    let lines: Vec<_> = ran.printed.lines().collect();
    let [address, route, "2"] = lines[..] else { panic!("{lines:?}") };
    assert!(address.contains("192.0.2.5") && route.starts_with("default via 192.0.2.1"), "{lines:?}");
}

#[test]
fn dhc_09_what_is_missing_is_told() {
    let bench = bench!("ip", "ss", "dnsmasq");
    bench.configure("device.toml", &format!("{INFORM}timeout-seconds = 1\n"));
    let ran = bench.run("cable\nagent device.toml\n");
    let (reason, detail) = ran.refused();
    assert_eq!(reason, "no-source");
    assert!(detail.contains("no interface has an IPv4 address"), "{detail}");
    let ran =
        bench.run("rm trace\ncable\nip link set veth0 up\nip addr add 192.0.2.7/24 dev veth0\nagent device.toml\n");
    assert!(ran.refused().1.contains("no DHCP server answered"));
    let ran = bench.run(
        "rm trace\ncable\nip link set veth0 up\nip addr add 192.0.2.7/24 dev veth0\n\
         serve other br0 --no-ping --dhcp-range=192.0.2.50,192.0.2.59,600\nagent device.toml\n",
    );
    assert!(ran.refused().1.contains("none has option 143"));
}
