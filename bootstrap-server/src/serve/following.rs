//! What changes in the database while the server runs, by another server or by a program.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{
    in_force::InForce,
    store::{Store, StoreError},
    tls::Judges,
};

/// How long this server may be behind what is stored. What operators change here counts at once.
const BEHIND: Duration = Duration::from_secs(1);

/// Lets the devices of a manufacturer in that was added while the server runs, judges by the revocation lists that were stored,
/// and goes by the policies that were accepted
/// (SRV-21), by whomever and wherever. Ends when the server stops.
pub(super) async fn follow(
    store: Arc<dyn Store>,
    judges: Judges,
    policies: Arc<InForce>,
    mut stopping: watch::Receiver<()>,
) {
    let mut growth = store.growth();
    loop {
        let due = async {
            // A store that does not tell is asked now and then.
            if growth.changed().await.is_err() {
                tokio::time::sleep(BEHIND).await;
            }
            tokio::time::sleep(BEHIND).await;
        };
        tokio::select! {
            () = due => {}
            _ = stopping.changed() => return,
        }
        if let Err(error) = take_in(store.as_ref(), &judges, &policies).await {
            tracing::warn!(%error, "manufacturers and policies could not be read");
        }
    }
}

async fn take_in(store: &dyn Store, judges: &Judges, policies: &InForce) -> Result<(), StoreError> {
    judges.take_in(&store.manufacturers().await?);
    if let Some(trust) = judges.trust() {
        judges.replace_stored(&store.revocation_lists(trust.stored()).await?);
    }
    let before = policies.now();
    if let Some(accepted) = store.policies().await?
        && policies.follow(&accepted)
    {
        let differences = accepted.differences(&before);
        tracing::warn!(?differences, "policies were accepted elsewhere, and are in force here too");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use conveyed_info::rpc::Roles;
    use pki::key::FileKey;

    use super::*;
    use crate::{
        audit::{CheckpointKey, Event},
        domain::{Policies, Unregistered},
        store::{Batch, SqlStore},
    };

    #[tokio::test]
    async fn srv_21_policies_that_were_accepted_at_another_server_are_in_force_here_too() {
        let folder = tempfile::tempdir().unwrap();
        let key = CheckpointKey::new("test.example/log", Box::new(FileKey::generate_ed25519().unwrap())).unwrap();
        let store = SqlStore::create(&folder.path().join("sztp.sqlite3"), Arc::new(key)).await.unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        // Its own file would let devices do more, and waits.
        let proposed = Policies { unregistered_per_hour: 7, ..Policies::default() };
        let policies = Arc::new(InForce::new(Policies::default(), Some(proposed.clone())));
        let (_stop, stopping) = watch::channel(());
        let following =
            tokio::spawn(follow(Arc::clone(&store), Judges::new([]), Arc::clone(&policies), stopping.clone()));

        let accept = async |accepted: &Policies| {
            let (before, accepted) = (Some(Box::new(Policies::default())), Box::new(accepted.clone()));
            store.commit(Batch::from(Event::PoliciesApplied { policies: accepted, before })).await.unwrap();
        };
        let comes_into_force = async |wanted: &Policies| {
            let wait = async {
                while *policies.now() != *wanted {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it is in force after a while");
        };
        let stricter =
            Policies { roles: Roles::RedirectOnly, unregistered: Unregistered::Refuse, ..Policies::default() };
        accept(&stricter).await;
        comes_into_force(&stricter).await;
        assert_eq!(policies.proposed().as_deref(), Some(&proposed), "nobody accepted that");
        accept(&proposed).await;
        comes_into_force(&proposed).await;
        assert_eq!(policies.proposed(), None, "that is what was accepted");
        following.abort();
    }
}
