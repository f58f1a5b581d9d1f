//! A multicast DNS responder that others wrote: avahi.

use std::{fs, thread};

use conveyed_info::discovery::dns::{SrvRecord, publish};
use peers::{need, network};

use crate::{
    bus::{Bus, Record},
    site::{Run, SERIAL, Site, onboarding},
};

/// avahi wants a bus and a user of its own; here everybody is root.
const AVAHI: &str = "\
for name in root avahi messagebus; do
    echo \"$name:x:0:0::/:/bin/sh\" >> passwd
    echo \"$name:x:0:\" >> group
done
echo netdev:x:0: >> group
mount --bind passwd /etc/passwd
mount --bind group /etc/group
mkdir -p /run/avahi-daemon
cat > bus.conf <<END
<busconfig>
  <type>system</type>
  <listen>unix:path=$PWD/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context=\"default\">
    <allow user=\"*\"/><allow own=\"*\"/><allow send_type=\"method_call\"/><allow send_type=\"signal\"/>
    <allow receive_type=\"method_call\"/><allow receive_type=\"method_return\"/>
    <allow receive_type=\"signal\"/><allow receive_type=\"error\"/><allow send_destination=\"*\"/>
  </policy>
</busconfig>
END
cat > avahi.conf <<END
[server]
host-name=boot
use-ipv4=yes
use-ipv6=${IPV6:-yes}
allow-interfaces=veth1
[publish]
publish-workstation=no
END
dbus-daemon --config-file=bus.conf --nofork --nopidfile >bus.log 2>&1 &
for _ in $(seq 200); do [ -S bus ] && break; sleep 0.05; done
DBUS_SYSTEM_BUS_ADDRESS=unix:path=$PWD/bus ip netns exec other \\
    avahi-daemon --no-drop-root --no-chroot --no-rlimits -f avahi.conf >avahi.log 2>&1 &
await published yes
";

macro_rules! peers {
    () => {{
        let (unshare, _, _, _) = (need!("unshare"), need!("ip"), need!("avahi-daemon"), need!("dbus-daemon"));
        if !network::can_run(&unshare) {
            peers::skip!("no network namespace can be made here");
        }
        unshare
    }};
}

/// Runs the device beside an avahi that publishes `records`.
fn run(site: &Site, unshare: &peers::peer::Peer, before: &str, records: &[Record]) -> Run {
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut bus = Bus::join(&site.path("bus"));
            bus.publish(records);
            fs::write(site.path("published"), "yes\n").unwrap();
            // The records stay as long as we are on the bus.
            is_done.recv().unwrap_err();
        });
        let run = site.run(unshare, &[before, AVAHI].concat(), "");
        drop(done);
        run
    })
}

fn data(site: &Site, octets: usize) -> Vec<Record> {
    let name = format!("{SERIAL}._sztp.local");
    let published = publish(name.parse().unwrap(), &site.signed(&onboarding(octets))).unwrap();
    let record = |rdata| Record { name: name.clone(), kind: 16, rdata };
    published.records().iter().map(|it| record(it.rdata())).collect()
}

fn server() -> Record {
    let server = SrvRecord { priority: 0, weight: 0, port: 8443, target: "boot.local".parse().unwrap() };
    Record { name: "_sztp._tcp.local".to_owned(), kind: 33, rdata: server.rdata() }
}

/// DNS-03, DNS-06: each artifact in a record of its own, which do not all fit into one packet. (avahi sends no record that
/// is longer than a packet of its interface.)
#[test]
fn dns_03_signed_data_on_the_link_is_found_verified_and_applied() {
    let unshare = peers!();
    let site = Site::new("");
    let records = data(&site, 0);
    assert!(records.iter().map(|record| record.rdata.len()).sum::<usize>() > 1500);
    let run = run(&site, &unshare, "", &records);
    assert_eq!(run.code, Some(0), "{}", run.told());
    assert_eq!(site.configuration()["hostname"], "leaf-1");
    assert_eq!(run.details("source-asked").len(), 1, "nothing else was asked: {}", run.told());
    let place = run.places("data-accepted")[0];
    assert!(place.starts_with("SN-42._sztp.local. at "), "{place}");
}

/// DNS-05, DNS-13, DNS-15: a server on the link, with the address that the responder gave along.
#[test]
fn dns_15_a_server_on_the_link_is_contacted_at_the_address_that_came_along() {
    let unshare = peers!();
    let site = Site::new("interface = 'veth0'");
    // avahi makes sure of its own addresses one by one: with IPv6 it may give that of the link first and alone.
    let run = run(&site, &unshare, "IPV6=no\n", &[server()]);
    assert_eq!(run.places("server-passed-over"), ["boot.local:8443"], "{}", run.told());
    assert!(run.details("server-passed-over")[0].contains(":8443: "), "{}", run.told());
    assert_eq!(run.reasons("server-passed-over"), ["server-unreachable"], "{}", run.told());
    assert_eq!(run.code, Some(5));
}

/// RFC 6762 §6.7: where another program keeps the port of multicast DNS to itself, the answer comes as to any resolver.
#[test]
fn dns_05_a_device_whose_multicast_port_is_taken_is_answered_all_the_same() {
    need!("socat");
    let unshare = peers!();
    let site = Site::new("interface = 'veth0'");
    let taken = "\
socat -u UDP4-RECV:5353 OPEN:taken4,creat &
socat -u UDP6-RECV:5353,ipv6only OPEN:taken6,creat &
for _ in $(seq 200); do [ -e taken4 ] && [ -e taken6 ] && break; sleep 0.05; done
";
    let run = run(&site, &unshare, taken, &[server()]);
    assert_eq!(run.places("server-passed-over"), ["boot.local:8443"], "{}", run.told());
}
