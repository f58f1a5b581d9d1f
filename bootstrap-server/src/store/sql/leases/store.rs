//! What the DHCP servers ask for.

use netboot::{
    lease::{Lease, LeaseFuture, LeaseStore, LeaseStoreError, Numbered, Version, Written},
    moment::Moment,
};

use tokio::sync::oneshot;

use super::{super::SqlStore, Waiting, read};
use crate::store::StoreError;

impl LeaseStore for SqlStore {
    fn write(&self, leases: Vec<Lease>) -> LeaseFuture<'_, Vec<Written>> {
        Box::pin(async move {
            let (done, waiting) = oneshot::channel();
            self.hand_over(Waiting::Write { leases, done }).await?;
            Ok(waiting.await.map_err(|_| StoreError::Closed)??)
        })
    }

    fn after(&self, seen: Version, limit: u32) -> LeaseFuture<'_, Vec<Numbered>> {
        Box::pin(async move { Ok(read::after(self.readers(), seen, limit).await?) })
    }

    fn forget(&self, before: Moment, limit: u32) -> LeaseFuture<'_, u64> {
        Box::pin(async move {
            let (done, waiting) = oneshot::channel();
            self.hand_over(Waiting::Forget { before, limit, done }).await?;
            Ok(waiting.await.map_err(|_| StoreError::Closed)??)
        })
    }
}

impl SqlStore {
    async fn hand_over(&self, waiting: Waiting) -> Result<(), LeaseStoreError> {
        let because = || "this store was opened for reading only".to_owned();
        let entrance = self.entrance.as_ref().ok_or_else(|| LeaseStoreError { because: because() })?;
        Ok(entrance.lend(waiting).await?)
    }
}

impl From<StoreError> for LeaseStoreError {
    fn from(error: StoreError) -> Self {
        Self { because: error.to_string() }
    }
}
