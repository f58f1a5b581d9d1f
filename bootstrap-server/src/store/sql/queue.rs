//! What waits for the writer: two queues, of which the one for imports gives way.

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};

use crate::store::{Backlog, Batch, StoreError, Urgency, plan::Outcome};

/// Batches that may wait in each queue; beyond that callers wait to be let in.
const ROOM: usize = 4096;
/// Most batches of the first queue in one transaction: bounds how long the first of them waits.
const GROUP: usize = 512;
/// Events of imports after which a transaction takes no more of them: what they cost others stays within a few
/// milliseconds.
const SLICE: usize = 256;
/// How often the writer looks for something to do although nobody asked.
const IDLE: std::time::Duration = std::time::Duration::from_secs(30);

/// A batch and whoever waits for it.
pub(super) struct Pending {
    pub(super) batch: Batch,
    done: oneshot::Sender<Outcome>,
}

impl Pending {
    pub(super) fn answer(self, outcome: Outcome) {
        // A caller that went away has nobody to tell; what it asked for is durable all the same.
        let _told = self.done.send(outcome);
    }
}

/// Where callers put their batches.
#[derive(Clone, Debug)]
pub(super) struct Entrance {
    urgent: mpsc::Sender<Pending>,
    bulk: mpsc::Sender<Pending>,
}

impl Entrance {
    /// How full the first queue is. That imports wait concerns nobody else.
    pub(super) fn backlog(&self) -> Backlog {
        let capacity = self.urgent.max_capacity();
        Backlog { waiting: capacity.saturating_sub(self.urgent.capacity()), capacity }
    }

    /// Whether nobody takes anything out any more.
    pub(super) fn is_closed(&self) -> bool {
        self.urgent.is_closed()
    }

    /// Waits until that is so.
    pub(super) async fn closed(&self) {
        self.urgent.closed().await;
    }

    /// Hands a batch over and waits until it is durable or refused.
    pub(super) async fn commit(&self, batch: Batch) -> Outcome {
        let (done, waiting) = oneshot::channel();
        let queue = match batch.urgency() {
            Urgency::Interactive => &self.urgent,
            Urgency::Bulk => &self.bulk,
        };
        queue.send(Pending { batch, done }).await.map_err(|_| StoreError::Closed)?;
        waiting.await.map_err(|_| StoreError::Closed)?
    }
}

/// Where the writer takes them from.
pub(super) struct Queue {
    urgent: mpsc::Receiver<Pending>,
    bulk: mpsc::Receiver<Pending>,
    idle: Interval,
}

/// Why the writer was woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// Somebody waits.
    Group,
    /// Nobody does, but time has passed.
    Idle,
    /// Everybody is gone.
    Closed,
}

/// Both ends.
pub(super) fn queue() -> (Entrance, Queue) {
    let (urgent, urgent_end) = mpsc::channel(ROOM);
    let (bulk, bulk_end) = mpsc::channel(ROOM);
    let mut idle = interval_at(Instant::now() + IDLE, IDLE);
    idle.set_missed_tick_behavior(MissedTickBehavior::Delay);
    (Entrance { urgent, bulk }, Queue { urgent: urgent_end, bulk: bulk_end, idle })
}

impl Queue {
    /// Waits for the first batch, and takes with it what has come meanwhile: all of the first queue, a slice of the
    /// second. Without a timer: what comes later waits while this group is synced, and goes with the next.
    pub(super) async fn next(&mut self, group: &mut Vec<Pending>) -> Wake {
        // Both ends of the entrance go together: who finds the first queue closed takes what is left in the second.
        let first = tokio::select! {
            biased;
            first = self.urgent.recv() => match first {
                Some(pending) => pending,
                None => match self.bulk.recv().await {
                    Some(pending) => pending,
                    None => return Wake::Closed,
                },
            },
            Some(pending) = self.bulk.recv() => pending,
            _ = self.idle.tick() => return Wake::Idle,
        };
        // Those who were just answered are about to ask again: let them.
        group.push(first);
        tokio::task::yield_now().await;
        while group.len() < GROUP
            && let Ok(pending) = self.urgent.try_recv()
        {
            group.push(pending);
        }
        let mut events = 0_usize;
        while events < SLICE
            && let Ok(pending) = self.bulk.try_recv()
        {
            events = events.saturating_add(pending.batch.events().len());
            group.push(pending);
        }
        Wake::Group
    }
}
