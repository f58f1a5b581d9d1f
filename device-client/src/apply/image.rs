//! The image store: where downloads are staged, images lie, and one of them is the active one.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use pki::key::PublicKey;
use serde::{Deserialize, Serialize};
use verdict::{Digest, ReasonCode, Refusal, Trace};

use super::{image_signature, staged::Staged};
use crate::{
    journal::line,
    machine::{Downloaded, Installation, RunningImage},
    storage::{self, Disk, Open},
};

const MAX_ACTIVE: u64 = 64 * 1024;

/// The folder `images/`: `<sha256>.part` while an image is being downloaded, `<sha256>.fit` when it is installed, and
/// `active.json`, which names the one to boot, the one that ran when it was installed, and the boot it was installed in.
#[derive(Clone, Debug)]
pub struct ImageStore {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    boot_id: Option<String>,
}

/// What `active.json` says of one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Slot {
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    os_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    os_version: Option<String>,
}

impl Slot {
    fn file_name(&self) -> String {
        format!("{}.fit", self.sha256)
    }
}

/// `active.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Active {
    #[serde(flatten)]
    slot: Slot,
    /// The boot in which the image was installed: while it lasts, the previous image is what runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    boot_id: Option<String>,
    /// The image that ran when this one was installed, and that is fallen back to; `null` is the factory's.
    previous: Option<Slot>,
}

impl ImageStore {
    /// Opens the store, and makes its folder if there is none. An installed image counts as running at once, unless
    /// [`ImageStore::booted_as`] says how boots are told apart.
    ///
    /// # Errors
    /// As the file system says.
    pub fn open(disk: Arc<dyn Disk>, folder: &Path) -> io::Result<Self> {
        disk.create_private_folder(folder)?;
        Ok(Self { disk, folder: folder.to_owned(), boot_id: None })
    }

    /// The same store in a system that was booted under this id: an image that is installed now counts as running only
    /// when the id is another. `None`, where ids cannot be read, leaves nothing to tell boots apart by.
    #[must_use]
    pub fn booted_as(mut self, boot_id: Option<String>) -> Self {
        self.boot_id = boot_id;
        self
    }

    /// The image that runs: the active one if it was booted, or else the one before it, or else what the factory says.
    ///
    /// # Errors
    /// As the file system says.
    pub fn running(&self, factory: &RunningImage) -> io::Result<RunningImage> {
        let running = self.read_active()?.and_then(|active| self.running_slot(active));
        let Some(slot) = running else { return Ok(factory.clone()) };
        Ok(RunningImage {
            os_name: slot.os_name.or_else(|| factory.os_name.clone()),
            os_version: slot.os_version.or_else(|| factory.os_version.clone()),
            sha256: line::digest(&slot.sha256),
        })
    }

    /// Digest of the image that will be booted next: the active one.
    ///
    /// # Errors
    /// As the file system says.
    pub fn installed(&self) -> io::Result<Option<Digest>> {
        Ok(self.read_active()?.and_then(|active| line::digest(&active.slot.sha256)))
    }

    fn read_active(&self) -> io::Result<Option<Active>> {
        let bytes = self.disk.read_bounded(&self.active(), MAX_ACTIVE)?;
        bytes.map(|bytes| serde_json::from_slice(&bytes).map_err(io::Error::other)).transpose()
    }

    fn running_slot(&self, active: Active) -> Option<Slot> {
        let same_boot = self.boot_id.is_some() && active.boot_id == self.boot_id;
        if same_boot { active.previous } else { Some(active.slot) }
    }

    /// Opens the staged file for an image. Octets of an earlier download of the same digest are hashed and kept, those
    /// of any other are removed: there is one staged image at a time.
    ///
    /// # Errors
    /// As the file system says.
    pub fn stage(&self, expected: Option<&Digest>) -> io::Result<Staged> {
        let path = match expected {
            Some(digest) => self.folder.join(format!("{digest}.part")),
            None => self.folder.join("unnamed.part"),
        };
        for other in self.staged_files()?.into_iter().filter(|other| *other != path) {
            self.disk.remove(&other)?;
        }
        let mut file = self.disk.open(&path, Open::Append)?;
        if expected.is_none() {
            file.truncate(0)?;
        }
        Staged::new(file)
    }

    /// Receives an image to the staging place: opens it, lets `transfer` fetch what is missing, and makes the octets durable.
    /// The name becomes durable when the image is installed. What arrived is kept for another try, unless it could not be stored: the place it takes is needed for other things.
    ///
    /// # Errors
    /// As `transfer` says, and [`ReasonCode::StorageFailed`].
    pub fn receive(
        &self,
        expected: Option<&Digest>,
        transfer: impl FnOnce(&mut Staged) -> Result<(), Refusal>,
    ) -> Result<Downloaded, Refusal> {
        let local = |error: io::Error| Refusal::new(ReasonCode::StorageFailed, format!("the staged image: {error}"));
        let receive = || -> Result<Downloaded, Refusal> {
            let mut staged = self.stage(expected).map_err(local)?;
            if expected != Some(&staged.sha256()) {
                transfer(&mut staged)?;
            }
            staged.complete().map_err(local)?;
            Ok(Downloaded { sha256: staged.sha256(), length: staged.length(), resumed_from: staged.resumed_from() })
        };
        receive().inspect_err(|refusal| {
            if refusal.reason == ReasonCode::StorageFailed {
                drop(self.discard_staged());
            }
        })
    }

    /// Removes everything that is staged.
    ///
    /// # Errors
    /// As the file system says.
    pub fn discard_staged(&self) -> io::Result<()> {
        for path in self.staged_files()? {
            self.disk.remove(&path)?;
        }
        Ok(())
    }

    /// Verifies the signature inside the one staged image.
    ///
    /// # Errors
    /// [`Refusal`] with the reason and every check made.
    pub fn verify_staged(&self, keys: &[PublicKey]) -> Result<Trace, Refusal> {
        let path = self.the_staged_file().map_err(|error| storage::refusal(&self.folder, &error))?;
        image_signature::verify(self.disk.as_ref(), &path, keys)
    }

    /// Makes the staged image an installed one and the one to boot. What runs now stays beside it, to fall back to. Of
    /// an image that is the one to boot already only the names change, and nothing needs to be staged.
    ///
    /// # Errors
    /// As the file system says; the active image is what it was then.
    pub fn install(&self, installation: &Installation) -> io::Result<()> {
        let slot = Slot {
            sha256: installation.sha256.to_string(),
            os_name: installation.os_name.clone(),
            os_version: installation.os_version.clone(),
        };
        let before = self.read_active()?;
        let slot_file = self.folder.join(slot.file_name());
        let active = match before {
            Some(before) if before.slot.sha256 == slot.sha256 && self.disk.exists(&slot_file)? => {
                Active { slot, ..before }
            }
            before => {
                let staged = self.the_staged_file()?;
                self.disk.rename(&staged, &slot_file)?;
                self.disk.sync_folder(&self.folder)?;
                let again = before.as_ref().filter(|before| before.slot.sha256 == slot.sha256);
                let previous = match again {
                    Some(before) => before.previous.clone(),
                    None => before.and_then(|before| self.running_slot(before)),
                };
                Active { slot, boot_id: self.boot_id.clone(), previous }
            }
        };
        self.disk.replace(&self.active(), &serde_json::to_vec_pretty(&active).map_err(io::Error::other)?)
    }

    /// Removes what is staged and every installed image but two: the one to boot and the one to fall back to.
    ///
    /// # Errors
    /// As the file system says.
    pub fn remove_old(&self) -> io::Result<()> {
        let Some(active) = self.read_active()? else { return Ok(()) };
        let kept: Vec<_> = std::iter::once(&active.slot).chain(&active.previous).map(Slot::file_name).collect();
        for path in self.disk.list(&self.folder)? {
            let is_kept =
                path.file_name().and_then(|it| it.to_str()).is_some_and(|it| kept.iter().any(|name| name == it));
            if path.extension().is_some_and(|it| it == "fit") && !is_kept {
                self.disk.remove(&path)?;
            }
        }
        self.discard_staged()
    }

    fn active(&self) -> PathBuf {
        self.folder.join("active.json")
    }

    fn staged_files(&self) -> io::Result<Vec<PathBuf>> {
        let mut staged = self.disk.list(&self.folder)?;
        staged.retain(|path| path.extension().is_some_and(|it| it == "part"));
        Ok(staged)
    }

    fn the_staged_file(&self) -> io::Result<PathBuf> {
        let mut staged = self.staged_files()?;
        match (staged.pop(), staged.is_empty()) {
            (Some(path), true) => Ok(path),
            _ => Err(io::Error::other("there is not exactly one staged image")),
        }
    }
}

#[cfg(test)]
mod tests {
    use pki::digest::sha256;

    use std::fs;

    use super::*;
    use crate::storage::LinuxDisk;

    fn open(folder: &Path) -> io::Result<ImageStore> {
        ImageStore::open(Arc::new(LinuxDisk), folder)
    }

    #[test]
    fn a_download_goes_on_where_it_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder.path().join("images")).unwrap();
        let digest = sha256(b"whole image");
        let mut staged = store.stage(Some(&digest)).unwrap();
        staged.append(b"whole ").unwrap();
        drop(staged);
        let mut staged = store.stage(Some(&digest)).unwrap();
        assert_eq!((staged.length(), staged.resumed_from()), (6, 6));
        staged.append(b"image").unwrap();
        assert_eq!(staged.sha256(), digest);
        staged.restart().unwrap();
        staged.append(b"other").unwrap();
        assert_eq!((staged.sha256(), staged.resumed_from()), (sha256(b"other"), 0));
        // Without a digest there is nothing to go on with.
        store.stage(None).unwrap().append(b"x").unwrap();
        assert_eq!(store.stage(None).unwrap().length(), 0);
    }

    #[test]
    fn what_is_left_of_another_image_does_not_stand_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        store.stage(Some(&sha256(b"given up"))).unwrap().append(b"giv").unwrap();
        let mut staged = store.stage(Some(&sha256(b"x"))).unwrap();
        staged.append(b"x").unwrap();
        let installation = Installation { sha256: sha256(b"x"), os_name: None, os_version: None };
        store.install(&installation).unwrap();
        assert!(folder.path().join(format!("{}.fit", sha256(b"x"))).exists());
    }

    #[test]
    fn the_active_image_is_what_runs_and_two_slots_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        let factory = RunningImage { os_name: Some("os".into()), os_version: Some("1".into()), sha256: None };
        assert_eq!(store.running(&factory).unwrap(), factory);
        for version in ["2", "3", "4"] {
            let digest = sha256(version.as_bytes());
            let mut staged = store.stage(Some(&digest)).unwrap();
            staged.append(version.as_bytes()).unwrap();
            staged.complete().unwrap();
            let installation = Installation { sha256: digest, os_name: None, os_version: Some(version.into()) };
            store.install(&installation).unwrap();
            store.remove_old().unwrap();
            let running = store.running(&factory).unwrap();
            assert_eq!(running.os_version.as_deref(), Some(version));
            assert_eq!((running.os_name.as_deref(), running.sha256), (Some("os"), Some(digest)));
        }
        let slots = fs::read_dir(folder.path())
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "fit"));
        assert_eq!(slots.count(), 2);
        assert!(store.the_staged_file().is_err());
    }

    fn install(store: &ImageStore, octets: &str, version: &str) {
        let digest = sha256(octets.as_bytes());
        store.stage(Some(&digest)).unwrap().append(octets.as_bytes()).unwrap();
        let installation = Installation { sha256: digest, os_name: None, os_version: Some(version.into()) };
        store.install(&installation).unwrap();
        store.remove_old().unwrap();
    }

    fn version(store: &ImageStore) -> Option<String> {
        let factory = RunningImage { os_name: None, os_version: Some("1".into()), sha256: None };
        store.running(&factory).unwrap().os_version
    }

    #[test]
    fn an_installed_image_runs_after_the_next_boot_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let booted = |id: &str| open(folder.path()).unwrap().booted_as(Some(id.to_owned()));
        install(&booted("first"), "A", "2");
        assert_eq!(version(&booted("first")).as_deref(), Some("1"));
        assert_eq!(booted("first").installed().unwrap(), Some(sha256(b"A")));
        assert_eq!(version(&booted("second")).as_deref(), Some("2"));
        // An image that was never booted is nothing to fall back to.
        install(&booted("second"), "B", "3");
        install(&booted("second"), "C", "4");
        assert_eq!(version(&booted("second")).as_deref(), Some("2"));
        assert!(folder.path().join(format!("{}.fit", sha256(b"A"))).exists());
        assert!(!folder.path().join(format!("{}.fit", sha256(b"B"))).exists());
        assert_eq!(version(&booted("third")).as_deref(), Some("4"));
        // Where nothing tells boots apart, installed is running, for whoever asks later too.
        install(&open(folder.path()).unwrap(), "D", "5");
        assert_eq!(version(&booted("third")).as_deref(), Some("5"));
    }

    #[test]
    fn the_same_image_again_changes_names_and_keeps_the_one_to_fall_back_to() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap().booted_as(Some("boot".into()));
        install(&store, "A", "2");
        let store = store.booted_as(Some("next boot".into()));
        install(&store, "B", "3");
        install(&store, "B", "3.0");
        assert!(folder.path().join(format!("{}.fit", sha256(b"A"))).exists());
        assert_eq!(version(&store).as_deref(), Some("2"));
        // Nothing needs to be staged for it.
        let names = Installation { sha256: sha256(b"B"), os_name: None, os_version: Some("3.1".into()) };
        store.install(&names).unwrap();
        assert_eq!(version(&store.booted_as(Some("yet another".into()))).as_deref(), Some("3.1"));
    }

    #[test]
    fn what_cannot_be_cleaned_up_does_not_undo_an_installation() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        // A folder where a file should be cannot be removed as a file.
        fs::create_dir(folder.path().join("old.fit")).unwrap();
        store.stage(Some(&sha256(b"A"))).unwrap().append(b"A").unwrap();
        store.install(&Installation { sha256: sha256(b"A"), os_name: None, os_version: None }).unwrap();
        store.remove_old().unwrap_err();
        assert_eq!(store.installed().unwrap(), Some(sha256(b"A")));
    }

    #[test]
    fn what_cannot_be_stored_does_not_fill_the_device() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        let files = || fs::read_dir(folder.path()).unwrap().count();
        for (reason, kept) in [(ReasonCode::ImageUnreachable, 1), (ReasonCode::StorageFailed, 0)] {
            let failing = |staged: &mut Staged| {
                staged.append(b"im").unwrap();
                Err(Refusal::new(reason, "in the middle"))
            };
            assert_eq!(store.receive(Some(&sha256(b"image")), failing).unwrap_err().reason, reason);
            assert_eq!(files(), kept);
        }
    }

    #[test]
    fn discarding_leaves_installed_images_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        fs::write(folder.path().join("a.fit"), "a").unwrap();
        store.stage(None).unwrap();
        store.discard_staged().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
