//! What the DHCP servers ask for.

use std::net::IpAddr;

use netboot::{
    lease::{ClientKey, Lease, LeaseFuture, LeaseStore, LeaseStoreError, Numbered, Version, Written},
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
    /// What is on record of these addresses.
    pub(in crate::store) async fn leases_at(&self, addresses: &[IpAddr]) -> Result<Vec<Lease>, StoreError> {
        let mut connection = self.readers().acquire().await?;
        read::records(&mut connection, self.dialect(), addresses.iter().copied()).await
    }

    /// What is on record of these clients.
    pub(in crate::store) async fn leases_to(&self, clients: &[ClientKey]) -> Result<Vec<Lease>, StoreError> {
        let mut connection = self.readers().acquire().await?;
        read::records_of(&mut connection, self.dialect(), clients).await
    }

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
