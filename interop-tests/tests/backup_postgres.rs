//! A backup of one kind of database restores into the other, and back, with nothing lost and nothing added.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use audit_log::LogIndex;
use bootstrap_server::{
    audit,
    backup::{Reader, Restorable, RestoreError, Taking},
    domain::{Actor, DeviceId},
    store::{ExportedRow, Location, Page, SqlStore, Store, StoreError},
};
use interop_tests::{
    postgres::Cluster,
    site::{self as support, Site},
};

/// Opens the database, writes a backup of it into the site's folder, and closes it.
async fn back_up(site: &Site, location: &Location, name: &str) -> Vec<ExportedRow> {
    let key = site.config().checkpoint_key;
    let store = Arc::new(SqlStore::open(location, Arc::clone(&key)).await.unwrap());
    let shared: Arc<dyn Store> = store.clone();
    let mut taking = Taking::begin(shared, key, Actor::Console, support::now()).await.unwrap();
    let mut octets = Vec::new();
    while let Some(piece) = taking.piece().await.unwrap() {
        octets.extend(piece);
    }
    drop(taking);
    Arc::into_inner(store).unwrap().close().await;
    site.write(name, &octets);
    rows(&octets)
}

/// The rows that a restoration leaves as they are: all but logs, checkpoints, tokens, and the versions of devices.
fn rows(octets: &[u8]) -> Vec<ExportedRow> {
    let mut reader = Reader::open(octets, None).unwrap();
    let mut rows = Vec::new();
    while let Some(mut row) = reader.row().unwrap() {
        match row.table.as_str() {
            "device" => drop(row.values.pop()),
            "leaf" | "archived_leaf" | "archived_log" | "checkpoint" | "token" => continue,
            _ => {}
        }
        rows.push(row);
    }
    rows
}

async fn restore(site: &Site, name: &str, location: &Location) -> Result<(), RestoreError> {
    let key = site.config().checkpoint_key;
    Restorable::check(&site.path(name), Some(key.verifier()), None)?.restore(location, &key, None).await.map(drop)
}

#[tokio::test]
async fn what_one_kind_of_database_held_the_other_holds() {
    let cluster = match Cluster::shared() {
        Ok(cluster) => cluster,
        Err(missing) => interop_tests::skip!(missing),
    };
    let site = Site::new();
    let store = site.store().await;
    // Serial numbers that kinds of databases would sort in different ways, were they not told how.
    let serials = ["SN-1", "sn-1", "SN 2", "SN_2", "Sn-é", "SN-10"];
    site.register(&store, &serials).await;
    store.close().await;
    let first = back_up(&site, &site.config().database, "b1").await;
    assert_eq!(first.iter().filter(|row| row.table == "device").count(), serials.len());
    let postgres = cluster.database();
    restore(&site, "b1", &postgres).await.unwrap();
    let again = restore(&site, "b1", &postgres).await.unwrap_err();
    assert!(matches!(again, RestoreError::Store(StoreError::NotEmpty)), "{again}");
    let second = back_up(&site, &postgres, "b2").await;
    assert_eq!(second, first);
    let file = Location::from(site.path("back.sqlite3"));
    restore(&site, "b2", &file).await.unwrap();
    assert_eq!(back_up(&site, &file, "b3").await, first);
    // Three logs, each ended by a restoration but the last; every one verifies, in both kinds.
    let key = site.config().checkpoint_key;
    for (location, logs) in [(&postgres, 1), (&file, 2)] {
        let store = SqlStore::open_read_only(location).await.unwrap();
        assert_eq!(store.archived_logs().await.unwrap().len(), logs);
        audit::verify(&store, key.verifier(), &[]).await.unwrap();
        let page = Page { after: None::<DeviceId>, limit: 100 };
        assert_eq!(store.devices(&bootstrap_server::store::DeviceFilter::default(), page).await.unwrap().len(), 6);
        let first = store.records(LogIndex(0), 1).await.unwrap().remove(0);
        assert!(String::from_utf8(first.opening.unwrap().1).unwrap().contains("log-restored"));
        store.close().await;
    }
}
