//! A log comes to another key: for a while both sign, and whoever knows either can verify.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use audit_log::VerifierKey;
use bootstrap_server::{
    ServeError, audit,
    store::{SqlStore, Store, StoreError},
};
use pki::key::FileKey;
use support::Site;

async fn serve_once(site: &Site) -> Result<(), ServeError> {
    let server = bootstrap_server::start(site.config()).await?;
    server.stop().await;
    Ok(())
}

async fn verifies(site: &Site, key: &VerifierKey) -> bool {
    let store = SqlStore::open_read_only(&site.config().database).await.unwrap();
    let verified = audit::verify(&store, key, &[]).await;
    store.close().await;
    verified.is_ok()
}

async fn told(site: &Site) -> usize {
    let store = SqlStore::open_read_only(&site.config().database).await.unwrap();
    let records = store.records(audit_log::LogIndex(0), 1000).await.unwrap();
    store.close().await;
    let bodies = records.into_iter().filter_map(|record| record.opening).map(|(_, body)| body);
    bodies.filter(|body| String::from_utf8_lossy(body).contains("\"event\":\"log-keys-changed\"")).count()
}

#[tokio::test]
async fn sec_15_a_log_comes_to_another_key_while_both_sign() {
    let site = Site::new();
    site.store().await.close().await;
    let old = site.config().checkpoint_key.verifier().clone();
    serve_once(&site).await.unwrap();

    // Another key alone would be another log.
    site.write("next.key", FileKey::generate_ed25519().unwrap().to_pem().as_bytes());
    site.edit("key = 'audit.key'", "key = 'next.key'");
    let refused = serve_once(&site).await.unwrap_err();
    assert!(matches!(refused, ServeError::Store(StoreError::Corrupt { .. })), "{refused}");

    // Beside the old one it signs too, and the log says so, once.
    site.edit("key = 'next.key'", "key = 'audit.key'\n[[audit.also]]\nkey = 'next.key'");
    assert_eq!(site.config().checkpoint_key.verifiers().count(), 2);
    let next = site.config().checkpoint_key.verifiers().nth(1).unwrap().clone();
    serve_once(&site).await.unwrap();
    serve_once(&site).await.unwrap();
    assert!(verifies(&site, &old).await && verifies(&site, &next).await);
    assert_eq!(told(&site).await, 1);

    // Then alone.
    site.edit("key = 'audit.key'\n[[audit.also]]\nkey = 'next.key'", "key = 'next.key'");
    serve_once(&site).await.unwrap();
    assert!(verifies(&site, &next).await);
    assert!(!verifies(&site, &old).await, "it signs no more");
    assert_eq!(told(&site).await, 2);
}

#[test]
fn a_key_signs_once() {
    let site = Site::new();
    site.edit("key = 'audit.key'", "key = 'audit.key'\n[[audit.also]]\nkey = 'audit.key'");
    let refused = bootstrap_server::config::ServerConfig::load(&site.path("sztp.toml")).unwrap_err();
    assert!(refused.to_string().contains("signs already"), "{refused}");
}
