//! Name servers that others wrote: nsd and dnsmasq.

use conveyed_info::{
    discovery::dns::publish,
    information::{BootstrapServer, Information, RedirectInformation},
};
use device_client::dns::question::Kind;
use peers::{need, network};

use crate::{
    capture::{self, packets},
    site::{Run, SERIAL, Site, onboarding, unsigned},
};

/// Where the device's name server is.
const NAME_SERVER: &str = "192.0.2.53:53";

/// A source that asks the name server of [`nsd`] alone.
const SOURCE: &str = "servers = ['192.0.2.53']\ndomains = ['example.net']\nmulticast = false";

const NSD: &str = "\
cat > nsd.conf <<END
server:
  ip-address: 192.0.2.53
  username: \"\"
  chroot: \"\"
  pidfile: \"\"
  database: \"\"
  zonesdir: \"$PWD\"
  xfrdfile: \"$PWD/xfrd\"
  zonelistfile: \"$PWD/zones\"
  xfrdir: \"$PWD\"
  logfile: \"$PWD/nsd.log\"
remote-control:
  control-enable: no
zone:
  name: example.net
  zonefile: zone
END
ip netns exec other nsd -d -c nsd.conf >nsd.out 2>&1 &
await nsd.log 'nsd started'
";

fn zone(records: &str) -> String {
    format!(
        "$ORIGIN example.net.\n$TTL 60\n@ IN SOA ns.example.net. hostmaster.example.net. 1 3600 600 86400 60\n\
         @ IN NS ns.example.net.\nns IN A 192.0.2.53\n{records}\n"
    )
}

macro_rules! peers {
    () => {{
        let (unshare, _, _) = (need!("unshare"), need!("ip"), need!("socat"));
        if !network::can_run(&unshare) {
            peers::skip!("no network namespace can be made here");
        }
        unshare
    }};
}

fn name() -> conveyed_info::discovery::dns::Name {
    format!("{SERIAL}._sztp.example.net").parse().unwrap()
}

/// How many connections over TCP the device opened to the name server.
fn connections(site: &Site) -> usize {
    let packets = packets(&site.read("captured"));
    packets.iter().filter(|packet| packet.opens_connection() && packet.to == NAME_SERVER.parse().unwrap()).count()
}

/// DNS-06, DNS-08, DNS-09, DNS-12: raw artifacts of three sizes, in as many strings as they need; what does not fit into
/// a datagram of 1232 octets comes over TCP.
#[test]
fn dns_06_signed_data_in_txt_records_is_found_verified_and_applied() {
    need!("nsd");
    let unshare = peers!();
    for octets in [0, 5000, 40_000] {
        let site = Site::new(SOURCE);
        let data = site.signed(&onboarding(octets));
        let records = publish(name(), &data).unwrap().zone_file(60);
        site.write("zone", &zone(&format!("{records}{SERIAL}._sztp IN TXT \"foo=bar\"")));
        let run = site.run(&unshare, &[NSD, capture::BEGIN].concat(), capture::END);
        assert_eq!(run.code, Some(0), "{}", run.told());
        assert_eq!(site.configuration()["hostname"], "leaf-1");
        assert_eq!(run.places("data-accepted"), ["SN-42._sztp.example.net. at 192.0.2.53"]);
        assert_eq!(connections(&site), 1, "{}", site.read("captured"));
        // Nobody hears of progress: there is nobody (DNS-17).
        assert_eq!(run.details("report-sent"), [""; 0]);
    }
}

/// DNS-01: the content decides, not who gave it.
#[test]
fn dns_01_unsigned_onboarding_information_is_refused() {
    need!("nsd");
    let unshare = peers!();
    let site = Site::new(SOURCE);
    let data = unsigned(&onboarding(300));
    let records = publish(name(), &data).unwrap().zone_file(60);
    // DNS-10: case is ignored.
    site.write("zone", &zone(&records.replace("\"ci=", "\"CI=")));
    let run = site.run(&unshare, &[NSD, capture::BEGIN].concat(), capture::END);
    assert_eq!(run.code, Some(3), "{}", run.told());
    assert_eq!(run.reasons("server-passed-over"), ["unsigned-onboarding-untrusted"]);
    assert_eq!(site.configuration(), serde_json::json!({}));
    // It fits into a datagram.
    assert_eq!(connections(&site), 0);
}

/// An unsigned redirect leads to servers that nobody vouches for.
#[test]
fn dns_13_an_unsigned_redirect_in_a_txt_record_is_followed() {
    need!("nsd");
    let unshare = peers!();
    let site = Site::new(SOURCE);
    let server = BootstrapServer { address: "192.0.2.2".to_owned(), port: 8443, trust_anchor: None };
    let redirect = Information::from(RedirectInformation::new(vec![server]).unwrap());
    let records = publish(name(), &unsigned(&redirect)).unwrap().zone_file(60);
    site.write("zone", &zone(&records));
    let run = site.run(&unshare, NSD, "");
    assert_eq!(run.code, Some(5), "{}", run.told());
    assert_eq!(run.details("redirect-followed"), ["192.0.2.2:8443"]);
    assert_eq!(run.places("server-passed-over"), ["192.0.2.2:8443"]);
}

/// DNS-14, DNS-17: four records; each server is tried with its own port, in the order of priority.
#[test]
fn dns_14_servers_are_tried_in_the_order_of_their_priority() {
    need!("nsd");
    let unshare = peers!();
    let site = Site::new(SOURCE);
    let servers = [(30, 8443, "c"), (10, 443, "a"), (40, 1, "d"), (20, 8444, "b")];
    let records = servers.map(|(priority, port, target)| {
        format!("_sztp._tcp IN SRV {priority} 5 {port} {target}\n{target} IN A 192.0.2.2\n")
    });
    site.write("zone", &zone(&records.concat()));
    let run = site.run(&unshare, NSD, "");
    let tried = ["a.example.net:443", "b.example.net:8444", "c.example.net:8443", "d.example.net:1"];
    assert_eq!(run.places("server-passed-over"), tried, "{}", run.told());
    assert_eq!(run.reasons("server-passed-over"), ["server-unreachable"; 4]);
    // DNS-15: the addresses came along; there is no other resolver here.
    assert!(run.details("server-passed-over").iter().all(|detail| detail.contains("192.0.2.2:")), "{}", run.told());
    assert_eq!(run.code, Some(5));
}

#[test]
fn dns_14_the_root_as_target_means_that_there_is_no_service() {
    need!("nsd");
    let unshare = peers!();
    let site = Site::new(SOURCE);
    site.write("zone", &zone("_sztp._tcp IN SRV 0 0 0 ."));
    let run = site.run(&unshare, NSD, "");
    assert_eq!((run.code, run.places("server-passed-over")), (Some(5), vec![]), "{}", run.told());
    let said = run.details("source-asked");
    assert!(said[1].contains("the domain says that it has no bootstrap server"), "{said:?}");
}

/// SEC-10: an untrusted source does not lead a device to itself or to what is on its link alone.
#[test]
fn dns_13_a_server_at_a_forbidden_address_is_not_contacted() {
    need!("nsd");
    let unshare = peers!();
    let site = Site::new(SOURCE);
    site.write("zone", &zone("_sztp._tcp IN SRV 0 0 443 a\na IN A 127.0.0.1\na IN AAAA fe80::1"));
    let run = site.run(&unshare, NSD, "");
    assert_eq!(run.reasons("server-passed-over"), ["redirect-target-blocked"], "{}", run.told());
}

/// DNS-02 to DNS-05, DNS-16: all four questions, since none of them leads anywhere, in the order of RFC 8572 §4.2.1; over
/// both domains that the system knows. Serial number and names as the certificate has them.
#[test]
fn dns_02_dns_03_the_questions_go_out_in_the_order_of_the_rfc() {
    need!("nsd");
    let unshare = peers!();
    let site = Site::new("");
    site.write("resolv.conf", &"nameserver 192.0.2.53\nsearch lab.example.net example.net\n");
    site.write("zone", &zone(""));
    let run = site.run(&unshare, &[NSD, capture::BEGIN].concat(), capture::END);
    assert_eq!(run.code, Some(5), "{}", run.told());
    let expected = [
        ("224.0.0.251:5353", Kind::Txt, "SN-42._sztp.local."),
        (NAME_SERVER, Kind::Txt, "SN-42._sztp.lab.example.net."),
        (NAME_SERVER, Kind::Txt, "SN-42._sztp.example.net."),
        ("224.0.0.251:5353", Kind::Srv, "_sztp._tcp.local."),
        (NAME_SERVER, Kind::Srv, "_sztp._tcp.lab.example.net."),
        (NAME_SERVER, Kind::Srv, "_sztp._tcp.example.net."),
    ];
    let packets = packets(&site.read("captured"));
    let asked = |device: &str| {
        let mut asked: Vec<(String, u16, String)> = Vec::new();
        for packet in packets.iter().filter(|packet| packet.from.ip().to_string().starts_with(device)) {
            let Some(message) = packet.message() else { continue };
            for (name, number) in message.questions {
                let entry = (packet.to.to_string(), number, name.to_string());
                if !asked.contains(&entry) {
                    asked.push(entry);
                }
            }
        }
        asked
    };
    let expected = expected.map(|(whom, kind, name)| (whom.to_owned(), kind.number(), name.to_owned()));
    assert_eq!(asked("192.0.2.1"), expected, "{}", run.told());
    // The same on version 6 of IP, where there are no name servers.
    let link = [expected[0].clone(), expected[3].clone()]
        .map(|(_, number, name)| ("[ff02::fb]:5353".to_owned(), number, name));
    assert_eq!(asked("fe80:"), link);
    // RFC 6762 §11: what is sent to the link cannot have passed a router. Each question is repeated once.
    let to_the_link: Vec<_> = packets.iter().filter(|packet| packet.to.port() == 5353).collect();
    assert_eq!(to_the_link.len(), 8);
    assert!(to_the_link.iter().all(|packet| packet.hops == 255 && packet.from.port() == 5353), "{to_the_link:?}");
}

/// A device that has nothing but a resolver's address, as DHCP clients leave it, and a name server that gives no
/// addresses along.
#[test]
fn dns_05_dnsmasq_names_a_server() {
    need!("dnsmasq");
    let unshare = peers!();
    let site = Site::new("multicast = false");
    site.write("resolv.conf", &"nameserver 192.0.2.53\nsearch lan.example\n");
    let dnsmasq = "\
ip netns exec other dnsmasq --no-daemon --conf-file=empty --user=root --group=root --no-resolv --no-hosts \\
    --listen-address=192.0.2.53 --bind-interfaces --local=/lan.example/ --log-facility=\"$PWD/dnsmasq.log\" \\
    --srv-host=_sztp._tcp.lan.example,boot.lan.example,8443,1,1 --host-record=boot.lan.example,192.0.2.2 \\
    --txt-record=SN-42._sztp.lan.example,hello &
await dnsmasq.log started
";
    let run: Run = site.run(&unshare, dnsmasq, "");
    assert_eq!(run.places("server-passed-over"), ["boot.lan.example:8443"], "{}", run.told());
    assert!(run.details("server-passed-over")[0].contains("192.0.2.2:8443"), "{}", run.told());
    // A text under the device's name that is nothing of ours.
    let said = run.details("source-asked");
    assert!(said[0].contains("no TXT record with the key ci, oc or ov"), "{said:?}");
}
