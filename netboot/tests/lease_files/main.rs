//! Lease files beside the programs that they belong to: what dnsmasq wrote is read, and what was written here dnsmasq goes on with.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::{fs, path::Path};

use netboot::{
    lease::{
        ClientKey, Lease, Standing,
        dnsmasq::{LeaseFile, NEVER},
    },
    moment::Moment,
};
use peers::{need, network, peer::Peer, skip};

const SINCE: Moment = Moment(1);

/// Clients at one end of a cable, dnsmasq at the other with the file `leases`: one client that says who it is, one that has nothing but a MAC
/// address, and one of DHCPv6. What they got is printed.
const SCRIPT: &str = r#"
waits() { n=0; until sh -c "$1" > /dev/null 2>&1; do n=$((n + 1)); [ $n -lt 150 ] || { echo "never: $1"; cat log; exit 9; }; sleep 0.1; done; }
ip netns add server
ip link add veth0 address 02:00:5e:10:00:01 type veth peer name veth1 netns server
ip -n server addr add 192.0.2.1/24 dev veth1
ip -n server addr add 2001:db8::1/64 dev veth1 nodad
ip -n server link set veth1 up
ip link set veth0 up
waits "ip -6 addr show dev veth0 scope link -tentative | grep -q inet6"
waits "ip -n server -6 addr show dev veth1 scope link -tentative | grep -q inet6"
ip netns exec server dnsmasq --no-daemon --conf-file=/dev/null --port=0 --bind-interfaces --interface=veth1 --no-ping --enable-ra \
    --user=root --dhcp-leasefile=$PWD/leases --log-dhcp --dhcp-range=192.0.2.50,192.0.2.59,600 \
    --dhcp-range=2001:db8::50,2001:db8::5f,64,600 > log 2>&1 &
server=$!
waits "ip netns exec server ss -uln | grep -q ':67 ' && ip netns exec server ss -uln | grep -q ':547 '"
printf '#!/bin/sh\n[ "$1" != bound ] || echo "GOT $ip"\n' > got.sh
printf '#!/bin/sh\n[ -z "$new_ip6_address" ] || echo "GOT $new_ip6_address"\n' > got6.sh
chmod +x got.sh got6.sh
udhcpc -i veth0 -n -q -s $PWD/got.sh -x hostname:bmc-1
dhclient -6 -1 -D LL -cf /dev/null -sf $PWD/got6.sh -lf /run/six.leases -pf /run/six.pid veth0
ip link set veth0 down
ip link set veth0 address 02:00:5e:10:00:02
ip link set veth0 up
udhcpc -i veth0 -n -q -C -s $PWD/got.sh
kill $server
wait $server || true
"#;

/// What the clients got: with an identifier, by DHCPv6, and by MAC address alone.
fn run(unshare: &Peer, folder: &Path) -> Vec<String> {
    let ran = network::run(unshare, folder, 120, SCRIPT);
    let printed = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{printed}{}", String::from_utf8_lossy(&ran.stderr));
    let got: Vec<_> = printed.lines().filter_map(|line| line.strip_prefix("GOT ")).map(str::to_owned).collect();
    assert_eq!(got.len(), 3, "{printed}{}", String::from_utf8_lossy(&ran.stderr));
    got
}

fn read(folder: &Path) -> LeaseFile {
    let text = fs::read_to_string(folder.join("leases")).unwrap();
    let file = LeaseFile::read(&text, SINCE);
    assert_eq!((file.odd.as_slice(), file.leases.len()), (&[][..], 3), "{text}");
    assert!(file.server_duid.is_some(), "{text}");
    file
}

fn has(file: &LeaseFile, address: &str) -> Lease {
    file.leases.iter().find(|lease| lease.address == address.parse::<std::net::IpAddr>().unwrap()).unwrap().clone()
}

#[test]
fn dnsmasq_and_we_go_on_with_each_others_leases() {
    let _programs = [need!("ip"), need!("ss"), need!("dnsmasq"), need!("udhcpc"), need!("dhclient")];
    let unshare = need!("unshare");
    if !network::can_run(&unshare) {
        skip!("networks of one's own cannot be made here");
    }
    let folder = tempfile::tempdir().unwrap();
    let got = run(&unshare, folder.path());
    let mut file = read(folder.path());
    let named = has(&file, &got[0]);
    assert_eq!(named.client.identifier(), Some(&[1, 2, 0, 0x5e, 0x10, 0, 1][..]));
    assert_eq!(named.host_name.as_deref(), Some("bmc-1"));
    let duid = has(&file, &got[1]).client;
    assert_eq!(duid.identifier(), Some(&[0, 3, 0, 1, 2, 0, 0x5e, 0x10, 0, 1][..]));
    let plain = has(&file, &got[2]);
    assert_eq!((plain.client.identifier(), plain.mac.unwrap().to_string().as_str()), (None, "02:00:5e:10:00:02"));
    assert!(file.leases.iter().all(|lease| lease.holds(Moment(named.expires.0 - 1)) && lease.expires != NEVER));

    // Each gets the address that our file gives it, and not the one that it had or would be given.
    let far = ["192.0.2.51", "2001:db8::5d", "192.0.2.52"];
    for (lease, address) in got.iter().zip(far) {
        let lease = file.leases.iter_mut().find(|it| it.address.to_string() == *lease).unwrap();
        (lease.address, lease.expires) = (address.parse().unwrap(), NEVER);
    }
    assert!(got.iter().zip(far).all(|(before, after)| before != after), "{got:?}");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("leases"), file.text()).unwrap();
    assert_eq!(run(&unshare, folder.path()), far);
    let after = read(folder.path());
    assert_eq!(after.server_duid, file.server_duid);
    for lease in &file.leases {
        assert_eq!(has(&after, &lease.address.to_string()).client, lease.client);
    }
}

/// A dnsmasq that takes over: `leases` is what an export gave it, and the client has an address from before, whose time to renew has come.
/// Should nobody answer under the name that it knows, it asks everybody two seconds later.
const TAKEN_OVER: &str = r#"
waits() { n=0; until sh -c "$1" > /dev/null 2>&1; do n=$((n + 1)); [ $n -lt 150 ] || { echo "never: $1"; cat log client.log; exit 9; }; sleep 0.1; done; }
ip netns add server
ip link add veth0 address 02:00:5e:10:00:01 type veth peer name veth1 netns server
ip -n server addr add 2001:db8::1/64 dev veth1 nodad
ip -n server link set veth1 up
ip link set veth0 up
waits "ip -6 addr show dev veth0 scope link -tentative | grep -q inet6"
waits "ip -n server -6 addr show dev veth1 scope link -tentative | grep -q inet6"
ip netns exec server dnsmasq --no-daemon --conf-file=/dev/null --port=0 --bind-interfaces --interface=veth1 --enable-ra \
    --user=root --dhcp-leasefile=$PWD/leases --log-dhcp --dhcp-range=2001:db8::50,2001:db8::5f,64,600 > log 2>&1 &
server=$!
waits "ip netns exec server ss -uln | grep -q ':547 '"
printf '#!/bin/sh\n[ -z "$new_ip6_address" ] || echo "$reason $new_ip6_address" >> told\n' > told.sh
chmod +x told.sh
began=$(($(date +%s) - 1000))
cat > /run/six.leases <<END
lease6 {
  interface "veth0";
  ia-na 5e:10:00:01 {
    starts $began;
    renew 500;
    rebind 1004;
    iaaddr 2001:db8::5d {
      starts $began;
      preferred-life 3000;
      max-life 4000;
    }
  }
  option dhcp6.client-id 0:3:0:1:2:0:5e:10:0:1;
  option dhcp6.server-id 0:3:0:1:2:0:5e:10:0:fe;
}
END
dhclient -6 -d -D LL -cf /dev/null -sf $PWD/told.sh -lf /run/six.leases -pf /run/six.pid veth0 > client.log 2>&1 &
client=$!
waits "grep -Eq '(RENEW6|REBIND6)' told"
kill $client $server
wait $server || true
grep -E '(RENEW6|REBIND6)' told
"#;

/// An export with leases of IPv6 names the server under which they were lent: dnsmasq answers a renewal that is meant for that one.
#[test]
fn dnsmasq_goes_on_under_the_name_that_clients_know() {
    let _programs = [need!("ip"), need!("ss"), need!("dnsmasq"), need!("dhclient")];
    let unshare = need!("unshare");
    if !network::can_run(&unshare) {
        skip!("networks of one's own cannot be made here");
    }
    let duid = [0, 3, 0, 1, 2, 0, 0x5e, 0x10, 0];
    let lease = Lease {
        address: "2001:db8::5d".parse().unwrap(),
        client: ClientKey::v6(&[&duid[..], &[1]].concat(), 0x5e10_0001),
        mac: None,
        host_name: None,
        standing: Standing::Lent,
        since: SINCE,
        expires: NEVER,
    };
    let server_duid = [&duid[..], &[0xfe]].concat();
    for (name, said) in [(Some(server_duid.clone()), "RENEW6 2001:db8::5d"), (None, "REBIND6 2001:db8::5d")] {
        let folder = tempfile::tempdir().unwrap();
        let file = LeaseFile { server_duid: name.clone(), leases: vec![lease.clone()], ..LeaseFile::default() };
        fs::write(folder.path().join("leases"), file.text()).unwrap();
        let ran = network::run(&unshare, folder.path(), 60, TAKEN_OVER);
        let printed = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(ran.status.success(), "{printed}{}", String::from_utf8_lossy(&ran.stderr));
        assert_eq!(printed.lines().next(), Some(said), "{name:?}");
        let after = LeaseFile::read(&fs::read_to_string(folder.path().join("leases")).unwrap(), SINCE);
        assert_eq!((after.odd.len(), has(&after, "2001:db8::5d").client), (0, lease.client.clone()));
        assert_eq!(after.server_duid == Some(server_duid.clone()), name.is_some(), "without it, dnsmasq makes its own");
    }
}
