//! The way of a refusal from the connection to the audit log: a bounded queue that nobody waits for.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::mpsc;
use verdict::Refusal;

use crate::metrics::Metrics;

/// Refusals that may wait to be logged.
const QUEUE: usize = 1024;

/// A peer that is no device.
#[derive(Debug)]
pub(crate) struct Rejected {
    /// The peer's address.
    pub(crate) source: IpAddr,
    /// Why.
    pub(crate) refusal: Refusal,
}

/// Where refusals are reported.
#[derive(Clone, Debug)]
pub(crate) struct Rejections {
    queue: mpsc::Sender<Rejected>,
    dropped: Arc<AtomicU64>,
    metrics: Metrics,
}

/// Where they come out. Ends when nobody can report any more.
#[derive(Debug)]
pub(crate) struct RejectedQueue {
    queue: mpsc::Receiver<Rejected>,
    dropped: Arc<AtomicU64>,
}

impl Rejections {
    /// A queue and its end.
    pub(crate) fn channel(metrics: Metrics) -> (Self, RejectedQueue) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let dropped = Arc::default();
        (Self { queue: sender, dropped: Arc::clone(&dropped), metrics }, RejectedQueue { queue: receiver, dropped })
    }

    /// Reports one refusal. When refusals come faster than they can be logged, only their number is kept.
    pub(crate) fn report(&self, source: IpAddr, refusal: Refusal) {
        self.metrics.refused(refusal.reason);
        if self.queue.try_send(Rejected { source, refusal }).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl RejectedQueue {
    /// The next refusal.
    pub(crate) async fn next(&mut self) -> Option<Rejected> {
        self.queue.recv().await
    }

    /// How many found the queue full since this was last asked.
    pub(crate) fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use verdict::ReasonCode;

    use super::*;

    #[test]
    fn what_finds_the_queue_full_is_counted_once() {
        let (rejections, queue) = Rejections::channel(Metrics::default());
        for _ in 0..QUEUE + 3 {
            rejections.report(IpAddr::from([127, 0, 0, 1]), Refusal::new(ReasonCode::HandshakeFailed, "x"));
        }
        assert_eq!((queue.take_dropped(), queue.take_dropped()), (3, 0));
    }
}
