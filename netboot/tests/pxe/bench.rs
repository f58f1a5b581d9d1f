//! A segment with two servers: `addresses`, dnsmasq at 192.0.2.1, and `proxy`, ours at 192.0.2.2.

use peers::stage::{Stage, example};

/// What the scripts use: `waits COMMAND` until it succeeds, `plug NAME` makes a host on the segment, `serve HOST FILE` starts our server in a
/// host and `served HOST` the address server.
const PREAMBLE: &str = r#"
waits() { n=0; until sh -c "$1" > /dev/null 2>&1; do n=$((n + 1)); [ $n -lt ${patience:-150} ] || { echo "never: $1"; exit 9; }; sleep 0.1; done; }
ip link add br0 type bridge forward_delay 0
ip link set br0 up
plug() {
    ip netns add $1
    ip link add $1 type veth peer name eth0 netns $1
    ip link set $1 master br0 up
    ip -n $1 link set lo up
    ip -n $1 link set eth0 up
    for address in ${2:-}; do ip -n $1 addr add $address/24 dev eth0; done
}
serve() {
    # It ends when its input does, which is not before the network's end.
    sleep 1000 | ip netns exec $1 "$SERVER" $2 >> $1.log 2>&1 &
    waits "ip netns exec $1 ss -uln | grep -q ':67 '"
}
served() {
    host=$1
    shift
    ip netns exec $host dnsmasq --no-daemon --conf-file=/dev/null --port=0 --bind-interfaces --interface=eth0 --user=root \
        --dhcp-leasefile=/run/leases --log-dhcp --dhcp-range=192.0.2.50,192.0.2.59,600 --no-ping "$@" > $host.log 2>&1 &
    waits "ip netns exec $host ss -uln | grep -q ':67 '"
}
plug addresses 192.0.2.1
plug proxy 192.0.2.2
"#;

/// A folder for what the hosts read and write.
pub(crate) struct Bench {
    stage: Stage,
}

/// What came of a script.
pub(crate) struct Ran {
    /// What it printed.
    pub(crate) printed: String,
    /// The logs of the address server, of ours, and of what else sent files.
    pub(crate) logs: [String; 3],
}

impl Bench {
    pub(crate) const fn new(stage: Stage) -> Self {
        Self { stage }
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        self.stage.write(name, content);
    }

    /// Runs a script to its end, which must be a good one.
    pub(crate) fn run(&self, seconds: u32, script: &str) -> Ran {
        let [server, client] = ["dhcp-server", "pxe-client"].map(example);
        let programs = format!("SERVER='{}'\nCLIENT='{}'\n", server.display(), client.display());
        let logs = ["addresses.log", "proxy.log", "tftp.log"];
        let script = format!("{programs}{PREAMBLE}{script}");
        let printed = self.stage.run(seconds, &script, &logs).printed;
        Ran { printed, logs: logs.map(|name| self.stage.read(name)) }
    }
}

/// Begins the test it stands in, which is skipped where it cannot run.
macro_rules! bench {
    ($($program:literal),*) => { $crate::bench::Bench::new(peers::stage!($($program),*)) };
}
pub(crate) use bench;
