//! Addresses that others use, servers that others run.

use crate::bench::{bench, policy};

/// A pool of two addresses.
fn two(more: &str) -> String {
    policy(more).replace("last = '192.0.2.59'", "last = '192.0.2.51'")
}

/// RFC 2131 §3.1: an address that answers is not offered, and rests.
#[test]
fn an_address_that_somebody_uses_is_found_before_it_is_offered() {
    let bench = bench!("ip", "busybox");
    bench.write("policy.toml", &two(""));
    // A host behind the same bridge has one of the two addresses; two clients ask.
    let ran = bench.run(
        "cable\nip netns add squatter\nip link add br0 type bridge\nip link add veth4 type veth peer name veth5 netns squatter\n\
         ip link add veth6 type veth peer name veth7\n\
         for name in veth0 veth4 veth6; do ip link set $name master br0 up; done\nip link set br0 up\nip link set veth7 up\n\
         ip -n squatter addr add 192.0.2.50/24 dev veth5\nip -n squatter link set veth5 up\nserver policy.toml\n\
         waits 'ip -n squatter link show veth5 | grep -q LOWER_UP'\n\
         busybox udhcpc -f -q -n -t 10 -T 1 -i veth7 -s ./lease.sh -r 192.0.2.50 > client.log 2>&1\ncat lease.bound\n",
    );
    assert_eq!(ran.told("ip"), Some("192.0.2.51"), "{}\n{}", ran.printed, ran.log);
    assert_eq!(ran.logged("\"in-use\""), 1, "{}", ran.log);
    // What is looked for is counted: each address once, whoever asks again meanwhile.
    assert_eq!((ran.logged("dhcp4 probe: in-use"), ran.logged("dhcp4 probe: free")), (1, 1), "{}", ran.log);
}

/// RFC 4039 says nothing of it: what is lent in two messages is looked for as well as what is offered. This client does not look itself.
#[test]
fn an_address_that_somebody_uses_is_found_before_it_is_lent_in_two_messages() {
    let bench = bench!("ip", "dhcpcd");
    bench.write("policy.toml", &two(""));
    bench.write("dhcpcd.conf", "option rapid_commit\nrequest 192.0.2.50\nnoipv6\nnoarp\nscript /bin/true\n");
    let ran = bench.run(
        "cable\nip netns add squatter\nip link add br0 type bridge\nip link add veth4 type veth peer name veth5 netns squatter\n\
         ip link add veth6 type veth peer name veth7\n\
         for name in veth0 veth4 veth6; do ip link set $name master br0 up; done\nip link set br0 up\nip link set veth7 up\n\
         ip -n squatter addr add 192.0.2.50/24 dev veth5\nip -n squatter link set veth5 up\nserver policy.toml\n\
         waits 'ip -n squatter link show veth5 | grep -q LOWER_UP'\n\
         mkdir -p /run/dhcpcd /run/lib\nmount --bind /run/lib /var/lib/dhcpcd\n\
         dhcpcd -1 -4 -t 20 -f \"$PWD/dhcpcd.conf\" veth7 > client.log 2>&1\nip -4 addr show dev veth7\n",
    );
    assert!(ran.printed.contains("inet 192.0.2.51/"), "{}\n{}", ran.printed, ran.log);
    assert_eq!(ran.logged("\"in-use\""), 1, "{}", ran.log);
    // No offer: the lease at once.
    assert_eq!((ran.logged("\"offered\""), ran.logged("\"granted\"")), (0, 1), "{}", ran.log);
}

/// RFC 2131 §4.3.3: what a client declines rests.
#[test]
fn an_address_that_a_client_declines_rests() {
    let bench = bench!("ip", "busybox");
    bench.write("policy.toml", &two("conflict-check = false"));
    let ran = bench.run(
        "cable\nip netns add squatter\nip link add br0 type bridge\nip link add veth4 type veth peer name veth5 netns squatter\n\
         ip link add veth6 type veth peer name veth7\n\
         for name in veth0 veth4 veth6; do ip link set $name master br0 up; done\nip link set br0 up\nip link set veth7 up\n\
         ip -n squatter addr add 192.0.2.50/24 dev veth5\nip -n squatter link set veth5 up\nserver policy.toml\n\
         # The client looks for the address by ARP itself.\n\
         busybox udhcpc -f -q -n -a -A 1 -t 10 -T 1 -i veth7 -s ./lease.sh -r 192.0.2.50 > client.log 2>&1\ncat lease.bound\n",
    );
    assert_eq!(ran.told("ip"), Some("192.0.2.51"), "{}\n{}", ran.printed, ran.log);
    assert_eq!(ran.logged("\"declined\""), 1, "{}", ran.log);
}

/// A second server whose offer is taken: the client tells everybody, and so this one hears of it.
#[test]
fn a_server_that_nobody_named_is_told_of() {
    let bench = bench!("ip", "busybox", "dnsmasq", "ss");
    let script = "cable\nip netns add rogue\nip link add br0 type bridge\n\
         ip link add veth4 type veth peer name veth5 netns rogue\nip link add veth6 type veth peer name veth7\n\
         for name in veth0 veth4 veth6; do ip link set $name master br0 up; done\nip link set br0 up\nip link set veth7 up\n\
         ip -n rogue addr add 192.0.2.66/24 dev veth5\nip -n rogue link set veth5 up\nserver policy.toml\n\
         ip netns exec rogue dnsmasq --no-daemon --conf-file=/dev/null --port=0 --bind-interfaces --interface=veth5 --no-ping \
            --dhcp-leasefile=/run/rogue.leases --dhcp-range=192.0.2.100,192.0.2.110,600 > dnsmasq.log 2>&1 &\n\
         waits 'ip netns exec rogue ss -uln | grep -q :67'\n\
         # Only the rogue has the address that is asked for, and the client takes what it asked for.\n\
         busybox udhcpc -f -q -n -t 10 -T 1 -i veth7 -s ./lease.sh > client.log 2>&1\ncat lease.bound\n";
    // Ours is silent towards this client, so that the other one's offer is the only one.
    let silent = "[[class]]\nname = 'not ours'\nwhen = { vendor-class = ['udhcp*'] }\ngive = { answer = false }\n";
    bench.write("policy.toml", &format!("{}{silent}", policy("")));
    let ran = bench.run(script);
    assert_eq!(ran.told("serverid"), Some("192.0.2.66"));
    assert_eq!(ran.logged("dhcp-other-server"), 1, "{}", ran.log);
    assert!(ran.log.contains("server=192.0.2.66"), "{}", ran.log);

    let bench = bench!("ip", "busybox", "dnsmasq", "ss");
    bench.write("policy.toml", &format!("{}{silent}", policy("other-servers = ['192.0.2.66']")));
    assert_eq!(bench.run(script).logged("dhcp-other-server"), 0, "it was named");
}

/// An interface that is removed and made again is served again.
#[test]
fn an_interface_that_comes_back_is_served() {
    let bench = bench!("ip", "busybox");
    bench.write("policy.toml", &policy("conflict-check = false"));
    let ran = bench.run(
        "cable\nserver policy.toml\nip link del veth0\nip link add veth0 type veth peer name veth1 netns other\n\
         ip -n other addr add 192.0.2.1/24 dev veth1\nip -n other link set veth1 up\nip link set veth0 up\n\
         busybox udhcpc -f -q -n -t 10 -T 1 -i veth0 -s ./lease.sh > client.log 2>&1\ncat lease.bound\n",
    );
    assert!(ran.told("ip").unwrap().starts_with("192.0.2.5"), "{}", ran.printed);
}
