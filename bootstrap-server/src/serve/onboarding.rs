//! The part of a server that onboards devices: its listeners for them, and what answers there.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use conveyed_info::information::RedirectInformation;
use operator_api::ListenerStatus;
use tokio::{sync::watch, task::JoinSet};

use super::{
    ServeError,
    listeners::{Place, bind, status},
    revocation::{Watched, watch_over},
};
use crate::{
    admission::{self, Guard, Limits, Writes},
    config::{LegacyListener, OnboardingConfig},
    domain::{
        identification::{StoredLists, Trust},
        vouching::VoucherSource,
    },
    images::Images,
    in_force::InForce,
    metrics::Metrics,
    outward::{MasaClient, http::Outbound},
    restconf::{self, Codes, Enrolment, Fetcher, Service},
    store::{SqlStore, Store},
    tls::{Door, Judges, Listener, Rejections, ReloadableCertificate, Strictness, TlsError, provider},
};

/// The listeners for devices, bound; nothing is answered yet.
pub(super) struct Bound {
    config: OnboardingConfig,
    home: RedirectInformation,
    devices: Listener,
    legacy: Option<Listener>,
    pub(super) front: Front,
}

/// What of it can be changed while the server runs, and where it listens.
#[derive(Debug)]
pub(super) struct Front {
    pub(super) address: SocketAddr,
    pub(super) legacy_address: Option<SocketAddr>,
    certificate: Arc<ReloadableCertificate>,
    legacy_certificate: Option<Arc<ReloadableCertificate>>,
    pub(super) judges: Judges,
    lists: Watched,
    registrar: Option<Arc<MasaClient>>,
}

impl Bound {
    /// Binds what `config` says. Devices are judged by the manufacturers in `store`.
    pub(super) async fn bind(
        config: OnboardingConfig,
        store: &SqlStore,
        (limits, outbound): (Limits, Outbound),
        rejections: &Rejections,
        metrics: &Metrics,
    ) -> Result<Self, ServeError> {
        let door = Door::new(limits, rejections.clone(), metrics.clone());
        let (manufacturers, stored) =
            (store.manufacturers().await?, store.revocation_lists(&StoredLists::default()).await?);
        let trust = Trust::new(&manufacturers, Arc::clone(&config.revocation), stored);
        let place = Place { provider: provider(config.post_quantum), trust: Arc::new(trust), door };
        let (socket, address) = bind(config.listen)?;
        let home = config.redirect(config.public_port.unwrap_or_else(|| address.port()))?;
        let (devices, certificate) =
            place.listener(Strictness::Strict, socket, home.clone(), (&config.certificate, &config.key))?;
        let (mut legacy, mut legacy_address, mut legacy_certificate) = (None, None, None);
        if let Some(LegacyListener { listen, public_port, certificate, key }) = &config.legacy {
            let (socket, address) = bind(*listen)?;
            let home = config.redirect(public_port.unwrap_or_else(|| address.port()))?;
            let (listener, served) = place.listener(Strictness::Legacy, socket, home, (certificate, key))?;
            (legacy, legacy_address, legacy_certificate) = (Some(listener), Some(address), Some(served));
        }
        let judges = std::iter::once(&devices).chain(&legacy).map(|it| Arc::clone(&it.identities));
        let judges = Judges::new(judges);
        let lists = Watched::new(config.revocation_files.clone());
        let registrar = config.registrar.clone().map(|registrar| MasaClient::new(registrar, outbound));
        let registrar = registrar.transpose()?.map(Arc::new);
        let front = Front { address, legacy_address, certificate, legacy_certificate, judges, lists, registrar };
        Ok(Self { config, home, devices, legacy, front })
    }

    /// What operators are told of its listeners.
    pub(super) fn statuses(&self) -> Vec<ListenerStatus> {
        let Self { config, front, .. } = self;
        let legacy = front.legacy_address.zip(config.legacy.as_ref());
        let legacy = legacy.map(|(address, legacy)| status("legacy-devices", address, &legacy.certificate));
        std::iter::once(status("devices", front.address, &config.certificate)).chain(legacy).collect()
    }

    /// Begins to answer. Gives what can be changed later, and what operators ask.
    pub(super) fn spawn(
        self,
        tasks: &mut JoinSet<&'static str>,
        (store, policies): (Arc<dyn Store>, Arc<InForce>),
        (enrolment, writes): (Enrolment, Arc<Writes>),
        (rejections, metrics): (Rejections, Metrics),
        stopping: &watch::Receiver<()>,
    ) -> (Front, Onboarding) {
        let Self { config, home, devices, legacy, front } = self;
        let limits = devices.door.limits;
        let guard = Guard::new(&limits, Arc::clone(&store), metrics.clone());
        let source = front.registrar.clone().map(|it| -> Arc<dyn VoucherSource> { it });
        let service = Arc::new(Service {
            store,
            owner: config.owner,
            enrolment,
            policies,
            newcomers: Mutex::default(),
            fetcher: Fetcher::new(source),
            writes,
            images: Images::new(config.images, limits.images),
            codes: Codes::new(),
            rejections,
            body_deadline: limits.body,
        });
        let measure = axum::middleware::from_fn_with_state(metrics, admission::measure);
        let router = restconf::router(Arc::clone(&service), guard).layer(measure);
        if let Some(legacy) = legacy {
            let (router, stopping) = (router.clone(), stopping.clone());
            tasks.spawn(async move {
                legacy.run(router, stopping).await;
                "listener for legacy devices"
            });
        }
        let watching = watch_over(front.lists.clone(), front.judges.clone(), stopping.clone());
        tasks.spawn(async move {
            watching.await;
            "watch over revocation lists"
        });
        let stopping = stopping.clone();
        tasks.spawn(async move {
            devices.run(router, stopping).await;
            "device listener"
        });
        (front, Onboarding { service, home })
    }
}

/// What operators ask of the part that onboards.
#[derive(Clone)]
pub(crate) struct Onboarding {
    /// What devices are answered by.
    pub(crate) service: Arc<Service>,
    /// Where devices are sent that come to the main listener and cannot trust it yet.
    pub(crate) home: RedirectInformation,
}

impl Front {
    /// Takes over certificates, keys and revocation lists; on an error nothing has changed.
    pub(super) fn reload(&self, config: &OnboardingConfig) -> Result<(), TlsError> {
        let new = ReloadableCertificate::certified(&config.certificate, &config.key)?;
        let legacy = self.legacy_certificate.as_ref().zip(config.legacy.as_ref());
        let legacy = legacy.map(|(served, it)| {
            Ok::<_, TlsError>((served, ReloadableCertificate::certified(&it.certificate, &it.key)?))
        });
        let legacy = legacy.transpose()?;
        // The last that may fail, and the first that is put into place.
        if let Some((client, registrar)) = self.registrar.as_ref().zip(config.registrar.clone()) {
            client.replace(registrar)?;
        }
        if let Some((served, new)) = legacy {
            served.replace(new);
        }
        self.certificate.replace(new);
        self.judges.replace_revocation(&config.revocation);
        self.lists.replace(config.revocation_files.clone());
        Ok(())
    }
}
