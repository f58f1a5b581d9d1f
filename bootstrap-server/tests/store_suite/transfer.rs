//! Exports and imports: a restored database begins a new log.

use std::sync::Arc;

use audit_log::LogIndex;
use bootstrap_server::{
    audit::{self, AuditError, Event},
    domain::{Particulars, Role, Token, TokenId, User, UserName},
    store::{ExportedRow, Import, Location, LogNumber, Place, SqlStore, Store, StoreError, StoredRecord},
};
use pki::digest::sha256;
use verdict::ReasonCode;

use super::{Home, registered, said};
use crate::support::device_id;

/// Everything that a store exports.
pub async fn exported(store: &dyn Store) -> Vec<ExportedRow> {
    let mut export = store.export().await.unwrap();
    let mut rows = Vec::new();
    loop {
        let page = export.next().await.unwrap();
        if page.is_empty() {
            return rows;
        }
        rows.extend(page);
    }
}

async fn import(home: &Home, to: &Location, rows: Vec<ExportedRow>, newest: Option<String>) -> Result<(), StoreError> {
    let mut import = Import::begin(to).await?;
    import.take(rows).await?;
    import.finish(&home.key, newest, None).await.map(|_| ())
}

async fn reopened(home: &Home, location: &Location) -> SqlStore {
    SqlStore::open(location, Arc::clone(&home.key)).await.unwrap()
}

pub async fn what_was_exported_comes_back_in_a_new_log(home: &Home) {
    let store = home.with(&["SN-1", "SN-2"]).await;
    let uuid = "123e4567-e89b-12d3-a456-426614174000".parse().unwrap();
    let place = Particulars { rack: Some("r1".to_owned()), uuid: Some(uuid), ..Particulars::default() };
    store.commit(registered("SN-3", place).into()).await.unwrap();
    store.commit(said("before")).await.unwrap();
    let ann = User { name: UserName::new("ann").unwrap(), role: Role::Admin };
    let token = Token {
        id: TokenId::new("t").unwrap(),
        user: ann.name.clone(),
        digest: sha256(b"secret"),
        created: audit_log::UnixMillis(1),
        expires: None,
    };
    store.commit(Event::UserChanged { user: ann.clone() }.into()).await.unwrap();
    store.commit(Event::TokenCreated { token }.into()).await.unwrap();
    let (rows, last) = (exported(&store).await, store.checkpoint().await.unwrap().unwrap());
    let before = store.dossier(&device_id("SN-3")).await.unwrap().device.unwrap();
    store.close().await;

    import(home, &home.another, rows, None).await.unwrap();
    let store = reopened(home, &home.another).await;
    let mut after = store.dossier(&device_id("SN-3")).await.unwrap().device.unwrap();
    assert_eq!(after.version, LogIndex(0), "the restoration made it what it is");
    after.version = before.version;
    assert_eq!(after, before);
    assert!(store.dossier(&device_id("SN-1")).await.unwrap().vouchers.len() == 1);
    assert_eq!(store.users().await.unwrap(), [ann]);
    assert_eq!(store.token(sha256(b"secret")).await.unwrap(), None, "it may have been revoked since");
    assert_eq!(store.reports(&device_id("SN-1")).await.unwrap()[0].message.as_deref(), Some("before"));

    // A new log, under another name, that says what it follows.
    assert_eq!(store.log(), LogNumber(1));
    let first = store.records(LogIndex(0), 10).await.unwrap();
    assert_eq!(first.len(), 2, "the restoration, and the token that it revoked");
    assert_eq!(first[0].leaf().unwrap().kind().0, 24);
    let body: serde_json::Value = serde_json::from_slice(&first[0].opening.as_ref().unwrap().1).unwrap();
    assert_eq!((body["origin"].as_str(), body["checkpoint"].as_str()), (last.lines().next(), Some(last.as_str())));
    let checkpoint = store.checkpoint().await.unwrap().unwrap();
    assert_ne!(checkpoint.lines().next(), last.lines().next());
    let archived = store.archived_logs().await.unwrap();
    assert_eq!((archived.len(), &archived[0].checkpoint), (1, &last));

    // It goes on from there, and a device's story is told across both.
    store.commit(said("after")).await.unwrap();
    let history = store.history(&device_id("SN-1"), Place::FIRST, 100).await.unwrap();
    let logs: Vec<_> = history.iter().map(|record| record.log.0).collect();
    assert_eq!(logs, [0, 0, 0, 1]);
    assert!(history.iter().all(|record| record.opening.is_some()));
    let latest = store.latest(&device_id("SN-1"), 100).await.unwrap();
    let places = |records: &[StoredRecord]| records.iter().map(|it| (it.log, it.position)).collect::<Vec<_>>();
    assert_eq!(places(&latest), places(&history), "those of the logs before are among the latest");
    let kept = [last.clone().into_bytes(), checkpoint.clone().into_bytes()];
    assert_eq!(audit::verify(&store, home.key.verifier(), &kept).await.unwrap().leaves, 3);

    // Once more, from the restored one.
    let rows = exported(&store).await;
    store.close().await;
    let third = home.site.path("third");
    import(home, &Location::from(third.as_path()), rows, None).await.unwrap();
    let store = reopened(home, &Location::from(third.as_path())).await;
    assert_eq!((store.log(), store.archived_logs().await.unwrap().len()), (LogNumber(2), 2));
    audit::verify(&store, home.key.verifier(), &kept).await.unwrap();
    store.close().await;
}

pub async fn an_import_needs_an_empty_database(home: &Home) {
    let store = home.with(&[]).await;
    store.close().await;
    assert_eq!(Import::begin(&home.location).await.unwrap_err(), StoreError::NotEmpty);
}

pub async fn an_import_that_is_not_whole_leaves_nothing(home: &Home) {
    let store = home.with(&["SN-1"]).await;
    let rows = exported(&store).await;
    store.close().await;
    let mut missing = rows.clone();
    missing.pop();
    let outcome = import(home, &home.another, missing, None).await;
    assert!(matches!(outcome, Err(StoreError::ImportInvalid { .. })), "{outcome:?}");
    let mut twice = rows.clone();
    twice.push(rows.last().unwrap().clone());
    let outcome = import(home, &home.another, twice, None).await;
    assert!(matches!(outcome, Err(StoreError::ImportInvalid { .. })), "{outcome:?}");
    let mut misfit = rows.clone();
    misfit[0].values.pop();
    let outcome = import(home, &home.another, misfit, None).await;
    assert!(matches!(outcome, Err(StoreError::ImportInvalid { .. })), "{outcome:?}");
    // Nothing of that is left: the whole goes in now.
    import(home, &home.another, rows, None).await.unwrap();
}

pub async fn a_restored_log_admits_what_it_lost(home: &Home) {
    let store = home.with(&["SN-1"]).await;
    let backup = exported(&store).await;
    store.commit(said("after the backup")).await.unwrap();
    let published = store.checkpoint().await.unwrap().unwrap();
    store.commit(said("never published")).await.unwrap();
    let kept = store.checkpoint().await.unwrap().unwrap();
    store.close().await;

    import(home, &home.another, backup, Some(published.clone())).await.unwrap();
    let store = reopened(home, &home.another).await;
    audit::verify(&store, home.key.verifier(), &[published.into_bytes()]).await.unwrap();
    // Whoever holds a later checkpoint learns that the log once was longer.
    match audit::verify(&store, home.key.verifier(), &[kept.into_bytes()]).await {
        Err(AuditError::Refused(refusal)) => assert_eq!(refusal.reason, ReasonCode::LogTruncated),
        other => panic!("{other:?}"),
    }
    store.close().await;
}
