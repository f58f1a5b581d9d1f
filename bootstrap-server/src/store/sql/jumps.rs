//! A clock that is set ahead by years, and back again.

use std::{path::Path, sync::Arc, time::Duration};

use pki::{digest::sha256, identity::SerialNumber, key::FileKey};
use verdict::ReasonCode;

use super::*;
use crate::{
    audit::{self, Event},
    domain::{ManufacturerName, Particulars},
    retention::{self, Aged},
};

const DAY: u64 = 86_400_000;
const START: UnixMillis = UnixMillis(20_000 * DAY);
/// Where the clock is for a while.
const AHEAD: UnixMillis = UnixMillis(START.0 + 3650 * DAY);

fn days(days: u64) -> UnixMillis {
    UnixMillis(START.0 + days * DAY)
}

fn id(serial: &str) -> DeviceId {
    let manufacturer = ManufacturerName::new("maker").unwrap();
    DeviceId { manufacturer, serial_number: SerialNumber::new(serial).unwrap() }
}

fn registered(serial: &str) -> Event {
    let particulars = Box::new(Particulars::default());
    Event::DeviceRegistered { device: id(serial), profile: ProfileName::new("bmc").unwrap(), particulars }
}

fn refused(detail: &str) -> Event {
    let (reason, detail) = (ReasonCode::IdevidMissing, detail.to_owned());
    Event::ConnectionsRefused { source: None, reason, detail, count: 1 }
}

fn proof(at: UnixMillis) -> (DeviceId, Proof) {
    (id("SN-1"), Proof { at, source: [192, 0, 2, 1].into(), certificate: sha256(b"certificate") })
}

/// What a server wrote whose clock said these things, one after the other.
async fn written(path: &Path, key: &CheckpointKey) {
    sqlite::create(path).unwrap();
    let target = Target::find(&Location::from(path)).unwrap();
    let mut connection = target.connect_writer().await.unwrap();
    migrate::forward(&target, &mut connection).await.unwrap();
    connection.close().await.unwrap();
    let mut session = Session::open(&target, key.verifier()).await.unwrap();
    let manufacturer = Manufacturer::new(id("x").manufacturer, Vec::new());
    let profile =
        OnboardingProfile::from_toml(ProfileName::new("bmc").unwrap(), "post-configuration-script = 'x'\n").unwrap();
    let first = Batch::from(Event::ManufacturerAdded { manufacturer })
        .and(Event::ProfileApplied { profile: Box::new(profile) })
        .and(registered("SN-1"));
    let steps = [
        (START, first, Vec::new()),
        (AHEAD, Batch::from(registered("SN-2")).and(refused("ahead")), vec![proof(AHEAD)]),
        (days(1), Batch::from(refused("back")), vec![proof(days(1))]),
    ];
    for (now, batch, proofs) in steps {
        for outcome in session.append(&[&batch], &proofs, now, key).await.unwrap() {
            outcome.unwrap();
        }
    }
    session.close().await;
}

#[tokio::test]
async fn sec_21_a_clock_that_jumps_loses_nothing_and_every_leaf_tells_what_it_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sztp.sqlite3");
    let key = CheckpointKey::new("test.example/log", Box::new(FileKey::generate_ed25519().unwrap())).unwrap();
    let key = Arc::new(key);
    written(&path, &key).await;

    let store = SqlStore::open(path.as_path(), Arc::clone(&key)).await.unwrap();
    let records = store.records(LogIndex(0), 100).await.unwrap();
    let times: Vec<_> = records.iter().map(|record| record.leaf().unwrap().time()).collect();
    assert_eq!(times, [START, START, START, AHEAD, AHEAD, days(1)]);
    assert_eq!(audit::verify(&store, key.verifier(), &[]).await.unwrap().leaves, 6);
    // What was seen last counts, not what claims to be latest.
    let device = store.dossier(&id("SN-1")).await.unwrap().device.unwrap();
    assert_eq!(device.proof.map(|proof| proof.at), Some(days(1)));
    // Nobody waits for ten years to hear that something is wrong.
    let census = store.census(days(2), Deadlines::default()).await.unwrap();
    assert_eq!(census.iter().map(|line| (line.devices, line.stuck)).collect::<Vec<_>>(), [(2, 1)]);

    // A refusal from the future is kept, and those behind it go when they are old.
    let keep = Duration::from_secs(86_400);
    let mut aged = Aged::default();
    assert_eq!(retention::pass(&store, keep, days(1), &mut aged).await, Ok(0));
    assert_eq!(retention::pass(&store, keep, days(3), &mut aged).await, Ok(1));
    let bodies =
        |records: Vec<StoredRecord>| -> Vec<_> { records.into_iter().map(|it| it.opening.is_some()).collect() };
    let left = bodies(store.records(LogIndex(0), 6).await.unwrap());
    assert_eq!(left, [true, true, true, true, true, false]);
    let then = UnixMillis(AHEAD.0 + 2 * DAY);
    assert_eq!(retention::pass(&store, keep, then, &mut Aged::default()).await, Ok(1), "its time has come");
    audit::verify(&store, key.verifier(), &[]).await.unwrap();
    store.close().await;
}
