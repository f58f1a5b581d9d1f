//! Reading from a file tree that anybody may have written (USB-08).
//!
//! A path is walked component by component, each opened relative to the one before: links of every kind are seen and not
//! followed, and a [`MediaPath`] has no `..`. Nothing but a plain file is ever opened for reading, and what lies on
//! another file system than its root is not read either: a stick is one file system.

use std::{
    fmt,
    fs::{File, FileType},
    io::{self, Read},
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::FileTypeExt,
    },
    path::Path,
};

use conveyed_info::discovery::removable_storage::MediaPath;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags, openat, statx};
use verdict::ReasonCode;

/// The root of a tree, held open: it stays the same storage, whatever is mounted in its place meanwhile.
#[derive(Debug)]
pub struct Stick {
    root: File,
    name: String,
}

/// What a component of a path must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Folder,
    PlainFile,
}

impl Stick {
    /// The tree at `root`, a path that is trusted: links in it are followed.
    ///
    /// # Errors
    /// As the file system says.
    pub fn open(root: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let held = openat(CWD, root, flags, Mode::empty())?;
        Ok(Self { root: File::from(held), name: root.display().to_string() })
    }

    /// The tree of a mount that is in no file tree, by the name of what was mounted.
    pub(super) fn of_mount(mount: OwnedFd, name: impl Into<String>) -> Self {
        Self { root: File::from(mount), name: name.into() }
    }

    /// What people know it by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads a plain file of at most `limit` octets; `None` when there is nothing of this name.
    ///
    /// # Errors
    /// [`StickError`].
    pub fn read(&self, path: &MediaPath, limit: usize) -> Result<Option<Vec<u8>>, StickError> {
        let Some(file) = self.file(path)? else { return Ok(None) };
        let mut octets = Vec::new();
        // One octet more, to see that a file is longer.
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        file.take(most).read_to_end(&mut octets).map_err(|source| unreadable(path, source))?;
        if octets.len() > limit {
            Err(StickError::TooLarge { path: path.to_string(), limit })
        } else {
            Ok(Some(octets))
        }
    }

    /// Opens a plain file for reading; `None` when there is nothing of this name.
    ///
    /// # Errors
    /// [`StickError`].
    pub fn file(&self, path: &MediaPath) -> Result<Option<File>, StickError> {
        let Some((name, folders)) = path.components().split_last() else { return Ok(None) };
        let mut folder: Option<File> = None;
        for component in folders {
            let within = folder.as_ref().unwrap_or(&self.root);
            match self.look(path, within, component, Wanted::Folder)? {
                Some(next) => folder = Some(next),
                None => return Ok(None),
            }
        }
        let within = folder.as_ref().unwrap_or(&self.root);
        // Looked at before it is opened: to open a device or a pipe can do something already, or never end.
        if self.look(path, within, name, Wanted::PlainFile)?.is_none() {
            return Ok(None);
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file =
            openat(within, name.as_str(), flags, Mode::empty()).map_err(|error| unreadable(path, error.into()))?;
        let file = File::from(file);
        // And once more: it may be another one by now.
        self.inspect(path, &file, Wanted::PlainFile)?;
        Ok(Some(file))
    }

    /// Holds a component without opening what it is.
    fn look(&self, path: &MediaPath, within: &File, name: &str, wanted: Wanted) -> Result<Option<File>, StickError> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let held = match openat(within, name, flags, Mode::empty()) {
            Ok(held) => File::from(held),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => return Err(unreadable(path, error.into())),
        };
        self.inspect(path, &held, wanted)?;
        Ok(Some(held))
    }

    fn inspect(&self, path: &MediaPath, held: &File, wanted: Wanted) -> Result<(), StickError> {
        let kind = held.metadata().map_err(|source| unreadable(path, source))?.file_type();
        let fits = match wanted {
            Wanted::Folder => kind.is_dir(),
            Wanted::PlainFile => kind.is_file(),
        };
        if !fits {
            return Err(StickError::NotPlain { path: path.to_string(), found: name_of(kind) });
        }
        // Kernels before 5.8 do not say.
        match (mount_of(&self.root), mount_of(held)) {
            (Some(ours), Some(other)) if ours != other => {
                Err(StickError::NotPlain { path: path.to_string(), found: "on another file system" })
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Stick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

fn mount_of(held: impl AsFd) -> Option<u64> {
    let found = statx(held, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok()?;
    (found.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(found.stx_mnt_id)
}

fn name_of(kind: FileType) -> &'static str {
    if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_dir() {
        "a folder"
    } else if kind.is_file() {
        "a file where a folder must be"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device node"
    }
}

fn unreadable(path: &MediaPath, source: io::Error) -> StickError {
    StickError::Unreadable { path: path.to_string(), source }
}

/// A file that is not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StickError {
    /// Something other than a plain file in plain folders.
    #[error("{path}: a component is {found}; only plain files in plain folders are read")]
    NotPlain {
        /// Which file.
        path: String,
        /// What is in its place.
        found: &'static str,
    },
    /// A file that is longer than it may be.
    #[error("{path}: longer than {limit} octets")]
    TooLarge {
        /// Which file.
        path: String,
        /// Most octets.
        limit: usize,
    },
    /// A file that cannot be read: taken out while it was being read, most of all.
    #[error("{path}: {source}; is the storage whole, and still there?")]
    Unreadable {
        /// Which file.
        path: String,
        /// Why.
        source: io::Error,
    },
}

impl StickError {
    /// The reason code an operator sees when this was to be an artifact.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        match self {
            Self::TooLarge { .. } => ReasonCode::ArtifactTooLarge,
            Self::NotPlain { .. } | Self::Unreadable { .. } => ReasonCode::RemovableStorageInvalid,
        }
    }
}
