//! The suite that every database passes, on SQLite.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod store_suite;
mod support;

use std::fs;

use audit_log::LogIndex;
use bootstrap_server::{
    audit::Event,
    domain::Particulars,
    retention,
    store::{Batch, Location, Place, SqlStore, Store, StoreError},
};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use store_suite::{Home, registered, reported};
use support::{Site, device_id};

/// A folder with room for two files.
fn home() -> Home {
    let site = Site::new();
    let (location, another) = (Location::from(site.path("one.db")), Location::from(site.path("another.db")));
    Home::new(site, location, another, execute)
}

fn execute(location: &Location, statement: &str) {
    let options = SqliteConnectOptions::new().filename(location.file().unwrap());
    let statement = sqlx::AssertSqlSafe(statement.to_owned());
    let work = async move {
        let mut connection = options.connect().await.unwrap();
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    };
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::spawn(move || runtime().block_on(work)).join().unwrap();
}

suite!(home());

/// Neither is part of another, or of any other octets.
fn forgotten(number: u32) -> String {
    format!("GONE-{number:04}-ENOG")
}

fn kept(number: u32) -> String {
    format!("KEPT-{number:04}-TPEK")
}

/// A store that was closed, after `each` devices were forgotten and as many were not.
async fn after_forgetting(each: u32) -> Home {
    let home = home();
    let store = home.with(&[]).await;
    let mut batch = Batch::from(Event::ServerStarted { listen: String::new() });
    for number in 0..each {
        for serial in [forgotten(number), kept(number)] {
            batch = batch.and(registered(&serial, Particulars::default()));
            // Records that grow and move, and some that need pages of their own.
            let message = serial.repeat(usize::try_from(number % 60 * 10).unwrap());
            batch = batch.and(reported(device_id(&serial), &message));
        }
    }
    store.commit(batch).await.unwrap();
    for number in 0..each {
        let (device, because) = (device_id(&forgotten(number)), "sold".to_owned());
        store.commit(Batch::from(Event::DeviceRetired { device: device.clone(), because })).await.unwrap();
        let because = "on request".to_owned();
        let erased = Event::DeviceErased { device: device.clone(), because: because.clone() };
        let position = store.commit(Batch::from(erased)).await.unwrap();
        let end = Place { log: store.log(), position: LogIndex(position.0 + 1) };
        assert_eq!(retention::finish(&store, &device, end, &because, None).await, Ok(4));
    }
    store.close().await;
    home
}

/// How often the octets stand in the files of the folder.
fn count(home: &Home, word: &[u8]) -> usize {
    let files = fs::read_dir(home.site.folder.path()).unwrap().map(|it| it.unwrap().path());
    let all = files.filter(|path| path.is_file()).flat_map(|path| fs::read(path).unwrap()).collect::<Vec<u8>>();
    all.windows(word.len()).filter(|octets| *octets == word).count()
}

/// What is deleted in SQLite stays in the file, and in the write-ahead log, unless it is made to go.
#[tokio::test]
async fn sec_22_the_file_holds_nothing_of_what_was_forgotten() {
    let home = after_forgetting(5).await;
    assert!(count(&home, b"-TPEK") > 5, "what stays is found this way");
    assert_eq!(count(&home, b"-ENOG"), 0);
}

/// Enough devices for every tree in the file to have been split: what SQLite moves, it leaves a copy of in unused parts of
/// pages, whatever it was told.
#[tokio::test]
async fn sec_22_nor_does_a_large_file_once_it_was_compacted() {
    let home = after_forgetting(400).await;
    SqlStore::compact(&home.location).await.unwrap();
    assert!(count(&home, b"-TPEK") > 400);
    assert_eq!(count(&home, b"-ENOG"), 0);
    let store = home.open().await;
    let in_use = SqlStore::compact(&home.location).await;
    assert_eq!(in_use, Err(StoreError::InUse), "a server has it open");
    let report = bootstrap_server::audit::verify(&store, home.key.verifier(), &[]).await.unwrap();
    assert_eq!(report.erased, 1600);
    store.close().await;
}
