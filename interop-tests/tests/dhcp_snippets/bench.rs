//! A DHCP server at one end of a cable and a client at the other.

use std::process::Command;

use interop_tests::lab::program;
use peers::stage::Stage;
use serde_json::Value;

use crate::server::Server;

/// What the scripts use: `cable` lays `veth0` here to `veth1` in `other`; `started PORT` waits until somebody in `other` listens
/// there; `asked 4|6 NAME FILE` has dhclient ask with the configuration `FILE` and prints what it got of the option, and
/// `stopped` ends the server.
const PREAMBLE: &str = r#"
waits() { n=0; until sh -c "$1" > /dev/null 2>&1; do n=$((n + 1)); [ $n -lt 300 ] || { echo "never: $1"; exit 9; }; sleep 0.1; done; }
cable() {
    ip netns add other
    ip link add veth0 type veth peer name veth1 netns other
    ip -n other link set lo up
    ip -n other addr add 192.0.2.1/24 dev veth1
    ip -n other addr add 2001:db8::1/64 dev veth1 nodad
    ip -n other link set veth1 up
    ip link set veth0 up
    waits "ip -n other -6 addr show dev veth1 scope link -tentative | grep -q inet6"
    waits "ip -6 addr show dev veth0 scope link -tentative | grep -q inet6"
}
started() { waits "ip netns exec other ss -uln | grep -q ':$1 '"; }
stopped() { kill $server; wait $server || true; waits "! ip netns exec other ss -uln | grep -q ':67 \|:547 '"; }
asked() {
    : > got
    rm -f bound
    dhclient -$1 -d -cf $3 -sf ./up -lf /run/client.leases -pf /run/client.pid veth0 > client.log 2>&1 &
    client=$!
    waits "test -e bound"
    kill $client
    wait $client || true
    waits "! ss -uln | grep -q ':68 \|:546 '"
    rm -f /run/client.leases
    echo "ANSWER $2 $1 $(head -n 1 got)"
}
"#;

/// What dhclient runs when it has an answer: the option in decimal octets goes to a file.
const UP: &str =
    "#!/bin/sh\ncase $reason in BOUND*) env | sed -n 's/^new_\\(dhcp6_\\)\\?sztp=//p' > got; : > bound;; esac\n";

/// The option's definition for dhclient, which a request for it may follow.
const DEFINITIONS: &str = "option sztp code 143 = array of unsigned integer 8;\n\
    option dhcp6.sztp code 136 = array of unsigned integer 8;\n";

/// A folder in which commands, servers and clients work.
pub(crate) struct Bench {
    stage: Stage,
}

/// What a command left behind.
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// What a client got.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// What the script called it.
    pub(crate) name: String,
    /// 4 or 6.
    pub(crate) family: u8,
    /// The option's value in hexadecimal; empty when there was none.
    pub(crate) hex: String,
}

impl Bench {
    pub(crate) fn new(stage: Stage) -> Self {
        let bench = Self { stage };
        bench.write("up", UP);
        bench.write("silent.conf", DEFINITIONS);
        bench.write("asking.conf", &format!("{DEFINITIONS}also request sztp;\nalso request dhcp6.sztp;\n"));
        let status = Command::new("chmod").args(["+x", "up"]).current_dir(bench.stage.path()).status().unwrap();
        assert!(status.success());
        bench
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        self.stage.write(name, text);
    }

    /// Runs `sztp dhcp` in the folder.
    pub(crate) fn sztp(&self, arguments: &[&str]) -> Done {
        let mut command = Command::new(program("sztp"));
        let output = command.arg("dhcp").args(arguments).current_dir(self.stage.path()).output().unwrap();
        let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
        Done { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs `sztp dhcp`, which must succeed, and gives what it printed.
    pub(crate) fn printed(&self, arguments: &[&str]) -> String {
        let done = self.sztp(arguments);
        assert_eq!(done.code, Some(0), "{arguments:?}: {}{}", done.out, done.err);
        done.out
    }

    /// Puts the server's configurations, which send what these parts say, into the folder.
    pub(crate) fn configure(&self, server: Server, parts: [&str; 2]) {
        for (name, text) in server.configurations(parts) {
            self.write(name, &text);
        }
    }

    /// Runs a script to its end, which must be a good one.
    pub(crate) fn run(&self, script: &str) -> Vec<Answer> {
        let script = format!("{PREAMBLE}\n{script}");
        let printed = self.stage.run(200, &script, &["server.log", "client.log"]).printed;
        printed.lines().filter_map(|line| line.strip_prefix("ANSWER ")).map(answer).collect()
    }
}

impl Done {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{}{}", self.out, self.err))
    }
}

/// `name family octets`: octets in decimal with blanks between them, or in hexadecimal without.
fn answer(line: &str) -> Answer {
    let mut words = line.split(' ').filter(|word| !word.is_empty());
    let (name, family) = (words.next().unwrap().to_owned(), words.next().unwrap().parse().unwrap());
    let octets: Vec<_> = words.collect();
    let hex = match octets.as_slice() {
        [whole] if whole.starts_with("0x") => whole.trim_start_matches("0x").to_ascii_lowercase(),
        octets => octets.iter().map(|octet| format!("{:02x}", octet.parse::<u8>().unwrap())).collect(),
    };
    Answer { name, family, hex }
}

/// Begins the test it stands in, which is skipped where it cannot run.
macro_rules! bench {
    ($($program:literal),*) => { $crate::bench::Bench::new(peers::stage!($($program),*)) };
}
pub(crate) use bench;
