//! Databases of released versions open, keep what is in them, and their logs verify.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::{path::Path, sync::Arc};

use audit_log::{CompactRange, Kind, Leaf, LogIndex, Origin, Salt, UnixMillis};
use bootstrap_server::{
    audit::{self, CheckpointKey},
    domain::State,
    store::{Batch, Place, SCHEMA_VERSION, SqlStore, Store, StoreError},
};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use support::{Site, device_id, profile};

/// The schema of the first release, as that release made it.
const FIRST: &str = include_str!("store_schemas/1.sql");

/// What a server of the first release would have written about two devices.
const STORY: &[(u64, u16, &str)] = &[
    (1_000, 1, r#"{"event":"server-started","listen":"127.0.0.1:1","version":"0.1.0"}"#),
    (1_767_225_600_000, 4, r#"{"event":"device-registered","device":{"manufacturer":"maker","serial-number":"SN-1"}}"#),
    (1_767_225_600_001, 4, r#"{"event":"device-registered","device":{"manufacturer":"maker","serial-number":"SN-2"}}"#),
    (1_767_225_600_255, 8, r#"{"event":"progress-reported","device":{"manufacturer":"maker","serial-number":"SN-1"}}"#),
    (1_767_225_700_000, 9, r#"{"event":"connections-refused","source":null}"#),
    (1_767_225_700_000, 29, r#"{"event":"records-erased","records":1}"#),
];

async fn first_release(site: &Site, path: &Path, key: &CheckpointKey) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(FIRST).execute(&mut connection).await.unwrap();
    let mut tree = CompactRange::new();
    for (at, kind, body) in STORY {
        let salt = Salt::new([u8::try_from(*kind).unwrap(); 32]);
        let leaf = Leaf::commit_to(UnixMillis(*at), Kind(*kind), &salt, body.as_bytes());
        let position = i64::try_from(tree.append(leaf.hash()).0).unwrap();
        sqlx::query("INSERT INTO leaf VALUES ($1, $2, $3, $4)")
            .bind(position)
            .bind(leaf.encode().to_vec())
            .bind(salt.as_bytes().to_vec())
            .bind(body.as_bytes())
            .execute(&mut connection)
            .await
            .unwrap();
    }
    // The first record was erased, as an operator may.
    sqlx::query("UPDATE leaf SET salt = NULL, body = NULL WHERE position = 0").execute(&mut connection).await.unwrap();
    let checkpoint = key.sign(&Origin::from(key.verifier().name()), tree.head()).unwrap();
    sqlx::query("INSERT INTO checkpoint VALUES (1, $1, $2, $3)")
        .bind(i64::try_from(tree.size().0).unwrap())
        .bind(tree.nodes().iter().flat_map(|node| node.0).collect::<Vec<u8>>())
        .bind(checkpoint.signed_note())
        .execute(&mut connection)
        .await
        .unwrap();
    let voucher = site.maker.voucher(&support::serial("SN-1"), site.owner.pinned().unwrap(), support::now()).unwrap();
    sqlx::query("INSERT INTO voucher VALUES ('maker', 'SN-1', $1)")
        .bind(voucher.der())
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::query("INSERT INTO manufacturer VALUES ('maker', $1)")
        .bind(support::pem(site.maker.device_anchors()))
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::query("INSERT INTO profile VALUES ('bmc', $1)")
        .bind(profile().document())
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::raw_sql(
        "INSERT INTO device VALUES ('maker', 'SN-1', 'bmc', 'onboarding', NULL, zeroblob(32));
         INSERT INTO device VALUES ('maker', 'SN-2', 'bmc', 'registered', NULL, NULL);
         INSERT INTO device VALUES ('maker', 'SN-3', NULL, 'held', 'device-unknown', NULL);
         INSERT INTO progress_report VALUES (3, 'maker', 'SN-1', 1767225600255, 'bootstrap-complete', 'hello');
         INSERT INTO reported_key VALUES (3, 'ssh-ed25519', x'0102');
         INSERT INTO reported_key VALUES (3, 'trust-anchor-cert', x'03')",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_database_of_the_first_release_is_brought_forward() {
    let site = Site::new();
    let (path, key) = (site.path("sztp.sqlite3"), site.config().checkpoint_key);
    first_release(&site, &path, &key).await;
    let old = SqlStore::open_read_only(&path).await.unwrap_err();
    assert_eq!(old, StoreError::SchemaOlder { found: 1, known: SCHEMA_VERSION });

    let store = SqlStore::open(&path, Arc::clone(&key)).await.unwrap();
    let dossier = store.dossier(&device_id("SN-1")).await.unwrap();
    let device = dossier.device.unwrap();
    assert_eq!((device.state, device.profile), (State::Onboarding(None), Some(profile().name)));
    assert_eq!((device.since, device.version), (UnixMillis(1_767_225_600_255), LogIndex(3)));
    assert_eq!(device.attempt_since, Some(device.since), "its attempt is not over");
    assert!(device.last_answer.is_some() && !dossier.vouchers.is_empty() && dossier.profile.is_some());
    let second = store.dossier(&device_id("SN-2")).await.unwrap().device.unwrap();
    assert_eq!((second.since.0, second.version.0, second.attempt_since), (1_767_225_600_001, 2, None));
    // Nothing about the third is left in the log.
    let third = store.dossier(&device_id("SN-3")).await.unwrap().device.unwrap();
    assert_eq!((third.since.0, third.version.0), (0, 0));
    let reports = store.reports(&device_id("SN-1")).await.unwrap();
    assert_eq!((reports[0].leaf, reports[0].message.as_deref()), (LogIndex(3), Some("hello")));
    let kinds: Vec<_> = reports[0].keys.iter().map(|key| key.kind.as_str()).collect();
    assert_eq!(kinds, ["ssh-ed25519", "trust-anchor-cert"]);
    let history = store.history(&device_id("SN-1"), Place::FIRST, 10).await.unwrap();
    assert_eq!(history.iter().map(|record| record.position.0).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(store.manufacturers().await.unwrap()[0].anchors, site.maker.device_anchors());

    // The log goes on where it was.
    let event = audit::Event::ServerStarted { listen: String::new() };
    assert_eq!(store.commit(Batch::from(event)).await.unwrap(), LogIndex(6));
    let report = audit::verify(&store, key.verifier(), &[]).await.unwrap();
    assert_eq!((report.leaves, report.erased), (7, 1));
    store.close().await;
    // Once is enough.
    SqlStore::open(&path, key).await.unwrap().close().await;
}

#[tokio::test]
async fn a_migration_that_fails_leaves_the_database_as_it_was() {
    let site = Site::new();
    let (path, key) = (site.path("sztp.sqlite3"), site.config().checkpoint_key);
    first_release(&site, &path, &key).await;
    let connect =
        || async { SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&path)).await.unwrap() };
    // In the way of the last table that is made.
    let mut connection = connect().await;
    sqlx::query("CREATE TABLE kept_answer (x)").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let failed = SqlStore::open(&path, Arc::clone(&key)).await;
    assert!(matches!(failed, Err(StoreError::Database { .. })), "{failed:?}");
    let mut connection = connect().await;
    sqlx::query("DROP TABLE kept_answer").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let store = SqlStore::open(&path, Arc::clone(&key)).await.unwrap();
    assert_eq!(audit::verify(&store, key.verifier(), &[]).await.unwrap().leaves, 6);
    store.close().await;
}
