//! A whole site in a folder, made by `sztp demo --keep`, with the real programs started on it one by one.

#![allow(missing_debug_implementations, clippy::unwrap_used, clippy::panic, reason = "test support")]
#![allow(clippy::missing_panics_doc, clippy::must_use_candidate, missing_docs, reason = "test support")]

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use bootstrap_server::{
    audit::Event,
    config::ServerConfig,
    domain::{DeviceId, ManufacturerName, OnboardingProfile, ProfileName},
    store::{Batch, SqlStore, Store, StoredReport},
};
use conveyed_info::OwnershipVoucher;
use pki::identity::SerialNumber;

/// Where cargo put the programs: next to the test that is running.
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let folder = own.ancestors().find(|folder| folder.join(name).is_file());
    let folder = folder.unwrap_or_else(|| panic!("{name} is not built: run `cargo build --workspace --bins`"));
    folder.join(name)
}

/// The demo's folder, without anything running.
pub struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    /// Runs the demo with this many good devices and keeps its folder.
    pub fn build(devices: u8) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new(program("sztp"))
            .args(["demo", "--once", "--json", "--devices", &devices.to_string(), "--keep"])
            .arg(folder.path().join("lab"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { folder }
    }

    /// Lets one device ask as often as it likes, for tests that start it over and over. Not while the server runs.
    pub fn without_pace(self) -> Self {
        let config = self.server_config();
        let limits =
            "\n[limits]\nrequests-per-second-per-device = 100000\nstored-octets-per-day-per-device = 4000000000\n";
        fs::write(&config, fs::read_to_string(&config).unwrap() + limits).unwrap();
        self
    }

    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("lab")
    }

    pub fn server_config(&self) -> PathBuf {
        self.folder().join("server/sztp.toml")
    }

    /// Starts `sztp serve`, and returns when it listens.
    pub fn serve(&self) -> Server {
        Server::start(&self.server_config())
    }

    /// The command that runs a device once, with its root in `root`.
    pub fn device_command(&self, program: &Path, device: &str, root: &Path) -> Command {
        let config = self.folder().join("devices").join(device).join("device.toml");
        let mut command = Command::new(program);
        command.args(["run", "--once", "--config"]).arg(config).arg("--root").arg(root);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// A fresh root folder for a device, and nothing left of the configuration of an earlier one.
    pub fn fresh_root(&self, name: &str) -> PathBuf {
        let root = self.folder().join("roots").join(name);
        let _none = fs::remove_dir_all(&root);
        fs::create_dir_all(&root).unwrap();
        let _none = fs::remove_file(self.running_config());
        root
    }

    /// What bmc-01 has as its running configuration.
    pub fn running_config(&self) -> PathBuf {
        self.folder().join("devices/bmc-01/running-config.json")
    }

    /// Runs bmc-01 once, to the end, with its trace in a file.
    pub fn run_device(&self, root: &Path) -> Run {
        self.run_named("bmc-01", root)
    }

    /// As [`Lab::run_device`], another device of the demo.
    pub fn run_named(&self, device: &str, root: &Path) -> Run {
        let trace = root.with_extension("trace");
        // The device appends: an earlier run's trace must not be taken for this one's.
        let _none = fs::remove_file(&trace);
        let mut command = self.device_command(&program("sztp-device"), device, root);
        let status = command.arg("--trace").arg(&trace).status().unwrap();
        let trace = fs::read_to_string(&trace).unwrap();
        let trace = trace.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        Run { code: status.code(), trace }
    }

    /// Puts another boot image in the place of the demo's, as an operator would: `key` is the PEM of the public key
    /// that devices hold for images. Not while the server runs.
    pub fn replace_image(&self, image: &Path, key: &str, os_version: &str) {
        let bytes = fs::read(image).unwrap();
        self.replace_image_naming(image, key, os_version, &pki::digest::sha256(&bytes).to_string());
    }

    /// As [`Lab::replace_image`], with a hash of the caller's choice in the onboarding information.
    pub fn replace_image_naming(&self, image: &Path, key: &str, os_version: &str, sha256: &str) {
        let config = self.server_config();
        edit(&config, "images = ", &format!("images = [{:?}]", image.display().to_string()));
        fs::write(self.folder().join("images/image-key.pub.pem"), key).unwrap();
        let address = ServerConfig::load(&config).unwrap().onboarding.unwrap().listen;
        let served = pki::digest::sha256(&fs::read(image).unwrap());
        let profile = format!(
            "[configuration]\nhandling = 'replace'\ncontent = '{{\"os\":\"{os_version}\"}}'\n\
             [boot-image]\nos-name = 'Debian'\nos-version = '{os_version}'\n\
             download-uris = ['https://{address}/images/{served}']\nsha256 = '{sha256}'\n"
        );
        self.replace_profile(&profile);
    }

    /// Gives the class of the demo's devices another profile. Not while the server runs.
    pub fn replace_profile(&self, document: &str) {
        let profile = OnboardingProfile::from_toml(ProfileName::new("bmc").unwrap(), document).unwrap();
        self.commit(Event::ProfileApplied { profile: Box::new(profile) });
    }

    /// Makes this the only voucher of bmc-01: it is forgotten and begins again. Not while the server runs.
    pub fn replace_voucher(&self, voucher: OwnershipVoucher) {
        let (device, because) = (bmc_01(), "another voucher".to_owned());
        let retired = Event::DeviceRetired { device: device.clone(), because: because.clone() };
        let erased = Event::DeviceErased { device: device.clone(), because };
        let (profile, particulars) = (ProfileName::new("bmc").unwrap(), Box::default());
        let registered = Event::DeviceRegistered { device: device.clone(), profile, particulars };
        let stored = Event::VoucherStored { device, voucher };
        self.commit_all(Batch::from(retired).and(erased).and(stored).and(registered));
    }

    fn commit(&self, event: Event) {
        self.commit_all(Batch::from(event));
    }

    fn commit_all(&self, batch: Batch) {
        let config = ServerConfig::load(&self.server_config()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = SqlStore::open(&config.database, config.checkpoint_key).await.unwrap();
            store.commit(batch).await.unwrap();
            store.close().await;
        });
    }

    /// What bmc-01 has reported, oldest first: type and message.
    pub fn reports(&self) -> Vec<(String, String)> {
        let config = ServerConfig::load(&self.server_config()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = SqlStore::open_read_only(&config.database).await.unwrap();
            let reports = store.reports(&bmc_01()).await.unwrap();
            store.close().await;
            let text =
                |report: StoredReport| (report.progress_type.as_str().to_owned(), report.message.unwrap_or_default());
            reports.into_iter().map(text).collect()
        })
    }

    /// What stands in the log, body by body.
    pub fn bodies(&self) -> Vec<serde_json::Value> {
        let config = ServerConfig::load(&self.server_config()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let records = runtime.block_on(async {
            let store = SqlStore::open_read_only(&config.database).await.unwrap();
            let records = store.records(audit_log::LogIndex(0), 10_000).await.unwrap();
            store.close().await;
            records
        });
        let bodies = records.into_iter().filter_map(|record| record.opening.map(|(_, body)| body));
        bodies.map(|body| serde_json::from_slice(body.as_ref()).unwrap()).collect()
    }

    /// Whether `sztp audit verify` finds the log whole; gives its number of leaves.
    pub fn verified_leaves(&self) -> u64 {
        verified_leaves(&self.server_config())
    }
}

/// One run of `sztp-device`.
pub struct Run {
    /// Its exit code.
    pub code: Option<i32>,
    /// Its trace.
    pub trace: Vec<serde_json::Value>,
}

impl Run {
    /// Whether the trace holds a refusal for this reason.
    pub fn refused_for(&self, reason: &str) -> bool {
        self.trace.iter().any(|record| record["decision"] == "refused" && record["reason"] == reason)
    }
}

fn bmc_01() -> DeviceId {
    DeviceId {
        manufacturer: ManufacturerName::new("example-maker").unwrap(),
        serial_number: SerialNumber::new("DEMO-0001").unwrap(),
    }
}

/// Replaces the line that starts with `start`.
fn edit(path: &Path, start: &str, line: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.lines().any(|it| it.starts_with(start)), "{start} in {}", path.display());
    let edited = text.lines().map(|it| if it.starts_with(start) { line } else { it });
    fs::write(path, edited.collect::<Vec<_>>().join("\n")).unwrap();
}

/// Runs `sztp audit verify` and gives the number of leaves; panics when the log is refused.
pub fn verified_leaves(config: &Path) -> u64 {
    let output =
        Command::new(program("sztp")).args(["audit", "verify", "--json", "--config"]).arg(config).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["verified"], true);
    report["leaves"].as_u64().unwrap()
}

/// The address in the next line of a server that starts.
fn listening(said: &mut impl BufRead) -> SocketAddr {
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let address = line.trim().rsplit("https://").next().and_then(|address| address.parse().ok());
    address.unwrap_or_else(|| panic!("the server does not listen: {line:?}"))
}

/// A running `sztp serve`; killed with SIGKILL when dropped.
pub struct Server {
    child: Child,
    said: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Server {
    pub fn start(config: &Path) -> Self {
        let mut child = Command::new(program("sztp"))
            .args(["serve", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let address = listening(&mut said);
        Self { child, said, address }
    }

    /// Where it listens for operators: the next line that it says. For servers that have such a listener, once.
    pub fn operators(&mut self) -> SocketAddr {
        listening(&mut self.said)
    }

    /// Where it listens for devices.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
