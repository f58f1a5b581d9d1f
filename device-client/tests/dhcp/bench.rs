//! A device at one end of a cable, servers at the other.

use std::{fs, os::unix::fs::PermissionsExt};

use dhcp::bootstrap_uri::{FieldForm, UriList};
use peers::stage::{Played, Stage};
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::Value;

/// What the scripts use: `agent FILE` runs the device once, `cable` lays `veth0` here to `br0` in `other`, `started PORT` waits
/// until somebody in `other` listens there, `serve HOST INTERFACE OPTIONS` starts dnsmasq, which
/// answers DNS at port `dns`, `watched` has every frame of the
/// cable written down in hexadecimal, and `seen PATTERN` waits until one of them is like this.
const PREAMBLE: &str = r#"
# Names are looked up nowhere, at once.
: > /run/resolv.conf
mount --bind /run/resolv.conf /etc/resolv.conf
agent() { "$DEVICE" run --once --config "$1" --root "/run/root-$1" --trace trace > agent.log 2>&1 || true; }
waits() { n=0; until sh -c "$1" > /dev/null 2>&1; do n=$((n + 1)); [ $n -lt 150 ] || { echo "never: $1"; exit 9; }; sleep 0.1; done; }
cable() {
    ip netns add other
    ip link add veth0 type veth peer name veth1 netns other
    ip -n other link add veth8 type veth peer name veth9
    ip -n other link set lo up
    ip -n other link add br0 type bridge
    ip -n other addr add 192.0.2.1/24 dev br0
    ip -n other addr add 2001:db8::1/64 dev br0 nodad
    for name in veth1 veth8; do ip -n other link set $name master br0; done
    # The bridge has a carrier of its own, whether the device is switched on or not.
    for name in br0 veth1 veth8 veth9; do ip -n other link set $name up; done
    waits "ip -n other -6 addr show dev br0 scope link -tentative | grep -q inet6"
}
started() { waits "ip netns exec other ss -uln | grep -q ':$1 '"; }
settled() { ip link set veth0 up; waits "ip -6 addr show dev veth0 scope link -tentative | grep -q inet6"; }
watched() {
    ip netns exec other python3 -c "
import socket
frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
frames.bind(('veth1', 0))
capture = open('capture', 'w')
while True:
    print(frames.recv(65536).hex(), file=capture, flush=True)" &
    waits "test -e capture"
}
seen() { waits "grep -q '$1' capture"; }
serve() {
    host=$1 interface=$2
    shift 2
    ip netns exec $host dnsmasq --no-daemon --conf-file=/dev/null --port=${dns:-0} --bind-interfaces --interface=$interface \
        --dhcp-leasefile=/run/$host.leases --log-dhcp "$@" >> dnsmasq.log 2>&1 &
    server=$!
    waits "ip netns exec $host ss -uln | grep -q ':67 \|:547 '"
}
"#;

/// A folder with a device's identity.
pub(crate) struct Bench {
    stage: Stage,
}

/// What came of a script.
pub(crate) struct Ran {
    /// What it printed.
    pub(crate) printed: String,
    trace: Vec<Value>,
    complaint: String,
}

impl Bench {
    pub(crate) fn new(stage: Stage) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), "SN-1");
        stage.write("idevid.pem", params.self_signed(&key).unwrap().pem());
        stage.write("idevid.key", key.serialize_pem());
        fs::set_permissions(stage.path().join("idevid.key"), fs::Permissions::from_mode(0o600)).unwrap();
        Self { stage }
    }

    /// Writes a configuration with these sources.
    pub(crate) fn configure(&self, name: &str, sources: &str) {
        let text = format!("idevid-certificate = 'idevid.pem'\nidevid-key = 'idevid.key'\n{sources}");
        self.write(name, &text);
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        self.stage.write(name, text);
    }

    /// Runs a script to its end, which must be a good one.
    pub(crate) fn run(&self, script: &str) -> Ran {
        let script = format!("DEVICE='{}'\n{PREAMBLE}\n{script}", env!("CARGO_BIN_EXE_sztp-device"));
        let Played { printed, complaint } =
            self.stage.run(90, &script, &["agent.log", "client.log", "dnsmasq.log", "kea.log"]);
        let trace = self.stage.read("trace").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        Ran { printed, trace, complaint }
    }
}

impl Ran {
    /// The records of one step.
    pub(crate) fn details(&self, step: &str) -> Vec<String> {
        let records = self.trace.iter().filter(|record| record["step"] == step);
        records.map(|record| record["detail"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The servers that were tried, in order.
    pub(crate) fn tried(&self) -> Vec<String> {
        let tried = self.details("connecting");
        assert!(!tried.is_empty(), "nobody was tried: {}", self.complaint);
        tried
    }

    /// What the trace says of the one source that was refused.
    pub(crate) fn refused(&self) -> (String, String) {
        let is_refused = |record: &&Value| record["step"] == "source-asked" && record["decision"] == "refused";
        let record = self.trace.iter().find(is_refused).unwrap_or_else(|| panic!("{}", self.complaint));
        (record["reason"].as_str().unwrap().to_owned(), record["detail"].as_str().unwrap().to_owned())
    }
}

/// The option's value in hexadecimal.
pub(crate) fn list(uris: &[&str]) -> String {
    in_form(FieldForm::Rfc8572, uris)
}

/// The same in another form, with colons between the octets, as both dnsmasq and Kea take them.
pub(crate) fn in_form(form: FieldForm, uris: &[&str]) -> String {
    let uris = UriList::new(uris.iter().map(|uri| uri.parse().unwrap()).collect()).unwrap();
    let octets: Vec<_> = form.encode(&uris).unwrap().iter().map(|octet| format!("{octet:02x}")).collect();
    octets.join(":")
}

/// Begins the test it stands in, which is skipped where it cannot run.
macro_rules! bench {
    ($($program:literal),*) => { $crate::bench::Bench::new(peers::stage!($($program),*)) };
}
pub(crate) use bench;
