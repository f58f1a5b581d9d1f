//! The database, and the end of the audit log in it. The whole log is for `sztp audit verify`.

use std::path::Path;

use audit_log::{LogIndex, Origin, UnixMillis, UnverifiedCheckpoint, VerifierKey};
use pki::{certificate::Certificate, time::Timestamp};
use rustix::fs::{Access, access};

use super::{
    Finding,
    certificates::{VoucherFacts, owner_path, pinned},
};
use crate::{
    audit::origin_of,
    config::folder_of,
    domain::{
        DeviceId, Dossier,
        vouching::{self, Choice},
    },
    store::{DeviceFilter, Location, Page, SqlStore, Store, StoreError, StoredRecord},
};

/// Devices whose vouchers are looked at.
const SAMPLE: u32 = 500;

/// Whether the files can be written by whoever asks, which should be the server's user.
pub(super) fn judge_file(path: &Path) -> Finding {
    const CHECK: &str = "database";
    let shown = path.display();
    let folder = folder_of(path);
    let fix = format!("ls -ld {} {shown}; id", folder.display());
    if !path.exists() {
        return Finding::failed(
            CHECK,
            format!("{shown}: is not there"),
            "A server does not make a new database in the place of a lost one: that would be a log without a past.",
            format!("sztp restore BACKUP --config {}", folder.join("sztp.toml").display()),
        );
    }
    for (what, name) in [(path, "the database"), (folder, "the folder for the files beside it")] {
        if access(what, Access::WRITE_OK | Access::READ_OK).is_err() {
            return Finding::failed(
                CHECK,
                format!("{}: this user may not read and write {name}", what.display()),
                "No change can be made durable, so no device is answered. If the server runs as another user, run \
                 `sztp doctor` as that one.",
                fix,
            );
        }
    }
    Finding::ok(CHECK, format!("{shown}: readable and writable"))
}

/// What became of opening it.
pub(super) fn judge_open(location: &Location, error: &StoreError) -> Finding {
    let fix = match error {
        StoreError::SchemaOlder { .. } => "sztp serve   # once: it brings the schema forward",
        StoreError::SchemaNewer { .. } => "sztp --version   # run the release that wrote it, or a newer one",
        StoreError::NotDurable { .. } => {
            "psql -c 'ALTER SYSTEM SET fsync = on' -c 'ALTER SYSTEM SET synchronous_commit = on'; restart PostgreSQL"
        }
        _ if location.file().is_none() => {
            "pg_isready; psql URL -c 'SELECT 1'   # with the URL of `database` in sztp.toml"
        }
        _ => "sztp restore --verify BACKUP; move the database away; sztp restore BACKUP",
    };
    Finding::failed("database", format!("{location}: {error}"), "The server does not start with it.", fix)
}

/// What is at the end of the log.
pub(super) struct LogEnd {
    /// The latest checkpoint.
    pub(super) checkpoint: Option<String>,
    /// The last leaf that it covers, if that is there.
    pub(super) last: Option<StoredRecord>,
}

impl LogEnd {
    pub(super) async fn read(store: &dyn Store) -> Result<Self, StoreError> {
        // Taken together: the server may be writing.
        let mut log = store.log_snapshot().await?;
        let checkpoint = log.checkpoint().map(str::to_owned);
        let size = checkpoint.as_ref().and_then(|note| note.lines().nth(1)?.parse::<u64>().ok());
        let last = match size.and_then(|size| size.checked_sub(1)) {
            Some(last) => log.records(LogIndex(last), 1).await?.pop(),
            None => None,
        };
        Ok(Self { checkpoint, last })
    }

    /// When the last leaf was made.
    pub(super) fn time(&self) -> Option<Timestamp> {
        let UnixMillis(millis) = self.last.as_ref()?.leaf()?.time();
        Some(Timestamp::from_unix(i64::try_from(millis / 1000).unwrap_or(i64::MAX)))
    }
}

/// Whether the log's key is the one in the configuration, and the last leaf is as it was signed for.
pub(super) fn judge_log(end: &LogEnd, key: &VerifierKey) -> Finding {
    const CHECK: &str = "log";
    let Some(note) = &end.checkpoint else {
        return Finding::ok(CHECK, "empty");
    };
    // After a restoration the origin is the key's name and a number.
    let origin = origin_of(note, key).unwrap_or_else(|| Origin::from(key.name()));
    let verified = match UnverifiedCheckpoint::parse(note.as_bytes()).map(|it| it.verify_of(&origin, key)) {
        Ok(Ok(checkpoint)) => checkpoint,
        Ok(Err(refusal)) => {
            return Finding::failed(
                CHECK,
                format!("the last checkpoint is not signed by the key of [audit]: {}", refusal.detail),
                "The server does not go on with a log that another key has signed.",
                "Name in [audit] of sztp.toml the origin and the key that this database was written with.",
            );
        }
        Err(error) => {
            return Finding::failed(
                CHECK,
                format!("the last checkpoint cannot be read: {error}"),
                "The database is damaged or was altered.",
                "sztp audit verify",
            );
        }
    };
    let size = verified.head().size;
    let fits = end.last.as_ref().is_some_and(|record| {
        let opens =
            |leaf: audit_log::Leaf| record.opening.as_ref().is_none_or(|(salt, body)| leaf.opens_with(salt, body));
        record.position.0.checked_add(1) == Some(size.0) && record.damage.is_none() && record.leaf().is_some_and(opens)
    });
    if !fits {
        return Finding::failed(
            CHECK,
            format!("the last of the {size} leaves that the checkpoint covers is missing or altered"),
            "The database was altered or damaged.",
            "sztp audit verify",
        );
    }
    Finding::ok(CHECK, format!("{origin}: {size} leaves, the last checkpoint is signed by its key"))
}

/// Looks at the vouchers of the first devices.
pub(super) async fn vouchers(
    store: &dyn Store,
    chain: &[Certificate],
    now: Timestamp,
) -> Result<VoucherFacts, StoreError> {
    let mut facts = VoucherFacts::default();
    let page = Page { after: None::<DeviceId>, limit: SAMPLE };
    for device in store.devices(&DeviceFilter::default(), page).await? {
        let Dossier { vouchers, .. } = store.dossier(&device.id).await?;
        let Choice::Serve(voucher) = vouching::choose(&vouchers, None, chain, now) else { continue };
        facts.looked_at = facts.looked_at.saturating_add(1);
        // RFC 8366 §5.3: what it pins is all that matters here; whether it is genuine was judged when it was stored.
        let judged = match pinned(voucher) {
            Some(pinned) => owner_path(chain, &pinned, now),
            None => Err("the voucher cannot be read".to_owned()),
        };
        if let Err(reason) = judged {
            facts.foreign.push((device.id.to_string(), reason));
        }
    }
    Ok(facts)
}

/// Opens the database for reading; the server may be running on it.
pub(super) async fn open(location: &Location) -> Result<SqlStore, StoreError> {
    SqlStore::open_read_only(location).await
}

#[cfg(test)]
mod tests {
    use audit_log::{CompactRange, Kind, Leaf, Salt};
    use pki::key::FileKey;

    use super::*;
    use crate::audit::CheckpointKey;

    fn key() -> CheckpointKey {
        CheckpointKey::new("test.example/log", Box::new(FileKey::generate_ed25519().unwrap())).unwrap()
    }

    fn end(key: &CheckpointKey) -> LogEnd {
        let salt = Salt::new([1; 32]);
        let leaf = Leaf::commit_to(UnixMillis(5_000), Kind(1), &salt, b"body");
        let tree: CompactRange = [leaf.hash()].into_iter().collect();
        let last = StoredRecord {
            log: crate::store::LogNumber(0),
            position: LogIndex(0),
            leaf: leaf.encode().to_vec(),
            opening: Some((salt, b"body".to_vec())),
            damage: None,
        };
        LogEnd {
            checkpoint: Some(
                key.sign(&Origin::from(key.verifier().name()), tree.head()).unwrap().signed_note().to_owned(),
            ),
            last: Some(last),
        }
    }

    #[test]
    fn the_end_of_the_log_is_judged_by_the_configured_key() {
        let (key, other) = (key(), key());
        assert_eq!(judge_log(&end(&key), key.verifier()).outcome.as_str(), "ok");
        assert_eq!(end(&key).time(), Some(Timestamp::from_unix(5)));
        let foreign = judge_log(&end(&key), other.verifier());
        assert!(foreign.is_failure() && foreign.what.contains("key of [audit]"), "{foreign:?}");
        let altered = LogEnd { last: None, ..end(&key) };
        assert!(judge_log(&altered, key.verifier()).is_failure());
        let mut altered = end(&key);
        altered.last.as_mut().unwrap().opening = Some((Salt::new([1; 32]), b"other".to_vec()));
        assert!(judge_log(&altered, key.verifier()).is_failure());
        let scrambled = LogEnd { checkpoint: Some("poem".to_owned()), ..end(&key) };
        assert!(judge_log(&scrambled, key.verifier()).what.contains("cannot be read"));
    }

    #[test]
    fn a_database_that_is_not_there_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sztp.sqlite3");
        let finding = judge_file(&path);
        assert!(finding.is_failure() && finding.outcome.advice().unwrap().fix.starts_with("sztp restore"));
        std::fs::write(&path, "").unwrap();
        assert_eq!(judge_file(&path).outcome.as_str(), "ok");
    }
}
