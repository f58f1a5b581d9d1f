//! The suite that every database passes, on PostgreSQL; and what only a server of its own can do.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "../../bootstrap-server/tests/store_suite/mod.rs"]
mod store_suite;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use audit_log::TreeSize;
use bootstrap_server::{
    audit::{self, Event},
    domain::{OnboardingProfile, Particulars, ProfileName},
    store::{DatabaseFault, Location, SqlStore, Store, StoreError},
};
use interop_tests::{
    postgres::{Cluster, name},
    site as support, skip,
};
use netboot::{lease::LeaseStore as _, moment::Moment};
use store_suite::{Home, registered, said};
use support::{Site, device_id};

fn home(cluster: &Cluster) -> Home {
    Home::new(Site::new(), cluster.database(), cluster.database(), execute)
}

fn execute(location: &Location, statement: &str) {
    Cluster::shared().unwrap().ask(&name(location), statement).unwrap();
}

suite!(match Cluster::shared() {
    Ok(cluster) => home(cluster),
    Err(missing) => skip!(missing),
});

#[test]
fn child_that_is_killed() {
    store_suite::commit_until_killed();
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let cluster = match Cluster::shared() {
        Ok(cluster) => cluster,
        Err(missing) => skip!(missing),
    };
    store_suite::what_was_acknowledged_survives_kill_9(&home(cluster), "child_that_is_killed").await;
}

fn alone(cluster: &Cluster) -> Home {
    Home::new(Site::new(), cluster.database(), cluster.database(), |_, _| panic!("not asked for"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_crash_of_postgresql_and_the_server_goes_on() {
    let mut cluster = match Cluster::start(&[]) {
        Ok(cluster) => cluster,
        Err(missing) => skip!(missing),
    };
    let home = alone(&cluster);
    let store = Arc::new(home.with(&["SN-1"]).await);
    let enough = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..16)
        .map(|caller| {
            let (store, enough) = (Arc::clone(&store), Arc::clone(&enough));
            tokio::spawn(async move {
                let (mut acknowledged, mut refused) = (BTreeSet::new(), 0);
                for number in 0.. {
                    let message = format!("{caller}-{number}");
                    match store.commit(said(&message)).await {
                        Ok(_) => assert!(acknowledged.insert(message)),
                        Err(StoreError::Database { .. } | StoreError::Unsettled { .. }) => refused += 1,
                        Err(other) => panic!("{other}"),
                    }
                    if enough.load(Ordering::Relaxed) {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
                (acknowledged, refused)
            })
        })
        .collect();
    let mut growth = store.growth();
    for round in 0..3 {
        // In the midst of work, each time.
        let size = *growth.borrow_and_update();
        let grown = growth.wait_for(|now| now.0 > size.0 + 100);
        tokio::time::timeout(Duration::from_secs(60), grown).await.unwrap().unwrap();
        cluster.crash().unwrap();
        cluster.run(&[]).unwrap_or_else(|error| panic!("round {round}: {error}"));
    }
    let size = *growth.borrow_and_update();
    tokio::time::timeout(Duration::from_secs(60), growth.wait_for(|now| now.0 > size.0 + 100)).await.unwrap().unwrap();
    enough.store(true, Ordering::Relaxed);
    let (mut acknowledged, mut refused) = (BTreeSet::new(), 0);
    for caller in callers {
        let (own, failures) = caller.await.unwrap();
        acknowledged.extend(own);
        refused += failures;
    }
    let stored = store_suite::messages(store.as_ref()).await;
    let lost: Vec<_> = acknowledged.difference(&stored).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert!(refused > 0, "PostgreSQL was away for a while");
    audit::verify(store.as_ref(), home.key.verifier(), &[]).await.unwrap();
    Arc::into_inner(store).unwrap().close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_servers_write_one_log() {
    let cluster = match Cluster::shared() {
        Ok(cluster) => cluster,
        Err(missing) => skip!(missing),
    };
    let home = home(cluster);
    // They start together, on an empty database.
    let (one, other) = tokio::join!(home.open(), home.open());
    home.site.register(&one, &["SN-1"]).await;
    let stores = [Arc::new(one), Arc::new(other)];
    let commits: Vec<_> = (0..200)
        .map(|number| {
            let store = Arc::clone(&stores[number % 2]);
            tokio::spawn(async move { store.commit(said(&number.to_string())).await.unwrap().0 })
        })
        .collect();
    let mut positions = BTreeSet::new();
    for commit in commits {
        positions.insert(commit.await.unwrap());
    }
    assert_eq!(positions, (4..204).collect());
    // What one adds, the other knows; and each hears that the log has grown.
    let profile = ProfileName::new("new").unwrap();
    let document = OnboardingProfile::from_toml(profile.clone(), "post-configuration-script = 'x'").unwrap();
    let mut growth = stores[1].growth();
    stores[0].commit(Event::ProfileApplied { profile: Box::new(document) }.into()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(30), growth.wait_for(|size| *size == TreeSize(205)))
        .await
        .unwrap()
        .unwrap();
    let (device, particulars) = (device_id("SN-9"), Box::<Particulars>::default());
    stores[1].commit(Event::DeviceRegistered { device, profile, particulars }.into()).await.unwrap();
    let again = stores[0].commit(registered("SN-9", Particulars::default()).into()).await;
    assert_eq!(again, Err(StoreError::DeviceExists(device_id("SN-9"))));
    audit::verify(stores[0].as_ref(), home.key.verifier(), &[]).await.unwrap();
    for store in stores {
        Arc::into_inner(store).unwrap().close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_lend_each_address_once_and_whoever_follows_misses_none() {
    let cluster = match Cluster::shared() {
        Ok(cluster) => cluster,
        Err(missing) => skip!(missing),
    };
    let home = home(cluster);
    let (one, other) = tokio::join!(home.open(), home.open());
    let stores = [Arc::new(one), Arc::new(other)];
    // Somebody cleans up meanwhile, which must not hold anybody up.
    let cleaner = Arc::clone(&stores[0]);
    let cleaning = tokio::spawn(async move {
        loop {
            cleaner.forget(Moment(1), 10).await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    store_suite::a_follower_misses_nothing(&stores).await;
    cleaning.abort();
    assert!(cleaning.await.unwrap_err().is_cancelled());
    for store in stores {
        Arc::into_inner(store).unwrap().close().await;
    }
}

#[tokio::test]
async fn a_read_only_postgresql_is_told_of_and_survived() {
    let cluster = match Cluster::start(&[]) {
        Ok(cluster) => cluster,
        Err(missing) => skip!(missing),
    };
    let home = alone(&cluster);
    let store = home.with(&["SN-1"]).await;
    let set = |value: &str| {
        cluster.ask("postgres", &format!("ALTER SYSTEM SET default_transaction_read_only = {value}")).unwrap();
        cluster.ask("postgres", "SELECT pg_reload_conf()").unwrap();
        while cluster.ask("postgres", "SHOW default_transaction_read_only").unwrap().trim() != value {
            std::thread::yield_now();
        }
    };
    set("on");
    let mut refused = store.commit(said("x")).await;
    while refused.is_ok() {
        // The writer's session hears of it a moment later.
        refused = store.commit(said("x")).await;
    }
    let refused = refused.unwrap_err();
    assert!(matches!(refused, StoreError::Database { fault: DatabaseFault::ReadOnly, .. }), "{refused}");
    assert!(refused.to_string().contains("make it writable"), "{refused}");
    assert!(store.dossier(&device_id("SN-1")).await.unwrap().device.is_some(), "readers go on");
    set("off");
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while let Err(refused) = store.commit(said("y")).await {
        assert!(std::time::Instant::now() < deadline, "{refused}");
    }
    store.close().await;
}

#[tokio::test]
async fn a_database_that_does_not_sync_is_refused() {
    let cluster = match Cluster::shared() {
        Ok(cluster) => cluster,
        Err(missing) => skip!(missing),
    };
    let home = home(cluster);
    execute(&home.location, &format!("ALTER DATABASE {} SET synchronous_commit = off", name(&home.location)));
    let refused = SqlStore::open(&home.location, Arc::clone(&home.key)).await.unwrap_err();
    assert_eq!(refused, StoreError::NotDurable { setting: "synchronous_commit", value: "off".to_owned() });
}

#[tokio::test]
async fn a_postgresql_that_is_not_there_is_told_of_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("postgres://someone:s3cret@/nothing?host={}", folder.path().display());
    let location = Location::parse(&url, folder.path());
    let refused = SqlStore::open(&location, Site::new().config().checkpoint_key).await.unwrap_err();
    assert!(matches!(refused, StoreError::Database { fault: DatabaseFault::Unreachable, .. }), "{refused:?}");
    assert!(!format!("{refused:?} {refused}").contains("s3cret"));
}

/// A backup of one kind of database restores into the other.
#[tokio::test]
async fn what_sqlite_exports_postgresql_takes_in() {
    let cluster = match Cluster::shared() {
        Ok(cluster) => cluster,
        Err(missing) => skip!(missing),
    };
    let target = cluster.database();
    let site = Site::new();
    let location = Location::from(site.path("one.db"));
    let home = Home::new(site, location, target, |_, _| panic!("not asked for"));
    store_suite::what_was_exported_comes_back_in_a_new_log(&home).await;
}
