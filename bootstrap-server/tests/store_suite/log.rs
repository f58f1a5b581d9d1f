//! The audit log in the database: what it shows, and what becomes of one that somebody changed.

use std::sync::Arc;

use bootstrap_server::{
    audit::{self, AuditError, CheckpointKey},
    store::{SqlStore, Store, StoreError},
};
use pki::key::FileKey;
use verdict::ReasonCode;

use super::{Home, START, said};

pub async fn a_snapshot_shows_nothing_of_what_comes_later(home: &Home) {
    let store = home.with(&["SN-1"]).await;
    let mut snapshot = store.log_snapshot().await.unwrap();
    let checkpoint = store.checkpoint().await.unwrap();
    store.commit(said("later")).await.unwrap();
    assert_eq!(snapshot.checkpoint().map(str::to_owned), checkpoint);
    assert_ne!(store.checkpoint().await.unwrap(), checkpoint);
    assert_eq!(snapshot.records(START, 100).await.unwrap().len(), 4);
    assert_eq!(store.records(START, 100).await.unwrap().len(), 5);
    drop(snapshot);
    store.close().await;
}

/// Statements that both databases understand, and why the log is refused after each.
const FORGERIES: &[(&str, ReasonCode)] = &[
    (
        "UPDATE leaf SET body = (SELECT body FROM leaf WHERE position = 3) WHERE position = 2",
        ReasonCode::LogLeafMismatch,
    ),
    (
        "UPDATE leaf SET salt = (SELECT salt FROM leaf WHERE position = 3) WHERE position = 2",
        ReasonCode::LogLeafMismatch,
    ),
    (
        "UPDATE leaf SET salt = (SELECT leaf FROM leaf WHERE position = 0) WHERE position = 2",
        ReasonCode::LogLeafMismatch,
    ),
    ("UPDATE leaf SET salt = NULL WHERE position = 2", ReasonCode::LogLeafMismatch),
    ("UPDATE leaf SET body = NULL WHERE position = 2", ReasonCode::LogLeafMismatch),
    // SEC-22: what is erased is erased by an event.
    ("UPDATE leaf SET salt = NULL, body = NULL WHERE position = 2", ReasonCode::LogErasureUnaccounted),
    (
        "UPDATE leaf SET leaf = (SELECT leaf FROM leaf WHERE position = 0), salt = NULL, body = NULL WHERE position = 3",
        ReasonCode::LogRootMismatch,
    ),
    ("DELETE FROM leaf WHERE position = 0", ReasonCode::LogTruncated),
    ("DELETE FROM leaf WHERE position = 2", ReasonCode::LogTruncated),
    ("DELETE FROM leaf WHERE position = 3", ReasonCode::LogTruncated),
    ("DELETE FROM leaf", ReasonCode::LogTruncated),
    ("INSERT INTO leaf SELECT 4, leaf, salt, body FROM leaf WHERE position = 3", ReasonCode::LogRootMismatch),
    ("DELETE FROM checkpoint", ReasonCode::LogRootMismatch),
    (
        "UPDATE checkpoint SET note = replace(note, 'test.example', 'best.example')",
        ReasonCode::CheckpointSignatureInvalid,
    ),
];

const KEEP: &str =
    "CREATE TABLE kept_leaf AS SELECT * FROM leaf; CREATE TABLE kept_checkpoint AS SELECT * FROM checkpoint";
const RESTORE: &str = "DELETE FROM leaf; INSERT INTO leaf SELECT * FROM kept_leaf; \
     DELETE FROM checkpoint; INSERT INTO checkpoint SELECT * FROM kept_checkpoint";

pub async fn sec_21_every_way_to_rewrite_the_log_is_found_out(home: &Home) {
    home.with(&["SN-1"]).await.close().await;
    (home.execute)(&home.location, KEEP);
    for (forgery, expected) in FORGERIES {
        (home.execute)(&home.location, forgery);
        let store = SqlStore::open_read_only(&home.location).await.unwrap();
        match audit::verify(&store, home.key.verifier(), &[]).await {
            Err(AuditError::Refused(refusal)) => assert_eq!(refusal.reason, *expected, "{forgery}"),
            other => panic!("{forgery}: {other:?}"),
        }
        store.close().await;
        (home.execute)(&home.location, RESTORE);
    }
    let store = home.open().await;
    assert_eq!(audit::verify(&store, home.key.verifier(), &[]).await.unwrap().leaves, 4);
    store.close().await;
}

pub async fn a_log_is_not_continued_when_its_end_is_damaged(home: &Home) {
    home.with(&["SN-1"]).await.close().await;
    (home.execute)(&home.location, KEEP);
    for damage in [
        "DELETE FROM leaf WHERE position = 3",
        "DELETE FROM leaf WHERE position = 1",
        "DELETE FROM leaf",
        "DELETE FROM checkpoint",
        "UPDATE checkpoint SET size = 3",
        "UPDATE leaf SET leaf = (SELECT leaf FROM leaf WHERE position = 0) WHERE position = 2",
        "INSERT INTO leaf SELECT 4, leaf, salt, body FROM leaf WHERE position = 3",
    ] {
        (home.execute)(&home.location, damage);
        let opened = SqlStore::open(&home.location, Arc::clone(&home.key)).await;
        assert!(matches!(opened, Err(StoreError::Corrupt { .. })), "{damage}: {opened:?}");
        (home.execute)(&home.location, RESTORE);
    }
    home.open().await.close().await;
}

pub async fn a_log_is_not_continued_by_another_key(home: &Home) {
    home.with(&[]).await.close().await;
    let signer = Box::new(FileKey::generate_ed25519().unwrap());
    let other = CheckpointKey::new(home.key.verifier().name().as_str(), signer).unwrap();
    let opened = SqlStore::open(&home.location, Arc::new(other)).await;
    assert!(matches!(opened, Err(StoreError::Corrupt { .. })), "{opened:?}");
}

pub async fn a_newer_schema_is_refused(home: &Home) {
    home.with(&[]).await.close().await;
    (home.execute)(&home.location, "UPDATE schema_version SET version = 99");
    let expected = StoreError::SchemaNewer { found: 99, known: bootstrap_server::store::SCHEMA_VERSION };
    assert_eq!(SqlStore::open(&home.location, Arc::clone(&home.key)).await.unwrap_err(), expected);
    assert_eq!(SqlStore::open_read_only(&home.location).await.unwrap_err(), expected);
}
