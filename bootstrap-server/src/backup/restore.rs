//! Restoring a backup into an empty database, which begins a new log.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
    sync::Arc,
};

use audit_log::{Checkpoint, Reason as _, UnverifiedCheckpoint, VerifierKey};
use pki::digest::Digest;
use verdict::Refusal;

use super::{BackupInvalid, Contents, Reader, verify};
use crate::{
    audit::{CheckpointKey, origin_of},
    store::{ExportedRow, Import, Location, Reopened, StoreError},
};

/// Rows handed over at a time.
const PAGE: usize = 2048;

/// A backup that may be restored: it was verified, and the newest checkpoint of its log that is known fits it.
#[derive(Debug)]
pub struct Restorable {
    file: PathBuf,
    contents: Contents,
    newest: String,
}

/// A backup is not restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The file cannot be opened.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The backup is not what was written.
    #[error("{}: {source}", path.display())]
    Invalid {
        /// Which.
        path: PathBuf,
        /// Where and why.
        source: BackupInvalid,
    },
    /// The checkpoint is no checkpoint, or not by the log's key.
    #[error("the last checkpoint: {}", .0.detail)]
    Checkpoint(Refusal),
    /// The checkpoint is of another log.
    #[error("the last checkpoint is of the log {found}, and the backup of {expected}: give the newest one of that log")]
    OtherLog {
        /// The origin in the checkpoint.
        found: String,
        /// The origin of the backup's log.
        expected: String,
    },
    /// The checkpoint is older than the backup.
    #[error(
        "the last checkpoint covers {found} leaves, and the backup {known}: it is not the last one; leave it out if none \
         newer is known"
    )]
    Older {
        /// The leaves of the checkpoint.
        found: u64,
        /// The leaves of the backup.
        known: u64,
    },
    /// Two checkpoints of one size disagree: the log was forked.
    #[error(
        "the last checkpoint and the backup's, both over {size} leaves, have different roots: the log was forked, one of \
         the two is forged"
    )]
    Forked {
        /// The leaves of both.
        size: u64,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Restorable {
    /// Verifies the backup in `file`, and that `last_checkpoint`, the newest one that somebody kept elsewhere, is of the same
    /// log and not older. Writes nothing.
    ///
    /// # Errors
    /// [`RestoreError`].
    pub fn check(file: &Path, key: Option<&VerifierKey>, last_checkpoint: Option<&[u8]>) -> Result<Self, RestoreError> {
        let contents = verify(open(file)?, key).map_err(|source| invalid(file, source))?;
        let newest = match last_checkpoint {
            None => contents.checkpoint.clone(),
            Some(note) => newest(&contents, note)?.signed_note().to_owned(),
        };
        Ok(Self { file: file.to_owned(), contents, newest })
    }

    /// What is in it.
    #[must_use]
    pub const fn contents(&self) -> &Contents {
        &self.contents
    }

    /// The newest checkpoint of its log that is known.
    #[must_use]
    pub fn newest(&self) -> &str {
        &self.newest
    }

    /// Fills an empty database at `location` and begins a new log there, whose first leaf names the newest checkpoint
    /// of the old one. Every token is revoked, and one made for an admin, whose secret has the digest `secret`: a backup does
    /// not know which tokens were revoked after it. `key` must be the one of the old log. All or nothing: after a failure there is no more than before.
    ///
    /// # Errors
    /// [`RestoreError::Store`] when the database is not empty or cannot be written; [`RestoreError::Invalid`] when the file
    /// was changed meanwhile.
    pub async fn restore(
        &self,
        location: &Location,
        key: &Arc<CheckpointKey>,
        secret: Option<Digest>,
    ) -> Result<Reopened, RestoreError> {
        let made = location.file().filter(|path| !path.exists()).map(Path::to_owned);
        let restored = self.fill(location, key, secret).await;
        if let (Err(_), Some(path)) = (&restored, made) {
            remove(&path);
        }
        restored
    }

    async fn fill(
        &self,
        location: &Location,
        key: &Arc<CheckpointKey>,
        secret: Option<Digest>,
    ) -> Result<Reopened, RestoreError> {
        // Read again, and checked again on the way: nothing of it stands before the end has been met.
        let mut reader =
            Reader::open(open(&self.file)?, Some(key.verifier())).map_err(|source| invalid(&self.file, source))?;
        let mut import = Import::begin(location).await?;
        let mut page: Vec<ExportedRow> = Vec::with_capacity(PAGE);
        while let Some(row) = reader.row().map_err(|source| invalid(&self.file, source))? {
            page.push(row);
            if page.len() >= PAGE {
                import.take(std::mem::take(&mut page)).await?;
            }
        }
        import.take(page).await?;
        Ok(import.finish(key, Some(self.newest.clone()), secret).await?)
    }
}

fn open(path: &Path) -> Result<BufReader<File>, RestoreError> {
    File::open(path).map(BufReader::new).map_err(|source| RestoreError::File { path: path.to_owned(), source })
}

fn invalid(path: &Path, source: BackupInvalid) -> RestoreError {
    RestoreError::Invalid { path: path.to_owned(), source }
}

/// Leaves nothing of a database that was begun. What cannot be removed is an empty database, which harms nobody.
fn remove(path: &Path) {
    for ending in ["", "-wal", "-shm", ".lock"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        let _gone = std::fs::remove_file(name);
    }
}

fn newest(contents: &Contents, note: &[u8]) -> Result<Checkpoint, RestoreError> {
    let last = checkpoint(note, &contents.key)?;
    let own = checkpoint(contents.checkpoint.as_bytes(), &contents.key)?;
    if last.origin() != own.origin() {
        let (found, expected) = (last.origin().to_string(), own.origin().to_string());
        return Err(RestoreError::OtherLog { found, expected });
    }
    let (found, known) = (last.head().size.0, own.head().size.0);
    if found < known {
        return Err(RestoreError::Older { found, known });
    }
    if found == known && last.head() != own.head() {
        return Err(RestoreError::Forked { size: found });
    }
    Ok(last)
}

fn checkpoint(note: &[u8], key: &VerifierKey) -> Result<Checkpoint, RestoreError> {
    let parsed = UnverifiedCheckpoint::parse(note).map_err(|error| RestoreError::Checkpoint(error.refusal()))?;
    let origin = std::str::from_utf8(note).ok().and_then(|note| origin_of(note, key));
    match origin {
        Some(origin) => parsed.verify_of(&origin, key),
        None => parsed.verify(key),
    }
    .map_err(RestoreError::Checkpoint)
}
