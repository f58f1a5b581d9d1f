//! A client at one end of a cable, the server at the other, or behind a relay agent.

use peers::{
    network::{NETWORKD, WATCHED},
    stage::{Stage, example},
};

/// What the scripts use: `cable` lays `veth0` here to `up0` in `other`, and `plug` does so again; `two_cables` puts `middle` between them; `waits COMMAND` tries it until it is good, `serve` starts the server with
/// `policy.toml` in `other`, `settled` waits until `veth0` has an address for its link, and `logged PATTERN` waits until the server
/// says so.
const PREAMBLE: &str = r#"
waits() { n=0; until sh -c "$1" > /dev/null 2>&1; do n=$((n + 1)); [ $n -lt 400 ] || { echo "never: $1"; exit 9; }; sleep 0.1; done; }
linked() { waits "ip netns exec $1 ip -6 addr show dev $2 scope link -tentative | grep -q inet6"; }
cable() {
    ip netns add other
    plug
}
plug() {
    ip link add veth0 type veth peer name up0 netns other
    ip -n other link set lo up
    ip -n other addr add 2001:db8::1/64 dev up0 nodad
    ip -n other link set up0 up
    ip link set veth0 up
    linked other up0
}
# Client here, relay agent in `middle`, server in `other`.
two_cables() {
    ip netns add middle
    ip netns add other
    ip link add veth0 type veth peer name down0 netns middle
    ip -n middle link add up0 type veth peer name far0 netns other
    for name in middle other; do ip -n $name link set lo up; done
    ip -n middle addr add 2001:db8::1/64 dev down0 nodad
    ip -n middle addr add 2001:db8:2::1/64 dev up0 nodad
    ip -n other addr add 2001:db8:2::2/64 dev far0 nodad
    ip -n other route add 2001:db8::/64 via 2001:db8:2::1 dev far0 || true
    for name in down0 up0; do ip -n middle link set $name up; done
    ip -n other link set far0 up
    ip -n other route replace 2001:db8::/64 via 2001:db8:2::1 dev far0
    ip link set veth0 up
    linked middle down0
    linked middle up0
    linked other far0
}
settled() { waits "ip -6 addr show dev veth0 scope link -tentative | grep -q inet6"; }
serve() {
    sleep 300 | ip netns exec other "$SERVER" policy.toml > server.out 2>> server.log &
    waits "grep -q listening server.out"
}
logged() { waits "grep -q '$1' server.log"; }
"#;

/// A folder with a server's policy.
pub(crate) struct Bench {
    stage: Stage,
}

/// What came of a script.
pub(crate) struct Ran {
    /// What it printed.
    pub(crate) printed: String,
    /// What the server said.
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
        let script = format!("SERVER='{}'\n{PREAMBLE}{WATCHED}{NETWORKD}\n{script}", example("dhcp6-server").display());
        let printed = self.stage.run(90, &script, &["client.log", "relay.log", "server.log"]).printed;
        Ran { printed, log: self.stage.read("server.log") }
    }
}

/// Begins the test it stands in, which is skipped where it cannot run.
macro_rules! bench {
    ($($program:literal),*) => { $crate::bench::Bench::new(peers::stage!($($program),*)) };
}
pub(crate) use bench;
