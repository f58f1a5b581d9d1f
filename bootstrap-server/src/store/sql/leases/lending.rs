//! The writer's side: groups of leases, each a transaction.

use netboot::lease::{Lease, Written};

use super::{
    super::{session, writer::Writer},
    Waiting, write,
};
use crate::store::{DatabaseFault, StoreError};

impl Writer {
    /// Does what a group asks for, and answers everybody in it.
    pub(in super::super) async fn lend(&mut self, group: &mut Vec<Waiting>) {
        let mut callers = Vec::with_capacity(group.len());
        for waiting in group.drain(..) {
            match waiting {
                Waiting::Write { leases, done } => callers.push((leases, done)),
                Waiting::Forget { before, limit, done } => {
                    // A caller that went away has nobody to tell, here and below.
                    let _told = done.send(self.forget(before, limit).await);
                }
            }
        }
        let all: Vec<&Lease> = callers.iter().flat_map(|(leases, _)| leases).collect();
        if all.is_empty() {
            callers.drain(..).for_each(|(_, done)| drop(done.send(Ok(Vec::new()))));
            return;
        }
        let alone = callers.len() == 1;
        match self.write(&all).await {
            Ok(outcomes) => {
                let mut outcomes = outcomes.into_iter();
                for (leases, done) in callers {
                    let _told = done.send(Ok(outcomes.by_ref().take(leases.len()).collect()));
                }
            }
            // Something in this group may be what the database does not take: let nobody else suffer for it.
            Err(error) if fault(&error) == Some(DatabaseFault::Other) && !alone => {
                for (leases, done) in callers {
                    let _told = done.send(self.write(&leases.iter().collect::<Vec<_>>()).await);
                }
            }
            Err(error) => callers.into_iter().for_each(|(_, done)| drop(done.send(Err(error.clone())))),
        }
    }

    /// Writes leases. A connection that was lost meanwhile is made anew: writing the same again is harmless.
    async fn write(&mut self, leases: &[&Lease]) -> Result<Vec<Written>, StoreError> {
        let had_session = self.session.is_some();
        let lost = |error: &StoreError| matches!(fault(error), Some(DatabaseFault::Unreachable | DatabaseFault::Other));
        match self.write_once(leases).await {
            Err(error) if had_session && lost(&error) => self.write_once(leases).await,
            outcome => outcome,
        }
    }

    async fn write_once(&mut self, leases: &[&Lease]) -> Result<Vec<Written>, StoreError> {
        let mut session = self.session().await?;
        let (connection, dialect) = session.connection();
        let outcome = session::within(write::write(connection, dialect, leases)).await;
        self.after(session, outcome.and_then(|outcome| outcome)).await
    }

    async fn forget(&mut self, before: netboot::moment::Moment, limit: u32) -> Result<u64, StoreError> {
        let mut session = self.session().await?;
        let (connection, dialect) = session.connection();
        let outcome = session::within(write::forget(connection, dialect, before, limit)).await;
        self.after(session, outcome.and_then(|outcome| outcome)).await
    }

    /// Keeps a session only if its transaction came to its end.
    async fn after<T>(&mut self, session: session::Session, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        match &outcome {
            Ok(_) => self.keep(session),
            Err(error) => {
                tracing::error!(%error, "leases could not be written");
                session.close().await;
            }
        }
        outcome
    }
}

const fn fault(error: &StoreError) -> Option<DatabaseFault> {
    match error {
        StoreError::Database { fault, .. } => Some(*fault),
        _ => None,
    }
}
