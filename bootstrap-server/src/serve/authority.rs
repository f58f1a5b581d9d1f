//! The part of a server that certifies devices' keys outside of an onboarding.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use authority::CertificateAuthority;
use tokio::{sync::watch, task::JoinSet};

use super::{ServeError, listeners::bind};
use crate::{
    admission::Limits,
    authority::est::{self, Est},
    config::EstConfig,
    domain::{
        AuthorityName,
        identification::{Doorway, StoredLists, Trust},
    },
    metrics::{ListenerName, Metrics},
    store::{Ledger, Store},
    tls::{
        Identities, Judges, PeerCertificates, PostQuantum, Rejections, ReloadableCertificate, ServiceListener,
        provider, service_tls,
    },
};

/// The listener of EST, bound; nothing is answered yet.
pub(super) struct Bound {
    default: AuthorityName,
    listener: ServiceListener,
    body_deadline: Duration,
    pub(super) address: SocketAddr,
    pub(super) certificate: Arc<ReloadableCertificate>,
}

impl Bound {
    /// Binds what `config` says.
    pub(super) fn bind(
        config: &EstConfig,
        limits: Limits,
        rejections: &Rejections,
        metrics: &Metrics,
    ) -> Result<Self, ServeError> {
        let certificate = Arc::new(ReloadableCertificate::new(&config.certificate, &config.key)?);
        let provider = provider(PostQuantum::Preferred);
        let tls = service_tls(provider, Arc::clone(&certificate), PeerCertificates::Asked)?;
        let (socket, address) = bind(config.listen)?;
        let (name, tls) = (ListenerName::Authority, Some(Arc::new(tls)));
        let (rejections, metrics) = (rejections.clone(), metrics.clone());
        let listener = ServiceListener { name, socket, tls, limits, rejections, metrics };
        Ok(Self { default: config.authority.clone(), listener, body_deadline: limits.body, address, certificate })
    }

    /// Begins to answer.
    pub(super) fn spawn(
        self,
        tasks: &mut JoinSet<&'static str>,
        ledger: Arc<dyn Ledger>,
        authorities: BTreeMap<AuthorityName, Arc<CertificateAuthority>>,
        identities: Arc<Identities>,
        stopping: watch::Receiver<()>,
    ) {
        let Self { default, listener, body_deadline, .. } = self;
        let est = Est { ledger, authorities, default, identities, body_deadline };
        let router = est::router(Arc::new(est));
        tasks.spawn(async move {
            listener.run(router, stopping).await;
            "listener of EST"
        });
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
