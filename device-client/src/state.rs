//! What a device's folder says about it, and emptying it.

use std::{
    fs::TryLockError,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;

use crate::{
    apply::{
        image::ImageStore,
        workshop::{DONE, IMAGES, JOURNAL, WORK},
    },
    config::Config,
    device,
    storage::{self, Disk, LinuxDisk},
};

const MAX_MARKER: u64 = 64 * 1024;

/// What can be said of a device without asking anybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Status {
    /// Whether bootstrapping is switched on.
    pub enabled: bool,
    /// What the marker says, when the device is bootstrapped.
    pub done: Option<serde_json::Value>,
    /// Name of the running operating system.
    pub os_name: Option<String>,
    /// Its version.
    pub os_version: Option<String>,
    /// SHA-256 of the active image, in hex.
    pub image: Option<String>,
}

impl Status {
    /// Reads the folder.
    ///
    /// # Errors
    /// As the file system says.
    pub fn read(config: &Config, root: &Path) -> io::Result<Self> {
        let marker = LinuxDisk.read_bounded(&root.join(DONE), MAX_MARKER)?;
        let images = ImageStore::open(Arc::new(LinuxDisk), &root.join(IMAGES))?.booted_as(device::boot_id(config));
        let running = images.running(&device::factory_image(config))?;
        Ok(Self {
            enabled: config.enabled,
            done: marker.map(|bytes| serde_json::from_slice(&bytes).unwrap_or(serde_json::Value::Null)),
            os_name: running.os_name,
            os_version: running.os_version,
            image: running.sha256.map(|digest| digest.to_string()),
        })
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
    for name in [JOURNAL, IMAGES, WORK, "ldevid", "configuration.previous", "configuration.absent", DONE] {
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
}
