//! Clients of others on the server's own link.

use crate::bench::bench;

/// Two URIs of 30 and 21 bytes (RFC 8572 §8.3).
pub(crate) const LIST: &str = "001e68747470733a2f2f737a7470312e6578616d706c652e6e65743a38343433\
                               001568747470733a2f2f5b323030313a6462383a3a315d";

pub(crate) const POLICY: &str = "server-duid = '00:03:00:01:02:00:5e:00:00:01'\n\
    [give]\nbootstrap-uris = ['https://sztp1.example.net:8443', 'https://[2001:db8::1]']\nlease-seconds = 600\n\
    boot-file = 'http://[2001:db8::1]/ipxe.efi'\n\
    [[subnet]]\nnetwork = '2001:db8::/64'\npools = [{ first = '2001:db8::50', last = '2001:db8::5f' }]\n\
    give = { dns = ['2001:db8::53'], domain-search = ['example.net'] }\n";

/// A configuration of dhclient that asks for option 136, and a script that writes down what came and takes the address.
pub(crate) const DHCLIENT: &str = "option dhcp6.sztp code 136 = string;\noption dhcp6.url code 59 = text;\n\
    also request dhcp6.sztp, dhcp6.url;\n";
pub(crate) const TAKE: &str = "#!/bin/sh\nset > came.$reason\n\
    [ -z \"${new_ip6_address:-}\" ] || ip addr replace $new_ip6_address/128 dev $interface nodad\nexit 0\n";
pub(crate) const START: &str = "chmod +x take\nsettled\n\
    client() { dhclient -6 -cf client.conf -sf ./take -lf leases -pf pid \"$@\" veth0 >> client.log 2>&1; }\n";

#[test]
fn dhc_03_dhclient_gets_an_address_and_option_136_in_four_messages() {
    let bench = bench!("ip", "dhclient");
    bench.write("policy.toml", POLICY);
    bench.write("client.conf", DHCLIENT);
    bench.write("take", TAKE);
    let ran = bench.run(&format!(
        "cable\nserve\n{START}: > leases\nclient -1\ncat came.BOUND6\n\
         ip -6 addr show dev veth0 scope global\n\
         # It comes back and asks whether its address still fits.\n\
         client -x\nclient -1\nlogged 'event=\"informed\".*address=2001:db8::5'\n\
         # It gives the address back.\n\
         client -r\nlogged 'event=\"released\"'\n"
    ));
    assert!(ran.printed.contains("inet6 2001:db8::5"), "{}", ran.printed);
    let came = |name: &str| {
        let line = ran.printed.lines().find_map(|line| line.strip_prefix(&format!("new_dhcp6_{name}=")));
        line.unwrap_or_else(|| panic!("no {name}: {}", ran.printed)).trim_matches('\'').to_owned()
    };
    assert_eq!(came("sztp").replace(':', ""), padded(LIST), "dhclient leaves leading noughts out");
    assert_eq!(came("name_servers"), "2001:db8::53");
    assert_eq!(came("domain_search"), "example.net.");
    assert_eq!(came("url"), "http://[2001:db8::1]/ipxe.efi", "NET-09");
    for event in ["offered", "granted"] {
        assert!(ran.log.contains(&format!("event=\"{event}\"")), "{event}: {}", ran.log);
    }
}

/// As dhclient prints octets: each without a leading nought.
fn padded(hex: &str) -> String {
    let pairs = hex.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).into_owned());
    pairs.map(|pair| pair.strip_prefix('0').map(str::to_owned).unwrap_or(pair)).collect()
}

#[test]
fn dhc_08_dhclient_asks_for_information_and_gets_136_only_when_it_asks() {
    let bench = bench!("ip", "dhclient");
    bench.write("policy.toml", POLICY);
    bench.write("take", TAKE);
    for (conf, there) in [(DHCLIENT, true), ("option dhcp6.sztp code 136 = string;\n", false)] {
        bench.write("client.conf", conf);
        let ran = bench.run(&format!(
            "cable\nserve\n{START}: > leases\nclient -1 -S\ncat came.BOUND6 came.RENEW6 2>/dev/null || true\n"
        ));
        assert!(ran.printed.contains("new_dhcp6_name_servers=") && ran.log.contains("informed"), "{}", ran.printed);
        assert_eq!(ran.printed.contains("new_dhcp6_sztp="), there, "{}", ran.printed);
    }
}

#[test]
fn dhclient_renews_with_a_server_that_has_forgotten_everything() {
    let bench = bench!("ip", "dhclient");
    bench.write("policy.toml", &POLICY.replace("lease-seconds = 600", "lease-seconds = 12"));
    bench.write("client.conf", DHCLIENT);
    bench.write("take", TAKE);
    let ran = bench.run(&format!(
        "cable\nserve\n{START}: > leases\nclient -1\nlogged granted\n\
         kill -9 $(ip netns pids other)\nwaits 'test -z \"$(ip netns pids other)\"'\n\
         : > server.log\n: > server.out\nserve\nlogged granted\n\
         ip -6 addr show dev veth0 scope global\n"
    ));
    assert!(ran.printed.contains("inet6 2001:db8::5") && !ran.log.contains("offered"), "{}", ran.log);
}

/// A configuration of dhcpcd that asks for an address, a prefix and option 136, and how it is started. Nobody sends router advertisements here, and
/// without one it asks for an address only when it is told to.
pub(crate) const DHCPCD: &str =
    "duid\nia_na 1\nia_pd 2\noption dhcp6_rapid_commit\ndefine6 136 binhex sztp\noption dhcp6_sztp\nnoipv6rs\n";
pub(crate) const START_DHCPCD: &str = "printf '#!/bin/sh\\nenv >> %s\\n' $PWD/came > hook\nchmod +x hook\nsettled\n\
    mount -t tmpfs tmpfs /var/lib/dhcpcd\ndhcpcd -6 -B -d -f $PWD/dhcpcd.conf -c $PWD/hook veth0 > client.log 2>&1 &\n\
    waits 'ip -6 addr show dev veth0 scope global | grep -q 2001:db8::5'\nwaits 'grep -q sztp came'\ngrep sztp came\n";

#[test]
fn dhc_03_dhcpcd_gets_an_address_in_two_messages_and_hears_that_there_are_no_prefixes() {
    let bench = bench!("ip", "dhcpcd");
    bench.write("policy.toml", &format!("rapid-commit = true\n{POLICY}"));
    bench.write("dhcpcd.conf", DHCPCD);
    let ran = bench.run(&format!("cable\nserve\n{START_DHCPCD}"));
    assert!(ran.printed.contains(LIST), "{}", ran.printed);
    assert!(ran.log.contains("granted") && !ran.log.contains("offered"), "{}", ran.log);
}
