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
