//! Interfaces that come and go, and servers that nobody told of.

use crate::{
    bench::bench,
    clients::{DHCLIENT, POLICY, START, TAKE},
};

#[test]
fn an_interface_that_comes_back_is_served_again() {
    for interfaces in ["", "interfaces = ['up0']\n", "interfaces = ['up0', 'up7']\n"] {
        let bench = bench!("ip", "dhclient");
        bench.write("policy.toml", &format!("{interfaces}{POLICY}"));
        bench.write("client.conf", DHCLIENT);
        bench.write("take", TAKE);
        let ran = bench.run(&format!(
            "cable\nserve\nip link del veth0\nwaits '! ip -n other link show up0'\nplug\n{START}: > leases\nclient -1\nip -6 addr show dev veth0 scope global\n"
        ));
        assert!(ran.printed.contains("inet6 2001:db8::5"), "{interfaces}: {}", ran.printed);
    }
}

#[test]
fn a_second_server_is_noticed_when_a_client_takes_its_offer() {
    let bench = bench!("ip", "ss", "dhclient", "dnsmasq");
    bench.write("policy.toml", &format!("strangers = 'ignore'\n{POLICY}"));
    bench.write("client.conf", DHCLIENT);
    bench.write("take", TAKE);
    let ran = bench.run(&format!(
        "ip link add br0 type bridge\nip link add veth0 type veth peer name port0\n\
         for name in other third; do\n\
             ip netns add $name\n\
             ip link add to-$name type veth peer name up0 netns $name\n\
             ip -n $name link set lo up\n\
             ip link set to-$name master br0 up\n\
         done\n\
         ip link set port0 master br0 up\nip link set br0 up\nip link set veth0 up\n\
         ip -n other addr add 2001:db8::1/64 dev up0 nodad\nip -n third addr add 2001:db8::3/64 dev up0 nodad\n\
         for name in other third; do ip -n $name link set up0 up; linked $name up0; done\n\
         serve\n\
         ip netns exec third dnsmasq --no-daemon --conf-file=/dev/null --port=0 --bind-interfaces --interface=up0 \
             --dhcp-range=2001:db8::70,2001:db8::7f,64,600 --dhcp-leasefile=/run/leases > relay.log 2>&1 &\n\
         waits \"ip netns exec third ss -uln | grep -q ':547 '\"\n\
         {START}: > leases\nclient -1\nlogged 'event=\"other-server\"'\nip -6 addr show dev veth0 scope global\n"
    ));
    assert!(ran.printed.contains("inet6 2001:db8::7"), "{}", ran.printed);
    assert!(ran.log.contains("dhcp-other-server") && !ran.log.contains("granted"), "{}", ran.log);
}
