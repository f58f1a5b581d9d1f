//! A client at one end of a cable, our server at the other.

use dhcp::bootstrap_uri::UriList;
use peers::{
    network::{NETWORKD, WATCHED},
    stage::{Stage, example},
};

/// What the scripts use: `cable` lays `veth0` here to `veth1` in `other`, which is 192.0.2.1; `server FILE` starts our server in `other` and
/// waits until it answers; `waits TEST` waits until a command succeeds, `logged PATTERN` until the server's log has this. `lease` is a script for `udhcpc` that leaves what it was given in the file of that name.
const PREAMBLE: &str = r#"
waits() { n=0; until sh -c "$1" > /dev/null 2>&1; do n=$((n + 1)); [ $n -lt 400 ] || { echo "never: $1"; exit 9; }; sleep 0.1; done; }
cable() {
    ip netns add other
    ip link add veth0 type veth peer name veth1 netns other
    ip -n other link set lo up
    ip -n other addr add 192.0.2.1/24 dev veth1
    ip -n other link set veth1 up
    ip link set veth0 up
}
server() {
    mkfifo "$1.hold"
    # The server ends with its input; this end of the pipe stays open as long as the script runs.
    exec 7<> "$1.hold"
    ip netns exec other "$SERVER" "$1" <&7 > listening 2> server.log &
    waits "grep -q 'dhcp4 answers' server.log"
}
logged() { waits "grep -q '$1' server.log"; }
cat > lease.sh <<'END'
#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
env > "lease.$1"
ip addr replace "$ip/$mask" dev "$interface"
END
chmod +x lease.sh
"#;

/// A folder to run scripts in.
pub(crate) struct Bench {
    stage: Stage,
}

/// What came of a script.
pub(crate) struct Ran {
    /// What it printed.
    pub(crate) printed: String,
    /// The server's log, without colours.
    pub(crate) log: String,
}

impl Bench {
    pub(crate) const fn new(stage: Stage) -> Self {
        Self { stage }
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        self.stage.write(name, text);
    }

    /// Runs a script to its end, which must be a good one.
    pub(crate) fn run(&self, script: &str) -> Ran {
        let server = example("dhcp-server");
        let script =
            format!("export NO_COLOR=1\nSERVER='{}'\n{PREAMBLE}{WATCHED}{NETWORKD}\n{script}", server.display());
        let printed = self.stage.run(90, &script, &["server.log", "client.log"]).printed;
        Ran { printed, log: self.stage.read("server.log") }
    }
}

impl Ran {
    /// What the client was told under this name in its environment.
    pub(crate) fn told(&self, name: &str) -> Option<&str> {
        self.printed.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
    }

    /// How often the log has this.
    pub(crate) fn logged(&self, pattern: &str) -> usize {
        self.log.lines().filter(|line| line.contains(pattern)).count()
    }
}

/// A policy for `veth1`: ten addresses, option 143, and whatever is to stand before the tables.
pub(crate) fn policy(more: &str) -> String {
    format!(
        "interfaces = ['veth1']\n{more}\n[give]\nbootstrap-uris = [{}]\n\
         [[subnet]]\nnetwork = '192.0.2.0/24'\npools = [{{ first = '192.0.2.50', last = '192.0.2.59' }}]\n\
         give = {{ routers = ['192.0.2.1'], dns = ['192.0.2.53'], domain = 'example.net' }}\n",
        URIS.map(|uri| format!("'{uri}'")).join(", ")
    )
}

/// The value of option 143 in hexadecimal (DHC-04).
pub(crate) fn option_143() -> String {
    let uris = UriList::new(URIS.iter().map(|uri| uri.parse().unwrap()).collect()).unwrap();
    uris.encode().iter().map(|octet| format!("{octet:02x}")).collect()
}

const URIS: [&str; 2] = ["https://sztp1.example.net:8443", "https://[2001:db8::1]"];

/// Begins the test it stands in, which is skipped where it cannot run.
macro_rules! bench {
    ($($program:literal),*) => { $crate::bench::Bench::new(peers::stage!($($program),*)) };
}
pub(crate) use bench;

/// What `perfdhcp` counts under this name, in the block of the messages' exchange.
pub(crate) fn counted(ran: &Ran, exchange: &str, name: &str) -> u64 {
    let block = ran.printed.split("***Statistics for: ").find(|block| block.starts_with(exchange)).unwrap();
    let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().parse().unwrap()
}
