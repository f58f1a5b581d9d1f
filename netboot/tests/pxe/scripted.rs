//! A client that says what firmware says.

use crate::bench::{Ran, bench};

const PROXY: &str = "mode = 'proxy'\ninterfaces = ['eth0']\n\
    [give]\nnext-server = '192.0.2.1'\n\
    [[class]]\nname = 'ipxe'\nwhen = { user-class = ['iPXE'] }\ngive = { boot-file = 'boot.ipxe' }\n\
    [[class]]\nname = 'http'\nwhen = { vendor-class = ['HTTPClient:*'] }\ngive = { boot-file = 'http://192.0.2.1/x.efi' }\n\
    [[class]]\nname = 'uefi'\nwhen = { architecture = [7] }\n\
    give = { boot-file = 'x.efi', pxe = { menu = [{ item = 32768, text = 'Install', boot-file = 'install.efi' }] } }\n";

/// The lines that came from one server.
fn from<'r>(ran: &'r Ran, server: &str) -> Vec<&'r str> {
    let mark = format!(" from={server} ");
    ran.printed.lines().filter(|line| line.contains(&mark)).collect()
}

/// NET-07: the address comes from dnsmasq, what to boot from the proxy, in the same exchange; then port 4011, by its address and by broadcast.
#[test]
fn net_07_dnsmasq_gives_the_address_and_the_proxy_says_what_to_boot() {
    let bench = bench!("ip", "ss", "dnsmasq");
    bench.write("proxy.toml", PROXY);
    let ran = bench.run(
        60,
        "plug firmware\nserved addresses\nserve proxy proxy.toml\n\
         ip netns exec firmware \"$CLIENT\" discover eth0 PXEClient:Arch:00007:UNDI:003000 7\n\
         ip -n firmware addr add 192.0.2.77/24 dev eth0\n\
         for server in 192.0.2.2 255.255.255.255; do\n\
            ip netns exec firmware \"$CLIENT\" choose $server 192.0.2.77 PXEClient:Arch:00007:UNDI:003000 32768 0\n\
         done\n",
    );
    let [offer, ack] = from(&ran, "192.0.2.1")[..] else { panic!("{}", ran.printed) };
    for line in [offer, ack] {
        assert!(line.contains("to-me=192.0.2.5") && line.contains("file= class= lines=0"), "{line}");
    }
    let chosen = "to-me=0.0.0.0 siaddr=192.0.2.1 file=install.efi class=PXEClient lines=0 chosen=32768.0";
    assert_eq!(
        from(&ran, "192.0.2.2"),
        [
            "DHCPOFFER from=192.0.2.2 to-me=0.0.0.0 siaddr=192.0.2.1 file=x.efi class=PXEClient lines=1 chosen=",
            &format!("DHCPACK from=192.0.2.2 {chosen}"),
            &format!("DHCPACK from=192.0.2.2 {chosen}"),
        ]
    );
    let log = &ran.logs[1];
    assert!(log.contains("boot-offered") && log.contains("boot-served"), "{log}");
    assert!(!log.contains("other-server"), "the address server is no news: {log}");
}

/// NET-07, NET-08: each kind of client hears what is for it, and a system that is up hears nothing but from dnsmasq.
#[test]
fn net_07_each_kind_of_client_hears_what_is_for_it() {
    let bench = bench!("ip", "ss", "dnsmasq");
    bench.write("proxy.toml", PROXY);
    let ran = bench.run(
        60,
        "plug firmware\nserved addresses\nserve proxy proxy.toml\n\
         discover() { ip netns exec firmware \"$CLIENT\" discover eth0 \"$@\"; }\n\
         # The proxy answers in turn: who hears nothing comes before who does.\n\
         discover udhcp 0\n\
         discover PXEClient:Arch:00000:UNDI:002001 0\n\
         discover PXEClient:Arch:00007:UNDI:003010 7 iPXE\n\
         discover HTTPClient:Arch:00016:UNDI:003000 16\n",
    );
    assert_eq!(from(&ran, "192.0.2.1").len(), 8, "{}", ran.printed);
    assert_eq!(
        from(&ran, "192.0.2.2"),
        [
            "DHCPOFFER from=192.0.2.2 to-me=0.0.0.0 siaddr=192.0.2.1 file=boot.ipxe class=PXEClient lines=0 chosen=",
            "DHCPOFFER from=192.0.2.2 to-me=0.0.0.0 siaddr=192.0.2.1 file=http://192.0.2.1/x.efi class=HTTPClient lines=0 chosen=",
        ]
    );
}

/// NET-07: one server that gives addresses, the menu, and answers for it.
#[test]
fn net_07_a_server_by_itself_shows_the_menu_and_answers_for_it() {
    let bench = bench!("ip", "ss");
    bench.write(
        "server.toml",
        "interfaces = ['eth0']\nconflict-check = false\n\
         [give.pxe]\nmenu = [{ item = 0, text = 'Disk' }, { item = 32768, text = 'Install', boot-file = 'install.efi' }]\n\
         [[subnet]]\nnetwork = '192.0.2.0/24'\npools = [{ first = '192.0.2.60', last = '192.0.2.60' }]\n",
    );
    let ran = bench.run(
        60,
        "plug firmware\nserve proxy server.toml\n\
         ip netns exec firmware \"$CLIENT\" discover eth0 PXEClient:Arch:00007:UNDI:003000 7\n\
         ip -n firmware addr add 192.0.2.60/24 dev eth0\n\
         ip netns exec firmware \"$CLIENT\" choose 192.0.2.2 192.0.2.60 PXEClient:Arch:00007:UNDI:003000 32768 0\n",
    );
    let expected = [
        "DHCPOFFER from=192.0.2.2 to-me=192.0.2.60 siaddr=0.0.0.0 file= class=PXEClient lines=2 chosen=",
        "DHCPACK from=192.0.2.2 to-me=192.0.2.60 siaddr=0.0.0.0 file= class=PXEClient lines=2 chosen=",
        "DHCPACK from=192.0.2.2 to-me=0.0.0.0 siaddr=192.0.2.2 file=install.efi class=PXEClient lines=0 chosen=32768.0",
    ];
    assert_eq!(from(&ran, "192.0.2.2"), expected);
}
