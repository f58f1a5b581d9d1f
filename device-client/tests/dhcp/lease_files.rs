//! What DHCP clients that were not written here leave behind.

use crate::bench::{bench, list};

const NAMES: &str = "serve other br0 --no-ping --enable-ra --dhcp-range=192.0.2.50,192.0.2.59,600 --dhcp-option=6,192.0.2.53 \
    --dhcp-range=2001:db8::50,2001:db8::5f,64,600";

/// Both lists: `192.0.2.1:9443` by DHCPv4 and `[2001:db8::1]:9443` by DHCPv6.
fn servers() -> String {
    let four = list(&["https://192.0.2.1:9443"]);
    let six = list(&["https://[2001:db8::1]:9443"]);
    format!("cable\n{NAMES} --dhcp-option=143,{four} --dhcp-option=option6:136,{six}\nsettled\n")
}

fn source(path: &str) -> String {
    format!("[[sources]]\nkind = 'lease-file'\npaths = ['{path}']\n")
}

#[test]
fn dhc_02_dhclient_is_told_to_ask_and_its_file_is_read() {
    let bench = bench!("ip", "ss", "dnsmasq", "dhclient");
    bench.configure("four.toml", &source("/run/four"));
    bench.configure("six.toml", &source("/run/six"));
    bench.write(
        "dhclient.conf",
        "option sztp-redirect code 143 = string;\nalso request sztp-redirect;\n\
         option dhcp6.sztp-redirect code 136 = string;\nalso request dhcp6.sztp-redirect;\n",
    );
    let ran = bench.run(&format!(
        "{}mkdir /run/four /run/six\n\
         dhclient -4 -1 -cf dhclient.conf -sf /bin/true -lf /run/four/dhclient.veth0.leases -pf /run/four.pid veth0\n\
         dhclient -6 -1 -cf dhclient.conf -sf /bin/true -lf /run/six/dhclient6.veth0.leases -pf /run/six.pid veth0\n\
         agent four.toml\nagent six.toml\n",
        servers()
    ));
    assert_eq!(ran.tried(), ["192.0.2.1:9443", "[2001:db8::1]:9443"]);
}

#[test]
fn dhc_02_dhcpcd_is_told_to_ask_and_its_files_are_read() {
    let bench = bench!("ip", "ss", "dnsmasq", "dhcpcd");
    bench.configure("device.toml", &source("/var/lib/dhcpcd"));
    bench.write(
        "dhcpcd.conf",
        "option 143\ndefine6 136 binhex sztp_redirect\noption dhcp6_sztp_redirect\nia_na 1\nnoarp\nduid\n",
    );
    let ran = bench.run(&format!(
        "{}mount -t tmpfs tmpfs /var/lib/dhcpcd\n\
         dhcpcd -f $PWD/dhcpcd.conf -B -c /bin/true veth0 > dhcpcd.log 2>&1 &\n\
         waits 'test -s /var/lib/dhcpcd/veth0.lease && test -s /var/lib/dhcpcd/veth0.lease6'\nagent device.toml\n",
        servers()
    ));
    assert_eq!(ran.tried(), ["192.0.2.1:9443", "[2001:db8::1]:9443"]);
}

#[test]
fn dhc_02_our_script_keeps_what_udhcpc_learned() {
    let bench = bench!("ip", "ss", "dnsmasq", "udhcpc");
    bench.configure("device.toml", &source("/run/udhcpc"));
    bench.write(
        "up.sh",
        "#!/bin/sh\n[ $1 = bound ] && ip addr add $ip/$mask dev $interface && echo up with $ip\nexit 0\n",
    );
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../packaging/device/udhcpc-sztp.sh");
    let udhcpc = format!("SZTP_UDHCPC_SCRIPT=$PWD/up.sh udhcpc -i veth0 -n -q -s '{script}'");
    let ran = bench.run(&format!(
        "{}chmod +x up.sh\n{udhcpc} -O 143\nagent device.toml\ncat /run/udhcpc/veth0.env\n\
         # A client that was not told to ask has nothing to keep.\n{udhcpc}\nagent device.toml\n",
        servers()
    ));
    assert_eq!(ran.tried(), ["192.0.2.1:9443"]);
    assert!(ran.printed.contains("up with 192.0.2.5"), "the system's own script runs as well: {}", ran.printed);
    assert!(ran.printed.contains("dns=192.0.2.53\n"), "{}", ran.printed);
    let (reason, detail) = ran.refused();
    assert_eq!(reason, "dhcp-option-not-kept");
    assert!(detail.contains("/run/udhcpc/veth0.env"), "{detail}");
}
