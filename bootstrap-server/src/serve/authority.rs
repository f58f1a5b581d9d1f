//! The part of a server that issues: where authorities are asked, and where they publish.

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use operator_api::ListenerStatus;
use tokio::{sync::watch, task::JoinSet};

use super::{
    ServeError,
    listeners::{bind, status},
};
use crate::{
    admission::Limits,
    authority::{
        Authorities,
        publishing::{self, Publisher},
    },
    config::ServiceCertificate,
    domain::identification::{Doorway, StoredLists, Trust},
    metrics::{ListenerName, Metrics},
    restconf::taken,
    store::{Ledger, Store},
    tls::{
        Identities, Judges, PeerCertificates, PostQuantum, Rejections, ReloadableCertificate, ServiceListener,
        TlsError, provider, service_tls,
    },
};

/// The listeners of authorities, bound; nothing is answered yet.
pub(super) struct Bound {
    asked: Option<ServiceListener>,
    published: Option<ServiceListener>,
    statuses: Vec<ListenerStatus>,
    pub(super) front: Front,
}

/// What of it can be changed while the server runs, and where it listens.
#[derive(Debug, Default)]
pub(super) struct Front {
    pub(super) address: Option<SocketAddr>,
    pub(super) publication_address: Option<SocketAddr>,
    certificate: Option<Arc<ReloadableCertificate>>,
}

impl Bound {
    /// Binds what the configuration says.
    pub(super) fn bind(
        asked: Option<&ServiceCertificate>,
        published: Option<SocketAddr>,
        limits: Limits,
        rejections: &Rejections,
        metrics: &Metrics,
    ) -> Result<Self, ServeError> {
        let mut bound = Self { asked: None, published: None, statuses: Vec::new(), front: Front::default() };
        let listener = |name, socket, tls| {
            let (rejections, metrics) = (rejections.clone(), metrics.clone());
            ServiceListener { name, socket, tls, limits, rejections, metrics }
        };
        if let Some(asked) = asked {
            let certificate = Arc::new(ReloadableCertificate::new(&asked.certificate, &asked.key)?);
            let tls = service_tls(provider(PostQuantum::Preferred), Arc::clone(&certificate), PeerCertificates::Asked)?;
            let (socket, address) = bind(asked.listen)?;
            bound.asked = Some(listener(ListenerName::Authority, socket, Some(Arc::new(tls))));
            bound.statuses.push(status("authority", address, &asked.certificate));
            (bound.front.address, bound.front.certificate) = (Some(address), Some(certificate));
        }
        if let Some(published) = published {
            let (socket, address) = bind(published)?;
            bound.published = Some(listener(ListenerName::Publication, socket, None));
            bound.statuses.push(status("publication", address, &[]));
            bound.front.publication_address = Some(address);
        }
        Ok(bound)
    }

    /// What operators are told of its listeners.
    pub(super) fn statuses(&self) -> Vec<ListenerStatus> {
        self.statuses.clone()
    }

    /// Begins to answer: `services` is what can be asked for with a certificate.
    pub(super) fn spawn(
        self,
        tasks: &mut JoinSet<&'static str>,
        (authorities, ledger): (Authorities, Arc<dyn Ledger>),
        services: Router,
        stopping: &watch::Receiver<()>,
    ) -> Front {
        if let Some(listener) = self.asked {
            let stopping = stopping.clone();
            // Who is refused before all was read has to hear it all the same.
            let services = services.layer(axum::middleware::from_fn(taken));
            tasks.spawn(async move {
                listener.run(services, stopping).await;
                "listener of authorities"
            });
        }
        if let Some(listener) = self.published {
            let router = publishing::router(Publisher::new(authorities, ledger));
            let stopping = stopping.clone();
            tasks.spawn(async move {
                listener.run(router, stopping).await;
                "listener for publications"
            });
        }
        self.front
    }
}

/// The judge of IDevIDs: that of the main listener for devices, or one of its own where there is none, which is followed by as
/// the others are.
pub(super) async fn judge(judges: &mut Judges, store: &dyn Store) -> Result<Arc<Identities>, ServeError> {
    if let Some(judge) = judges.first() {
        return Ok(judge);
    }
    let stored = store.revocation_lists(&StoredLists::default()).await?;
    let trust = Trust::new(&store.manufacturers().await?, Arc::default(), stored);
    let judge = Arc::new(Identities::new(Arc::new(trust), Doorway::Ordinary));
    *judges = Judges::new([Arc::clone(&judge)]);
    Ok(judge)
}

impl Front {
    /// Takes over certificate and key; on an error nothing has changed.
    pub(super) fn reload(&self, config: Option<&ServiceCertificate>) -> Result<(), TlsError> {
        if let Some((served, new)) = self.certificate.as_ref().zip(config) {
            served.replace(ReloadableCertificate::certified(&new.certificate, &new.key)?);
        }
        Ok(())
    }
}
