//! A server that runs: what it needs from others, and how it is stopped.

use std::{future::Future, io, net::SocketAddr, sync::Arc};

use thiserror::Error;
use tokio::{sync::oneshot, task::JoinHandle};

use super::{HostTime, NoObserver, Observer, OpenError, Time};
use crate::{
    lease::{LeaseStore, MemoryLeases},
    policy::SharedDirectory,
};

/// What a DHCP server needs from whoever runs it.
#[derive(Clone)]
pub struct Services {
    /// Where leases survive.
    pub leases: Arc<dyn LeaseStore>,
    /// What the owner knows of devices.
    pub directory: SharedDirectory,
    /// Who hears of what it does.
    pub observer: Arc<dyn Observer>,
    /// How long the record of a lease that ended is kept, in seconds, so that a client that comes back finds its address.
    pub keep_seconds: u32,
    /// What time it is.
    pub time: Arc<dyn Time>,
}

impl Services {
    /// A server by itself: its leases end with it, it knows no device, and only its log tells what it does.
    #[must_use]
    pub fn in_memory() -> Self {
        Self {
            leases: Arc::new(MemoryLeases::default()),
            directory: SharedDirectory::default(),
            observer: Arc::new(NoObserver),
            keep_seconds: KEPT,
            time: Arc::new(HostTime),
        }
    }
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").field("keep_seconds", &self.keep_seconds).finish_non_exhaustive()
    }
}

/// A DHCP server that answers requests. Dropping it stops the server; [`Self::shutdown`] also waits for it.
#[derive(Debug)]
pub struct RunningDhcpServer {
    local_address: SocketAddr,
    stop: oneshot::Sender<()>,
    /// `None` once its end has been seen.
    task: Option<JoinHandle<Result<(), ServerError>>>,
}

impl RunningDhcpServer {
    /// Runs this in a task of its own.
    pub(super) fn spawn<F>(local_address: SocketAddr, run: impl FnOnce(oneshot::Receiver<()>) -> F) -> Self
    where
        F: Future<Output = Result<(), ServerError>> + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel::<()>();
        Self { local_address, stop, task: Some(tokio::spawn(run(stopped))) }
    }

    /// The address the socket is bound to.
    #[must_use]
    pub const fn local_address(&self) -> SocketAddr {
        self.local_address
    }

    /// Waits until the server stops although nobody told it to, and says why. Never ends once that has been said. Safe
    /// to drop and call again.
    pub async fn failed(&mut self) -> ServerError {
        let Some(task) = &mut self.task else { return std::future::pending().await };
        let ended = task.await;
        self.task = None;
        match ended {
            Ok(Err(error)) => error,
            Ok(Ok(())) | Err(_) => ServerError::Task,
        }
    }

    /// Stops the server and waits until its socket is closed.
    ///
    /// # Errors
    /// What made the server stop before it was told to.
    pub async fn shutdown(self) -> Result<(), ServerError> {
        drop(self.stop);
        match self.task {
            Some(task) => task.await.map_err(|_| ServerError::Task)?,
            None => Ok(()),
        }
    }
}

/// The server cannot run. The environment's fault.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServerError {
    /// A socket cannot be had.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The interfaces of this host cannot be read.
    #[error("cannot read this host's interfaces")]
    Interfaces {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No interface has a hardware address from which a DUID could be made.
    #[error("no interface has an address to make a DUID from; write server-duid down")]
    Nameless,
    /// The socket receives no more.
    #[error("cannot receive")]
    Receive {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The server's task panicked or was aborted.
    #[error("the server's task ended by itself")]
    Task,
}

/// Thirty days, in seconds.
const KEPT: u32 = 30 * 86_400;
