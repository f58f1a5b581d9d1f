//! A test that runs itself again inside a network of its own.

use std::{
    any::type_name,
    env,
    future::Future,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use netboot::io::{Interface, Interfaces};
use peers::{
    network,
    peer::{Peer, test_name},
};
use tempfile::TempDir;

/// Names the test that this process is to run without making a network first.
const INSIDE: &str = "NETBOOT_INSIDE";

/// A cable from `veth0` to `veth1` in `other`, each with an IPv4, an IPv6 and a link-local address that may be used.
pub(crate) const CABLE: &str = "
waits() { n=0; until sh -c \"$1\" > /dev/null 2>&1; do n=$((n + 1)); [ $n -lt 200 ] || { echo \"never: $1\"; exit 9; }; sleep 0.05; done; }
cable() {
    ip link add $1 address 02:00:00:00:00:0$3 type veth peer name $2 address 02:00:00:00:00:1$3 netns other
    ip addr add 192.0.$3.1/24 brd + dev $1
    ip -n other addr add 192.0.$3.2/24 brd + dev $2
    ip addr add 2001:db8:$3::1/64 dev $1 nodad
    ip -n other addr add 2001:db8:$3::2/64 dev $2 nodad
    ip link set $1 up
    ip -n other link set $2 up
    waits \"ip -6 addr show dev $1 scope link -tentative | grep -q inet6\"
    waits \"ip -n other -6 addr show dev $2 scope link -tentative | grep -q inet6\"
}
ip netns add other
ip -n other link set lo up
# Nobody here has another's address.
for host in '' 'ip netns exec other'; do $host sh -c 'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad'; done
cable veth0 veth1 2
";

/// A second cable, from `veth2` to `veth3`.
pub(crate) const SECOND_CABLE: &str = "cable veth2 veth3 3\n";

/// Ends the test as skipped where a program is missing or networks cannot be made; else runs it in one that `setup` prepares.
macro_rules! inside {
    ($setup:expr, $body:expr) => {
        inside!($setup, "", $body)
    };
    ($setup:expr, $wrapper:expr, $body:expr) => {{
        let (unshare, _ip) = (peers::need!("unshare"), peers::need!("ip"));
        if !$crate::bench::is_inside() && !peers::network::can_run(&unshare) {
            peers::skip!("this machine lets us have no network of our own");
        }
        $crate::bench::run(&unshare, $setup, $wrapper, $body)
    }};
}
pub(crate) use inside;

pub(crate) fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Runs the body, if this process is inside already; else makes the network, runs this very test in it, and gives the folder
/// that it ran in.
pub(crate) fn run<F: FnOnce() -> R, R: Future<Output = ()>>(
    unshare: &Peer,
    setup: &str,
    wrapper: &str,
    body: F,
) -> Option<TempDir> {
    let name = test_name(type_name::<F>());
    if is_inside() {
        let limited = async { tokio::time::timeout(Duration::from_secs(60), body()).await.unwrap() };
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(limited);
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let test = env::current_exe().unwrap();
    let again = format!("{INSIDE}=1 {wrapper} '{}' --exact '{name}' --nocapture", test.display());
    let output = network::run(unshare, folder.path(), 90, &format!("{setup}\n{again}\n"));
    let printed = String::from_utf8_lossy(&output.stdout);
    let complaint = format!("{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {complaint}", output.status);
    assert!(printed.contains("test result: ok. 1 passed"), "{name} is not the name of this test: {complaint}");
    Some(folder)
}

/// An interface of this network.
pub(crate) fn interface(name: &str) -> Interface {
    Interfaces::read().unwrap().named(name).unwrap().clone()
}

/// A command in the other namespace.
pub(crate) fn other(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", "other", program]).args(arguments).stdin(Stdio::null());
    command
}

/// Runs a Python script in the other namespace to its good end.
pub(crate) fn python(script: &str) -> String {
    finished(&other("python3", &["-c", script]).output().unwrap())
}

/// Runs `ip` here.
pub(crate) fn ip(arguments: &str) {
    finished(&Command::new("ip").args(arguments.split(' ')).output().unwrap());
}

fn finished(output: &Output) -> String {
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    printed
}

/// A program in the other namespace that is at work; it ends with this.
pub(crate) struct Working {
    child: Child,
    lines: Box<dyn BufRead>,
}

impl Working {
    /// Starts a Python script and waits for the line `ready`.
    pub(crate) fn python(script: &str) -> Self {
        let mut child = other("python3", &["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let lines: Box<dyn BufRead> = Box::new(BufReader::new(child.stdout.take().unwrap()));
        let mut working = Self { child, lines };
        assert_eq!(working.line(), "ready");
        working
    }

    /// Writes the frames that come to `veth1` for this UDP port to a capture file, and prints a line for each. (tcpdump cannot
    /// run here: it insists on giving up rights that it does not have.)
    pub(crate) fn capture(file: &Path, port: u16) -> Self {
        Self::python(&format!(
            "import socket, struct
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x800))
s.bind(('veth1', 0))
file = open('{}', 'wb')
file.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
print('ready', flush=True)
while True:
    frame, address = s.recvfrom(65535)
    if address[2] != socket.PACKET_OUTGOING and frame[36:38] == struct.pack('>H', {port}):
        file.write(struct.pack('<IIII', 0, 0, len(frame), len(frame)) + frame)
        file.flush()
        print('frame', flush=True)",
            file.display()
        ))
    }

    /// The next line it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.lines.read_line(&mut line).unwrap() > 0, "it has ended");
        line.trim_end().to_owned()
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

/// A file in the test's own folder.
pub(crate) fn file(name: &str) -> PathBuf {
    env::current_dir().unwrap().join(name)
}
