//! Brings a database of any release to the schema of this one.

use sqlx::{AnyConnection, Connection as _, Executor as _};

use super::target::{Dialect, Target};
use crate::store::{SCHEMA_VERSION, StoreError, postgres};

/// Migrates forward, one version after the other, each in a transaction of its own.
pub(super) async fn forward(target: &Target, connection: &mut AnyConnection) -> Result<(), StoreError> {
    loop {
        let mut transaction = connection.begin_with(target.dialect.begin_write()).await?;
        if target.dialect == Dialect::Postgres {
            transaction.execute(postgres::MIGRATION_LOCK).await?;
        }
        let found = target.schema(&mut transaction).await?;
        if found > SCHEMA_VERSION {
            return Err(StoreError::SchemaNewer { found, known: SCHEMA_VERSION });
        }
        let Some((version, text)) = target.dialect.migrations().iter().find(|(version, _)| *version > found) else {
            transaction.rollback().await?;
            return Ok(());
        };
        transaction.execute(sqlx::raw_sql(*text)).await?;
        if *version == 4 {
            super::vouchers::bring_forward(&mut transaction, target.dialect).await?;
        }
        transaction.commit().await?;
        tracing::info!(from = found, to = version, "the database's schema was brought forward");
    }
}

/// Makes sure that a database which is only read has the schema of this release.
pub(super) async fn check(target: &Target, connection: &mut AnyConnection) -> Result<(), StoreError> {
    let (found, known) = (target.schema(connection).await?, SCHEMA_VERSION);
    match found.cmp(&known) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(StoreError::SchemaOlder { found, known }),
        std::cmp::Ordering::Greater => Err(StoreError::SchemaNewer { found, known }),
    }
}
