//! A network of its own: its interfaces, processes and mounts are nobody else's, and end with it.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::peer::Peer;

/// How `unshare` makes a network of our own: the kernel kills what is left when the first process inside ends.
pub const NAMESPACES: [&str; 6] = ["--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--"];

/// The same with mounts and `/proc` of its own, so that `ip netns add` makes further hosts in it, and file systems can be
/// mounted.
pub const HOSTS: [&str; 9] = [
    "--map-root-user",
    "--net",
    "--pid",
    "--mount",
    "--mount-proc",
    "--fork",
    "--kill-child",
    "--propagation=private",
    "--",
];

/// What a script of [`run`] begins with.
const PREAMBLE: &str = "set -eu\nmount -t tmpfs tmpfs /run\nip link set lo up\n";

/// A function for scripts of [`run`]: `watched INTERFACE` has every frame that passes there written to the file `capture`, in hexadecimal, a line
/// each.
pub const WATCHED: &str = r#"
watched() {
    python3 -c "
import socket, sys
frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
frames.bind((sys.argv[1], 0))
capture = open('capture', 'w')
while True:
    print(frames.recv(65536).hex(), file=capture, flush=True)" "$1" &
    until test -e capture; do sleep 0.05; done
}
"#;

/// A function for scripts of [`run`]: `networkd FILE.network` starts systemd-networkd with this one file of its configuration.
///
/// It waits for udev unless `/sys` is read-only, and becomes a user of its own, who must be one that this namespace has.
pub const NETWORKD: &str = r#"
networkd() {
    mount -t sysfs -o ro sysfs /sys
    for file in passwd group; do grep -v ^systemd-network: /etc/$file > /run/$file; done
    echo 'systemd-network:x:0:0::/:/bin/false' >> /run/passwd
    echo 'systemd-network:x:0:' >> /run/group
    for file in passwd group; do mount --bind /run/$file /etc/$file; done
    mkdir -p /run/systemd/network /run/systemd/netif/leases /run/systemd/netif/links /run/systemd/netif/lldp
    cp "$1" /run/systemd/network
    /lib/systemd/systemd-networkd > client.log 2>&1 &
}
"#;

/// Whether this machine lets us have a network of our own, in which further hosts can be made.
#[must_use]
pub fn can_run(unshare: &Peer) -> bool {
    let mut tried = Command::new(unshare.path());
    tried.args(HOSTS).args(["sh", "-c", &format!("{PREAMBLE}ip netns add other\n")]).stdin(Stdio::null());
    tried.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Runs a shell script in a network of its own, in `folder`, for at most `seconds`. `/run` is empty, the loopback interface
/// is up, and nothing goes on when the script has ended.
///
/// # Panics
/// When `unshare` cannot be started.
#[must_use]
pub fn run(unshare: &Peer, folder: &Path, seconds: u32, script: &str) -> Output {
    let mut shell = Command::new(unshare.path());
    shell.args(HOSTS).args(["timeout", &seconds.to_string(), "sh", "-c", &format!("{PREAMBLE}{script}")]);
    shell.current_dir(folder).stdin(Stdio::null()).output().unwrap()
}
