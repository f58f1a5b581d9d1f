//! The listeners, bound and with their certificates.

use std::{net::SocketAddr, sync::Arc};

use conveyed_info::information::RedirectInformation;
use operator_api::ListenerStatus;
use pki::{certificate::Certificate, key::OpenKey};
use tokio::net::{TcpListener, TcpSocket};

use super::ServeError;
use crate::{
    admission::Limits,
    config::OperatorsListener,
    domain::identification::{Doorway, Trust},
    metrics::{ListenerName, Metrics},
    tls::{
        Door, Identities, Listener, PeerCertificates, PostQuantum, Rejections, ReloadableCertificate, ServiceListener,
        Strictness, provider, server_config, service_tls,
    },
};

/// The listener for operators, bound.
pub(super) fn for_operators(
    operators: &OperatorsListener,
    limits: &Limits,
    rejections: &Rejections,
    metrics: &Metrics,
) -> Result<(ServiceListener, Arc<ReloadableCertificate>), ServeError> {
    let provider = provider(PostQuantum::Preferred);
    let certificate = ReloadableCertificate::new(&operators.certificate, &operators.key)?;
    let certificate = Arc::new(certificate);
    let tls = service_tls(provider, Arc::clone(&certificate), PeerCertificates::NotAsked)?;
    let (socket, _) = bind(operators.listen)?;
    let (name, tls) = (ListenerName::Operator, Some(Arc::new(tls)));
    let (rejections, metrics) = (rejections.clone(), metrics.clone());
    let listener = ServiceListener { name, socket, tls, limits: *limits, rejections, metrics };
    Ok((listener, certificate))
}

/// Where listeners for devices are made: what they have in common.
pub(super) struct Place {
    pub(super) provider: Arc<rustls::crypto::CryptoProvider>,
    pub(super) trust: Arc<Trust>,
    pub(super) door: Door,
}

impl Place {
    pub(super) fn listener(
        &self,
        strictness: Strictness,
        socket: TcpListener,
        home: RedirectInformation,
        (chain, key): (&[Certificate], &OpenKey),
    ) -> Result<(Listener, Arc<ReloadableCertificate>), ServeError> {
        let (name, doorway) = match strictness {
            Strictness::Strict => (ListenerName::Device, Doorway::Ordinary),
            Strictness::Legacy => (ListenerName::Legacy, Doorway::Legacy),
        };
        let identities = Arc::new(Identities::new(Arc::clone(&self.trust), doorway));
        let certificate = Arc::new(ReloadableCertificate::new(chain, key)?);
        let tls =
            server_config(Arc::clone(&self.provider), Arc::clone(&certificate), Arc::clone(&identities), strictness)?;
        let (tls, home) = (Arc::new(tls), Arc::new(home));
        let listener = Listener { name, socket, tls, identities, home, door: self.door.clone() };
        Ok((listener, certificate))
    }
}

/// What operators are told of a listener that shows `chain`.
pub(super) fn status(name: &str, address: SocketAddr, chain: &[Certificate]) -> ListenerStatus {
    ListenerStatus {
        name: name.to_owned(),
        address: address.to_string(),
        connections: None,
        certificate_expires: chain.first().map(|own| own.not_after().to_string()),
    }
}

/// Listens at `listen`, and says where that came to be.
pub(super) fn bind(listen: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let bound = || {
        let socket = if listen.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A server that starts again does not wait until its old connections are forgotten.
        socket.set_reuseaddr(true)?;
        socket.bind(listen)?;
        let socket = socket.listen(BACKLOG)?;
        let address = socket.local_addr()?;
        Ok((socket, address))
    };
    bound().map_err(|source| ServeError::Bind { address: listen, source })
}

/// Connections that wait in the kernel until they are accepted. The kernel has a limit of its own (`net.core.somaxconn`);
/// beyond it peers knock again by themselves.
const BACKLOG: u32 = 4096;
