//! What was acknowledged stays, whatever happens to the disk, to the file, or beside the server.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails, or says so"
)]

mod support;

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Write,
    net::Ipv4Addr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use audit_log::LogIndex;
use bootstrap_server::{
    audit::{self, Event},
    domain::Departures,
    store::{Batch, DatabaseFault, Location, SqlStore, Store, StoreError},
};
use conveyed_info::rpc::ProgressType;
use netboot::{
    lease::{ClientKey, Lease, LeaseStore as _, Standing, Version, Written},
    moment::Moment,
};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use support::{Site, device_id, verify_log};

const DATABASE: &str = "sztp.sqlite3";

fn said(message: &str) -> Batch {
    let (device, source) = (device_id("SN-1"), [127, 0, 0, 1].into());
    let message = Some(message.to_owned());
    Batch::from(Event::ProgressReported {
        device,
        source,
        report: ProgressType::Informational,
        message,
        keys: Vec::new(),
        departures: Departures::default(),
    })
}

async fn messages(store: &SqlStore) -> BTreeSet<String> {
    let records = store.records(LogIndex(0), u32::MAX).await.unwrap();
    let bodies = records.into_iter().filter_map(|record| record.opening).map(|(_, body)| body);
    let bodies = bodies.map(|body| serde_json::from_slice::<serde_json::Value>(&body).unwrap());
    bodies.filter_map(|body| body["message"].as_str().map(str::to_owned)).collect()
}

/// A small file system of its own, gone when dropped.
struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// None, and a note about it, where file systems cannot be mounted.
    fn mount(folder: PathBuf, test: &str) -> Option<Self> {
        fs::create_dir(&folder).unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"]).arg(&folder).output();
        if mount.is_ok_and(|mount| mount.status.success()) {
            return Some(Self { folder });
        }
        let reason = "a tmpfs cannot be mounted";
        println!("SKIPPED {test}: {reason}");
        if let Some(skipped) = std::env::var_os("SZTP_SKIPPED") {
            fs::write(Path::new(&skipped).join(test), reason).unwrap();
        }
        None
    }

    /// Takes every octet that is left, and gives the file that takes them.
    fn fill(&self) -> PathBuf {
        let path = self.folder.join("filling");
        let mut file = File::create(&path).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: when a test fails, its store is still open.
        let _unmounted = Command::new("umount").arg("-l").arg(&self.folder).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_survived_without_a_restart() {
    let site = Site::new();
    let test = "a_full_disk_is_survived_without_a_restart";
    let Some(disk) = SmallDisk::mount(site.path("disk"), test) else { return };
    let (database, key) = (disk.folder.join("db"), site.config().checkpoint_key);
    let store = Arc::new(SqlStore::create(&Location::from(database.as_path()), Arc::clone(&key)).await.unwrap());
    site.register(store.as_ref(), &["SN-1"]).await;

    let mut acknowledged = BTreeSet::new();
    // Several times over: alone and in groups, at a place in the file that is another one each time.
    for round in 0..3 {
        let filling = disk.fill();
        let refused = loop {
            let message = format!("{round}, while there was room: {}", acknowledged.len());
            match store.commit(said(&message)).await {
                Ok(_) => assert!(acknowledged.insert(message)),
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, StoreError::Database { fault: DatabaseFault::Full, .. }), "{refused}");
        // Everybody in a group hears of it, and nobody that the store is closed.
        let group: Vec<_> = (0..20)
            .map(|number| {
                let store = Arc::clone(&store);
                let message = format!("{round}, full: {number}");
                tokio::spawn(async move {
                    let outcome = store.commit(said(&message)).await;
                    (message, outcome)
                })
            })
            .collect();
        // SQLite may find room that it freed itself.
        for commit in group {
            let (message, outcome) = commit.await.unwrap();
            match outcome {
                Ok(_) => assert!(acknowledged.insert(message)),
                Err(refused) => {
                    assert!(matches!(refused, StoreError::Database { fault: DatabaseFault::Full, .. }), "{refused}");
                }
            }
        }
        assert!(acknowledged.is_subset(&messages(&store).await), "what was acknowledged can be read all the while");

        fs::remove_file(filling).unwrap();
        for number in 0..20 {
            let message = format!("{round}, with room again: {number}");
            store.commit(said(&message)).await.unwrap();
            acknowledged.insert(message);
        }
    }
    Arc::into_inner(store).unwrap().close().await;

    let store = SqlStore::open(&Location::from(database.as_path()), Arc::clone(&key)).await.unwrap();
    assert_eq!(messages(&store).await, acknowledged);
    let report = audit::verify(&store, key.verifier(), &[]).await.unwrap();
    assert_eq!(report.leaves, u64::try_from(acknowledged.len()).unwrap() + 4);
    store.close().await;
}

#[tokio::test]
async fn a_full_disk_refuses_leases_and_keeps_those_that_were_acknowledged() {
    let site = Site::new();
    let test = "a_full_disk_refuses_leases_and_keeps_those_that_were_acknowledged";
    let Some(disk) = SmallDisk::mount(site.path("disk"), test) else { return };
    let (database, key) = (disk.folder.join("db"), site.config().checkpoint_key);
    let store = SqlStore::create(&Location::from(database.as_path()), Arc::clone(&key)).await.unwrap();
    let lease = |number: u32| Lease {
        address: Ipv4Addr::from_bits(0x0a00_0000 + number).into(),
        client: ClientKey::v6(b"duid", number),
        mac: None,
        host_name: None,
        standing: Standing::Lent,
        since: Moment(1),
        expires: Moment(600),
    };
    let mut acknowledged = BTreeSet::new();
    let mut next = 0..;
    for _ in 0..3 {
        let filling = disk.fill();
        let refused = loop {
            let number = next.next().unwrap();
            match store.write(vec![lease(number)]).await {
                Ok(written) => {
                    assert_eq!(written, [Written::Yes]);
                    acknowledged.insert(lease(number).address);
                }
                Err(refused) => break refused.to_string(),
            }
        };
        assert!(refused.contains("make room on its disk"), "{refused}");
        fs::remove_file(filling).unwrap();
        for number in next.by_ref().take(20) {
            assert_eq!(store.write(vec![lease(number)]).await.unwrap(), [Written::Yes]);
            acknowledged.insert(lease(number).address);
        }
    }
    store.close().await;
    let store = SqlStore::open(&Location::from(database.as_path()), key).await.unwrap();
    let stored: BTreeSet<_> =
        store.after(Version(0), u32::MAX).await.unwrap().into_iter().map(|it| it.lease.address).collect();
    assert!(acknowledged.is_subset(&stored), "{} of {}", stored.len(), acknowledged.len());
    store.close().await;
}

#[tokio::test]
async fn a_database_has_one_writer_at_a_time() {
    let site = Site::new();
    let first = site.store().await;
    site.register(&first, &["SN-1"]).await;
    let config = site.config();
    let second = SqlStore::open(&config.database, Arc::clone(&config.checkpoint_key)).await;
    assert_eq!(second.unwrap_err(), StoreError::InUse);
    // Another name for the same file is no way around it.
    std::os::unix::fs::symlink(config.database.file().unwrap(), site.path("alias")).unwrap();
    let second = SqlStore::open(&Location::from(site.path("alias")), config.checkpoint_key).await;
    assert_eq!(second.unwrap_err(), StoreError::InUse);
    first.commit(said("undisturbed")).await.unwrap();
    first.close().await;
    site.store().await.close().await;
}

#[tokio::test]
async fn two_writers_that_got_around_the_lock_do_not_harm_the_log() {
    let site = Site::new();
    let first = site.store().await;
    site.register(&first, &["SN-1"]).await;
    // As on a file system that has no locks.
    fs::remove_file(site.path("sztp.sqlite3.lock")).unwrap();
    let second = site.store().await;
    let mut acknowledged = BTreeSet::new();
    for round in 0..3 {
        for (name, store) in [("first", &first), ("second", &second)] {
            let message = format!("{name} in round {round}");
            // The other one wrote since: this one continues what it finds.
            store.commit(said(&message)).await.unwrap();
            acknowledged.insert(message);
        }
    }
    first.close().await;
    second.close().await;
    let store = site.store().await;
    assert_eq!(messages(&store).await, acknowledged);
    store.close().await;
    assert_eq!(verify_log(&site.path("sztp.toml")).await.leaves, 4 + 6);
}

#[tokio::test]
async fn a_checkpoint_takes_the_place_of_its_predecessor_only() {
    let site = Site::new();
    let store = site.store().await;
    site.register(&store, &["SN-1"]).await;
    let options = SqliteConnectOptions::new().filename(site.path(DATABASE));
    let mut intruder = options.connect().await.unwrap();
    sqlx::query("UPDATE checkpoint SET size = size + 1").execute(&mut intruder).await.unwrap();
    // The file is read again, and does not fit together: nothing is written to it.
    for _ in 0..2 {
        let refused = store.commit(said("two")).await;
        assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
    }
    sqlx::query("UPDATE checkpoint SET size = size - 1").execute(&mut intruder).await.unwrap();
    intruder.close().await.unwrap();
    store.commit(said("three")).await.unwrap();
    assert_eq!(messages(&store).await, BTreeSet::from(["three".to_owned()]));
    store.close().await;
    assert_eq!(verify_log(&site.path("sztp.toml")).await.leaves, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_of_a_running_server_verifies_at_any_moment() {
    let site = Site::new();
    let store = Arc::new(site.store().await);
    site.register(store.as_ref(), &["SN-1"]).await;
    let enough = Arc::new(AtomicBool::new(false));
    let writing = {
        let (store, enough) = (Arc::clone(&store), Arc::clone(&enough));
        tokio::spawn(async move {
            while !enough.load(Ordering::Relaxed) {
                store.commit(said("meanwhile")).await.unwrap();
            }
        })
    };
    let config = site.config();
    let reader = SqlStore::open_read_only(&config.database).await.unwrap();
    let mut sizes = BTreeSet::new();
    let (mut verified, deadline) = (0, Instant::now() + Duration::from_secs(60));
    // Fifty times, and however slow the disk is, until the log has really grown meanwhile.
    while verified < 50 || sizes.len() <= 10 {
        assert!(Instant::now() < deadline, "the log does not grow while it is verified: {sizes:?}");
        verified += 1;
        let report = audit::verify(&reader, config.checkpoint_key.verifier(), &[]).await.unwrap();
        assert!(sizes.last().is_none_or(|last| *last <= report.leaves), "the log shrank");
        sizes.insert(report.leaves);
    }
    enough.store(true, Ordering::Relaxed);
    writing.await.unwrap();
    reader.close().await;
    Arc::into_inner(store).unwrap().close().await;
}

#[tokio::test]
async fn a_missing_database_is_not_replaced_by_an_empty_one() {
    let site = Site::new();
    let config = site.config();
    let missing = StoreError::Missing { path: site.path(DATABASE) };
    assert_eq!(SqlStore::open_read_only(&config.database).await.unwrap_err(), missing);
    assert_eq!(SqlStore::open(&config.database, config.checkpoint_key).await.unwrap_err(), missing);
    assert!(missing.to_string().contains("bring the file back"), "{missing}");
    assert!(!site.path(DATABASE).exists());
}

#[tokio::test]
async fn only_its_owner_can_read_a_database_and_the_files_beside_it() {
    let site = Site::new();
    let store = site.store().await;
    site.register(&store, &["SN-1"]).await;
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let metadata = fs::metadata(site.path(&format!("{DATABASE}{suffix}"))).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{suffix}");
    }
    store.close().await;
}
