//! The one write path: changes and leaves together, in groups, all or nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::sync::Arc;

use audit_log::LogIndex;
use bootstrap_server::{
    audit::{self, AuditError, Event},
    domain::{Departures, State},
    store::{Batch, SqlStore, Store, StoreError},
};
use conveyed_info::rpc::ProgressType;
use support::{Site, device_id, profile, verify_log};
use verdict::ReasonCode;

fn reported(serial: &str, report: ProgressType) -> Batch {
    let (device, source) = (device_id(serial), [127, 0, 0, 1].into());
    Batch::from(Event::ProgressReported {
        device,
        source,
        report,
        keys: Vec::new(),
        message: None,
        departures: Departures::default(),
    })
}

#[tokio::test]
async fn a_change_and_its_leaf_are_there_together_after_reopening() {
    let site = Site::new();
    let store = site.store().await;
    site.register(&store, &["SN-1"]).await;
    store.commit(reported("SN-1", ProgressType::BootstrapComplete)).await.unwrap();
    store.close().await;

    let store = site.store().await;
    let dossier = store.dossier(&device_id("SN-1")).await.unwrap();
    assert_eq!(dossier.device.as_ref().unwrap().state, State::Vouched, "nothing was served, so nothing is complete");
    assert_eq!(dossier.profile.unwrap(), profile());
    let reports = store.reports(&device_id("SN-1")).await.unwrap();
    assert_eq!(reports.len(), 1);
    let record = store.records(reports[0].leaf, 1).await.unwrap().remove(0);
    let body = String::from_utf8(record.opening.as_ref().unwrap().1.clone()).unwrap();
    assert!(body.contains("bootstrap-complete") && body.contains("SN-1"), "{body}");
    assert_eq!(record.leaf().unwrap().kind().0, 8);
    store.close().await;
    assert_eq!(verify_log(&site.path("sztp.toml")).await.leaves, 5);
}

#[tokio::test]
async fn a_batch_that_fails_leaves_nothing_and_hurts_nobody_else() {
    let site = Site::new();
    let store = Arc::new(site.store().await);
    site.register(store.as_ref(), &["SN-1"]).await;
    let before = transactions(&site);
    let commits: Vec<_> = (0..200)
        .map(|number| {
            let store = Arc::clone(&store);
            let serial = if number % 3 == 0 { "NOBODY" } else { "SN-1" };
            tokio::spawn(async move { (number, store.commit(reported(serial, ProgressType::Informational)).await) })
        })
        .collect();
    let mut accepted = 0;
    for commit in commits {
        match commit.await.unwrap() {
            (number, Err(StoreError::NoDevice(_))) => assert_eq!(number % 3, 0),
            (number, outcome) => {
                outcome.unwrap();
                assert_ne!(number % 3, 0);
                accepted += 1;
            }
        }
    }
    // The writer took what had queued while it was busy: these 200 shared transactions.
    let shared = transactions(&site) - before;
    assert!((1..=20).contains(&shared), "{shared} transactions");
    assert_eq!(store.reports(&device_id("SN-1")).await.unwrap().len(), accepted);
    // A batch whose second event fails takes its first one with it.
    let half = Batch::from(Event::DeviceRegistered {
        device: device_id("SN-2"),
        profile: profile().name,
        particulars: Box::default(),
    })
    .and(Event::DeviceRegistered {
        device: device_id("SN-1"),
        profile: profile().name,
        particulars: Box::default(),
    });
    assert_eq!(store.commit(half).await, Err(StoreError::DeviceExists(device_id("SN-1"))));
    assert!(store.dossier(&device_id("SN-2")).await.unwrap().device.is_none());
    Arc::into_inner(store).unwrap().close().await;
    let expected = u64::try_from(accepted).unwrap() + 4;
    assert_eq!(verify_log(&site.path("sztp.toml")).await.leaves, expected);
}

/// How many transactions the write-ahead log of a running server holds.
///
/// It is a header of 32 octets and then frames: 24 octets of header and a page each. A frame that ends a transaction
/// tells the size of the database in octets 4 to 7, any other has zeros there (SQLite file format, section 4.1).
fn transactions(site: &Site) -> usize {
    let wal = std::fs::read(site.path("sztp.sqlite3-wal")).unwrap();
    let number = |octets: &[u8]| u32::from_be_bytes(octets.try_into().unwrap());
    let page = usize::try_from(number(&wal[8..12])).unwrap();
    wal[32..].chunks(24 + page).filter(|frame| number(&frame[4..8]) != 0).count()
}

#[tokio::test]
async fn a_commit_alone_is_a_transaction_and_a_refused_one_is_none() {
    let site = Site::new();
    let store = site.store().await;
    site.register(&store, &["SN-1"]).await;
    let before = transactions(&site);
    store.commit(reported("SN-1", ProgressType::Informational)).await.unwrap();
    assert_eq!(transactions(&site), before + 1);
    // Nothing was appended: there is no checkpoint to sign and nothing to sync.
    store.commit(reported("NOBODY", ProgressType::Informational)).await.unwrap_err();
    assert_eq!(transactions(&site), before + 1);
    store.close().await;
}

#[tokio::test]
async fn leaf_indexes_are_consecutive_whoever_writes() {
    let site = Site::new();
    let store = Arc::new(site.store().await);
    site.register(store.as_ref(), &["SN-1"]).await;
    let commits: Vec<_> = (0..100)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.commit(reported("SN-1", ProgressType::Informational)).await.unwrap() })
        })
        .collect();
    let mut indexes = Vec::new();
    for commit in commits {
        indexes.push(commit.await.unwrap());
    }
    indexes.sort_unstable();
    assert_eq!(indexes, (4..104).map(LogIndex).collect::<Vec<_>>());
}

/// Changes the database of a stopped server, as somebody with access to the file would.
async fn alter(site: &Site, sql: &'static str) {
    use sqlx::{ConnectOptions, Connection};
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(site.path("sztp.sqlite3"));
    let mut connection = options.connect().await.unwrap();
    sqlx::query(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Runs `sql` on the database of a stopped server and says why the log is refused afterwards.
async fn refusal_after(sql: &'static str) -> ReasonCode {
    let site = Site::new();
    let store = site.store().await;
    site.register(&store, &["SN-1", "SN-2"]).await;
    store.close().await;
    alter(&site, sql).await;

    let config = site.config();
    let store = SqlStore::open_read_only(&config.database).await.unwrap();
    match audit::verify(&store, config.checkpoint_key.verifier(), &[]).await {
        Err(AuditError::Refused(refusal)) => refusal.reason,
        other => panic!("{sql}: {other:?}"),
    }
}

#[tokio::test]
async fn every_way_to_rewrite_the_log_is_found_out() {
    // SEC-21.
    for (sql, reason) in [
        ("UPDATE leaf SET body = CAST('{}' AS BLOB) WHERE position = 2", ReasonCode::LogLeafMismatch),
        ("UPDATE leaf SET salt = zeroblob(32) WHERE position = 2", ReasonCode::LogLeafMismatch),
        (
            "UPDATE leaf SET leaf = (SELECT leaf FROM leaf WHERE position = 0), salt = NULL, body = NULL WHERE position = 3",
            ReasonCode::LogRootMismatch,
        ),
        ("UPDATE leaf SET salt = x'00' WHERE position = 2", ReasonCode::LogLeafMismatch),
        ("UPDATE leaf SET salt = NULL WHERE position = 2", ReasonCode::LogLeafMismatch),
        ("UPDATE leaf SET body = NULL WHERE position = 2", ReasonCode::LogLeafMismatch),
        ("DELETE FROM leaf WHERE position = 0", ReasonCode::LogTruncated),
        ("DELETE FROM leaf WHERE position = 2", ReasonCode::LogTruncated),
        ("DELETE FROM leaf WHERE position = 5", ReasonCode::LogTruncated),
        ("DELETE FROM leaf", ReasonCode::LogTruncated),
        ("INSERT INTO leaf SELECT 6, leaf, salt, body FROM leaf WHERE position = 5", ReasonCode::LogRootMismatch),
        ("DELETE FROM checkpoint", ReasonCode::LogRootMismatch),
        (
            "UPDATE checkpoint SET note = replace(note, 'test.example', 'best.example')",
            ReasonCode::CheckpointSignatureInvalid,
        ),
    ] {
        assert_eq!(refusal_after(sql).await, reason, "{sql}");
    }
}

#[tokio::test]
async fn erasing_body_and_salt_leaves_a_log_that_verifies() {
    // SEC-22.
    let site = Site::new();
    let store = site.store().await;
    site.register(&store, &["SN-1"]).await;
    store.close().await;
    alter(&site, "UPDATE leaf SET salt = NULL, body = NULL WHERE position = 1").await;
    assert_eq!(verify_log(&site.path("sztp.toml")).await.erased, 1);
}

#[tokio::test]
async fn a_checkpoint_kept_elsewhere_catches_a_log_that_was_cut_off_and_signed_again() {
    let site = Site::new();
    let store = site.store().await;
    site.register(&store, &["SN-1"]).await;
    let kept = store.checkpoint().await.unwrap().unwrap().into_bytes();
    store.close().await;
    // The intruder has the key and starts the log afresh.
    std::fs::remove_file(site.path("sztp.sqlite3")).unwrap();
    let store = site.store().await;
    site.register(&store, &[]).await;
    let config = site.config();
    let refused = audit::verify(&store, config.checkpoint_key.verifier(), &[kept]).await;
    assert!(matches!(refused, Err(AuditError::Refused(refusal)) if refusal.reason == ReasonCode::LogTruncated));
}

#[tokio::test]
async fn a_damaged_log_is_not_continued() {
    for sql in ["DELETE FROM leaf WHERE position = 3", "DELETE FROM leaf WHERE position = 2", "DELETE FROM leaf"] {
        let site = Site::new();
        let store = site.store().await;
        site.register(&store, &["SN-1"]).await;
        store.close().await;
        alter(&site, sql).await;
        let config = site.config();
        let opened = SqlStore::open(&config.database, config.checkpoint_key).await;
        assert!(matches!(opened, Err(StoreError::Corrupt { .. })), "{sql}: {opened:?}");
    }
}
