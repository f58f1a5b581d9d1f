//! The doctor beside a real PostgreSQL: what it says of settings that lose what was acknowledged.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use bootstrap_server::{
    doctor::{self, Finding},
    store::{Location, SqlStore},
};
use interop_tests::{postgres::Cluster, site::Site, skip};

/// What the doctor finds about the database's settings and the way to it: check, what, health.
async fn found(site: &Site) -> Vec<(&'static str, String, &'static str)> {
    let mut findings = doctor::examine(&site.path("sztp.toml")).await;
    findings.retain(|finding: &Finding| finding.check.starts_with("database-"));
    for advice in findings.iter().filter_map(|finding| finding.outcome.advice()) {
        assert!(!advice.why.is_empty() && !advice.fix.is_empty());
    }
    findings.into_iter().map(|finding| (finding.check, finding.what, finding.outcome.as_str())).collect()
}

#[tokio::test]
async fn a_postgresql_that_loses_what_it_acknowledged_is_found_with_its_fix() {
    let cluster = match Cluster::start(&[]) {
        Ok(cluster) => cluster,
        Err(missing) => skip!(missing),
    };
    let site = Site::new();
    let Location::Postgres(url) = cluster.database() else { panic!("an address") };
    site.edit("database = 'sztp.sqlite3'", &format!("database = '{url}'"));
    let config = site.config();
    let store = SqlStore::open(&config.database, Arc::clone(&config.checkpoint_key)).await.unwrap();
    site.register(&store, &["SN-1"]).await;
    store.close().await;
    let settings = ["synchronous_commit", "fsync", "full_page_writes"];
    let judged = |value: &str, health: [&'static str; 3]| {
        let way = ("database-tls", "the database is on this machine".to_owned(), "ok");
        let settings =
            settings.iter().zip(health).map(|(name, it)| ("database-settings", format!("{name} = {value}"), it));
        std::iter::once(way).chain(settings).collect::<Vec<_>>()
    };
    assert_eq!(found(&site).await, judged("on", ["ok"; 3]));
    for setting in settings {
        cluster.ask("postgres", &format!("ALTER SYSTEM SET {setting} = off")).unwrap();
    }
    cluster.ask("postgres", "SELECT pg_reload_conf()").unwrap();
    // Told to the server, which tells its sessions a moment later.
    while cluster.ask("postgres", "SHOW full_page_writes").unwrap().trim() != "off" {
        std::thread::yield_now();
    }
    assert_eq!(found(&site).await, judged("off", ["failed", "failed", "warning"]));
}
