//! Files with revocation lists that change while the server runs.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use crate::{config::RevocationFiles, tls::Judges};

/// How long a list may lie there unread. A look asks the file system for the dates of some files.
const LOOK: Duration = Duration::from_secs(5);

/// The files to look at, which a reload may change.
#[derive(Clone, Debug)]
pub(super) struct Watched(Arc<Mutex<RevocationFiles>>);

impl Watched {
    pub(super) fn new(files: RevocationFiles) -> Self {
        Self(Arc::new(Mutex::new(files)))
    }

    /// These from now on.
    pub(super) fn replace(&self, files: RevocationFiles) {
        *self.files() = files;
    }

    fn files(&self) -> MutexGuard<'_, RevocationFiles> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the lists again whenever a file changes, and judges by them. What cannot be read leaves what was known in force, and
/// is read again at the next look: somebody may be writing it. Ends when the server stops.
pub(super) async fn watch_over(watched: Watched, judges: Judges, mut stopping: watch::Receiver<()>) {
    let mut known = watched.files().stamp();
    let mut warned = None;
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stopping.changed() => return,
        }
        let files = watched.files().clone();
        // Before they are read: what is written meanwhile is found at the next look.
        let stamp = files.stamp();
        if stamp == known || files.is_empty() {
            continue;
        }
        match tokio::task::spawn_blocking(move || files.read()).await {
            Ok(Ok(revocation)) => {
                judges.replace_revocation(&Arc::new(revocation));
                tracing::info!("revocation lists have changed, and were read again");
                known = stamp;
            }
            Ok(Err(error)) if warned.as_ref() != Some(&stamp) => {
                tracing::warn!(%error, "a revocation list has changed and cannot be read: the one before stays in force");
                warned = Some(stamp);
            }
            Ok(Err(_)) => {}
            Err(error) => tracing::warn!(%error, "revocation lists were not read"),
        }
    }
}
