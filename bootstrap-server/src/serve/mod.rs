//! Starting and stopping the whole service.

mod error;
mod following;
mod listeners;
mod policies;
mod refusals;

use std::{
    net::{SocketAddr, SocketAddrV4},
    sync::{Arc, Mutex},
};

use netboot::io::{Dhcp4Server, RunningDhcp4Server};
use operator_api::ListenerStatus;
use pki::certificate::Certificate;
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
};

use crate::{
    admission::{self, Guard, Writes},
    api,
    audit::Event,
    config::{LegacyListener, ServerConfig},
    images::Images,
    metrics::{ListenerName, Metrics},
    outward::Follower,
    restconf::{self, Codes, Service},
    retention,
    store::{Batch, SqlStore, Store},
    tls::{Door, Judges, Rejections, ReloadableCertificate, TlsError, Trust, provider},
};

pub use error::ServeError;
use following::follow;
use listeners::{Place, bind, for_operators};
use refusals::log_refusals;

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
    judges: Judges,
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

    let (socket, address) = bind(config.listen)?;
    let home = config.redirect(config.public_port.unwrap_or_else(|| address.port()))?;
    let (listener, certificate) =
        place.listener(ListenerName::Device, socket, home.clone(), (&config.certificate, &config.key))?;
    let (mut legacy, mut legacy_address) = (None, None);
    if let Some(LegacyListener { listen, public_port, certificate, key }) = &config.legacy {
        let (socket, address) = bind(*listen)?;
        let home = config.redirect(public_port.unwrap_or_else(|| address.port()))?;
        legacy = Some(place.listener(ListenerName::Legacy, socket, home, (certificate, key))?);
        legacy_address = Some(address);
    }
    let operators = match &config.operators {
        None => None,
        Some(operators) => Some(for_operators(operators, &config.limits, &rejections, &metrics)?),
    };
    let operator_address = operators.as_ref().and_then(|(listener, _)| listener.socket.local_addr().ok());
    let policies = policies::starting(config.policies, config.acceptance, store.as_ref()).await?;
    let (stop, stopping) = watch::channel(());
    let dhcp4 = config.dhcp4.map(Dhcp4Server::bind).transpose()?;

    // RFC 8572 §9.10 (SRV-21): what the server does with devices changes by an operator's hand, and leaves a leaf.
    let started = Batch::from(Event::ServerStarted { listen: address.to_string() });
    store.commit(policies.event.into_iter().fold(started, Batch::and)).await?;
    let in_force = Arc::new(policies.in_force);
    let shared: Arc<dyn Store> = store.clone();
    let guard = Guard::new(&config.limits, Arc::clone(&shared), metrics.clone());
    let service = Arc::new(Service {
        store: Arc::clone(&shared),
        owner: config.owner,
        policies: Arc::clone(&in_force),
        newcomers: Mutex::default(),
        writes: Writes::new(&config.limits),
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
        judges: Judges::new(
            std::iter::once(&listener)
                .chain(legacy.as_ref().map(|(legacy, _)| legacy))
                .map(|it| Arc::clone(&it.identities)),
        ),
    };
    let mut tasks = JoinSet::new();
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
    if let Some((legacy, certificate)) = legacy {
        front.legacy_certificate = Some(certificate);
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
            policies: Arc::clone(&in_force),
            webhooks,
            checkpoint_key: config.checkpoint_key,
            metrics: metrics.clone(),
            rejections,
            service,
            home,
            judges: front.judges.clone(),
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
    let following = follow(store.clone(), front.judges.clone(), Arc::clone(&in_force), stopping.clone());
    tasks.spawn(async move {
        following.await;
        "following of what changes in the database"
    });
    let until = stopping.clone();
    tasks.spawn(async move {
        listener.run(router, until).await;
        "device listener"
    });
    drop(place);
    let (writing, mut until) = (Arc::clone(&store), stopping);
    tasks.spawn(async move {
        tokio::select! {
            () = writing.writer_gone() => {}
            _ = until.changed() => {}
        }
        "writer of the database"
    });
    let log = Arc::clone(&store);
    tasks.spawn(async move {
        log_refusals(log, rejected).await;
        "log of refusals"
    });
    let dhcp4 = dhcp4.map(Dhcp4Server::spawn);
    Ok(RunningServer { address, legacy_address, operator_address, dhcp4, store, metrics, front, stop, tasks })
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
    /// revocation lists. Handshakes from now on see the new ones. Connections that are open go on, unless the device's
    /// certificate does not hold any more: they finish what is under way. On an error nothing has changed.
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
        judges.replace_revocation(&config.revocation);
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
