//! A site as `sztp init` makes it, with its server running and every command at hand.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use authority::ManufacturerParty;
use interop_tests::{
    lab::program,
    site::{now, serial},
};
use pki::certificate::Certificate;
use serde_json::Value;

pub(crate) const PROFILE: &str = "[configuration]\nhandling = 'merge'\ncontent = '{\"hostname\":\"bmc\"}'\n";

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn good(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }
}

/// Runs `sztp` in a folder, without anything of this process's environment that would name a server.
pub(crate) fn sztp(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("sztp"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    for variable in ["SZTP_SERVER", "SZTP_TOKEN_FILE", "SZTP_SERVER_CA"] {
        command.env_remove(variable);
    }
    command
}

pub(crate) fn ended(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
    Ended { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// Runs a command that resumes what it began, and kills it whenever it is so far `beyond` where it was when it began; until it comes
/// to its end in one go.
pub(crate) fn killed_again_and_again(command: impl Fn() -> Command, progress: impl Fn() -> u64, beyond: u64) {
    let mut killed = 0;
    loop {
        let before = progress();
        let mut running = command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let ended = loop {
            if let Some(ended) = running.try_wait().unwrap() {
                break Some(ended);
            }
            if progress() >= before + beyond {
                running.kill().unwrap();
                running.wait().unwrap();
                break None;
            }
            std::thread::yield_now();
        };
        if let Some(ended) = ended {
            assert_eq!(ended.code(), Some(0));
            break;
        }
        killed += 1;
        assert!(killed < 30, "it does not come to its end");
    }
    assert!(killed > 0, "it was never killed in the middle");
}

/// The site and its running server. Everything goes with it.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    server: Child,
    pub(crate) devices: String,
    pub(crate) operators: String,
    pub(crate) maker: ManufacturerParty,
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ended = self.server.kill();
        let _reaped = self.server.wait();
    }
}

impl Site {
    /// Makes a site on any free ports and starts its server.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let init = ["init", "site", "--device-listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0"];
        ended(&mut sztp(folder.path(), &init)).good();
        let site = folder.path().join("site");
        let mut server = sztp(&site, &["serve"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(server.stdout.as_mut().unwrap()).lines();
        let mut address = || lines.next().unwrap().unwrap().rsplit("https://").next().unwrap().to_owned();
        let (devices, operators) = (address(), address());
        // As a person has it who works in the folder: the configuration names the port.
        let config = fs::read_to_string(site.join("sztp.toml")).unwrap();
        let marker = "[operator-listener]\nlisten = \"127.0.0.1:0\"";
        assert!(config.contains(marker));
        let found = config.replace(marker, &format!("[operator-listener]\nlisten = \"{operators}\""));
        fs::write(site.join("sztp.toml"), found).unwrap();
        Self { folder, server, devices, operators, maker: ManufacturerParty::new("Example Maker", now()).unwrap() }
    }

    /// Ends the server's process.
    pub(crate) fn stop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    /// Starts it again where it was.
    pub(crate) fn start_again(&mut self) {
        let mut server = sztp(&self.path(""), &["serve"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(server.stdout.as_mut().unwrap()).lines().map(Result::unwrap);
        // Devices are listened for on any free port, which is another one now.
        let mut devices = None;
        for line in lines {
            match line.strip_prefix("listening for devices on https://") {
                Some(address) => devices = Some(address.to_owned()),
                None if line.contains(&self.operators) => break,
                None => {}
            }
        }
        self.devices = devices.unwrap();
        self.server = server;
    }

    /// The folder that `sztp init` made.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("site").join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Runs a command in the folder.
    pub(crate) fn sztp(&self, arguments: &[&str]) -> Ended {
        ended(&mut sztp(&self.path(""), arguments))
    }

    /// The same, with something on standard input.
    pub(crate) fn sztp_reading(&self, arguments: &[&str], input: &str) -> Ended {
        let mut child = sztp(&self.path(""), arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
        Ended { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Adds the manufacturer and the profile `bmc`.
    pub(crate) fn prepare(&self) {
        let pem = |chain: &[Certificate]| chain.iter().map(Certificate::to_pem).collect::<String>();
        self.write("device-root.pem", &pem(self.maker.device_anchors()));
        self.write("voucher-root.pem", &pem(self.maker.voucher_anchors()));
        self.write("bmc.toml", PROFILE);
        let add = ["manufacturer", "add", "example-maker", "--anchor", "device-root.pem"];
        self.sztp(&[&add[..], &["--voucher-anchor", "voucher-root.pem"]].concat()).good();
        self.sztp(&["profile", "apply", "bmc.toml"]).good();
    }

    /// Writes a voucher for the device, which pins this site's owner, as `NUMBER.vcj`.
    pub(crate) fn issue_voucher(&self, number: &str) -> String {
        let pinned = fs::read(self.path("pinned-domain-certificate.pem")).unwrap();
        let pinned = Certificate::chain_from_pem(&pinned).unwrap().pop().unwrap();
        let name = format!("{number}.vcj");
        fs::write(self.path(&name), self.maker.voucher(&serial(number), &pinned, now()).unwrap().der()).unwrap();
        name
    }

    /// Runs a real device until it is bootstrapped. A server learns of a manufacturer a moment after it was added, and the
    /// device tries again, as every device does.
    pub(crate) fn onboard(&self, number: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut device = self.device(number);
        loop {
            let ran = device.output().unwrap();
            if ran.status.success() {
                return;
            }
            assert!(Instant::now() < deadline, "{}", String::from_utf8_lossy(&ran.stderr));
        }
    }

    /// The command that runs a real device once. It knows the server's address and nothing of its certificate.
    pub(crate) fn device(&self, number: &str) -> Command {
        let folder = self.path(&format!("device-{number}"));
        fs::create_dir(&folder).unwrap();
        let (key, chain) = self.maker.device("Example BMC", &serial(number), now()).unwrap();
        fs::write(folder.join("idevid.key"), key.to_pem().as_bytes()).unwrap();
        let chain: String = chain.iter().map(Certificate::to_pem).collect();
        fs::write(folder.join("idevid.pem"), chain).unwrap();
        let (address, port) = self.devices.rsplit_once(':').unwrap();
        let document = format!(
            r#"idevid-certificate = "idevid.pem"
idevid-key = "idevid.key"
voucher-anchors = ["../voucher-root.pem"]
allow-targets = ["127.0.0.0/8"]
clock = "trusted"
reboot = "continue"

[configuration]
file = "running-config.json"

[[well-known]]
address = "{address}"
port = {port}
anchors = []

[[sources]]
kind = "well-known"
"#
        );
        fs::write(folder.join("device.toml"), document).unwrap();
        fs::set_permissions(folder.join("idevid.key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let mut command = Command::new(program("sztp-device"));
        command.current_dir(&folder).args(["run", "--once", "--config", "device.toml", "--root", "root"]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}
