//! Taking a backup of a store, piece by piece, while others go on writing.

use std::{mem, sync::Arc};

use pki::time::Timestamp;

use super::{Header, Writer};
use crate::{
    audit::{CheckpointKey, CheckpointKeyError, Event},
    domain::Actor,
    store::{Batch, Export, Store, StoreError},
};

/// A backup that is being taken. Everything in it is of the moment when it began.
pub struct Taking {
    store: Arc<dyn Store>,
    key: Arc<CheckpointKey>,
    by: Actor,
    export: Box<dyn Export>,
    stage: Stage,
}

enum Stage {
    First(Header),
    Rows(Writer),
    Ended,
}

/// A backup is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TakeError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The seal.
    #[error(transparent)]
    Seal(#[from] CheckpointKeyError),
    /// There is nothing to be backed up: no log has begun.
    #[error("nothing was ever committed to this database: there is nothing to back up")]
    Empty,
}

impl Taking {
    /// Fixes the moment, right after it stands in the audit log that a backup is about to be taken. `by` is whoever asked for
    /// the backup.
    ///
    /// # Errors
    /// [`TakeError::Empty`] before anything was committed, [`TakeError::Store`] when the database cannot be read.
    pub async fn begin(
        store: Arc<dyn Store>,
        key: Arc<CheckpointKey>,
        by: Actor,
        now: Timestamp,
    ) -> Result<Self, TakeError> {
        if store.checkpoint().await?.is_none() {
            return Err(TakeError::Empty);
        }
        // No audit, no action: who was about to read everything is on record before the first row leaves.
        store.commit(Batch::from(Event::BackupBegun).by(by.clone())).await?;
        let export = store.export().await?;
        let checkpoint = export.checkpoint().filter(|note| !note.is_empty()).ok_or(TakeError::Empty)?;
        let stage = Stage::First(Header::new(now, key.verifier(), checkpoint));
        Ok(Self { store, key, by, export, stage })
    }

    /// The next octets of the file; `None` at its end. The last ones, without which the backup is none, come only when it
    /// stands in the audit log that it was taken.
    ///
    /// # Errors
    /// [`TakeError`]. What was taken so far is of no use then.
    pub async fn piece(&mut self) -> Result<Option<Vec<u8>>, TakeError> {
        match mem::replace(&mut self.stage, Stage::Ended) {
            Stage::First(header) => {
                let (writer, octets) = Writer::begin(&header);
                self.stage = Stage::Rows(writer);
                Ok(Some(octets))
            }
            Stage::Rows(mut writer) => {
                let rows = self.export.next().await?;
                if rows.is_empty() {
                    let (octets, digest) = writer.finish(&self.key)?;
                    let batch = Batch::from(Event::BackupTaken { backup: digest }).by(self.by.clone());
                    self.store.commit(batch).await?;
                    return Ok(Some(octets));
                }
                let octets = writer.rows(&rows);
                self.stage = Stage::Rows(writer);
                Ok(Some(octets))
            }
            Stage::Ended => Ok(None),
        }
    }
}

impl std::fmt::Debug for Taking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Taking").field("by", &self.by).finish_non_exhaustive()
    }
}
