//! The one write path on SQLite, down to its transactions. What every database must do is in `store_suite`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::sync::Arc;

use bootstrap_server::{
    audit::{self, AuditError, Event},
    domain::{Departures, State},
    store::{Batch, Store, StoreError},
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
    assert_eq!(*dossier.profile.unwrap(), profile());
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
