//! An address and its options, by every client that is to be had.

use crate::bench::{bench, option_143, policy};

/// Obtains a lease with busybox's client, and prints what it was told.
const UDHCPC: &str = "busybox udhcpc -f -q -n -t 10 -T 1 -i veth0 -s ./lease.sh";

#[test]
fn dhc_02_udhcpc_gets_an_address_and_option_143() {
    let bench = bench!("ip", "busybox");
    let boot = "[[class]]\nname = 'busybox'\nwhen = { vendor-class = ['udhcp *'] }\n\
                give = { next-server = '192.0.2.1', boot-file = 'boot.scr.uimg', lease-seconds = 7200 }\n";
    bench.write(
        "policy.toml",
        &format!("{}{boot}", policy("give.bootstrap-send = 'when-asked'").replace("[give]\n", "give.")),
    );
    let ran = bench.run(&format!(
        "cable\nserver policy.toml\n{UDHCPC} -O 143 > client.log 2>&1\ncat lease.bound\nmv lease.bound first\n\
         {UDHCPC} >> client.log 2>&1\nsed 's/^/silent_/' lease.bound\n"
    ));
    let address = ran.told("ip").unwrap();
    assert!(address.starts_with("192.0.2.5"), "{address}");
    for (name, expected) in [
        ("opt143", option_143().as_str()),
        ("lease", "7200"),
        ("mask", "24"),
        ("router", "192.0.2.1"),
        ("dns", "192.0.2.53"),
        ("domain", "example.net"),
        ("siaddr", "192.0.2.1"),
        ("boot_file", "boot.scr.uimg"),
        // The same client again: the same address, and without asking no option 143.
        ("silent_ip", address),
    ] {
        assert_eq!(ran.told(name), Some(expected), "{name}: {}", ran.printed);
    }
    assert_eq!(ran.told("silent_opt143"), None);
}

/// RFC 2131 §4.4.5: half of the lease is over, the client renews by unicast, and is given as long again.
#[test]
fn a_lease_is_renewed_and_released() {
    let bench = bench!("ip", "busybox", "python3");
    let short = policy("").replace("give = { routers", "give = { lease-seconds = 10, routers");
    bench.write("policy.toml", &short);
    let ran = bench.run(
        "cable\nserver policy.toml\nwatched veth0\nbusybox udhcpc -f -R -t 10 -T 1 -i veth0 -s ./lease.sh > client.log 2>&1 &\n\
         client=$!\nwaits 'test -e lease.renew'\nkill -TERM $client\nlogged released\ncat lease.renew capture\n",
    );
    assert_eq!(ran.told("lease"), Some("10"));
    assert_eq!((ran.logged("\"offered\""), ran.logged("\"granted\""), ran.logged("\"released\"")), (1, 2, 1));
    // The renewal goes from the client's address to the server's, and the answer back: a frame of Ethernet, IPv4, UDP 67 to 68.
    let unicast = ran.printed.lines().any(|frame| frame.contains("0800") && frame.contains("c0000201c000023"));
    assert!(unicast, "{}", ran.printed);
}

#[test]
fn dhc_02_dhclient_gets_an_address_and_option_143() {
    let bench = bench!("ip", "dhclient");
    bench.write("policy.toml", &policy(""));
    bench.write("dhclient.conf", "option sztp code 143 = string;\nrequest subnet-mask, routers, sztp;\n");
    let ran = bench.run(
        "cable\nserver policy.toml\n\
         dhclient -1 -v -cf dhclient.conf -lf /run/leases -pf /run/pid -sf /bin/true veth0 > client.log 2>&1\ncat /run/leases\n",
    );
    assert!(ran.printed.contains("fixed-address 192.0.2.5"), "{}", ran.printed);
    assert!(ran.printed.contains("option routers 192.0.2.1;"), "{}", ran.printed);
    // dhclient shows octets without leading zeros: two of them are the length of the first URI.
    assert!(ran.printed.contains("option sztp 0:1e:68:74:74:70:73:"), "{}", ran.printed);
}

#[test]
fn dhc_02_dhcpcd_gets_an_address_in_two_messages() {
    let bench = bench!("ip", "dhcpcd");
    bench.write("policy.toml", &policy(""));
    bench.write(
        "dhcpcd.conf",
        "define 143 binhex sztp\noption routers, sztp\noption rapid_commit\nnoipv6\nnoarp\nscript /bin/true\n",
    );
    let ran = bench.run(
        "cable\nserver policy.toml\nmkdir -p /run/dhcpcd /run/lib\nmount --bind /run/lib /var/lib/dhcpcd\n\
         dhcpcd -1 -4 -t 15 -f \"$PWD/dhcpcd.conf\" veth0 > client.log 2>&1\nip -4 addr show dev veth0\n\
         # Its lease file is the message as it came.\n\
         od -An -v -tx1 /var/lib/dhcpcd/veth0.lease | tr -d ' \\n'\n",
    );
    assert!(ran.printed.contains("inet 192.0.2.5"), "{}", ran.printed);
    // RFC 4039: no offer, the lease at once.
    assert_eq!((ran.logged("\"offered\""), ran.logged("\"granted\"")), (0, 1), "{}", ran.log);
    assert!(ran.printed.contains(&format!("8f37{}", option_143())), "{}", ran.printed);
}

/// systemd-networkd keeps options 224 to 254 only: that it is given option 143 is seen on the wire.
#[test]
fn dhc_02_systemd_networkd_gets_an_address_and_option_143_on_the_wire() {
    let bench = bench!("ip", "python3", "systemd-analyze");
    bench.write("policy.toml", &policy("give.bootstrap-send = 'when-asked'").replace("[give]\n", "give."));
    bench.write(
        "10-veth0.network",
        "[Match]\nName=veth0\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n[DHCPv4]\nRequestOptions=143\n",
    );
    let ran = bench.run(
        "cable\nserver policy.toml\nwatched veth0\nnetworkd 10-veth0.network\n\
         waits 'ip -4 addr show dev veth0 | grep -q \"inet 192.0.2.5\"'\ncat capture /run/systemd/netif/leases/*\n",
    );
    assert_eq!(ran.told("SERVER_ADDRESS"), Some("192.0.2.1"));
    assert!(ran.printed.contains(&format!("8f37{}", option_143())), "{}", ran.printed);
}
