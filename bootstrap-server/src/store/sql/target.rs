//! Which database, and how to connect to it. All that differs between SQLite and PostgreSQL is decided here.

use std::{fs::File, str::FromStr, time::Duration};

use sqlx::{
    AnyConnection, AnyPool, ConnectOptions as _, Executor as _,
    any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers},
};

use super::decode::corrupt;
use crate::store::{
    DatabaseFault, Location, StoreError, postgres,
    sqlite::{self, Access},
};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a reader waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(10);

/// The language a database speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// Begins a transaction that writes.
    pub(super) const fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// Whether one process alone writes, so that what it remembers is what is there: of a file, whoever has the lock.
    pub(super) const fn has_one_writer(self) -> bool {
        matches!(self, Self::Sqlite)
    }

    /// Begins a transaction that sees one moment.
    pub(super) const fn begin_snapshot(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// Reads the head of the log, for whoever is about to append: nobody else does until the transaction ends.
    pub(super) const fn lock_head(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT size, frontier, note FROM checkpoint",
            Self::Postgres => "SELECT size, frontier, note FROM checkpoint FOR UPDATE",
        }
    }

    /// Writes the database anew, with nothing in it that is not stored.
    pub(super) const fn compact(self) -> &'static str {
        match self {
            Self::Sqlite => "PRAGMA temp_store = FILE; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)",
            Self::Postgres => "VACUUM FULL",
        }
    }

    pub(super) const fn migrations(self) -> &'static [(u32, &'static str)] {
        match self {
            Self::Sqlite => sqlite::MIGRATIONS,
            Self::Postgres => postgres::MIGRATIONS,
        }
    }

    /// Most connections for reading.
    const fn readers(self) -> u32 {
        match self {
            Self::Sqlite => 4,
            Self::Postgres => 8,
        }
    }
}

/// A database that can be connected to.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) dialect: Dialect,
    write: AnyConnectOptions,
    read: AnyConnectOptions,
}

impl Target {
    /// The database at `location`. A file must be there.
    pub(super) fn find(location: &Location) -> Result<Self, StoreError> {
        install_default_drivers();
        match location {
            Location::File(path) => {
                let path = sqlite::find(path)?;
                let options = |access| Ok::<_, StoreError>(AnyConnectOptions::from_str(&sqlite::url(&path, access)?)?);
                Ok(Self { dialect: Dialect::Sqlite, write: options(Access::Write)?, read: options(Access::Read)? })
            }
            Location::Postgres(_) if cfg!(not(feature = "postgres")) => Err(StoreError::PostgresMissing),
            Location::Postgres(url) => {
                // The driver's own error would show the address, and with it a password.
                let options = AnyConnectOptions::from_str(url).map_err(|_| StoreError::Database {
                    fault: DatabaseFault::Unreachable,
                    detail: "the address of the database cannot be read".to_owned(),
                })?;
                Ok(Self { dialect: Dialect::Postgres, write: options.clone(), read: options })
            }
        }
    }

    /// Keeps other writers out while the file that is given back stays open. PostgreSQL does without: writers of
    /// several servers wait for each other on the head of the log.
    pub(super) fn lock(location: &Location) -> Result<Option<File>, StoreError> {
        match location {
            Location::File(path) => sqlite::lock(&sqlite::find(path)?).map(Some),
            Location::Postgres(_) => Ok(None),
        }
    }

    /// A connection for writing, on which what is acknowledged is durable.
    pub(super) async fn connect_writer(&self) -> Result<AnyConnection, StoreError> {
        let mut connection = connect(&self.write).await?;
        match self.dialect {
            Dialect::Sqlite => {
                connection.execute(sqlx::raw_sql(sqlite::WRITER_SETTINGS)).await?;
            }
            Dialect::Postgres => {
                connection.execute(sqlx::raw_sql(postgres::WRITER_SETTINGS)).await?;
                postgres::check_durability(&mut connection).await?;
            }
        }
        Ok(connection)
    }

    /// A connection for one long reading: those of the pool stay free for others.
    pub(super) async fn connect_reader(&self) -> Result<AnyConnection, StoreError> {
        connect(&self.read).await
    }

    /// Connections for short readings.
    pub(super) async fn readers(&self) -> Result<AnyPool, StoreError> {
        let pool = AnyPoolOptions::new()
            .max_connections(self.dialect.readers())
            .acquire_timeout(ACQUIRE)
            // A file does not go away between two readings; a server may.
            .test_before_acquire(self.dialect == Dialect::Postgres);
        Ok(pool.connect_with(self.read.clone()).await?)
    }

    /// The version of the schema; 0 for a database without tables.
    pub(super) async fn schema(&self, connection: &mut AnyConnection) -> Result<u32, StoreError> {
        let tables = match self.dialect {
            Dialect::Sqlite => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ('schema_version', 'leaf')"
            }
            Dialect::Postgres => {
                "SELECT CAST(table_name AS TEXT) FROM information_schema.tables
                 WHERE table_schema = current_schema() AND table_name IN ('schema_version', 'leaf')"
            }
        };
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut *connection).await?;
        if !tables.iter().any(|name| name == "schema_version") {
            // The first release did not write its version down.
            return Ok(if tables.is_empty() { 0 } else { 1 });
        }
        let version: i64 = sqlx::query_scalar("SELECT version FROM schema_version").fetch_one(connection).await?;
        u32::try_from(version).map_err(|_| corrupt("the version of its schema"))
    }
}

async fn connect(options: &AnyConnectOptions) -> Result<AnyConnection, StoreError> {
    match tokio::time::timeout(CONNECT, options.connect()).await {
        Ok(connected) => Ok(connected?),
        Err(_) => Err(StoreError::Database {
            fault: DatabaseFault::Unreachable,
            detail: format!("no connection within {} s", CONNECT.as_secs()),
        }),
    }
}
