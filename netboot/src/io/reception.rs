//! Reads a socket all the time, so that what comes while a machine is busy waits here and not in the kernel's short queue.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use linux_sys::datagram::{self, Batch, Received};
use tokio::{sync::mpsc, task::JoinHandle};
use tracing::warn;

use super::channel::Channel;

/// A datagram that arrived.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) bytes: Box<[u8]>,
    pub(super) source: SocketAddr,
    /// Whether it was sent to a group or to everybody.
    pub(super) to_many: bool,
    pub(super) interface: u32,
}

/// The reading of one socket; ends when it is dropped.
#[derive(Debug)]
pub(super) struct Reception {
    queue: mpsc::Receiver<Vec<Arrived>>,
    task: JoinHandle<io::Error>,
}

impl Reception {
    /// Begins to read.
    pub(super) fn of(channel: Arc<Channel>, protocol: &'static str) -> Self {
        let (sender, queue) = mpsc::channel(BATCHES);
        Self { queue, task: tokio::spawn(read(channel, sender, protocol)) }
    }

    /// Waits for datagrams, and takes all that came.
    ///
    /// # Errors
    /// The socket receives no more.
    pub(super) async fn next(&mut self) -> io::Result<Vec<Arrived>> {
        let Some(mut arrived) = self.queue.recv().await else {
            return Err((&mut self.task).await.unwrap_or_else(io::Error::other));
        };
        while arrived.len() < AT_ONCE
            && let Ok(more) = self.queue.try_recv()
        {
            arrived.extend(more);
        }
        Ok(arrived)
    }

    /// Ends the reading, and waits until it has let go of the socket.
    pub(super) async fn end(mut self) {
        self.task.abort();
        // Aborted or ended by itself: either way it is over.
        let _over = (&mut self.task).await;
    }
}

impl Drop for Reception {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads until nobody wants it any more, or the socket only fails.
async fn read(channel: Arc<Channel>, sender: mpsc::Sender<Vec<Arrived>>, protocol: &'static str) -> io::Error {
    let mut batch = Batch::new(datagram::MOST);
    let mut failures: u32 = 0;
    loop {
        match channel.receive(&mut batch).await {
            Ok(()) => {
                failures = 0;
                let arrived = batch.iter().filter_map(arrived).collect();
                if sender.send(arrived).await.is_err() {
                    return io::ErrorKind::BrokenPipe.into();
                }
            }
            // An interface that goes down reports it here once; a socket that only fails must not spin.
            Err(error) if failures < TOLERATED_FAILURES => {
                failures = failures.saturating_add(1);
                warn!(%error, "{protocol} receive failed");
                tokio::time::sleep(pause(failures)).await;
            }
            Err(error) => return error,
        }
    }
}

fn arrived(received: Received<'_>) -> Option<Arrived> {
    let to_many = received.destination.is_none_or(|it| match it {
        IpAddr::V4(address) => address.is_broadcast(),
        IpAddr::V6(address) => address.is_multicast(),
    });
    Some(Arrived { bytes: received.bytes.into(), source: received.source, to_many, interface: received.interface? })
}

/// How long to wait after so many receive errors in a row: 20 ms, doubled each time, up to 1.28 s.
fn pause(failures: u32) -> Duration {
    Duration::from_millis(10 << failures.min(7))
}

/// How many receive errors in a row are survived.
const TOLERATED_FAILURES: u32 = 16;
/// How many batches wait, each of at most 64 datagrams: what a fast server answers in a quarter of a second. What waited longer is no use to its
/// client, which has asked again.
const BATCHES: usize = 32;
/// How many datagrams are put in order together.
const AT_ONCE: usize = 256;
