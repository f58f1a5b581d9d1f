//! What is SQLite's own: files, locks, settings and schema.

mod files;

use std::path::{Path, PathBuf};

use sqlx::{AnyConnection, Row as _};

pub(super) use files::{create, find, lock};

use super::{DatabaseFault, StoreError};

/// The schema, step by step: each brings a database from the version before to its own.
pub(super) const MIGRATIONS: &[(u32, &str)] = &[
    (1, include_str!("migrations/0001.sql")),
    (2, include_str!("migrations/0002.sql")),
    (3, include_str!("migrations/0003.sql")),
    (4, include_str!("migrations/0004.sql")),
    (5, include_str!("migrations/0005.sql")),
    (6, include_str!("migrations/0006.sql")),
];

/// What a connection for writing is told. FULL syncs the write-ahead log at every commit: what was acknowledged survives
/// a power cut. What is overwritten or deleted is overwritten in the file too, or erasing would only hide (SEC-22). The page
/// cache is given in KiB. What a statement may have to take back stays in memory: in a file it costs each larger transaction
/// one more file. The write-ahead log is folded into the database's file every 1000 pages (4 MiB): more seldom would
/// cost an import less, which writes the same pages again and again, and whoever waits meanwhile more.
pub(super) const WRITER_SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA secure_delete = ON; \
     PRAGMA busy_timeout = 10000; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY; \
     PRAGMA wal_autocheckpoint = 1000;";

/// Makes sure that what can be read is on disk, after a sync that failed.
///
/// Of pages that could not be written, the kernel says so once, and from then on believes them to be on disk: a leaf that is
/// read back out of the write-ahead log may be in memory alone, and a second sync of that file would do nothing. Folding the
/// log writes its pages anew, into the database's own file, and syncs that.
pub(super) async fn sync_again(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(connection).await?;
    let busy: i64 = row.try_get(0)?;
    if busy == 0 {
        return Ok(());
    }
    let detail = "somebody reads the database and keeps its log from being folded".to_owned();
    Err(StoreError::Database { fault: DatabaseFault::Busy, detail })
}

/// Folds the write-ahead log into the file and empties it: what was erased stands in it still. Nobody is waited for: where
/// a reader is in the way, the first column of the answer is 1.
pub(super) const FOLD: [&str; 3] =
    ["PRAGMA busy_timeout = 0", "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA busy_timeout = 10000"];

/// How a connection is to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// For reading and writing.
    Write,
    /// For reading only.
    Read,
}

/// The address of a file that is there, in the form that the driver takes.
///
/// # Errors
/// [`StoreError::Missing`] for a path that is no text: the driver cannot be given it.
pub(super) fn url(path: &Path, access: Access) -> Result<String, StoreError> {
    let text = path.to_str().ok_or_else(|| StoreError::Missing { path: PathBuf::from(path) })?;
    let mut url = String::from("sqlite://");
    for octet in text.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => url.push(char::from(octet)),
            _ => url.push_str(&format!("%{octet:02X}")),
        }
    }
    url.push_str(match access {
        Access::Write => "?mode=rw",
        Access::Read => "?mode=ro",
    });
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_an_address() {
        let url = url(Path::new("/var/a b?#%/db.sqlite3"), Access::Read).unwrap();
        assert_eq!(url, "sqlite:///var/a%20b%3F%23%25/db.sqlite3?mode=ro");
    }
}
