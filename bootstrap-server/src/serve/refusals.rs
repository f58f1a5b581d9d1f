//! The way of refusals of unauthenticated peers into the audit log.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    audit::{Event, RefusalLedger},
    store::{Batch, SqlStore, Store},
    tls::{Rejected, RejectedQueue},
};

/// How often sums of refusals are looked at.
const SUMS: Duration = Duration::from_secs(5);

/// Writes refusals of unauthenticated peers to the audit log and to the operator's, summed. Ends when nobody can refuse
/// any more and every sum is written.
pub(super) async fn log_refusals(store: Arc<SqlStore>, mut rejected: RejectedQueue) {
    let mut ledger = RefusalLedger::default();
    let mut sums = tokio::time::interval(SUMS);
    loop {
        let events = tokio::select! {
            next = rejected.next() => {
                let Some(Rejected { source, refusal }) = next else { break };
                Vec::from_iter(ledger.note(Instant::now(), source, refusal.reason, &refusal.detail))
            }
            _ = sums.tick() => {
                note_dropped(&rejected);
                ledger.due(Instant::now())
            }
        };
        for event in events {
            if let Err(event) = log_refusal(&store, event).await {
                ledger.restore(Instant::now(), event);
            }
        }
    }
    note_dropped(&rejected);
    for event in ledger.flush() {
        // There is no later: the failure is in the operator's log.
        let _lost = log_refusal(&store, event).await;
    }
}

/// Logs one event, or gives it back.
async fn log_refusal(store: &SqlStore, event: Event) -> Result<(), Event> {
    if let Event::ConnectionsRefused { source, reason, detail, count } = &event {
        let source = source.map(tracing::field::display);
        tracing::info!(source, %reason, detail, count, "connections refused");
    }
    store.commit(Batch::from(event.clone())).await.map(|_| ()).map_err(|error| {
        tracing::error!(%error, "a refusal could not be logged");
        event
    })
}

fn note_dropped(rejected: &RejectedQueue) {
    let dropped = rejected.take_dropped();
    if dropped > 0 {
        tracing::warn!(dropped, "more refusals came than could be told apart");
    }
}
