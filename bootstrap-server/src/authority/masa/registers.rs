//! The owners, as registrars are held against them: read again only when one was recorded since.

use std::sync::Arc;

use authority::masa::Owners;
use tokio::sync::Mutex;

use crate::store::{MasaRecords, OwnersVersion, StoreError};

/// The owners that were read last.
#[derive(Debug, Default)]
pub(super) struct Registers {
    read: Mutex<Option<(OwnersVersion, Arc<Owners>)>>,
}

impl Registers {
    /// The owners of now.
    pub(super) async fn owners(&self, records: &dyn MasaRecords) -> Result<Arc<Owners>, StoreError> {
        let version = records.owners_version().await?;
        let mut read = self.read.lock().await;
        if let Some((_, owners)) = read.as_ref().filter(|(known, _)| *known == version) {
            return Ok(Arc::clone(owners));
        }
        // What stands in the database was judged when it was written.
        let owners = Owners::new(records.owners().await?).map_err(|_| StoreError::Corrupt { what: "the owners" })?;
        let owners = Arc::new(owners);
        *read = Some((version, Arc::clone(&owners)));
        Ok(owners)
    }
}
