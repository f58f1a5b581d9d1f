//! Starting and stopping the whole service.

use std::{
    net::{SocketAddr, SocketAddrV4},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use conveyed_info::information::RedirectInformation;
use netboot::io::{Dhcp4Server, RunningDhcp4Server};
use operator_api::ListenerStatus;
use pki::{certificate::Certificate, key::FileKey, path::Signatures};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    task::JoinSet,
};

use crate::{
    admission::{self, Guard, Limits},
    api,
    audit::{Event, RefusalLedger},
    config::{ConfigError, LegacyListener, OperatorsListener, ServerConfig},
    domain::{Policies, ProfileName},
    images::Images,
    metrics::{ListenerName, Metrics},
    restconf::{self, Codes, Service},
    store::{Batch, SqlStore, Store, StoreError},
    tls::{
        Door, Identities, Listener, PostQuantum, Rejected, RejectedQueue, Rejections, ReloadableCertificate,
        Strictness, TlsError, Trust, provider, server_config,
    },
};

/// How often sums of refusals are looked at.
const SUMS: Duration = Duration::from_secs(5);

/// How long the list of manufacturers may be behind what is stored.
const MANUFACTURERS: Duration = Duration::from_secs(1);

/// A server that runs until it is stopped.
#[derive(Debug)]
pub struct RunningServer {
    address: SocketAddr,
    legacy_address: Option<SocketAddr>,
    operator_address: Option<SocketAddr>,
    dhcp4: Option<RunningDhcp4Server>,
    store: Arc<SqlStore>,
    metrics: Metrics,
    front: Front,
    stop: watch::Sender<()>,
    tasks: JoinSet<&'static str>,
}

/// What [`RunningServer::reload`] can change.
#[derive(Debug)]
struct Front {
    certificate: Arc<ReloadableCertificate>,
    legacy_certificate: Option<Arc<ReloadableCertificate>>,
    operator_certificate: Option<Arc<ReloadableCertificate>>,
    judges: Vec<Arc<Identities>>,
}

/// Opens the store, binds every configured listener and serves in the background.
///
/// # Errors
/// [`ServeError`] when a listener cannot be bound or the store cannot be opened; nothing is left running then.
pub async fn start(config: ServerConfig) -> Result<RunningServer, ServeError> {
    let store = Arc::new(SqlStore::open(&config.database, Arc::clone(&config.checkpoint_key)).await?);
    let metrics = Metrics::default();
    store.count_in(metrics.clone());
    let (rejections, rejected) = Rejections::channel(metrics.clone());
    let door = Door::new(config.limits, rejections.clone(), metrics.clone());
    let trust = Trust { manufacturers: store.manufacturers().await?, revocation: Arc::clone(&config.revocation) };
    let place = Place { provider: provider(config.post_quantum), trust: Arc::new(trust), door };

    let (socket, address) = bind(config.listen).await?;
    let home = config.redirect(config.public_port.unwrap_or_else(|| address.port()))?;
    let (listener, certificate) =
        place.listener(ListenerName::Device, socket, home.clone(), (&config.certificate, &config.key))?;
    let (mut legacy, mut legacy_address) = (None, None);
    if let Some(LegacyListener { listen, public_port, certificate, key }) = &config.legacy {
        let (socket, address) = bind(*listen).await?;
        let home = config.redirect(public_port.unwrap_or_else(|| address.port()))?;
        legacy = Some(place.listener(ListenerName::Legacy, socket, home, (certificate, key))?);
        legacy_address = Some(address);
    }
    let operators = match &config.operators {
        None => None,
        Some(operators) => Some(for_operators(operators, &config.limits, &rejections).await?),
    };
    let operator_address = operators.as_ref().and_then(|(listener, _)| listener.socket.local_addr().ok());
    known_profiles(&config.policies, store.as_ref()).await?;
    let (stop, stopping) = watch::channel(());
    let dhcp4 = config.dhcp4.map(Dhcp4Server::bind).transpose()?;

    // RFC 8572 §9.10 (SRV-21): what the server does with devices changes by an operator's hand, and leaves a leaf.
    let started = Batch::from(Event::ServerStarted { listen: address.to_string() });
    store.commit(started.and(Event::PoliciesApplied { policies: Box::new(config.policies.clone()) })).await?;
    let shared: Arc<dyn Store> = store.clone();
    let guard = Guard::new(&config.limits, Arc::clone(&shared), metrics.clone());
    let service = Arc::new(Service {
        store: Arc::clone(&shared),
        owner: config.owner,
        policies: config.policies.clone(),
        newcomers: Mutex::default(),
        images: Images::new(config.images, config.limits.images),
        codes: Codes::new(),
        rejections: rejections.clone(),
        body_deadline: config.limits.body,
    });
    let measure = axum::middleware::from_fn_with_state(metrics.clone(), admission::measure);
    let router = restconf::router(Arc::clone(&service), guard).layer(measure);
    let mut front = Front {
        certificate,
        legacy_certificate: None,
        operator_certificate: None,
        judges: vec![Arc::clone(&listener.identities)],
    };
    let mut tasks = JoinSet::new();
    if let Some((legacy, certificate)) = legacy {
        front.legacy_certificate = Some(certificate);
        front.judges.push(Arc::clone(&legacy.identities));
        let (router, stopping) = (router.clone(), stopping.clone());
        tasks.spawn(async move {
            legacy.run(router, stopping).await;
            "listener for legacy devices"
        });
    }
    if let Some((listener, certificate)) = operators {
        front.operator_certificate = Some(certificate);
        let named = |name: &str, address: SocketAddr, chain: &[Certificate]| ListenerStatus {
            name: name.to_owned(),
            address: address.to_string(),
            connections: None,
            certificate_expires: chain.first().map(|own| own.not_after().to_string()),
        };
        let mut listeners = vec![named("devices", address, &config.certificate)];
        listeners.extend(
            legacy_address
                .zip(config.legacy.as_ref())
                .map(|(address, legacy)| named("legacy-devices", address, &legacy.certificate)),
        );
        listeners.extend(
            operator_address
                .zip(config.operators.as_ref())
                .map(|(address, operators)| named("operators", address, &operators.certificate)),
        );
        listeners.extend(dhcp4.as_ref().map(|dhcp4| named("dhcp4", dhcp4.local_address().into(), &[])));
        let api = api::Api {
            store: shared,
            policies: config.policies,
            checkpoint_key: config.checkpoint_key,
            metrics: metrics.clone(),
            rejections,
            service,
            home,
            body_deadline: config.limits.body,
            started: api::now(),
            database: config.database.kind(),
            listeners,
            gate: api::Gate::default(),
            streams: Arc::new(Semaphore::new(api::STREAMS)),
            backups: Arc::new(Semaphore::new(api::BACKUPS)),
            stopping: stopping.clone(),
        };
        let (router, stopping) = (api::router(Arc::new(api)), stopping.clone());
        tasks.spawn(async move {
            listener.run(router, stopping).await;
            "listener for operators"
        });
    }
    let following = follow_manufacturers(Arc::clone(&store), front.judges.clone(), stopping.clone());
    tasks.spawn(async move {
        following.await;
        "list of manufacturers"
    });
    tasks.spawn(async move {
        listener.run(router, stopping).await;
        "device listener"
    });
    drop(place);
    let log = Arc::clone(&store);
    tasks.spawn(async move {
        log_refusals(log, rejected).await;
        "log of refusals"
    });
    let dhcp4 = dhcp4.map(Dhcp4Server::spawn);
    Ok(RunningServer { address, legacy_address, operator_address, dhcp4, store, metrics, front, stop, tasks })
}

/// The listener for operators, bound.
async fn for_operators(
    operators: &OperatorsListener,
    limits: &Limits,
    rejections: &Rejections,
) -> Result<(api::OperatorListener, Arc<ReloadableCertificate>), ServeError> {
    let provider = provider(PostQuantum::Preferred);
    let certificate = ReloadableCertificate::new(Arc::clone(&provider), &operators.certificate, &operators.key)?;
    let certificate = Arc::new(certificate);
    let tls = Arc::new(api::operator_tls(provider, Arc::clone(&certificate))?);
    let bind = |source| ServeError::Bind { address: operators.listen, source };
    let socket = TcpListener::bind(operators.listen).await.map_err(bind)?;
    let listener = api::OperatorListener { socket, tls, limits: *limits, rejections: rejections.clone() };
    Ok((listener, certificate))
}

/// Where listeners for devices are made: what they have in common.
struct Place {
    provider: Arc<rustls::crypto::CryptoProvider>,
    trust: Arc<Trust>,
    door: Door,
}

impl Place {
    fn listener(
        &self,
        name: ListenerName,
        socket: TcpListener,
        home: RedirectInformation,
        (chain, key): (&[Certificate], &FileKey),
    ) -> Result<(Listener, Arc<ReloadableCertificate>), ServeError> {
        let (strictness, signatures) = match name {
            ListenerName::Device => (Strictness::Strict, Signatures::Strong),
            ListenerName::Legacy => (Strictness::Legacy, Signatures::AlsoSha1),
        };
        let identities = Arc::new(Identities::new(Arc::clone(&self.trust), signatures));
        let certificate = Arc::new(ReloadableCertificate::new(Arc::clone(&self.provider), chain, key)?);
        let tls =
            server_config(Arc::clone(&self.provider), Arc::clone(&certificate), Arc::clone(&identities), strictness)?;
        let (tls, home) = (Arc::new(tls), Arc::new(home));
        let listener = Listener { name, socket, tls, identities, home, door: self.door.clone() };
        Ok((listener, certificate))
    }
}

async fn bind(listen: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let bound = async {
        let socket = TcpListener::bind(listen).await?;
        let address = socket.local_addr()?;
        Ok((socket, address))
    };
    bound.await.map_err(|source| ServeError::Bind { address: listen, source })
}

/// Lets the devices of a manufacturer in that was added while the server runs, by whomever. Ends when the server stops.
async fn follow_manufacturers(store: Arc<SqlStore>, judges: Vec<Arc<Identities>>, mut stopping: watch::Receiver<()>) {
    let mut growth = store.growth();
    loop {
        let due = async {
            // A store that does not tell is asked now and then.
            if growth.changed().await.is_err() {
                tokio::time::sleep(MANUFACTURERS).await;
            }
            tokio::time::sleep(MANUFACTURERS).await;
        };
        tokio::select! {
            () = due => {}
            _ = stopping.changed() => return,
        }
        match store.manufacturers().await {
            Ok(manufacturers) => judges.iter().for_each(|judge| judge.take_in(&manufacturers)),
            Err(error) => tracing::warn!(%error, "the list of manufacturers could not be read"),
        }
    }
}

/// A policy that names a profile which is not there would admit nobody, and say so to devices only.
async fn known_profiles(policies: &Policies, store: &dyn Store) -> Result<(), ServeError> {
    let known = store.profiles().await?;
    let missing = policies.profiles().find(|name| known.iter().all(|profile| profile.name != **name));
    missing.map_or(Ok(()), |profile| Err(ServeError::NoSuchProfile { profile: profile.clone() }))
}

/// Writes refusals of unauthenticated peers to the audit log and to the operator's, summed. Ends when nobody can refuse
/// any more and every sum is written.
async fn log_refusals(store: Arc<SqlStore>, mut rejected: RejectedQueue) {
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

impl RunningServer {
    /// Where devices connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where devices connect that can do no better, if they may.
    #[must_use]
    pub const fn legacy_address(&self) -> Option<SocketAddr> {
        self.legacy_address
    }

    /// Where operators connect, if they may.
    #[must_use]
    pub const fn operator_address(&self) -> Option<SocketAddr> {
        self.operator_address
    }

    /// What it counts and measures.
    #[must_use]
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Takes over from `config` what can be changed while the server runs: the listeners' certificates and keys, and the
    /// revocation lists. Connections that are open go on; handshakes from now on see the new ones. On an error nothing
    /// has changed.
    ///
    /// # Errors
    /// [`ServeError::Tls`] when a certificate and its key cannot be used.
    pub fn reload(&self, config: &ServerConfig) -> Result<(), ServeError> {
        let Front { certificate, legacy_certificate, operator_certificate, judges } = &self.front;
        let new = certificate.certified(&config.certificate, &config.key)?;
        let operators = operator_certificate.as_ref().zip(config.operators.as_ref());
        let operators =
            operators.map(|(served, it)| Ok::<_, TlsError>((served, served.certified(&it.certificate, &it.key)?)));
        let operators = operators.transpose()?;
        if let (Some(served), Some(legacy)) = (legacy_certificate, &config.legacy) {
            let new = served.certified(&legacy.certificate, &legacy.key)?;
            served.replace(new);
        }
        certificate.replace(new);
        if let Some((served, new)) = operators {
            served.replace(new);
        }
        for judge in judges {
            judge.replace_revocation(&config.revocation);
        }
        tracing::info!("certificates and revocation lists were read again");
        Ok(())
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
