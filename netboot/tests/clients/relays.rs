//! Through relay agents that others wrote.

use crate::bench::{bench, counted, option_143};

/// Two networks, of which the server is in one: the client's is behind the relay agent.
const POLICY: &str = "interfaces = ['veth1']\n\
    give = { bootstrap-uris = ['https://sztp1.example.net:8443', 'https://[2001:db8::1]'] }\n\
    [[class]]\nname = 'port 1'\nwhen = { circuit-id = ['*veth6*'] }\ngive = { boot-file = 'port-1' }\n\
    [[subnet]]\nnetwork = '192.0.2.0/24'\npools = [{ first = '192.0.2.50', last = '192.0.2.59' }]\n\
    [[subnet]]\nnetwork = '198.51.100.0/24'\npools = [{ first = '198.51.100.50', last = '198.51.100.59' }]\n\
    give = { routers = ['198.51.100.1'] }\n";

/// `veth7` is the client's, `relay` is a router between it and the server.
const NETWORK: &str = "cable\nip netns add relay\nip link set veth0 netns relay\n\
    ip -n relay addr add 192.0.2.2/24 dev veth0\nip -n relay link set veth0 up\nip -n relay link set lo up\n\
    ip link add veth7 type veth peer name veth6 netns relay\n\
    ip -n relay addr add 198.51.100.1/24 dev veth6\nip -n relay link set veth6 up\nip link set veth7 up\n\
    ip netns exec relay sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'\n\
    ip -n other route add 198.51.100.0/24 via 192.0.2.2\nserver policy.toml\n";

const CLIENT: &str = "busybox udhcpc -f -q -n -t 20 -T 1 -i veth7 -O 143 -s ./lease.sh > client.log 2>&1\ncat lease.bound\n\
    # RFC 2131 §4.4.5: renewed past the relay agent, straight.\n\
    ip route add default via 198.51.100.1\n";

#[test]
fn a_client_behind_dnsmasqs_relay_is_in_the_relays_network() {
    let bench = bench!("ip", "busybox", "dnsmasq", "ss");
    bench.write("policy.toml", POLICY);
    let ran = bench.run(&format!(
        "{NETWORK}ip netns exec relay dnsmasq --no-daemon --conf-file=/dev/null --port=0 \
            --dhcp-relay=198.51.100.1,192.0.2.1 > relay.log 2>&1 &\n\
         waits 'ip netns exec relay ss -uln | grep -q :67'\n{CLIENT}"
    ));
    assert!(ran.told("ip").unwrap().starts_with("198.51.100.5"), "{}", ran.printed);
    assert_eq!(ran.told("router"), Some("198.51.100.1"));
    assert_eq!(ran.told("opt143"), Some(option_143().as_str()));
}

/// RFC 3046: the port that the relay agent names makes the class, and the option comes back, or the relay agent would drop the reply.
#[test]
fn option_82_of_dhcrelay_makes_a_class_and_comes_back() {
    let bench = bench!("ip", "busybox", "dhcrelay", "ss");
    bench.write("policy.toml", POLICY);
    let ran = bench.run(&format!("{NETWORK}{DHCRELAY}{CLIENT}"));
    assert!(ran.told("ip").unwrap().starts_with("198.51.100.5"), "{}", ran.printed);
    assert_eq!(ran.told("boot_file"), Some("port-1"));
}

const DHCRELAY: &str = "ip netns exec relay dhcrelay -4 -d -a -m discard --no-pid -id veth6 -iu veth0 192.0.2.1 > relay.log 2>&1 &\n\
    waits 'ip netns exec relay ss -uln | grep -q :67'\n";

#[test]
fn dhc_02_dhclient_and_dhcpcd_behind_a_relay_agent_get_an_address_and_option_143() {
    let bench = bench!("ip", "dhcrelay", "ss", "dhclient", "dhcpcd");
    bench.write("policy.toml", POLICY);
    bench.write("dhclient.conf", "option sztp code 143 = string;\nrequest subnet-mask, routers, sztp;\n");
    bench.write("dhcpcd.conf", "define 143 binhex sztp\noption routers, sztp\nnoipv6\nnoarp\nscript /bin/true\n");
    let ran = bench.run(&format!(
        "{NETWORK}{DHCRELAY}\
         dhclient -1 -v -cf dhclient.conf -lf /run/leases -pf /run/pid -sf /bin/true veth7 > client.log 2>&1\ncat /run/leases\n\
         kill $(cat /run/pid)\n\
         mkdir -p /run/dhcpcd /run/lib\nmount --bind /run/lib /var/lib/dhcpcd\n\
         dhcpcd -1 -4 -t 15 -f \"$PWD/dhcpcd.conf\" veth7 >> client.log 2>&1\nip -4 addr show dev veth7\n\
         od -An -v -tx1 /var/lib/dhcpcd/veth7.lease | tr -d ' \\n'\n"
    ));
    assert!(ran.printed.contains("fixed-address 198.51.100.5"), "{}", ran.printed);
    // dhclient shows octets without leading zeros.
    assert!(ran.printed.contains("option sztp 0:1e:68:74:74:70:73:"), "{}", ran.printed);
    assert!(ran.printed.contains("inet 198.51.100.5"), "{}", ran.printed);
    assert!(ran.printed.contains(&format!("8f37{}", option_143())), "{}", ran.printed);
}

#[test]
fn dhc_02_systemd_networkd_behind_a_relay_agent_gets_an_address_and_option_143_on_the_wire() {
    let bench = bench!("ip", "dhcrelay", "ss", "python3", "systemd-analyze");
    bench.write(
        "policy.toml",
        &POLICY.replace("give = { bootstrap", "give = { bootstrap-send = 'when-asked', bootstrap"),
    );
    bench.write(
        "10-veth7.network",
        "[Match]\nName=veth7\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n[DHCPv4]\nRequestOptions=143\n",
    );
    let ran = bench.run(&format!(
        "{NETWORK}{DHCRELAY}watched veth7\nnetworkd 10-veth7.network\n\
         waits 'ip -4 addr show dev veth7 | grep -q \"inet 198.51.100.5\"'\ncat capture /run/systemd/netif/leases/*\n"
    ));
    assert_eq!((ran.told("SERVER_ADDRESS"), ran.told("ROUTER")), (Some("192.0.2.1"), Some("198.51.100.1")));
    assert!(ran.printed.contains(&format!("8f37{}", option_143())), "{}", ran.printed);
}

/// A relay agent in a network that nobody configured gets no answer, wherever it says it is.
#[test]
fn a_relay_agent_of_an_unknown_network_is_not_answered() {
    let bench = bench!("ip", "busybox", "dnsmasq", "ss");
    bench.write("policy.toml", &POLICY.replace("198.51.100", "203.0.113"));
    let ran = bench.run(&format!(
        "{NETWORK}ip netns exec relay dnsmasq --no-daemon --conf-file=/dev/null --port=0 \
            --dhcp-relay=198.51.100.1,192.0.2.1 > relay.log 2>&1 &\n\
         waits 'ip netns exec relay ss -uln | grep -q :67'\n\
         busybox udhcpc -f -q -n -t 1 -T 1 -i veth7 -s ./lease.sh > client.log 2>&1 && exit 8\nlogged dhcp-wrong-network\n"
    ));
    assert!(ran.log.contains("relay agent 198.51.100.1"), "{}", ran.log);
}

/// `perfdhcp` is a relay agent itself (`giaddr`), here of a network that a router keeps apart from the server's.
#[test]
fn perfdhcp_loses_nothing_behind_a_router() {
    let bench = bench!("ip", "perfdhcp");
    let pool = POLICY.replace("198.51.100.50", "198.51.0.1").replace("198.51.100.59", "198.51.1.254");
    let wide = pool.replace("198.51.100.0/24", "198.51.0.0/16");
    bench.write("policy.toml", &format!("conflict-check = false\n{wide}"));
    let ran = bench.run(&format!(
        "{NETWORK}ip addr add 198.51.100.9/24 dev veth7\nip route add 192.0.2.0/24 via 198.51.100.1\n\
         perfdhcp -4 -l veth7 -r 100 -R 1000 -n 200 -W 2000000 192.0.2.1 || [ $? = 3 ]\n"
    ));
    for exchange in ["DISCOVER-OFFER", "REQUEST-ACK"] {
        assert!(counted(&ran, exchange, "received packets") >= 200, "{}", ran.printed);
        assert_eq!(counted(&ran, exchange, "drops"), 0, "{}", ran.printed);
    }
    assert!(ran.log.contains("address=198.51."), "{}", ran.log);
}
