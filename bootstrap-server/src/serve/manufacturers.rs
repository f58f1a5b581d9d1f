//! Manufacturers that are added while the server runs.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{
    store::{SqlStore, Store},
    tls::Identities,
};

/// How long the list of manufacturers may be behind what is stored.
const MANUFACTURERS: Duration = Duration::from_secs(1);

/// Lets the devices of a manufacturer in that was added while the server runs, by whomever. Ends when the server stops.
pub(super) async fn follow_manufacturers(
    store: Arc<SqlStore>,
    judges: Vec<Arc<Identities>>,
    mut stopping: watch::Receiver<()>,
) {
    let mut growth = store.growth();
    loop {
        let due = async {
            // A store that does not tell is asked now and then.
            if growth.changed().await.is_err() {
                tokio::time::sleep(MANUFACTURERS).await;
            }
            tokio::time::sleep(MANUFACTURERS).await;
        };
        tokio::select! {
            () = due => {}
            _ = stopping.changed() => return,
        }
        match store.manufacturers().await {
            Ok(manufacturers) => judges.iter().for_each(|judge| judge.take_in(&manufacturers)),
            Err(error) => tracing::warn!(%error, "the list of manufacturers could not be read"),
        }
    }
}
