//! Forgetting: what was said about a device goes, and the log still verifies (SEC-22).

use std::{sync::Arc, time::Duration};

use audit_log::{LogIndex, UnixMillis};
use bootstrap_server::{
    audit::{self, Answer, Basis, Erasure, Event, ReportedKey},
    domain::{Actor, Departures, DeviceId, Particulars, change::ChangeRefused, replay},
    retention::{self, Aged, Looked},
    store::{Batch, Import, Page, Place, SqlStore, Store, StoreError, StoredRecord},
};
use conveyed_info::rpc::ProgressType;
use pki::digest::sha256;
use verdict::ReasonCode;

use super::{Home, START, now, registered, reported, transfer::exported};
use crate::support::device_id;

const BECAUSE: &str = "on request";

fn retired(serial: &str) -> Batch {
    Batch::from(Event::DeviceRetired { device: device_id(serial), because: "sold".to_owned() })
}

/// Takes a device off the list, and gives the place behind that.
async fn take_off(store: &SqlStore, device: &DeviceId) -> Place {
    let event = Event::DeviceErased { device: device.clone(), because: BECAUSE.to_owned() };
    let LogIndex(at) = store.commit(Batch::from(event).by(Actor::Console)).await.unwrap();
    Place { log: store.log(), position: LogIndex(at + 1) }
}

async fn forget(store: &SqlStore, serial: &str) -> u64 {
    let device = device_id(serial);
    let end = take_off(store, &device).await;
    retention::finish(store, &device, end, BECAUSE, Some(&Actor::Console)).await.unwrap()
}

/// Every record of the log that is written, as text.
async fn told(store: &dyn Store) -> String {
    let records = store.records(START, u32::MAX).await.unwrap();
    let bodies = records.into_iter().filter_map(|record| record.opening).map(|(_, body)| body);
    bodies.map(|body| String::from_utf8(body).unwrap() + "\n").collect()
}

async fn verified(home: &Home, store: &SqlStore) -> audit_log::Report {
    audit::verify(store, home.key.verifier(), &[]).await.unwrap()
}

pub async fn sec_22_a_forgotten_device_leaves_a_log_that_verifies_and_names_it_nowhere(home: &Home) {
    let store = home.with(&["SN-1", "SN-22"]).await;
    store
        .commit(Batch::from(Event::ProgressReported {
            device: device_id("SN-22"),
            source: [127, 0, 0, 1].into(),
            report: ProgressType::BootstrapComplete,
            message: Some("here".to_owned()),
            keys: vec![ReportedKey { kind: "ssh-ed25519".to_owned(), data: b"key".to_vec() }],
            departures: Departures::default(),
        }))
        .await
        .unwrap();
    store.commit(retired("SN-22")).await.unwrap();
    let before = verified(home, &store).await.leaves;
    // Registered, vouched, reported, retired, and taken off the list.
    assert_eq!(forget(&store, "SN-22").await, 5);

    let report = verified(home, &store).await;
    assert_eq!((report.leaves, report.erased), (before + 2, 5), "nothing but the forgetting was added");
    assert!(!told(&store).await.contains("SN-22"));
    let last = told(&store).await.lines().last().unwrap().to_owned();
    assert!(last.contains("\"records\":5") && last.contains(BECAUSE) && last.contains("console"), "{last}");
    let device = device_id("SN-22");
    let dossier = store.dossier(&device).await.unwrap();
    assert!(dossier.device.is_none() && dossier.vouchers.is_empty());
    assert!(store.reports(&device).await.unwrap().is_empty());
    assert!(store.history(&device, Place::FIRST, 10).await.unwrap().is_empty());
    let rows = exported(&store).await;
    assert!(!rows.iter().any(|row| format!("{row:?}").contains("SN-22")), "in no table");
    assert_eq!(rows.iter().filter(|row| row.table == "reported_key").count(), 0);
    // Nobody else was touched.
    assert_eq!(store.history(&device_id("SN-1"), Place::FIRST, 10).await.unwrap().len(), 2);

    // Twice does no harm, and the next life is a new one.
    let now = Place { log: store.log(), position: LogIndex(store.growth().borrow().0) };
    assert_eq!(retention::finish(&store, &device, now, BECAUSE, None).await, Ok(0));
    store.commit(registered("SN-22", Particulars::default()).into()).await.unwrap();
    let history = store.history(&device, Place::FIRST, 10).await.unwrap();
    assert_eq!(history.len(), 1);
    let derived = replay::derive(&device, &history).unwrap();
    assert_eq!(derived, store.dossier(&device).await.unwrap().device);
    assert_eq!(verified(home, &store).await.erased, 5);
    store.close().await;
}

pub async fn sec_22_a_device_that_is_being_onboarded_is_not_forgotten(home: &Home) {
    let store = home.with(&["SN-1"]).await;
    let device = device_id("SN-1");
    let answered = Event::Answered {
        device: device.clone(),
        source: [127, 0, 0, 1].into(),
        certificate: sha256(b"certificate"),
        answer: Answer::Onboarding { conveyed_information: sha256(b"artifact") },
        basis: Basis::of(&store.profiles().await.unwrap()[0]),
        departures: Departures::default(),
    };
    store.commit(Batch::from(answered)).await.unwrap();
    let erased = |device: DeviceId| Batch::from(Event::DeviceErased { device, because: BECAUSE.to_owned() });
    let refused = StoreError::Refused { device: device.clone(), refused: ChangeRefused::UnderWay };
    assert_eq!(store.rehearse(erased(device.clone())).await, Err(refused.clone()));
    assert_eq!(store.commit(erased(device.clone())).await, Err(refused));
    // Nor is one that nobody knows: to say that it was erased would name it.
    let unknown = device_id("SN-9");
    assert_eq!(store.commit(erased(unknown.clone())).await, Err(StoreError::NoDevice(unknown)));
    store.commit(retired("SN-1")).await.unwrap();
    assert_eq!(forget(&store, "SN-1").await, 5);
    store.close().await;
}

pub async fn sec_22_records_that_two_erase_at_once_are_counted_once(home: &Home) {
    let store = Arc::new(home.with(&["SN-1"]).await);
    let device = device_id("SN-1");
    let many = 2 * Erasure::MOST + 10;
    let mut batch = Batch::from(reported(device.clone(), "0"));
    for number in 1..many {
        batch = batch.and(reported(device.clone(), &number.to_string()));
    }
    store.commit(batch).await.unwrap();
    let end = take_off(&store, &device).await;
    let erasing = [0; 3].map(|_| {
        let (store, device) = (Arc::clone(&store), device.clone());
        tokio::spawn(async move { retention::finish(store.as_ref(), &device, end, BECAUSE, None).await.unwrap() })
    });
    let mut erased = 0;
    for task in erasing {
        erased += task.await.unwrap();
    }
    assert_eq!(erased, u64::from(many) + 3);
    assert_eq!(verified(home, &store).await.erased, erased, "and the log says so");
    // What is gone cannot be erased again, nor what never was.
    let records = store.records(START, 4).await.unwrap();
    let twice = Erasure::of(None, &records[..1], BECAUSE).unwrap();
    let erasure = |erasure: &Erasure| Batch::from(Event::RecordsErased { erasure: Box::new(erasure.clone()) });
    store.commit(erasure(&twice)).await.unwrap();
    assert_eq!(store.commit(erasure(&twice)).await, Err(StoreError::ErasedBefore));
    assert_eq!(verified(home, &store).await.erased, erased + 1);
    Arc::into_inner(store).unwrap().close().await;
}

pub async fn sec_22_what_was_interrupted_is_found_and_finished(home: &Home) {
    let store = home.with(&["SN-1", "SN-22"]).await;
    // A voucher may come before its device, which is none that was forgotten.
    let voucher = home.site.maker.voucher(
        &device_id("SN-3").serial_number,
        home.site.owner.pinned().unwrap(),
        crate::support::now(),
    );
    let early = Event::VoucherStored { device: device_id("SN-3"), voucher: voucher.unwrap() };
    store.commit(Batch::from(early)).await.unwrap();
    store.commit(reported(device_id("SN-22"), "here").into()).await.unwrap();
    take_off(&store, &device_id("SN-22")).await;
    let page = |after: Option<&str>, limit| Page { after: after.map(device_id), limit };
    let strays = store.strays(page(None, 9)).await.unwrap();
    assert_eq!((strays.devices, strays.next), (vec![device_id("SN-22")], None));
    let strays = store.strays(page(Some("SN-1"), 1)).await.unwrap();
    assert_eq!((strays.devices, strays.next), (vec![device_id("SN-22")], Some(device_id("SN-22"))));
    // The power goes.
    store.close().await;
    let store = home.open().await;
    assert_eq!(retention::unfinished(&store).await, Ok(4));
    assert_eq!(retention::unfinished(&store).await, Ok(0));
    assert!(!told(&store).await.contains("SN-22"));
    assert!(told(&store).await.lines().last().unwrap().contains(BECAUSE), "the reason is that of the first half");
    assert_eq!(verified(home, &store).await.erased, 4);
    assert!(store.dossier(&device_id("SN-3")).await.unwrap().vouchers.len() == 1);
    store.close().await;
}

pub async fn sec_22_what_was_interrupted_is_finished_although_the_device_is_back(home: &Home) {
    let store = home.with(&["SN-1", "SN-22"]).await;
    store.commit(retired("SN-22")).await.unwrap();
    let device = device_id("SN-22");
    take_off(&store, &device).await;
    // The power goes, and whoever starts the server again puts the device onto the list first of all.
    store.commit(registered("SN-22", Particulars::default()).into()).await.unwrap();
    let mut looked = Looked::default();
    assert_eq!(retention::unfinished(&store).await, Ok(0), "it is no stray");
    assert_eq!(retention::relisted(&store, &mut looked).await, Ok(4));
    let history = store.history(&device, Place::FIRST, 10).await.unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(replay::derive(&device, &history).unwrap(), store.dossier(&device).await.unwrap().device);
    assert_eq!(verified(home, &store).await.erased, 4);
    assert_eq!(store.history(&device_id("SN-1"), Place::FIRST, 10).await.unwrap().len(), 2);
    // The same happens to it in the log of a restored database, and in the one after that.
    store.commit(retired("SN-22")).await.unwrap();
    take_off(&store, &device).await;
    store.commit(registered("SN-22", Particulars::default()).into()).await.unwrap();
    let rows = exported(&store).await;
    assert_eq!(retention::relisted(&store, &mut looked).await, Ok(3), "behind what was looked through");
    store.close().await;
    let mut import = Import::begin(&home.another).await.unwrap();
    import.take(rows).await.unwrap();
    import.finish(&home.key, None, None).await.unwrap();
    let store = SqlStore::open(&home.another, Arc::clone(&home.key)).await.unwrap();
    let mut looked = Looked::default();
    assert_eq!(retention::relisted(&store, &mut looked).await, Ok(3));
    assert_eq!(retention::relisted(&store, &mut looked).await, Ok(0));
    assert_eq!(store.history(&device, Place::FIRST, 10).await.unwrap().len(), 1);
    verified(home, &store).await;
    store.close().await;
}

fn refused(detail: &str) -> Batch {
    let source = Some([192, 0, 2, 1].into());
    let (reason, detail) = (ReasonCode::ServerUntrusted, detail.to_owned());
    Batch::from(Event::ConnectionsRefused { source, reason, detail, count: 1 })
}

pub async fn sec_22_what_is_older_than_the_owner_wants_goes_and_nothing_else(home: &Home) {
    let store = home.with(&["SN-1", "SN-22", "SN-33"]).await;
    store.commit(refused("stranger")).await.unwrap();
    store.commit(retired("SN-22")).await.unwrap();
    let mut aged = Aged::default();
    let keep = Duration::from_secs(400 * 86_400);
    let in_days = |days: u64| UnixMillis(now().0 + days * 86_400_000);
    assert_eq!(retention::pass(&store, keep, in_days(399), &mut aged).await, Ok(0));
    assert_eq!(retention::pass(&store, keep, in_days(401), &mut aged).await, Ok(5));
    let told_now = told(&store).await;
    assert!(!told_now.contains("SN-22") && !told_now.contains("stranger"), "{told_now}");
    assert!(told_now.contains("SN-1") && told_now.contains("SN-33"), "what is in service stays, however old");
    assert_eq!(verified(home, &store).await.erased, 5);
    // What comes later is found behind what was looked through.
    store.commit(refused("another")).await.unwrap();
    assert_eq!(retention::pass(&store, keep, in_days(401), &mut aged).await, Ok(1));
    assert_eq!(retention::pass(&store, keep, in_days(401), &mut Aged::default()).await, Ok(0));
    store.close().await;
}

pub async fn sec_22_archived_logs_forget_too(home: &Home) {
    let store = home.with(&["SN-1", "SN-22"]).await;
    store.commit(refused("stranger")).await.unwrap();
    store.commit(reported(device_id("SN-22"), "here").into()).await.unwrap();
    let rows = exported(&store).await;
    store.close().await;
    let mut import = Import::begin(&home.another).await.unwrap();
    import.take(rows).await.unwrap();
    import.finish(&home.key, None, None).await.unwrap();

    let store = SqlStore::open(&home.another, Arc::clone(&home.key)).await.unwrap();
    store.commit(retired("SN-22")).await.unwrap();
    // Whoever verifies meanwhile sees what was taken from one log and counted in the other, or neither.
    let mut before = store.log_snapshot().await.unwrap();
    assert_eq!(forget(&store, "SN-22").await, 5);
    let archived = before.archived()[0].log;
    let bodies = |records: Vec<StoredRecord>| records.iter().filter(|record| record.opening.is_some()).count();
    let (here, there) =
        (before.records(START, 100).await.unwrap(), before.archived_records(archived, START, 100).await.unwrap());
    assert_eq!((here.len(), there.len()), (2, 8));
    assert_eq!((bodies(here), bodies(there)), (2, 8));
    drop(before);
    let far = UnixMillis(now().0 + 86_400_000);
    let mut aged = Aged::default();
    assert_eq!(retention::pass(&store, Duration::from_secs(1), far, &mut aged).await, Ok(1));
    assert_eq!(retention::pass(&store, Duration::from_secs(1), far, &mut aged).await, Ok(0));
    let rows = exported(&store).await;
    assert!(rows.iter().any(|row| row.table == "archived_leaf"));
    for gone in ["SN-22", "stranger"] {
        let octets = format!("{:?}", gone.as_bytes());
        let octets = octets.trim_matches(['[', ']']);
        assert!(!rows.iter().any(|row| format!("{row:?}").contains(octets) || format!("{row:?}").contains(gone)));
    }
    verified(home, &store).await;
    store.close().await;
}
