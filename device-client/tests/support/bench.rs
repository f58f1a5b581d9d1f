//! One device: its files, and the network that it is plugged into.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use device_client::{Device, Outcome, Record, config::Config};

use super::{
    dhcp::Dhcp,
    parties::{HOSTNAME, Parties, Party},
};

/// The device's files and everybody who has to do with it.
pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) parties: Parties,
    pub(crate) dhcp: Dhcp,
}

/// What one attempt came to.
pub(crate) struct Attempt {
    pub(crate) outcome: Outcome,
    pub(crate) records: Vec<Record>,
}

/// Largest image that the device takes, in octets.
pub(crate) const LARGEST_IMAGE: u64 = 1024 * 1024;

const UNTOUCHED: &str = "{\"kept\":true}";

impl Bench {
    /// A device that asks DHCP alone. Its limits are short.
    pub(crate) fn new() -> Self {
        Self::with_settings("", "")
    }

    /// The same, with further members at the configuration's top and at its end.
    pub(crate) fn with_settings(top: &str, end: &str) -> Self {
        let (folder, parties, dhcp) = (tempfile::tempdir().unwrap(), Parties::new(), Dhcp::start());
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let pem = |party: &Party| party.certificate.to_pem();
        write("idevid.pem", &pem(&parties.device));
        write("idevid.key", &parties.device.pair().serialize_pem());
        fs::set_permissions(folder.path().join("idevid.key"), fs::Permissions::from_mode(0o600)).unwrap();
        write("masa.pem", &pem(&parties.masa));
        write("tls.pem", &pem(&parties.tls));
        write("running.json", UNTOUCHED);
        write(
            "device.toml",
            &format!(
                "idevid-certificate = 'idevid.pem'\nidevid-key = 'idevid.key'\nvoucher-anchors = ['masa.pem']\n\
                 os-name = 'os'\nos-version = '1'\nhw-model = 'm-1'\nallow-targets = ['127.0.0.0/8']\n{top}\n\
                 [limits]\nconnect-seconds = 4\nexchange-seconds = 4\ndownload-seconds = 4\nscript-seconds = 3\n\
                 image-octets = {LARGEST_IMAGE}\n[configuration]\nfile = 'running.json'\n\
                 [[sources]]\nkind = 'dhcp4'\naddress = '127.0.0.1'\nserver = '{}'\ntimeout-seconds = 5\n{end}\n",
                dhcp.address
            ),
        );
        Self { folder, parties, dhcp }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.path("root")
    }

    pub(crate) fn device(&self) -> Device {
        Device::open(Config::load(&self.path("device.toml")).unwrap(), &self.root()).unwrap()
    }

    /// Whether the device has the owner's configuration.
    pub(crate) fn is_configured(&self) -> bool {
        let text = fs::read_to_string(self.path("running.json")).unwrap();
        let configuration: serde_json::Value = serde_json::from_str(&text).unwrap();
        configuration["hostname"] == HOSTNAME && configuration["kept"] == true
    }

    /// Octets of images that were not downloaded to their end.
    pub(crate) fn staged_octets(&self) -> u64 {
        let staged =
            files_below(&self.root().join("images")).into_iter().filter(|it| it.extension() == Some("part".as_ref()));
        staged.map(|it| fs::metadata(it).unwrap().len()).sum()
    }

    /// Whatever an attempt that was refused left behind: nothing, if all is well.
    pub(crate) fn traces_of_harm(&self) -> Vec<String> {
        let mut harm = Vec::new();
        if fs::read_to_string(self.path("running.json")).unwrap() != UNTOUCHED {
            harm.push("the configuration was changed".to_owned());
        }
        let kept = ["lock", "state.journal", "vouchers.seen"];
        for path in files_below(&self.root()) {
            let name = path.strip_prefix(self.root()).unwrap().display().to_string();
            // Octets of an image are kept for the next try: work, within the limit.
            if !kept.contains(&name.as_str()) && !name.ends_with(".part") {
                harm.push(name);
            }
        }
        harm
    }
}

/// Runs one attempt.
pub(crate) fn attempt(device: &mut Device) -> Attempt {
    let mut records = Vec::new();
    let outcome = device.run_once(&mut |record| records.push(record.clone()));
    Attempt { outcome, records }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let below = |path: PathBuf| if path.is_dir() { files_below(&path) } else { vec![path] };
    entries.flat_map(|entry| below(entry.unwrap().path())).collect()
}
