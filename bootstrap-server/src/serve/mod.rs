//! Starting and stopping the whole service.

mod authority;
mod dhcp;
mod error;
mod following;
mod listeners;
mod onboarding;
mod policies;
mod refusals;
mod revocation;

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc};

use audit_log::{UnverifiedCheckpoint, VerifierKey};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
};

use crate::{
    admission::Writes,
    api,
    audit::{CheckpointKey, Event},
    authority::{
        Desk,
        est::{self, Est},
        factory::{self as line, Line},
        masa::service as masa,
    },
    config::ServerConfig,
    dhcp::DhcpPolicies,
    metrics::Metrics,
    outward::Follower,
    restconf::Enrolment,
    retention,
    store::{Batch, Factory, Leases, Ledger, MasaRecords, SqlStore, Store},
    tls::{Judges, Rejections, ReloadableCertificate, TlsError},
};

pub use error::ServeError;
use following::follow;
use listeners::{for_operators, status};
pub(crate) use onboarding::Onboarding;
use refusals::log_refusals;

/// A server that runs until it is stopped.
#[derive(Debug)]
pub struct RunningServer {
    operator_address: Option<SocketAddr>,
    dhcp: dhcp::Running,
    store: Arc<SqlStore>,
    metrics: Metrics,
    front: Front,
    stop: watch::Sender<()>,
    tasks: JoinSet<&'static str>,
}

/// What [`RunningServer::reload`] can change.
#[derive(Debug)]
struct Front {
    onboarding: Option<onboarding::Front>,
    issuing: authority::Front,
    operator_certificate: Option<Arc<ReloadableCertificate>>,
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
    let onboarding = match config.onboarding {
        None => None,
        Some(parts) => {
            let way = (config.limits, config.outbound);
            Some(onboarding::Bound::bind(parts, &store, way, &rejections, &metrics).await?)
        }
    };
    let operators = match &config.operators {
        None => None,
        Some(operators) => Some(for_operators(operators, &config.limits, &rejections, &metrics)?),
    };
    let issuing = authority::Bound::bind(
        config.authority_listener.as_ref(),
        config.publication,
        config.limits,
        &rejections,
        &metrics,
    )?;
    let operator_address = operators.as_ref().and_then(|(listener, _)| listener.socket.local_addr().ok());
    let policies = policies::starting(config.policies, config.acceptance, store.as_ref()).await?;
    let (stop, stopping) = watch::channel(());
    let policed = DhcpPolicies { v4: config.dhcp4, v6: config.dhcp6 };
    // Policies are large, and a future carries what it holds wherever it goes.
    let dhcp = Box::pin(dhcp::Bound::bind(policed, config.dhcp_leases, (&store, &metrics))).await?;

    let mut listeners = onboarding.as_ref().map(onboarding::Bound::statuses).unwrap_or_default();
    let of_operators = operator_address.zip(config.operators.as_ref());
    listeners.extend(of_operators.map(|(address, operators)| status("operators", address, &operators.certificate)));
    listeners.extend(issuing.statuses());
    listeners.extend(dhcp.iter().flat_map(dhcp::Bound::statuses));
    // RFC 8572 §9.10 (SRV-21): what the server does with devices changes by an operator's hand, and leaves a leaf.
    let listen = listeners.first().map(|it| it.address.clone()).unwrap_or_default();
    let started = Batch::from(Event::ServerStarted { listen });
    let rekeyed = rekeyed(store.checkpoint().await?.as_deref(), &config.checkpoint_key);
    store.commit(policies.event.into_iter().chain(rekeyed).fold(started, Batch::and)).await?;
    let in_force = Arc::new(policies.in_force);
    let shared: Arc<dyn Store> = store.clone();
    let ledger: Arc<dyn Ledger> = store.clone();
    let authorities = config.authorities;
    let writes = Arc::new(Writes::new(&config.limits));
    let mut tasks = JoinSet::new();
    let parts = onboarding.map(|bound| {
        let enrolment = Enrolment::new(Arc::clone(&ledger), authorities.clone());
        let (told, counted) = ((Arc::clone(&shared), Arc::clone(&in_force)), (rejections.clone(), metrics.clone()));
        bound.spawn(&mut tasks, told, (enrolment, Arc::clone(&writes)), counted, &stopping)
    });
    let (onboarding, asked) = parts.unzip();
    let mut judges = onboarding.as_ref().map_or_else(|| Judges::new([]), |front| front.judges.clone());
    let mut services = axum::Router::new();
    if let Some(default) = config.est {
        let identities = authority::judge(&mut judges, store.as_ref()).await?;
        let (ledger, authorities) = (Arc::clone(&ledger), authorities.clone());
        let est = Est { ledger, authorities, default, identities, writes, body_deadline: config.limits.body };
        services = services.merge(est::router(Arc::new(est)));
    }
    if let Some(office) = config.masa {
        let records: Arc<dyn MasaRecords> = store.clone();
        let masa = masa::Service::new(office, records, rejections.clone(), config.limits.body);
        services = services.merge(masa::router(Arc::new(masa)));
    }
    let factory: Arc<dyn Factory> = store.clone();
    if let Some(line) = config.factory {
        let (store, authorities) = (Arc::clone(&factory), authorities.clone());
        let line = Line { store, authorities, config: line, body_deadline: config.limits.body };
        services = services.merge(line::router(Arc::new(line)));
    }
    let issuing = issuing.spawn(&mut tasks, (authorities.clone(), Arc::clone(&ledger)), services, &stopping);
    let mut front = Front { onboarding, issuing, operator_certificate: None };
    let mut webhooks = Vec::new();
    for webhook in config.webhooks {
        let follower = Follower::new(webhook, Arc::clone(&shared), Arc::clone(&config.checkpoint_key));
        webhooks.push(follower.standing());
        let stopping = stopping.clone();
        tasks.spawn(async move {
            follower.run(stopping).await;
            "webhook"
        });
    }
    let erasing = retention::run(Arc::clone(&shared), Arc::clone(&in_force), stopping.clone());
    tasks.spawn(async move {
        erasing.await;
        "erasing of old records"
    });
    let (dhcp, desk) = dhcp.map(|bound| bound.spawn(&mut tasks, Arc::clone(&shared), &stopping)).unzip();
    let lent: Arc<dyn Leases> = store.clone();
    let removing = retention::leases::run(store.clone(), config.dhcp_leases, stopping.clone());
    tasks.spawn(async move {
        removing.await;
        "removing of old leases"
    });
    if let Some((listener, certificate)) = operators {
        front.operator_certificate = Some(certificate);
        let api = api::Api {
            store: shared,
            factory,
            leases: lent,
            authorities: authorities.clone(),
            policies: Arc::clone(&in_force),
            webhooks,
            checkpoint_key: config.checkpoint_key,
            metrics: metrics.clone(),
            rejections,
            onboarding: asked,
            dhcp: desk,
            judges: judges.clone(),
            desk: Desk::new(authorities, ledger),
            body_deadline: config.limits.body,
            started: api::now(),
            database: config.database.kind(),
            log: api::LogName::default(),
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
    let following = follow(store.clone(), judges, Arc::clone(&in_force), stopping.clone());
    tasks.spawn(async move {
        following.await;
        "following of what changes in the database"
    });
    let (writing, mut until) = (Arc::clone(&store), stopping.clone());
    tasks.spawn(async move {
        tokio::select! {
            () = writing.writer_gone() => {}
            _ = until.changed() => {}
        }
        "writer of the database"
    });
    let (log, mut until) = (Arc::clone(&store), stopping);
    tasks.spawn(async move {
        // It ends with the last listener. A site with DHCP alone has none from the start, and goes on all the same.
        log_refusals(log, rejected).await;
        let _stopped = until.changed().await;
        "log of refusals"
    });
    Ok(RunningServer { operator_address, dhcp: dhcp.unwrap_or_default(), store, metrics, front, stop, tasks })
}

/// What the log is to say when its checkpoints are signed by other keys than the last one was.
fn rekeyed(last: Option<&str>, key: &CheckpointKey) -> Option<Event> {
    let last = UnverifiedCheckpoint::parse(last.filter(|note| !note.is_empty())?.as_bytes()).ok()?;
    let now: BTreeSet<_> = key.verifiers().map(VerifierKey::id).collect();
    let keys = || key.verifiers().map(ToString::to_string).collect();
    (last.signers().collect::<BTreeSet<_>>() != now).then(|| Event::LogKeysChanged { keys: keys() })
}

impl RunningServer {
    /// Where devices connect, if it onboards any.
    #[must_use]
    pub fn device_address(&self) -> Option<SocketAddr> {
        self.front.onboarding.as_ref().map(|front| front.address)
    }

    /// Where devices connect that can do no better, if they may.
    #[must_use]
    pub fn legacy_address(&self) -> Option<SocketAddr> {
        self.front.onboarding.as_ref().and_then(|front| front.legacy_address)
    }

    /// Where certificates and vouchers are asked for, if they are.
    #[must_use]
    pub const fn authority_address(&self) -> Option<SocketAddr> {
        self.front.issuing.address
    }

    /// Where authorities publish, if they do.
    #[must_use]
    pub const fn publication_address(&self) -> Option<SocketAddr> {
        self.front.issuing.publication_address
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
    /// revocation lists. Handshakes from now on see the new ones. Connections that are open go on, unless the device's
    /// certificate does not hold any more: they finish what is under way. On an error nothing has changed.
    ///
    /// # Errors
    /// [`ServeError::Tls`] when a certificate and its key cannot be used.
    pub fn reload(&self, config: &ServerConfig) -> Result<(), ServeError> {
        let Front { onboarding, issuing, operator_certificate } = &self.front;
        let operators = operator_certificate.as_ref().zip(config.operators.as_ref());
        let operators = operators.map(|(served, it)| {
            Ok::<_, TlsError>((served, ReloadableCertificate::certified(&it.certificate, &it.key)?))
        });
        let operators = operators.transpose()?;
        if let Some((front, new)) = onboarding.as_ref().zip(config.onboarding.as_ref()) {
            front.reload(new)?;
        }
        issuing.reload(config.authority_listener.as_ref())?;
        if let Some((served, new)) = operators {
            served.replace(new);
        }
        tracing::info!("certificates and revocation lists were read again");
        Ok(())
    }

    /// Where the DHCPv4 server listens, if there is one.
    #[must_use]
    pub fn dhcp4_address(&self) -> Option<SocketAddr> {
        self.dhcp.v4_address()
    }

    /// Where the DHCPv6 server listens, if there is one.
    #[must_use]
    pub fn dhcp6_address(&self) -> Option<SocketAddr> {
        self.dhcp.v6_address()
    }

    /// The store it serves from.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// Waits until a part of the server ends although nobody stopped it, and says which. A server in that state is no
    /// longer whole: stop it and leave the restart to whoever supervises the process. Safe to drop and call again.
    pub async fn failed(&mut self) -> ServeError {
        tokio::select! {
            error = self.dhcp.failed() => error.into(),
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
        self.dhcp.shutdown().await;
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
