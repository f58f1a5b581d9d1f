//! What a device's folder says about it, and emptying it.

use std::{
    fs::TryLockError,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use pki::time::Timestamp;
use serde::Serialize;

use crate::{
    Server,
    apply::{
        image::ImageStore,
        workshop::{DONE, IMAGES, JOURNAL, WORK},
    },
    config::{ClockTrust, Config},
    device, doctor, last_attempt,
    sources::Source,
    storage::{self, Disk, LinuxDisk},
};

const MAX_MARKER: u64 = 64 * 1024;

/// What can be said of a device without asking anybody (RFC 8572 App. A, §9.9; DEV-15, SEC-19).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Status {
    /// Whether bootstrapping is switched on.
    pub enabled: bool,
    /// What the marker says, when the device is bootstrapped.
    pub done: Option<serde_json::Value>,
    /// How the last attempt of this agent ended: when, state, reason code, section, remedy, detail, places passed over.
    pub last_attempt: Option<serde_json::Value>,
    /// Name of the running operating system.
    pub os_name: Option<String>,
    /// Its version.
    pub os_version: Option<String>,
    /// SHA-256 of the active image, in hex.
    pub image: Option<String>,
    /// Where its certificate and its key are kept.
    pub identity: IdentityStatus,
    /// What the factory made it believe: whoever holds these keys can say whose device it is.
    pub anchors: Vec<AnchorStatus>,
    /// The factory's list of bootstrap servers.
    pub well_known: Vec<Server>,
    /// Where bootstrapping data is looked for, in order.
    pub sources: Vec<String>,
    /// Its clock.
    pub clock: ClockStatus,
}

/// Where a device's identity is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct IdentityStatus {
    /// The place of the certificate.
    pub certificate: String,
    /// The place of the key.
    pub key: String,
}

/// An anchor of the factory, or a file that should hold some.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct AnchorStatus {
    /// What it is believed about: `vouchers`, or a bootstrap server as `host:port`.
    pub trusted_for: String,
    /// The file it is in.
    pub file: PathBuf,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// SHA-256 over the certificate, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// When it ends, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
    /// Why the file cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What the clock says, and what that is worth (RFC 8572 §9.1; SEC-01).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ClockStatus {
    /// Whether dates are judged by it.
    pub trusted: bool,
    /// What it says, RFC 3339.
    pub now: String,
    /// What follows for expiry, revocation and vouchers.
    pub meaning: &'static str,
}

impl Status {
    /// Reads the folder, and what the configuration names.
    ///
    /// # Errors
    /// As the file system says of the folder; a file of anchors that cannot be read is part of what is said.
    pub fn read(config: &Config, root: &Path) -> io::Result<Self> {
        let marker = LinuxDisk.read_bounded(&root.join(DONE), MAX_MARKER)?;
        let images = ImageStore::open(Arc::new(LinuxDisk), &root.join(IMAGES))?.booted_as(device::boot_id(config));
        let running = images.running(&device::factory_image(config))?;
        let vouchers = config.voucher_anchors.iter().map(|file| AnchorStatus::read("vouchers", file));
        let servers = config.well_known.iter().flat_map(|it| {
            let server = it.server.to_string();
            it.anchors.iter().map(move |file| AnchorStatus::read(&server, file))
        });
        Ok(Self {
            enabled: config.enabled,
            done: marker.map(|bytes| serde_json::from_slice(&bytes).unwrap_or(serde_json::Value::Null)),
            last_attempt: last_attempt::read(root)?,
            os_name: running.os_name,
            os_version: running.os_version,
            image: running.sha256.map(|digest| digest.to_string()),
            identity: IdentityStatus {
                certificate: config.identity.certificate.to_string(),
                key: config.identity.key.to_string(),
            },
            anchors: vouchers.chain(servers).collect(),
            well_known: config.well_known.iter().map(|it| it.server.clone()).collect(),
            sources: Source::all_of(&config.sources).iter().map(Source::label).collect(),
            clock: ClockStatus::of(config.clock),
        })
    }
}

impl AnchorStatus {
    fn read(trusted_for: &str, file: &Path) -> Self {
        let unread = Self {
            trusted_for: trusted_for.to_owned(),
            file: file.to_owned(),
            subject: None,
            sha256: None,
            not_after: None,
            problem: None,
        };
        match device::anchor(file) {
            Ok(anchor) => Self {
                subject: Some(anchor.subject_text()),
                sha256: Some(anchor.sha256().to_string()),
                not_after: Some(anchor.not_after().to_string()),
                ..unread
            },
            Err(error) => Self { problem: Some(doctor::whole(&error)), ..unread },
        }
    }
}

impl ClockStatus {
    fn of(trust: ClockTrust) -> Self {
        let now = Timestamp::from_system(SystemTime::now()).to_string();
        match trust {
            ClockTrust::Trusted => {
                Self { trusted: true, now, meaning: "expiry and revocation are judged by it; vouchers need no nonce" }
            }
            ClockTrust::Untrusted => Self {
                trusted: false,
                now,
                meaning: "dates are skipped: nothing expires, and vouchers are asked for with a nonce",
            },
        }
    }
}

/// Back to factory state: removes what this agent put into the folder, and nothing else. Gives what was removed.
///
/// # Errors
/// [`io::ErrorKind::ResourceBusy`] while an agent runs in this folder, else as the file system says; the marker goes
/// last, so that a reset that was cut off is repeated.
pub fn reset(root: &Path) -> io::Result<Vec<PathBuf>> {
    if !root.try_exists()? {
        return Ok(Vec::new());
    }
    let _lock = storage::lock(root).map_err(|error| match error {
        TryLockError::WouldBlock => {
            io::Error::new(io::ErrorKind::ResourceBusy, "an agent is running in this folder: end it first")
        }
        TryLockError::Error(error) => error,
    })?;
    empty(&LinuxDisk, root)
}

/// Removes one thing after the other, each durably. The journal first: without what it speaks of, it would be wrong.
///
/// # Errors
/// As the file system says.
pub fn empty(disk: &dyn Disk, root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut removed = Vec::new();
    for name in
        [JOURNAL, IMAGES, WORK, "ldevid", "configuration.previous", "configuration.absent", last_attempt::FILE, DONE]
    {
        let path = root.join(name);
        let Some(entry) = disk.entry(&path)? else { continue };
        if entry.is_folder {
            disk.remove_tree(&path)?
        } else {
            disk.remove_file(&path)?
        }
        disk.sync_folder(root)?;
        removed.push(path);
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_reset_removes_our_files_and_leaves_others() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(IMAGES)).unwrap();
        fs::write(folder.path().join(DONE), "{\"place\":\"a:1\"}").unwrap();
        fs::write(folder.path().join("other"), "x").unwrap();
        let config =
            Config::new(crate::identity::IdentityPlaces::new(PathBuf::from("c").into(), PathBuf::from("k").into()));
        let status = Status::read(&config, folder.path()).unwrap();
        assert_eq!(status.done.unwrap()["place"], "a:1");
        assert_eq!(reset(folder.path()).unwrap().len(), 2);
        assert!(folder.path().join("other").exists());
        assert!(reset(folder.path()).unwrap().is_empty());
        assert!(reset(&folder.path().join("nothing here")).unwrap().is_empty());
    }

    #[test]
    fn a_folder_in_use_is_not_reset() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(DONE), "{}").unwrap();
        let held = storage::lock(folder.path()).unwrap();
        assert_eq!(reset(folder.path()).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        assert!(folder.path().join(DONE).exists());
        drop(held);
        assert_eq!(reset(folder.path()).unwrap().len(), 1);
    }

    #[test]
    fn sec_19_status_lists_what_the_factory_made_the_device_believe() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let key = rcgen::KeyPair::generate().unwrap();
        let masa = rcgen::CertificateParams::default().self_signed(&key).unwrap();
        fs::write(path("masa.pem"), masa.pem()).unwrap();
        let text = "idevid-certificate = 'c.pem'\nidevid-key = 'k.pem'\nvoucher-anchors = ['masa.pem', 'gone.pem']\n\
                    clock = 'untrusted'\n[[well-known]]\naddress = 'sztp.example.net'\nanchors = ['masa.pem']\n\
                    [[sources]]\nkind = 'well-known'\n";
        let config = Config::parse(text, folder.path()).unwrap();
        let status = Status::read(&config, &path("root")).unwrap();
        let trusted_for: Vec<_> = status.anchors.iter().map(|it| it.trusted_for.as_str()).collect();
        assert_eq!(trusted_for, ["vouchers", "vouchers", "sztp.example.net:443"]);
        let digest = pki::digest::sha256(masa.der()).to_string();
        assert_eq!(status.anchors[0].sha256.as_ref(), Some(&digest));
        assert!(status.anchors[0].not_after.is_some() && status.anchors[0].problem.is_none());
        assert!(status.anchors[1].problem.as_ref().unwrap().contains("gone.pem"), "{:?}", status.anchors[1]);
        assert_eq!(status.well_known, [Server::new("sztp.example.net", 443)]);
        assert_eq!(status.sources, ["well-known servers"]);
        // SEC-01
        assert!(!status.clock.trusted && status.clock.meaning.contains("dates are skipped"));
        assert_eq!(status.last_attempt, None);
    }
}
