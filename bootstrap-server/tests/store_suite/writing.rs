//! The one write path.

use std::{collections::BTreeSet, sync::Arc};

use audit_log::TreeSize;
use bootstrap_server::{
    audit,
    domain::{DeviceId, Particulars, Proof, State},
    store::{Batch, DeviceFilter, Page, Store, StoreError},
};
use pki::digest::Digest;

use super::{Home, START, now, registered, reported, said};
use crate::support::{device_id, profile, serial};

pub async fn a_change_and_its_leaf_are_there_together_after_reopening(home: &Home) {
    let store = home.with(&["SN-1"]).await;
    store.commit(said("here")).await.unwrap();
    store.close().await;

    let store = home.open().await;
    let dossier = store.dossier(&device_id("SN-1")).await.unwrap();
    assert_eq!(dossier.device.unwrap().state, State::Vouched);
    assert_eq!((dossier.profile.as_deref(), dossier.vouchers.len() == 1), (Some(&profile()), true));
    let reports = store.reports(&device_id("SN-1")).await.unwrap();
    let record = store.records(reports[0].leaf, 1).await.unwrap().remove(0);
    let body = String::from_utf8(record.opening.as_ref().unwrap().1.clone()).unwrap();
    assert!(body.contains("progress-reported") && body.contains("SN-1"), "{body}");
    assert_eq!(record.leaf().unwrap().kind().0, 8);
    assert_eq!(audit::verify(&store, home.key.verifier(), &[]).await.unwrap().leaves, 5);
    store.close().await;
}

pub async fn a_batch_that_fails_leaves_nothing_and_hurts_nobody_else(home: &Home) {
    let store = Arc::new(home.with(&["SN-1"]).await);
    let commits: Vec<_> = (0..200)
        .map(|number| {
            let store = Arc::clone(&store);
            let device = device_id(if number % 3 == 0 { "NOBODY" } else { "SN-1" });
            tokio::spawn(async move { (number, store.commit(reported(device, "x").into()).await) })
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
    assert_eq!(store.reports(&device_id("SN-1")).await.unwrap().len(), accepted);
    // A batch whose second event fails takes its first one with it.
    let half = Batch::from(registered("SN-2", Particulars::default())).and(registered("SN-1", Particulars::default()));
    assert_eq!(store.commit(half).await, Err(StoreError::DeviceExists(device_id("SN-1"))));
    assert!(store.dossier(&device_id("SN-2")).await.unwrap().device.is_none());
    let leaves = audit::verify(store.as_ref(), home.key.verifier(), &[]).await.unwrap().leaves;
    assert_eq!(leaves, u64::try_from(accepted).unwrap() + 4);
    Arc::into_inner(store).unwrap().close().await;
}

pub async fn leaves_are_numbered_without_gaps_whoever_writes(home: &Home) {
    let store = Arc::new(home.with(&["SN-1"]).await);
    let commits: Vec<_> = (0..100)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.commit(said("x")).await.unwrap().0 })
        })
        .collect();
    let mut indexes = BTreeSet::new();
    for commit in commits {
        indexes.insert(commit.await.unwrap());
    }
    assert_eq!(indexes, (4..104).collect());
    Arc::into_inner(store).unwrap().close().await;
}

pub async fn a_rehearsal_says_the_same_and_changes_nothing(home: &Home) {
    let store = home.with(&["SN-1"]).await;
    store.rehearse(registered("SN-2", Particulars::default()).into()).await.unwrap();
    let again = store.rehearse(registered("SN-1", Particulars::default()).into()).await;
    assert_eq!(again, Err(StoreError::DeviceExists(device_id("SN-1"))));
    assert!(store.dossier(&device_id("SN-2")).await.unwrap().device.is_none());
    assert_eq!(store.records(START, 100).await.unwrap().len(), 4);
    store.close().await;
}

pub async fn a_record_that_changed_meanwhile_is_not_overwritten(home: &Home) {
    let store = home.with(&["SN-1"]).await;
    let device = device_id("SN-1");
    let seen = store.dossier(&device).await.unwrap().device.unwrap().version;
    store.commit(said("moved on").expecting(device.clone(), seen)).await.unwrap();
    let now = store.dossier(&device).await.unwrap().device.unwrap().version;
    if now != seen {
        assert_eq!(
            store.commit(said("x").expecting(device.clone(), seen)).await,
            Err(StoreError::Changed(device.clone()))
        );
    }
    store.commit(said("x").expecting(device.clone(), now)).await.unwrap();
    let nobody = device_id("NOBODY");
    assert_eq!(store.commit(said("x").expecting(nobody.clone(), now)).await, Err(StoreError::NoDevice(nobody)));
    store.close().await;
}

pub async fn imports_give_way(home: &Home) {
    let store = Arc::new(home.with(&["SN-1"]).await);
    let import: Vec<_> = (0..3000)
        .map(|number| {
            let (store, event) = (Arc::clone(&store), registered(&format!("B-{number}"), Particulars::default()));
            tokio::spawn(async move { store.commit(Batch::from(event).bulk()).await.unwrap().0 })
        })
        .collect();
    // Let the import fill its queue, then be a device.
    let mut growth = store.growth();
    growth.changed().await.unwrap();
    let ours = store.commit(said("I am in a hurry")).await.unwrap().0;
    let mut later = 0;
    for row in import {
        later += usize::from(row.await.unwrap() > ours);
    }
    assert!(later > 1000, "only {later} rows of the import waited for the device");
    Arc::into_inner(store).unwrap().close().await;
}

pub async fn growth_is_told(home: &Home) {
    let store = home.with(&["SN-1"]).await;
    let mut growth = store.growth();
    assert_eq!(*growth.borrow_and_update(), TreeSize(4));
    store.commit(said("x")).await.unwrap();
    growth.changed().await.unwrap();
    assert_eq!(*growth.borrow(), TreeSize(5));
    store.close().await;
}

/// PostgreSQL's texts have no NUL; a device may send one.
pub async fn what_a_database_cannot_store_is_replaced_and_harms_nobody(home: &Home) {
    let store = home.with(&["SN-1"]).await;
    let (strange, other) = tokio::join!(store.commit(said("a\0b")), store.commit(said("c")));
    strange.unwrap();
    other.unwrap();
    let messages: BTreeSet<_> =
        store.reports(&device_id("SN-1")).await.unwrap().into_iter().map(|it| it.message.unwrap()).collect();
    assert_eq!(messages, BTreeSet::from(["a\u{fffd}b".to_owned(), "c".to_owned()]));
    store.close().await;
}

pub async fn a_proof_is_kept_without_a_leaf(home: &Home) {
    let store = home.with(&["SN-1"]).await;
    let proof = Proof { at: now(), source: "2001:db8::1".parse().unwrap(), certificate: Digest([7; 32]) };
    store.note_proof(&device_id("SN-1"), proof);
    store.note_proof(&device_id("NOBODY"), proof);
    store.close().await;
    let store = home.open().await;
    assert_eq!(store.dossier(&device_id("SN-1")).await.unwrap().device.unwrap().proof, Some(proof));
    assert_eq!(store.records(START, 100).await.unwrap().len(), 4);
    // It goes along with the next commit, whatever that is about.
    let later = Proof { at: audit_log::UnixMillis(proof.at.0 + 1), ..proof };
    store.note_proof(&device_id("SN-1"), later);
    store.commit(said("x")).await.unwrap();
    assert_eq!(store.dossier(&device_id("SN-1")).await.unwrap().device.unwrap().proof, Some(later));
    store.close().await;
}

pub async fn many_rows_are_written_in_pieces(home: &Home) {
    let store = home.with(&[]).await;
    let mut batch = Batch::from(registered("M-0", Particulars::default()));
    for number in 1..300 {
        batch = batch.and(registered(&format!("M-{number}"), Particulars::default()));
    }
    store.commit(batch).await.unwrap();
    let all = store.devices(&DeviceFilter::default(), Page { after: None, limit: 1000 }).await.unwrap();
    assert_eq!(all.len(), 300);
    let expected: BTreeSet<DeviceId> =
        (0..300).map(|number| DeviceId { serial_number: serial(&format!("M-{number}")), ..device_id("x") }).collect();
    assert_eq!(all.into_iter().map(|device| device.id).collect::<BTreeSet<_>>(), expected);
    store.close().await;
}
