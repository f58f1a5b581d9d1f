//! Starting and stopping the whole service.

use std::{
    net::{SocketAddr, SocketAddrV4},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use netboot::io::{Dhcp4Server, RunningDhcp4Server};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use crate::{
    audit::{Event, RefusalLedger},
    config::{ConfigError, ServerConfig},
    domain::{Policies, ProfileName},
    images::Images,
    restconf::{self, Codes, Service},
    store::{Batch, Store, StoreError, sqlite::SqliteStore},
    tls::{Identities, Listener, Rejected, RejectedQueue, Rejections, TlsError, server_config},
};

/// How often sums of refusals are looked at.
const SUMS: Duration = Duration::from_secs(5);

/// A server that runs until it is stopped.
#[derive(Debug)]
pub struct RunningServer {
    address: SocketAddr,
    dhcp4: Option<RunningDhcp4Server>,
    store: Arc<SqliteStore>,
    stop: watch::Sender<()>,
    tasks: JoinSet<&'static str>,
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
    known_profiles(&config.policies, store.as_ref()).await?;
    let (stop, stopping) = watch::channel(());
    let dhcp4 = config.dhcp4.map(Dhcp4Server::bind).transpose()?;

    // RFC 8572 §9.10 (SRV-21): what the server does with devices changes by an operator's hand, and leaves a leaf.
    let started = Batch::from(Event::ServerStarted { listen: address.to_string() });
    store.commit(started.and(Event::PoliciesApplied { policies: Box::new(config.policies.clone()) })).await?;
    let (rejections, rejected) = Rejections::channel();
    let shared: Arc<dyn Store> = store.clone();
    let service = Service {
        store: shared,
        owner: config.owner,
        policies: config.policies,
        newcomers: Mutex::default(),
        redirect,
        images: Images::new(config.images, config.limits.images),
        codes: Codes::new(),
        rejections: rejections.clone(),
        body_deadline: config.limits.body,
    };
    let router = restconf::router(Arc::new(service));
    let listener = Listener { socket, tls: Arc::new(tls), identities, limits: config.limits, rejections };
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        listener.run(router, stopping).await;
        "device listener"
    });
    let log = Arc::clone(&store);
    tasks.spawn(async move {
        log_refusals(log, rejected).await;
        "log of refusals"
    });
    Ok(RunningServer { address, dhcp4: dhcp4.map(Dhcp4Server::spawn), store, stop, tasks })
}

/// A policy that names a profile which is not there would admit nobody, and say so to devices only.
async fn known_profiles(policies: &Policies, store: &dyn Store) -> Result<(), ServeError> {
    let known = store.profiles().await?;
    let missing = policies.profiles().find(|name| known.iter().all(|profile| profile.name != **name));
    missing.map_or(Ok(()), |profile| Err(ServeError::NoSuchProfile { profile: profile.clone() }))
}

/// Writes refusals of unauthenticated peers to the audit log and to the operator's, summed. Ends when nobody can refuse
/// any more and every sum is written.
async fn log_refusals(store: Arc<SqliteStore>, mut rejected: RejectedQueue) {
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
async fn log_refusal(store: &SqliteStore, event: Event) -> Result<(), Event> {
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

    /// Waits until a part of the server ends although nobody stopped it, and says which. A server in that state is no
    /// longer whole: stop it and leave the restart to whoever supervises the process. Safe to drop and call again.
    pub async fn failed(&mut self) -> ServeError {
        let dhcp4 = async {
            match &mut self.dhcp4 {
                Some(dhcp4) => dhcp4.failed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            error = dhcp4 => error.into(),
            ended = self.tasks.join_next() => match ended {
                Some(Ok(part)) => ServeError::Ended { part },
                Some(Err(_)) | None => ServeError::Ended { part: "background task, by a panic," },
            }
        }
    }

    /// Stops accepting, lets requests under way finish, and closes the store.
    pub async fn stop(mut self) {
        // Nobody listening means that everything has stopped already.
        let _stopped = self.stop.send(());
        if let Some(dhcp4) = self.dhcp4
            && let Err(error) = dhcp4.shutdown().await
        {
            tracing::error!(%error, "the DHCP server had stopped");
        }
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
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
    /// A part of a running server is gone.
    #[error("the {part} ended by itself; the log says why")]
    Ended {
        /// Which part.
        part: &'static str,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Devices are to be admitted with a profile that is not there.
    #[error(
        "[policy] admits devices with the profile {profile}, and there is none of that name: add it with `sztp profile \
         apply`, or name another one"
    )]
    NoSuchProfile {
        /// Which profile.
        profile: ProfileName,
    },
    /// The TLS certificate and key.
    #[error("{0}")]
    Tls(String),
}

impl From<TlsError> for ServeError {
    fn from(error: TlsError) -> Self {
        Self::Tls(error.to_string())
    }
}
