//! Starting and stopping the whole service.

use std::{
    net::{SocketAddr, SocketAddrV4},
    sync::Arc,
    time::{Duration, Instant},
};

use netboot::io::{Dhcp4Server, RunningDhcp4Server};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinHandle,
};

use crate::{
    audit::{Event, RefusalLedger},
    config::{ConfigError, ServerConfig},
    images::Images,
    restconf::{self, Service},
    store::{Batch, Store, StoreError, sqlite::SqliteStore},
    tls::{Identities, Limits, Listener, Rejected, TlsError, server_config},
};

/// Refusals that may wait to be logged.
const REFUSALS: usize = 1024;
/// How often sums of refusals are looked at.
const SUMS: Duration = Duration::from_secs(5);

/// A server that runs until it is stopped.
#[derive(Debug)]
pub struct RunningServer {
    address: SocketAddr,
    dhcp4: Option<RunningDhcp4Server>,
    store: Arc<SqliteStore>,
    stop: watch::Sender<()>,
    tasks: Vec<JoinHandle<()>>,
}

/// Opens the store, binds every configured listener and serves in the background.
///
/// # Errors
/// [`ServeError`] when a listener cannot be bound or the store cannot be opened; nothing is left running then.
pub async fn start(config: ServerConfig) -> Result<RunningServer, ServeError> {
    let store = Arc::new(SqliteStore::open(&config.database, Arc::clone(&config.checkpoint_key)).await?);
    let identities = Arc::new(Identities::new(store.manufacturers().await?));
    let tls = server_config(&config.certificate, &config.key, Arc::clone(&identities))?;
    let bind = |address, source| ServeError::Bind { address, source };
    let socket = TcpListener::bind(config.listen).await.map_err(|source| bind(config.listen, source))?;
    let address = socket.local_addr().map_err(|source| bind(config.listen, source))?;
    let redirect = config.redirect(address.port())?;
    let (stop, stopping) = watch::channel(());
    let dhcp4 = config.dhcp4.map(Dhcp4Server::bind).transpose()?;

    store.commit(Batch::from(Event::ServerStarted { listen: address.to_string() })).await?;
    let (rejected, refusals) = mpsc::channel(REFUSALS);
    let shared: Arc<dyn Store> = store.clone();
    let service = Service {
        store: shared,
        owner: config.owner,
        redirect,
        images: Images::new(config.images),
        rejected: rejected.clone(),
    };
    let router = restconf::router(Arc::new(service));
    let listener = Listener { socket, tls: Arc::new(tls), identities, limits: Limits::default(), rejected };
    let tasks =
        vec![tokio::spawn(listener.run(router, stopping)), tokio::spawn(log_refusals(Arc::clone(&store), refusals))];
    Ok(RunningServer { address, dhcp4: dhcp4.map(Dhcp4Server::spawn), store, stop, tasks })
}

/// Writes refusals of unauthenticated peers to the audit log, summed. Ends when nobody can refuse any more.
async fn log_refusals(store: Arc<SqliteStore>, mut refusals: mpsc::Receiver<Rejected>) {
    let mut ledger = RefusalLedger::default();
    let mut sums = tokio::time::interval(SUMS);
    loop {
        let events = tokio::select! {
            rejected = refusals.recv() => {
                let Some(Rejected { source, refusal }) = rejected else { break };
                Vec::from_iter(ledger.note(Instant::now(), source, refusal.reason, &refusal.detail))
            }
            _ = sums.tick() => ledger.due(Instant::now()),
        };
        for event in events {
            if let Err(error) = store.commit(Batch::from(event)).await {
                tracing::error!(%error, "a refusal could not be logged");
            }
        }
    }
}

impl RunningServer {
    /// Where devices connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the DHCPv4 server listens, if there is one.
    #[must_use]
    pub fn dhcp4_address(&self) -> Option<SocketAddrV4> {
        self.dhcp4.as_ref().map(RunningDhcp4Server::local_address)
    }

    /// The store it serves from.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// Stops accepting, lets requests under way finish, and closes the store.
    pub async fn stop(self) {
        // Nobody listening means that everything has stopped already.
        let _stopped = self.stop.send(());
        if let Some(dhcp4) = self.dhcp4
            && let Err(error) = dhcp4.shutdown().await
        {
            tracing::error!(%error, "the DHCP server had stopped");
        }
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a part of the server panicked");
            }
        }
        if let Some(store) = Arc::into_inner(self.store) {
            store.close().await;
        }
    }
}

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A listener's address is taken, or needs more rights.
    #[error("cannot listen on {address}: {source}; is it in use, or a port below 1024?")]
    Bind {
        /// Which address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The DHCP server's socket.
    #[error(transparent)]
    Dhcp4(#[from] netboot::io::ServerError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The TLS certificate and key.
    #[error("{0}")]
    Tls(String),
}

impl From<TlsError> for ServeError {
    fn from(error: TlsError) -> Self {
        Self::Tls(error.to_string())
    }
}
