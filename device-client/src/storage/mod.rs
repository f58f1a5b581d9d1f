//! Files that survive a cut of power at any moment.
//!
//! [`Disk`] is what a device needs of a file system: a few operations, of which only those named *sync* make anything
//! durable. What is built on them ([`Disk::replace`] and the like) is the same on a real disk ([`LinuxDisk`]) and on one
//! that forgets what was not synced ([`crate::env::sim::SimulatedDisk`]).

mod linux;

pub use linux::{LinuxDisk, lock};

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use verdict::{ReasonCode, Refusal};

/// Mode of a new file: what a device stores is nobody else's business.
const PRIVATE: u32 = 0o600;

/// Octets that are read at once.
const PIECE: usize = 128 * 1024;

/// A file system. Paths are absolute, or relative to where the process runs.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Opens a file.
    ///
    /// # Errors
    /// As the file system says.
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn DiskFile>>;

    /// What stands at a path; `None` when nothing does.
    ///
    /// # Errors
    /// As the file system says.
    fn entry(&self, path: &Path) -> io::Result<Option<Entry>>;

    /// Paths of everything in a folder.
    ///
    /// # Errors
    /// As the file system says.
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;

    /// Makes one folder that only its owner may enter. Not durable until the folder around it is synced.
    ///
    /// # Errors
    /// As the file system says.
    fn create_folder(&self, folder: &Path) -> io::Result<()>;

    /// Renames a file within its folder, over another one if need be. Not durable until the folder is synced, but never
    /// half done.
    ///
    /// # Errors
    /// As the file system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file. Not durable until the folder is synced.
    ///
    /// # Errors
    /// As the file system says.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder with everything in it, in no particular order. Not durable until the folder around it is synced.
    ///
    /// # Errors
    /// As the file system says.
    fn remove_tree(&self, folder: &Path) -> io::Result<()>;

    /// Makes durable which names a folder holds.
    ///
    /// # Errors
    /// As the file system says.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Replaces a file as a whole: written beside it, synced, renamed over it, and the folder synced. A reader finds the
    /// old bytes or the new ones. The mode stays; that of a new file is 0600.
    ///
    /// # Errors
    /// As the file system says; the old file is untouched then, and what was written beside it is gone, unless that fails too.
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mode = self.entry(path)?.map_or(PRIVATE, |entry| entry.mode);
        let beside = beside(path);
        let write = || -> io::Result<()> {
            let mut file = self.open(&beside, Open::Anew { mode })?;
            file.append(bytes)?;
            file.sync()?;
            self.rename(&beside, path)
        };
        if let Err(error) = write() {
            // What is left may hold secrets, and takes the place that a full disk lacks.
            drop(self.remove_file(&beside));
            return Err(error);
        }
        self.sync_folder(around(path))
    }

    /// Removes what a replacement left that power cut short (SEC-13).
    ///
    /// # Errors
    /// As the file system says.
    fn discard_unfinished(&self, path: &Path) -> io::Result<()> {
        self.remove(&beside(path))
    }

    /// Removes a file, durably. One that is not there may have been removed by a process that was killed before it could make
    /// that durable.
    ///
    /// # Errors
    /// As the file system says.
    fn remove(&self, path: &Path) -> io::Result<()> {
        let ok_if_missing = |result: io::Result<()>| match result {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        };
        ok_if_missing(self.remove_file(path))?;
        ok_if_missing(self.sync_folder(around(path)))
    }

    /// Reads a file of at most `limit` octets; `None` when there is none.
    ///
    /// # Errors
    /// As the file system says, and [`io::ErrorKind::FileTooLarge`].
    fn read_bounded(&self, path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let file = match self.open(path, Open::Read) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut bytes = Vec::new();
        let mut length = 0_u64;
        for_each_piece(file.as_ref(), &mut |piece| {
            bytes.extend_from_slice(piece);
            length = length.saturating_add(octets(piece));
            if length > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(()) }
        })?;
        Ok(Some(bytes))
    }

    /// Makes a folder that only its owner may enter, with those above it, durably. One that is there already may have been
    /// made by a process that was killed before it could make it durable.
    ///
    /// # Errors
    /// As the file system says.
    fn create_private_folder(&self, path: &Path) -> io::Result<()> {
        let above = around(path);
        match self.entry(path)? {
            Some(entry) if !entry.is_folder => Err(io::ErrorKind::NotADirectory.into()),
            // Not every user who may write here may read the folder above.
            Some(_) => {
                drop(self.sync_folder(above));
                Ok(())
            }
            None => {
                if above != path {
                    self.create_private_folder(above)?;
                }
                self.create_folder(path)?;
                self.sync_folder(above)
            }
        }
    }

    /// Whether anything stands at a path.
    ///
    /// # Errors
    /// As the file system says.
    fn exists(&self, path: &Path) -> io::Result<bool> {
        self.entry(path).map(|entry| entry.is_some())
    }
}

/// An open file. What is written goes to its end.
pub trait DiskFile: fmt::Debug + Send {
    /// Octets in it.
    ///
    /// # Errors
    /// As the file system says.
    fn length(&self) -> io::Result<u64>;

    /// How many more octets the file system around it has room for; `None` where nobody knows.
    ///
    /// # Errors
    /// As the file system says.
    fn room(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }

    /// Reads some of the octets from `offset` on; how many, 0 at the end.
    ///
    /// # Errors
    /// As the file system says.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Adds octets at the end. Where it fails, some of them may be there.
    ///
    /// # Errors
    /// As the file system says.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file off after so many octets.
    ///
    /// # Errors
    /// As the file system says.
    fn truncate(&mut self, length: u64) -> io::Result<()>;

    /// Makes the file's octets durable, and not its name.
    ///
    /// # Errors
    /// As the file system says; what was written since the last time may be lost then, also when a later sync succeeds.
    fn sync(&mut self) -> io::Result<()>;
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// For reading; it must be there.
    Read,
    /// For reading and appending; made with mode 0600 when it is not there.
    Append,
    /// For appending to nothing: made with this mode, or emptied.
    Anew {
        /// Permission bits.
        mode: u32,
    },
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Permission bits.
    pub mode: u32,
}

/// Reads a file from its beginning to its end, piece by piece.
pub(crate) fn for_each_piece(file: &dyn DiskFile, take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    let mut offset = 0_u64;
    loop {
        let read = match file.read_at(offset, &mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => piece.get(..read?).unwrap_or_default(),
        };
        if read.is_empty() {
            return Ok(());
        }
        take(read)?;
        offset = offset.saturating_add(octets(read));
    }
}

/// Fills the buffer with the octets from `offset` on.
pub(crate) fn read_exact_at(file: &dyn DiskFile, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
    while !buffer.is_empty() {
        match file.read_at(offset, buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                buffer = buffer.get_mut(read..).unwrap_or_default();
                offset = offset.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
            }
        }
    }
    Ok(())
}

/// How many octets these are.
pub(crate) fn octets(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// The folder around a path.
#[must_use]
pub fn around(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => path,
    }
}

/// Where the bytes are written that are to replace a file.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

/// The refusal for a file that could not be read or written.
#[must_use]
pub fn refusal(path: &Path, error: &io::Error) -> Refusal {
    Refusal::new(ReasonCode::StorageFailed, format!("{}: {error}", path.display()))
}
