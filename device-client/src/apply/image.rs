//! The image store: where downloads are staged, images lie, and one of them is the active one.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use pki::{digest::Sha256, key::PublicKey};
use serde::{Deserialize, Serialize};
use verdict::{Digest, Refusal, Trace};

use super::image_signature;
use crate::{
    journal::line,
    machine::{Installation, RunningImage},
    storage,
};

const MAX_ACTIVE: u64 = 64 * 1024;

/// The folder `images/`: `<sha256>.part` while an image is being downloaded, `<sha256>.fit` when it is installed, and
/// `active.json`, which names the one to boot.
#[derive(Clone, Debug)]
pub struct ImageStore {
    folder: PathBuf,
}

/// `active.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Active {
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    os_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    os_version: Option<String>,
}

/// The staged file of one download.
#[derive(Debug)]
pub struct Staged {
    path: PathBuf,
    file: File,
    hash: Sha256,
    length: u64,
    resumed_from: u64,
}

impl ImageStore {
    /// Opens the store, and makes its folder if there is none.
    ///
    /// # Errors
    /// As the file system says.
    pub fn open(folder: &Path) -> io::Result<Self> {
        storage::create_private_folder(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The image that runs: the active one, or else what the factory says.
    ///
    /// # Errors
    /// As the file system says.
    pub fn running(&self, factory: &RunningImage) -> io::Result<RunningImage> {
        let Some(bytes) = storage::read_bounded(&self.active(), MAX_ACTIVE)? else { return Ok(factory.clone()) };
        let active: Active = serde_json::from_slice(&bytes).map_err(io::Error::other)?;
        Ok(RunningImage {
            os_name: active.os_name.or_else(|| factory.os_name.clone()),
            os_version: active.os_version.or_else(|| factory.os_version.clone()),
            sha256: line::digest(&active.sha256),
        })
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
            storage::remove(&other)?;
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(expected.is_none())
            .mode(0o600)
            .open(&path)?;
        let mut hash = Sha256::new();
        let mut length = 0_u64;
        let mut piece = vec![0; 128 * 1024];
        loop {
            let read = file.read(&mut piece)?;
            if read == 0 {
                break;
            }
            hash.update(piece.get(..read).unwrap_or_default());
            length = length.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        }
        Ok(Staged { path, file, hash, length, resumed_from: length })
    }

    /// Removes everything that is staged.
    ///
    /// # Errors
    /// As the file system says.
    pub fn discard_staged(&self) -> io::Result<()> {
        for path in self.staged_files()? {
            storage::remove(&path)?;
        }
        Ok(())
    }

    /// Verifies the signature inside the one staged image.
    ///
    /// # Errors
    /// [`Refusal`] with the reason and every check made.
    pub fn verify_staged(&self, keys: &[PublicKey]) -> Result<Trace, Refusal> {
        let path = self.the_staged_file().map_err(|error| storage::refusal(&self.folder, &error))?;
        image_signature::verify(&path, keys)
    }

    /// Makes the staged image an installed one and the one to boot. The old one stays beside it until the next.
    ///
    /// # Errors
    /// As the file system says; the active image is what it was then.
    pub fn install(&self, installation: &Installation) -> io::Result<()> {
        let staged = self.the_staged_file()?;
        File::open(&staged)?.sync_all()?;
        let name = format!("{}.fit", installation.sha256);
        storage::rename(&staged, &self.folder.join(&name))?;
        let before = storage::read_bounded(&self.active(), MAX_ACTIVE)?
            .and_then(|bytes| serde_json::from_slice::<Active>(&bytes).ok())
            .map(|active| format!("{}.fit", active.sha256));
        let active = Active {
            sha256: installation.sha256.to_string(),
            os_name: installation.os_name.clone(),
            os_version: installation.os_version.clone(),
        };
        storage::replace(&self.active(), &serde_json::to_vec_pretty(&active).map_err(io::Error::other)?)?;
        // Two slots: the active image, and the one before it to fall back to.
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let kept = path
                .file_name()
                .and_then(|it| it.to_str())
                .is_some_and(|it| it == name || Some(it) == before.as_deref());
            if path.extension().is_some_and(|it| it == "fit") && !kept {
                storage::remove(&path)?;
            }
        }
        Ok(())
    }

    fn active(&self) -> PathBuf {
        self.folder.join("active.json")
    }

    fn staged_files(&self) -> io::Result<Vec<PathBuf>> {
        let mut staged = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|it| it == "part") {
                staged.push(path);
            }
        }
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

impl Staged {
    /// Octets in the file.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// How many of them an earlier download had left.
    #[must_use]
    pub const fn resumed_from(&self) -> u64 {
        self.resumed_from
    }

    /// SHA-256 over what is there so far.
    #[must_use]
    pub fn sha256(&self) -> Digest {
        self.hash.clone().finish()
    }

    /// Appends octets, hashing them on the way.
    ///
    /// # Errors
    /// As the file system says.
    pub fn append(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece)?;
        self.hash.update(piece);
        self.length = self.length.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Drops what is there: the server does not go on where the earlier download stopped.
    ///
    /// # Errors
    /// As the file system says.
    pub fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        io::Seek::rewind(&mut self.file)?;
        self.hash = Sha256::new();
        self.length = 0;
        self.resumed_from = 0;
        Ok(())
    }

    /// The download is complete: makes it durable.
    ///
    /// # Errors
    /// As the file system says.
    pub fn complete(&self) -> io::Result<()> {
        self.file.sync_all()?;
        storage::sync_parent(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use pki::digest::sha256;

    use super::*;

    #[test]
    fn a_download_goes_on_where_it_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let store = ImageStore::open(&folder.path().join("images")).unwrap();
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
        let store = ImageStore::open(folder.path()).unwrap();
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
        let store = ImageStore::open(folder.path()).unwrap();
        let factory = RunningImage { os_name: Some("os".into()), os_version: Some("1".into()), sha256: None };
        assert_eq!(store.running(&factory).unwrap(), factory);
        for version in ["2", "3", "4"] {
            let digest = sha256(version.as_bytes());
            let mut staged = store.stage(Some(&digest)).unwrap();
            staged.append(version.as_bytes()).unwrap();
            staged.complete().unwrap();
            let installation = Installation { sha256: digest, os_name: None, os_version: Some(version.into()) };
            store.install(&installation).unwrap();
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

    #[test]
    fn discarding_leaves_installed_images_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = ImageStore::open(folder.path()).unwrap();
        fs::write(folder.path().join("a.fit"), "a").unwrap();
        store.stage(None).unwrap();
        store.discard_staged().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
