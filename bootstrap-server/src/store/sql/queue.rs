//! What waits for the writer: a queue for batches, one for leases, and one for imports, which gives way to both.

use std::time::Duration;

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};

use super::leases::Waiting;
use crate::store::{Backlog, Batch, StoreError, Urgency, plan::Outcome};

/// Batches that may wait in each queue; beyond that callers wait to be let in.
const ROOM: usize = 4096;
/// Most batches of the first queue in one transaction: bounds how long the first of them waits.
const GROUP: usize = 512;
/// Leases after which a transaction takes no more of them: however many DHCP clients there are, whoever commits waits for no more than these.
const LEASES: usize = 512;
/// Events of imports after which a transaction takes no more of them: as many as keep it short, so that a device that
/// comes meanwhile waits no longer for them. What one costs depends on how large the database is, and on the disk.
const SLICE: std::ops::RangeInclusive<usize> = 32..=512;
/// How long a transaction with a part of an import may take while others commit too, and while nobody else does.
const SHARED: Duration = Duration::from_millis(4);
const ALONE: Duration = Duration::from_millis(20);
/// How long after somebody's commit others are expected.
const COMPANY: Duration = Duration::from_secs(1);
/// How often the writer looks for something to do although nobody asked.
const IDLE: Duration = Duration::from_secs(30);

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

/// What the writer does at a time: leases in one transaction, batches in another.
#[derive(Default)]
pub(super) struct Group {
    pub(super) batches: Vec<Pending>,
    pub(super) leases: Vec<Waiting>,
}

impl Group {
    /// Whether somebody other than an import waits for it.
    fn is_urgent(&self) -> bool {
        let urgent = |pending: &Pending| pending.batch.urgency() == Urgency::Interactive;
        !self.leases.is_empty() || self.batches.iter().any(urgent)
    }
}

/// Where callers put their batches and leases.
#[derive(Clone, Debug)]
pub(super) struct Entrance {
    urgent: mpsc::Sender<Pending>,
    leases: mpsc::Sender<Waiting>,
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

    /// Hands leases over.
    pub(super) async fn lend(&self, waiting: Waiting) -> Result<(), StoreError> {
        self.leases.send(waiting).await.map_err(|_| StoreError::Closed)
    }
}

/// Where the writer takes them from.
pub(super) struct Queue {
    urgent: mpsc::Receiver<Pending>,
    leases: mpsc::Receiver<Waiting>,
    bulk: mpsc::Receiver<Pending>,
    idle: Interval,
    slice: usize,
    /// When the last group with a part of an import went to the writer, and how long it may take.
    imported: Option<(Instant, Duration)>,
    /// Whether a part of an import was in the last group.
    after_import: bool,
    /// When somebody's commit was in a group, for the last time.
    visited: Option<Instant>,
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
    let (leases, leases_end) = mpsc::channel(ROOM);
    let (bulk, bulk_end) = mpsc::channel(ROOM);
    let mut idle = interval_at(Instant::now() + IDLE, IDLE);
    idle.set_missed_tick_behavior(MissedTickBehavior::Delay);
    (
        Entrance { urgent, leases, bulk },
        Queue {
            urgent: urgent_end,
            leases: leases_end,
            bulk: bulk_end,
            idle,
            slice: *SLICE.start(),
            imported: None,
            after_import: false,
            visited: None,
        },
    )
}

impl Queue {
    /// Waits for the first batch or lease, and takes with it what has come meanwhile: all of the first queue, leases up to a limit, a slice
    /// of an import. Without a timer: what comes later waits while this group is synced, and goes with the next.
    pub(super) async fn next(&mut self, group: &mut Group) -> Wake {
        if let Some((since, limit)) = self.imported.take() {
            self.slice = paced(self.slice, since.elapsed(), limit);
        }
        tokio::select! {
            biased;
            first = self.urgent.recv() => match first {
                Some(pending) => group.batches.push(pending),
                // All ends of the entrance go together: what is left is in the other queues.
                None => match (self.leases.try_recv(), self.bulk.try_recv()) {
                    (Err(_), Err(_)) => return Wake::Closed,
                    (waiting, pending) => {
                        group.leases.extend(waiting);
                        group.batches.extend(pending);
                    }
                },
            },
            Some(waiting) = self.leases.recv() => group.leases.push(waiting),
            Some(pending) = self.bulk.recv() => group.batches.push(pending),
            _ = self.idle.tick() => return Wake::Idle,
        }
        // Those who were just answered are about to ask again: let them.
        tokio::task::yield_now().await;
        while group.batches.len() < GROUP
            && let Ok(pending) = self.urgent.try_recv()
        {
            group.batches.push(pending);
        }
        let mut leases: usize = group.leases.iter().map(Waiting::weight).sum();
        while leases < LEASES
            && group.leases.len() < LEASES
            && let Ok(waiting) = self.leases.try_recv()
        {
            leases = leases.saturating_add(waiting.weight());
            group.leases.push(waiting);
        }
        // Who came while a part of an import was written has waited for it already.
        let gives_way = std::mem::take(&mut self.after_import) && group.is_urgent();
        let slice = if gives_way { 0 } else { self.slice };
        let mut events = 0_usize;
        while events < slice
            && let Ok(pending) = self.bulk.try_recv()
        {
            events = events.saturating_add(pending.batch.events().len());
            group.batches.push(pending);
        }
        let now = Instant::now();
        if group.is_urgent() {
            self.visited = Some(now);
        }
        self.after_import = group.batches.iter().any(|pending| pending.batch.urgency() == Urgency::Bulk);
        if self.after_import {
            let in_company = self.visited.is_some_and(|at| now.duration_since(at) < COMPANY);
            self.imported = Some((now, if in_company { SHARED } else { ALONE }));
        }
        Wake::Group
    }
}

/// The next slice: more or less of an import, by how long the last one took.
fn paced(slice: usize, took: Duration, limit: Duration) -> usize {
    let next = if took > limit { slice / 2 } else { slice.saturating_add(slice / 8) };
    next.clamp(*SLICE.start(), *SLICE.end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Event;

    fn pending(batch: Batch) -> Pending {
        Pending { batch, done: oneshot::channel().0 }
    }

    fn started() -> Batch {
        Batch::from(Event::ServerStarted { listen: String::new() })
    }

    #[tokio::test]
    async fn a_group_takes_everything_urgent_and_a_slice_of_an_import() {
        let (entrance, mut queue) = queue();
        for _ in 0..100 {
            entrance.bulk.send(pending(started().bulk())).await.unwrap();
            entrance.urgent.send(pending(started())).await.unwrap();
        }
        let mut group = Group::default();
        assert_eq!(queue.next(&mut group).await, Wake::Group);
        assert_eq!(group.batches.len(), 100 + SLICE.start());
        // Whoever comes now has waited for that part, and waits for no other.
        entrance.urgent.send(pending(started())).await.unwrap();
        group.batches.clear();
        assert_eq!(queue.next(&mut group).await, Wake::Group);
        assert_eq!(group.batches.len(), 1);
        drop(entrance);
        // What is left of the import is taken before the end.
        let mut left = 0;
        loop {
            group.batches.clear();
            match queue.next(&mut group).await {
                Wake::Group => left += group.batches.len(),
                Wake::Closed => break,
                Wake::Idle => unreachable!(),
            }
        }
        assert_eq!(left, 100 - SLICE.start());
    }

    #[test]
    fn slices_grow_while_they_are_quick_and_shrink_when_they_are_not() {
        let mut slice = *SLICE.start();
        let sizes = [1, 1, 1, 5, 5].map(|took| {
            slice = paced(slice, Duration::from_millis(took), SHARED);
            slice
        });
        assert_eq!(sizes, [36, 40, 45, 32, 32]);
        assert_eq!((0..40).fold(slice, |slice, _| paced(slice, Duration::ZERO, SHARED)), *SLICE.end());
    }
}
