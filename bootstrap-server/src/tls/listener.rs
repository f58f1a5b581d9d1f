//! The listeners for devices.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use conveyed_info::information::RedirectInformation;
use rustls::{ServerConfig, pki_types::CertificateDer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_rustls::TlsAcceptor;
use verdict::{ReasonCode, Refusal};

use super::{
    DeviceIdentity, Identities, Rejections,
    accept::{Reception, accept},
    serving::Serving,
};
use crate::{
    admission::{Limits, Places, Turns},
    metrics::{ListenerName, Metrics},
};

/// What a request handler knows about the connection it came over.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// The peer's address.
    pub(crate) source: IpAddr,
    /// The device, when the peer showed a certificate. One that does not validate ends the handshake.
    pub(crate) identity: Option<Arc<DeviceIdentity>>,
    /// The certificate that identity was read from, to which artifacts can be encrypted.
    pub(crate) idevid: Option<Arc<CertificateDer<'static>>>,
    /// The way back to the listener that it came to, for devices that have no reason to trust this server yet.
    pub(crate) home: Arc<RedirectInformation>,
}

/// What all listeners for devices share: one set of limits holds for them together.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    pub(crate) limits: Limits,
    pub(crate) connections: Places,
    pub(crate) handshakes: Turns,
    pub(crate) rejections: Rejections,
    pub(crate) metrics: Metrics,
}

impl Door {
    pub(crate) fn new(limits: Limits, rejections: Rejections, metrics: Metrics) -> Self {
        let connections = Places::new(limits.connections);
        // Those who wait for a handshake must leave room for those who are past it.
        let waiting = (limits.connections / 2).max(1);
        let handshakes = Turns::new(limits.handshakes, waiting, limits.handshakes_per_second);
        Self { limits, connections, handshakes, rejections, metrics }
    }

    /// Resets a connection, so that nothing of it stays in the kernel either.
    pub(super) fn turn_away(&self, stream: &TcpStream, source: IpAddr, reason: &'static str, detail: &'static str) {
        self.metrics.shed(reason);
        self.rejections.report(source, Refusal::new(ReasonCode::ServerBusy, detail));
        // Where that cannot be set, the connection is closed in the usual way.
        let _usual = stream.set_zero_linger();
    }
}

/// A bound listener.
pub(crate) struct Listener {
    pub(crate) name: ListenerName,
    pub(crate) socket: TcpListener,
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) identities: Arc<Identities>,
    /// How redirects name it.
    pub(crate) home: Arc<RedirectInformation>,
    pub(crate) door: Door,
}

impl Listener {
    /// Accepts until `stop` changes, then lets requests under way finish.
    pub(crate) async fn run(self, router: axum::Router, stop: watch::Receiver<()>) {
        let Self { name, socket, tls, identities, home, door } = self;
        let (acceptor, places) = (TlsAcceptor::from(tls), door.connections.clone());
        let desk = Desk { listener: name, acceptor, identities, home, door, router, stop: stop.clone() };
        accept(socket, places, desk, stop).await;
    }
}

/// What all connections of one listener need.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) listener: ListenerName,
    pub(super) acceptor: TlsAcceptor,
    pub(super) identities: Arc<Identities>,
    pub(super) home: Arc<RedirectInformation>,
    pub(super) door: Door,
    pub(super) router: axum::Router,
    pub(super) stop: watch::Receiver<()>,
}

impl Reception for Desk {
    fn turn_away(&self, stream: &TcpStream, source: IpAddr) {
        self.door.turn_away(stream, source, "connection-share", "the source has its share of the connections");
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr) -> impl Future<Output = ()> + Send + 'static {
        Serving { source: peer.ip(), desk: self.clone() }.serve(stream)
    }
}
