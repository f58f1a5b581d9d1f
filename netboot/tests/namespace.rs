//! A DHCP client that was not written here, busybox `udhcpc`, against our server over a virtual Ethernet cable.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
};

/// DHC-02, DHC-04: the value that reaches the client, two URIs of 30 and 21 bytes (RFC 8572 §8.3).
const EXPECTED_143: &str = "001e68747470733a2f2f737a7470312e6578616d706c652e6e65743a38343433\
                            001568747470733a2f2f5b323030313a6462383a3a315d";

const POLICY: &str = "interfaces = ['server0']\n\
    conflict-check = false\n\
    [give]\n\
    bootstrap-send = 'when-asked'\n\
    bootstrap-uris = ['https://sztp1.example.net:8443', 'https://[2001:db8::1]']\n\
    next-server = '192.0.2.1'\n\
    boot-file = 'boot.scr.uimg'\n\
    [[subnet]]\n\
    network = '192.0.2.0/24'\n\
    pools = [{ first = '192.0.2.100', last = '192.0.2.100' }]\n\
    give = { routers = ['192.0.2.1'] }\n";

#[test]
fn dhc_02_busybox_udhcpc_gets_an_address_and_option_143() {
    if let Err(reason) = peers() {
        return skip("dhc_02_busybox_udhcpc_gets_an_address_and_option_143", reason);
    }
    let folder = tempfile::tempdir().unwrap();
    let cable = Cable::lay();
    let server = Server::start(&cable, folder.path());
    let client = Udhcpc::prepare(folder.path());

    let asked = client.run(&cable, &["-O", "143"]);
    assert_eq!(asked.get("ip").map(String::as_str), Some("192.0.2.100"), "{asked:?}");
    assert_eq!(asked.get("opt143").map(String::as_str), Some(EXPECTED_143));
    assert_eq!(asked.get("lease").map(String::as_str), Some("3600"));
    assert_eq!(asked.get("mask").map(String::as_str), Some("24"));
    assert_eq!(asked.get("router").map(String::as_str), Some("192.0.2.1"));
    assert_eq!(asked.get("siaddr").map(String::as_str), Some("192.0.2.1"));
    assert_eq!(asked.get("boot_file").map(String::as_str), Some("boot.scr.uimg"));

    // The same client again: the same address, and without asking no option 143.
    let silent = client.run(&cable, &[]);
    assert_eq!(silent.get("ip").map(String::as_str), Some("192.0.2.100"), "{silent:?}");
    assert_eq!(silent.get("opt143"), None);

    let log = server.stop();
    assert!(log.contains("granted"), "{log}");
}

/// What the test needs and a machine may lack.
fn peers() -> Result<(), &'static str> {
    let works = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !works("sh", &["-c", "test \"$(id -u)\" = 0"]) {
        return Err("not root");
    }
    if !works("sh", &["-c", "busybox --list | grep -qx udhcpc"]) {
        return Err("busybox udhcpc is not installed");
    }
    let probe = format!("sztp-probe-{}", process::id());
    let namespaces = works("ip", &["netns", "add", &probe]);
    if !namespaces || !works("ip", &["netns", "delete", &probe]) {
        return Err("network namespaces cannot be made with `ip netns`");
    }
    Ok(())
}

fn skip(test: &str, reason: &str) {
    println!("SKIPPED {test}: {reason}");
    if let Some(folder) = env::var_os("SZTP_SKIPPED") {
        fs::write(Path::new(&folder).join(test), reason).unwrap();
    }
}

/// Two network namespaces joined by a pair of virtual interfaces, `server0` and `client0`; gone when dropped.
struct Cable {
    server: String,
    client: String,
}

impl Cable {
    fn lay() -> Self {
        let cable =
            Self { server: format!("sztp-server-{}", process::id()), client: format!("sztp-client-{}", process::id()) };
        let (server, client) = (cable.server.as_str(), cable.client.as_str());
        for arguments in [
            &["netns", "add", server][..],
            &["netns", "add", client],
            &["link", "add", "server0", "netns", server, "type", "veth", "peer", "name", "client0", "netns", client],
            &["-n", server, "address", "add", "192.0.2.1/24", "dev", "server0"],
            &["-n", server, "link", "set", "server0", "up"],
            &["-n", client, "link", "set", "client0", "up"],
        ] {
            let output = Command::new("ip").args(arguments).output().unwrap();
            assert!(output.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        cable
    }

    fn inside(namespace: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).arg(program);
        command
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for namespace in [&self.server, &self.client] {
            if let Err(error) = Command::new("ip").args(["netns", "delete", namespace]).status() {
                println!("namespace {namespace} stays behind: {error}");
            }
        }
    }
}

/// Our server in its namespace; killed when dropped.
struct Server(Child);

impl Server {
    fn start(cable: &Cable, folder: &Path) -> Self {
        let policy = folder.join("policy.toml");
        fs::write(&policy, POLICY).unwrap();
        let mut command = Cable::inside(&cable.server, example("dhcp-server"));
        command.arg(policy).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut server = Self(command.spawn().unwrap());
        let mut line = String::new();
        BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "listening 0.0.0.0:67\n");
        server
    }

    /// Ends the server by ending its input and returns its log.
    fn stop(mut self) -> String {
        drop(self.0.stdin.take());
        let mut log = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        let status = self.0.wait().unwrap();
        assert!(status.success(), "{status}: {log}");
        log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After `stop` the process is gone already and both calls do nothing.
        if self.0.kill().is_ok() {
            drop(self.0.wait());
        }
    }
}

/// The client and the script it hands its lease to.
struct Udhcpc {
    script: PathBuf,
    result: PathBuf,
}

impl Udhcpc {
    fn prepare(folder: &Path) -> Self {
        let (script, result) = (folder.join("lease.sh"), folder.join("lease"));
        let text = format!("#!/bin/sh\n[ \"$1\" = bound ] && env > '{}'\nexit 0\n", result.display());
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        Self { script, result }
    }

    /// Obtains a lease and returns the environment that the client gave to its script.
    fn run(&self, cable: &Cable, arguments: &[&str]) -> BTreeMap<String, String> {
        let mut command = Cable::inside(&cable.client, "busybox");
        command.args(["udhcpc", "-f", "-n", "-q", "-i", "client0", "-t", "5", "-T", "1", "-s"]).arg(&self.script);
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lease = fs::read_to_string(&self.result).unwrap();
        fs::remove_file(&self.result).unwrap();
        lease.lines().filter_map(|line| line.split_once('=')).map(|(key, value)| (key.into(), value.into())).collect()
    }
}

/// An example of this package, which `cargo test` builds beside the tests.
fn example(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("examples").join(name);
    assert!(path.exists(), "build it first: cargo build -p netboot --example {name}");
    path
}
