//! A client at one end of a cable, the server at the other, or behind a relay agent.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use peers::{
    network::{self, NETWORKD, WATCHED},
    peer::Peer,
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
    folder: tempfile::TempDir,
    unshare: Peer,
}

/// What came of a script.
pub(crate) struct Ran {
    /// What it printed.
    pub(crate) printed: String,
    /// What the server said.
    pub(crate) log: String,
}

impl Bench {
    /// `None` where this machine does not let us have networks of our own.
    pub(crate) fn new(unshare: Peer) -> Option<Self> {
        network::can_run(&unshare).then(|| Self { folder: tempfile::tempdir().unwrap(), unshare })
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Runs a script to its end, which must be a good one.
    pub(crate) fn run(&self, script: &str) -> Ran {
        let script = format!("SERVER='{}'\n{PREAMBLE}{WATCHED}{NETWORKD}\n{script}", example("dhcp6-server").display());
        let output = network::run(&self.unshare, self.folder.path(), 90, &script);
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let logs = ["client", "relay", "server"].map(|name| read(&format!("{name}.log"))).join("\n");
        let complaint = format!("{printed}\n{}\n{logs}", String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}: {complaint}", output.status);
        Ran { printed, log: read("server.log") }
    }
}

/// An example of this package, which `cargo test` builds beside the tests.
fn example(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(path.exists(), "build it first: cargo build -p netboot --example {name}");
    path
}

/// Begins the test it stands in, which is skipped where it cannot run.
macro_rules! bench {
    ($($program:literal),*) => {{
        $(let _peer: peers::peer::Peer = peers::need!($program);)*
        match $crate::bench::Bench::new(peers::need!("unshare")) {
            Some(bench) => bench,
            None => peers::skip!("networks of one's own cannot be made here"),
        }
    }};
}
pub(crate) use bench;
