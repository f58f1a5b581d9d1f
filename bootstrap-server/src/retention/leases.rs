//! Leases of DHCP that ended long ago. Until then a client that comes back finds the address that it had.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use netboot::{
    lease::{LeaseStore, LeaseStoreError},
    moment::Moment,
};
use tokio::sync::watch;

use super::steady::Steady;
use crate::api;

/// How long a lease that has ended is kept, unless the configuration says otherwise.
pub const LEASES: Duration = Duration::from_secs(30 * 86_400);
/// How often the server looks. The first time is late enough for a clock that was wrong at the start to show that it is.
const AGAIN: Duration = Duration::from_secs(900);
/// Leases removed in one transaction.
const STEP: u32 = 500;

/// Removes leases that ended longer ago than `keep`, now and then, until the server stops.
pub(crate) async fn run(store: Arc<dyn LeaseStore>, keep: Duration, mut stopping: watch::Receiver<()>) {
    let mut steady = Steady::new(api::now(), Instant::now());
    loop {
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            _ = stopping.changed() => return,
        }
        // What is removed does not come back when the clock does.
        if let Err(jump) = steady.look(api::now(), Instant::now()) {
            tracing::warn!(%jump, "no lease is removed until the clock has gone on for a while");
            continue;
        }
        let now = Moment(api::now().0 / 1000);
        let removed = tokio::select! {
            removed = ended(store.as_ref(), keep, now) => removed,
            _ = stopping.changed() => return,
        };
        match removed {
            Ok(0) => {}
            Ok(leases) => tracing::info!(leases, "leases that ended long ago were removed"),
            Err(error) => tracing::warn!(%error, "leases that ended long ago are still there"),
        }
    }
}

/// Removes leases that ended longer ago than `keep`, in steps. Says how many they were.
///
/// # Errors
/// [`LeaseStoreError`] of the store; what was removed until then is removed.
pub async fn ended(store: &dyn LeaseStore, keep: Duration, now: Moment) -> Result<u64, LeaseStoreError> {
    let before = Moment(now.0.saturating_sub(keep.as_secs()));
    let mut removed = 0_u64;
    loop {
        let step = store.forget(before, STEP).await?;
        removed = removed.saturating_add(step);
        if step < u64::from(STEP) {
            return Ok(removed);
        }
    }
}
