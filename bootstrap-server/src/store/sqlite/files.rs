//! The files of a database: who may read them, and who may write them.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::ErrorKind,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crate::store::{DatabaseFault, StoreError};

/// Readable and writable by the server's user alone: the database names devices and holds their configurations.
const PRIVATE: u32 = 0o600;

/// Makes an empty database unless there is one. SQLite gives the files that it puts beside it the same mode.
pub(in crate::store) fn create(path: &Path) -> Result<(), StoreError> {
    match OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(failed(path, &error)),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Finds the database under its real name, which is the same for all who open it.
pub(in crate::store) fn find(path: &Path) -> Result<PathBuf, StoreError> {
    path.canonicalize().map_err(|error| match error.kind() {
        ErrorKind::NotFound => StoreError::Missing { path: path.to_owned() },
        _ => failed(path, &error),
    })
}

/// Makes sure that nobody else writes to the database, for as long as the file that is given back stays open.
///
/// The lock is on a file of its own, which stays behind: SQLite's locks come and go on the database itself.
pub(in crate::store) fn lock(database: &Path) -> Result<File, StoreError> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(PRIVATE).open(&path);
    let file = opened.map_err(|error| failed(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse),
        Err(TryLockError::Error(error)) => Err(failed(&path, &error)),
    }
}

fn failed(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Database { fault: fault(error), detail: format!("{}: {error}", path.display()) }
}

fn fault(error: &std::io::Error) -> DatabaseFault {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => DatabaseFault::Full,
        ErrorKind::ReadOnlyFilesystem => DatabaseFault::ReadOnly,
        ErrorKind::PermissionDenied => DatabaseFault::Denied,
        _ => DatabaseFault::Other,
    }
}
