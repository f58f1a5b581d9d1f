//! The disk of a real device.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use super::{Disk, DiskFile, Entry, Open, PRIVATE};

/// How long a lock is waited for. An agent that was killed while it started a script leaves the lock to the script's
/// process, which drops it as soon as it runs the script's program.
const LOCK_PATIENCE: Duration = Duration::from_millis(500);

/// The file systems that are mounted here.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinuxDisk;

impl Disk for LinuxDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        match how {
            Open::Read => options.read(true),
            Open::Append => options.read(true).append(true).create(true).mode(PRIVATE),
            Open::Anew { mode } => options.write(true).create(true).truncate(true).mode(mode),
        };
        Ok(Box::new(LinuxFile(options.open(path)?)))
    }

    fn entry(&self, path: &Path) -> io::Result<Option<Entry>> {
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
            Ok(it) => Ok(Some(Entry { is_folder: it.is_dir(), mode: it.permissions().mode() & 0o777 })),
        }
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| entry.map(|it| it.path())).collect()
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        fs::DirBuilder::new().mode(0o700).create(folder)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_tree(&self, folder: &Path) -> io::Result<()> {
        fs::remove_dir_all(folder)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

#[derive(Debug)]
struct LinuxFile(File);

impl DiskFile for LinuxFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn room(&self) -> io::Result<Option<u64>> {
        let file_system = rustix::fs::fstatvfs(&self.0)?;
        Ok(Some(file_system.f_bavail.saturating_mul(file_system.f_frsize)))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read_at(buffer, offset) {
            // A pipe, which a certificate may come through.
            Err(error) if error.kind() == io::ErrorKind::NotSeekable => (&self.0).read(buffer),
            read => read,
        }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.0.set_len(length)?;
        // A file that was opened anew has a place of its own to write at.
        io::Seek::seek(&mut self.0, io::SeekFrom::End(0)).map(drop)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_all()
    }
}

/// Takes the folder for this process alone, until the file that is returned is dropped or the process ends. The file
/// `lock` stays where it is; only the hold on it counts.
///
/// # Errors
/// [`TryLockError::WouldBlock`] when another holds it, else as the file system says.
pub fn lock(folder: &Path) -> Result<File, TryLockError> {
    let path = folder.join("lock");
    let open = OpenOptions::new().write(true).create(true).truncate(false).mode(PRIVATE).open(path);
    let file = open.map_err(TryLockError::Error)?;
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_is_new_as_a_whole_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        LinuxDisk.replace(&path, b"first").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        LinuxDisk.replace(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn removing_twice_is_removing_and_reading_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        LinuxDisk.replace(&path, b"12345").unwrap();
        assert_eq!(LinuxDisk.read_bounded(&path, 5).unwrap().as_deref(), Some(&b"12345"[..]));
        assert_eq!(LinuxDisk.read_bounded(&path, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        LinuxDisk.remove(&path).unwrap();
        LinuxDisk.remove(&path).unwrap();
        assert_eq!(LinuxDisk.read_bounded(&path, 5).unwrap(), None);
    }

    #[test]
    fn folders_are_private_and_those_above_are_made_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        LinuxDisk.create_private_folder(&path).unwrap();
        LinuxDisk.create_private_folder(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        fs::write(folder.path().join("file"), "").unwrap();
        LinuxDisk.create_private_folder(&folder.path().join("file/b")).unwrap_err();
        LinuxDisk.create_private_folder(&folder.path().join("file")).unwrap_err();
    }

    #[test]
    fn what_is_appended_stands_at_the_end_also_after_a_truncation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for how in [Open::Anew { mode: 0o600 }, Open::Append] {
            let mut file = LinuxDisk.open(&path, how).unwrap();
            file.truncate(0).unwrap();
            file.append(b"12345").unwrap();
            file.truncate(2).unwrap();
            file.append(b"x").unwrap();
            assert_eq!((file.length().unwrap(), fs::read(&path).unwrap()), (3, b"12x".to_vec()), "{how:?}");
        }
    }
}
