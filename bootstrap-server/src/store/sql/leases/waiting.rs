//! Whoever waits for leases to be written or removed.

use netboot::{
    lease::{Lease, Written},
    moment::Moment,
};
use tokio::sync::oneshot;

use crate::store::StoreError;

/// What is asked of the writer, and who is told.
pub(in super::super) enum Waiting {
    /// Write these.
    Write { leases: Vec<Lease>, done: oneshot::Sender<Result<Vec<Written>, StoreError>> },
    /// Remove at most so many that ended before this moment.
    Forget { before: Moment, limit: u32, done: oneshot::Sender<Result<u64, StoreError>> },
}

impl Waiting {
    /// How many leases it makes a transaction larger by.
    pub(in super::super) const fn weight(&self) -> usize {
        match self {
            Self::Write { leases, .. } => leases.len(),
            Self::Forget { .. } => 0,
        }
    }
}
