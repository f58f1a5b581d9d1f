//! Whether somebody has an address (RFC 2131 §3.1, §4.3.1).

use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

use dhcp::v4::MacAddress;
use netboot::io::{Evidence, Finding, NotAsked, ProbeSettings, Prober};

use crate::bench::{CABLE, Working, inside, ip, other};

const PEER: MacAddress = MacAddress([2, 0, 0, 0, 0, 0x12]);

fn settings(interface: Option<&str>) -> ProbeSettings {
    let interface = interface.map(str::to_owned);
    ProbeSettings { interface, time_limit: Duration::from_secs(1), most: 100 }
}

const fn address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, last)
}

async fn find(prober: &mut Prober, addresses: &[Ipv4Addr]) -> BTreeMap<Ipv4Addr, Finding> {
    for address in addresses {
        prober.ask(*address).unwrap();
    }
    let mut found = BTreeMap::new();
    for _ in addresses {
        let probed = prober.next().await;
        assert_eq!(found.insert(probed.address, probed.finding), None, "told once");
    }
    found
}

#[test]
fn an_address_in_use_is_seen_and_a_free_one_is_free() {
    inside!(CABLE, || async {
        let in_use = |evidence, hardware| Finding::InUse { evidence, hardware };
        let mut anywhere = Prober::open(settings(None));
        assert!(anywhere.is_on());
        let found = find(&mut anywhere, &[address(77), address(2), address(1)]).await;
        assert_eq!(found[&address(77)], Finding::Free);
        assert_eq!(found[&address(2)], in_use(Evidence::EchoReply, None));
        assert_eq!(found[&address(1)], in_use(Evidence::EchoReply, None), "our own");

        let mut on_the_link = Prober::open(settings(Some("veth0")));
        let found = find(&mut on_the_link, &[address(77), address(2)]).await;
        assert_eq!(found[&address(77)], Finding::Free);
        assert_eq!(found[&address(2)], in_use(Evidence::EchoReply, Some(PEER)));

        // A host that answers no echo, as many do.
        let mute = "echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all && ip addr add 192.0.2.3/24 dev veth1";
        assert!(other("sh", &["-c", mute]).status().unwrap().success());
        let found = find(&mut on_the_link, &[address(3), address(78)]).await;
        assert_eq!(found[&address(3)], in_use(Evidence::Arp, Some(PEER)));
        assert_eq!(found[&address(78)], Finding::Free);
        assert_eq!(find(&mut anywhere, &[address(4)]).await[&address(4)], Finding::Free);

        // It leaves, and its address with it: what ARP knew before does not count.
        ip("-n other addr del 192.0.2.3/24 dev veth1");
        ip("neigh replace 192.0.2.3 lladdr 02:00:00:00:00:12 nud stale dev veth0");
        assert_eq!(find(&mut on_the_link, &[address(3)]).await[&address(3)], Finding::Free);
    });
}

#[test]
fn many_are_asked_for_at_once_and_no_more_than_many() {
    inside!(CABLE, || async {
        for last in [20, 50, 90] {
            ip(&format!("-n other addr add 192.0.2.{last}/24 dev veth1"));
        }
        let mut prober = Prober::open(settings(None));
        let addresses: Vec<_> = (10..110).map(address).collect();
        for address in &addresses {
            prober.ask(*address).unwrap();
        }
        assert!(matches!(prober.ask(address(200)), Err(NotAsked::Full)));
        prober.ask(address(10)).unwrap();
        let mut in_use = Vec::new();
        for _ in &addresses {
            let probed = prober.next().await;
            if probed.finding != Finding::Free {
                in_use.push(probed.address);
            }
        }
        in_use.sort_unstable();
        assert_eq!(in_use, [address(20), address(50), address(90)]);
        // Every place is free again.
        assert_eq!(find(&mut prober, &addresses).await.len(), 100);
    });
}

#[test]
fn only_the_very_answer_counts() {
    let _python = peers::need!("python3");
    inside!(CABLE, || async {
        // Nobody has these addresses, but somebody hears what is sent to them.
        for last in [77, 79] {
            ip(&format!("neigh add 192.0.2.{last} lladdr {PEER} dev veth0"));
        }
        let mut forger = Working::python(
            "import socket, struct
frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x800))
frames.bind(('veth1', 0))
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
def checksum(data):
    total = sum(struct.unpack('>%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
def say(source, body, kind=0):
    icmp = struct.pack('>BBH', kind, 0, checksum(bytes([kind, 0, 0, 0]) + body)) + body
    header = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(icmp), 1, 0, 64, 1, 0,
                         socket.inet_aton(source), socket.inet_aton('192.0.2.1'))
    raw.sendto(header + icmp, ('192.0.2.1', 0))
print('ready', flush=True)
while True:
    packet = frames.recv(9999)[14:]
    if packet[9] != 1 or packet[20] != 8: continue
    asked, body = socket.inet_ntoa(packet[16:20]), packet[24:]
    if asked == '192.0.2.77':
        for at in range(len(body)):
            say(asked, body[:at] + bytes([body[at] ^ 1]) + body[at + 1:])
        say('192.0.2.78', body)
        say(asked, body, kind=8)
        say(asked, body + bytes(2))
    else:
        say(asked, body)
    print(asked, flush=True)",
        );
        let mut prober = Prober::open(settings(None));
        prober.ask(address(77)).unwrap();
        assert_eq!(forger.line(), "192.0.2.77");
        assert_eq!(prober.next().await.finding, Finding::Free);
        prober.ask(address(79)).unwrap();
        assert_eq!(forger.line(), "192.0.2.79");
        let found = prober.next().await.finding;
        assert!(matches!(found, Finding::InUse { evidence: Evidence::EchoReply, .. }), "{found:?}");
    });
}

#[test]
fn without_the_privilege_it_is_off() {
    let _setpriv = peers::need!("setpriv");
    inside!(CABLE, "setpriv --bounding-set=-net_raw --inh-caps=-net_raw --", || async {
        let mut prober = Prober::open(settings(None));
        assert!(!prober.is_on());
        assert!(matches!(prober.ask(address(2)), Err(NotAsked::Off)));
    });
}

#[test]
fn an_interface_that_goes_down_stops_nothing() {
    inside!(CABLE, || async {
        let mut prober = Prober::open(settings(Some("veth0")));
        prober.ask(address(77)).unwrap();
        ip("link set veth0 down");
        assert!(matches!(prober.ask(address(2)), Err(NotAsked::Send(_))));
        assert_eq!(prober.next().await.finding, Finding::Free);
        ip("link set veth0 up");
        // Until both ends of the cable know that it is whole again, nobody is heard.
        while find(&mut prober, &[address(2)]).await[&address(2)] == Finding::Free {}
    });
}
