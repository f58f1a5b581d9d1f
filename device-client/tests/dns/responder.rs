//! A multicast DNS responder of our own, for what no decent one sends. It runs as this program, started once more in the
//! network of the test.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    path::Path,
};

use conveyed_info::{
    BootstrappingData,
    discovery::dns::{Name, publish},
};
use peers::{need, network, peer::Peer};

use crate::site::{Run, SERIAL, Site, onboarding, unsigned};

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const PORT: u16 = 5353;

/// Says to a test that it is to be the responder, and holds what it is to say.
const SCRIPT: &str = "SZTP_TEST_ANSWERS";

/// One answer: from where, to whom, and what.
struct Answer {
    from: SocketAddrV4,
    to: To,
    message: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq)]
enum To {
    Asker,
    Group,
}

fn answer(from: &str, to: To, message: &[u8]) -> Answer {
    Answer { from: from.parse().unwrap(), to, message: message.to_vec() }
}

/// An answer with the records of `data` under the device's name.
fn message(data: &BootstrappingData) -> Vec<u8> {
    let name: Name = format!("{SERIAL}._sztp.local").parse().unwrap();
    let published = publish(name.clone(), data).unwrap();
    let count = u16::try_from(published.records().len()).unwrap();
    let mut message: Vec<u8> = [0, 0x8400, 0, count, 0, 0].into_iter().flat_map(u16::to_be_bytes).collect();
    for record in published.records() {
        let rdata = record.rdata();
        message.extend(name.to_wire());
        // The highest bit of the class: these are all.
        let fields = [16, 0x8001, 0, 120, u16::try_from(rdata.len()).unwrap()];
        message.extend(fields.into_iter().flat_map(u16::to_be_bytes));
        message.extend(rdata);
    }
    message
}

/// Answers the first question with all that the script says, and the later ones with nothing.
fn respond(script: &Path) {
    let socket = UdpSocket::bind((GROUP, PORT)).unwrap();
    socket.join_multicast_v4(&GROUP, &Ipv4Addr::new(192, 0, 2, 2)).unwrap();
    fs::write("ready", "ready\n").unwrap();
    let (_, asker) = socket.recv_from(&mut [0; 9000]).unwrap();
    for line in fs::read_to_string(script).unwrap().lines() {
        let [from, to, file] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let socket = UdpSocket::bind(from).unwrap();
        let to = if to == "group" { SocketAddrV4::new(GROUP, PORT).into() } else { asker };
        socket.send_to(&fs::read(file).unwrap(), to).unwrap();
    }
}

/// Runs the device beside a responder that says this. `test` is the name of the test it stands in, which becomes the
/// responder.
fn run(unshare: &Peer, site: &Site, test: &str, answers: &[Answer]) -> Run {
    let mut script = String::new();
    for (index, Answer { from, to, message }) in answers.iter().enumerate() {
        let to = if *to == To::Group { "group" } else { "asker" };
        script += &format!("{from} {to} {index}.message\n");
        site.write(&format!("{index}.message"), message);
    }
    site.write("answers", &script);
    let program = std::env::current_exe().unwrap();
    let start = format!(
        "ip -n other address add 203.0.113.9/32 dev veth1\n\
         ip -n other address add 192.0.2.66/24 dev veth1\n\
         # So that strangers are refused by the device and by nobody before it.\n\
         for each in all veth0; do echo 0 > /proc/sys/net/ipv4/conf/$each/rp_filter; done\n\
         ip route add 203.0.113.9 via 192.0.2.2\n\
         {SCRIPT}=answers ip netns exec other {} {test} --exact --nocapture >responder.log 2>&1 &\n\
         await ready ready\n",
        program.display()
    );
    site.run(unshare, &start, "")
}

/// Whether this process is the responder; then it has done its work.
fn is_responder() -> bool {
    let script = std::env::var_os(SCRIPT);
    script.inspect(|script| respond(Path::new(script))).is_some()
}

macro_rules! peers {
    () => {{
        let (unshare, _) = (need!("unshare"), need!("ip"));
        if !network::can_run(&unshare) {
            peers::skip!("no network namespace can be made here");
        }
        unshare
    }};
}

/// DNS-12: as much as a packet of multicast DNS can hold, in fragments (RFC 6762 §17).
#[test]
fn dns_12_data_of_almost_9000_octets_comes_in_one_packet() {
    if is_responder() {
        return;
    }
    let unshare = peers!();
    let site = Site::new("");
    let message = message(&site.signed(&onboarding(4300)));
    assert!((8000..8953).contains(&message.len()), "{}", message.len());
    let test = "responder::dns_12_data_of_almost_9000_octets_comes_in_one_packet";
    let run = run(&unshare, &site, test, &[answer("192.0.2.2:5353", To::Group, &message)]);
    assert_eq!(run.code, Some(0), "{}", run.told());
    assert_eq!(run.places("data-accepted"), ["SN-42._sztp.local. at 192.0.2.2"]);
}

/// Who is not on the link, or speaks from another port, is not heard (RFC 6762 §6, §11). Who is on it and lies is heard,
/// refused, and keeps nobody else from being heard.
#[test]
fn dns_01_liars_do_not_keep_the_device_from_an_honest_responder() {
    if is_responder() {
        return;
    }
    let unshare = peers!();
    let site = Site::new("");
    let lie = message(&unsigned(&onboarding(20)));
    let stranger = message(&Site::new("").signed(&onboarding(20)));
    let truth = message(&site.signed(&onboarding(10)));
    let answers = [
        answer("192.0.2.2:5353", To::Asker, b"junk"),
        answer("203.0.113.9:5353", To::Asker, &lie),
        answer("192.0.2.2:0", To::Asker, &lie),
        answer("192.0.2.66:5353", To::Asker, &lie),
        answer("192.0.2.53:5353", To::Group, &stranger),
        answer("192.0.2.2:5353", To::Group, &truth),
    ];
    let test = "responder::dns_01_liars_do_not_keep_the_device_from_an_honest_responder";
    let run = run(&unshare, &site, test, &answers);
    assert_eq!(run.code, Some(0), "{}", run.told());
    let refused = ["SN-42._sztp.local. at 192.0.2.66", "SN-42._sztp.local. at 192.0.2.53"];
    assert_eq!(run.places("server-passed-over"), refused, "{}", run.told());
    assert_eq!(run.reasons("server-passed-over")[0], "unsigned-onboarding-untrusted");
    assert_eq!(run.places("data-accepted"), ["SN-42._sztp.local. at 192.0.2.2"]);
}
