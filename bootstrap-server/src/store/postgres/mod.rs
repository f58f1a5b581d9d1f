//! What is PostgreSQL's own: settings, checks and schema.

use sqlx::{AnyConnection, Row as _};

use super::StoreError;

/// The schema, step by step. It begins where SQLite's was when PostgreSQL came.
pub(super) const MIGRATIONS: &[(u32, &str)] = &[
    (2, include_str!("migrations/0002.sql")),
    (3, include_str!("migrations/0003.sql")),
    (4, include_str!("migrations/0004.sql")),
    (5, include_str!("migrations/0005.sql")),
    (6, include_str!("migrations/0006.sql")),
];

/// What a connection for writing is told. A server that stands still gives up the lock on the log, so that the others go
/// on; and none waits for that lock for ever. Whatever a writer reads, it reads by key: while a table grows fast, its
/// statistics are out of date, and the planner would read the whole of it for a hundred rows.
pub(super) const WRITER_SETTINGS: &str = "SET idle_in_transaction_session_timeout = '15s'; SET lock_timeout = '20s'; \
     SET client_min_messages = warning; \
     SET jit = off; SET enable_hashjoin = off; SET enable_mergejoin = off;";

/// Held while the schema is changed, so that of several servers that start together one does it.
pub(super) const MIGRATION_LOCK: &str = "SELECT pg_advisory_xact_lock(8572008366)";

/// The settings that decide about durability, with what they are on this connection.
pub(super) async fn durability(connection: &mut AnyConnection) -> Result<Vec<(&'static str, String)>, StoreError> {
    let mut settings = Vec::new();
    for (setting, question) in [
        ("synchronous_commit", "SHOW synchronous_commit"),
        ("fsync", "SHOW fsync"),
        ("full_page_writes", "SHOW full_page_writes"),
    ] {
        let row = sqlx::query(question).fetch_one(&mut *connection).await?;
        settings.push((setting, row.try_get(0)?));
    }
    Ok(settings)
}

/// Makes sure that what is acknowledged is on disk. `synchronous_commit = off` and `fsync = off` lose it in a crash;
/// `full_page_writes = off` does not on every file system, and is left to the doctor.
pub(super) async fn check_durability(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let settings = durability(connection).await?;
    let off = settings.into_iter().find(|(setting, value)| value == "off" && *setting != "full_page_writes");
    off.map_or(Ok(()), |(setting, value)| Err(StoreError::NotDurable { setting, value }))
}
