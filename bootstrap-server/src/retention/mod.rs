//! What is forgotten: a device that somebody asks to forget, and what has been kept for as long as the owner wants (SEC-22).
//!
//! A serial number is tied to a place and, through it, to people. To forget a device is to take everything about it:
//!
//! 1. `device-erased` takes its record and its voucher off the list. From here on the device is one that nobody knows.
//! 2. `records-erased`, as often as needed, takes bodies and salts of its records, a few hundred at a time, with its reports,
//!    keys and the index that says which leaves are its own. The record of step 1 is among them, and comes last.
//!
//! What stays is leaves without words, and how many of them were erased, when, why and by whom. Each step is an event of the
//! log and durable by itself: whatever interrupts it, what is stored explains itself, and the rest is erased later, also when
//! the device came back meanwhile.

mod aged;
mod erase;
pub(crate) mod leases;
mod relisted;
mod steady;

pub use aged::{Aged, pass};
pub use erase::{finish, unfinished};
pub use leases::{LEASES, ended};
pub use relisted::{Looked, relisted};

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use self::steady::Steady;
use crate::{
    api,
    in_force::InForce,
    store::{Store, StoreError},
};

/// How long a server runs before it looks for what is to be erased: those who come first are devices.
const FIRST: Duration = Duration::from_secs(60);
/// How often it looks again.
const AGAIN: Duration = Duration::from_secs(6 * 3600);

/// Erases what is due, now and then, until the server stops: what an interruption left, and what is older than the policies
/// in force let records be.
pub(crate) async fn run(store: Arc<dyn Store>, policies: Arc<InForce>, mut stopping: watch::Receiver<()>) {
    let (mut looked, mut aged) = (Looked::default(), Aged::default());
    let mut steady = Steady::new(api::now(), Instant::now());
    let mut pause = FIRST;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopping.changed() => return,
        }
        // What is erased does not come back when the clock does: one that jumped is believed when it has stood by it.
        let records = match steady.look(api::now(), Instant::now()) {
            Ok(()) => policies.now().retention,
            Err(jump) => {
                tracing::warn!(%jump, "nothing is erased for its age until the clock has gone on for a while");
                None
            }
        };
        let erased = tokio::select! {
            erased = due(store.as_ref(), records, &mut looked, &mut aged) => erased,
            _ = stopping.changed() => return,
        };
        match erased {
            Ok(0) => {}
            Ok(erased) => tracing::info!(erased, "records were erased"),
            Err(error) => tracing::warn!(%error, "what is to be erased is still there"),
        }
        pause = AGAIN;
    }
}

async fn due(
    store: &dyn Store,
    records: Option<Duration>,
    looked: &mut Looked,
    aged: &mut Aged,
) -> Result<u64, StoreError> {
    let left = unfinished(store).await?.saturating_add(relisted(store, looked).await?);
    let aged = match records {
        Some(records) => pass(store, records, api::now(), aged).await?,
        None => 0,
    };
    Ok(left.saturating_add(aged))
}
