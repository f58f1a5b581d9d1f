//! The accept loop: our own, so that deadlines, caps and the peer's certificate are ours too.

use std::{net::IpAddr, sync::Arc, time::Duration};

use conveyed_info::information::RedirectInformation;
use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use verdict::{ReasonCode, Refusal};

use super::{DeviceIdentity, Identities, Rejections, serving::Serving};
use crate::{
    admission::{Limits, NoPlace, Place, Places, Source, Turns},
    metrics::{ListenerName, Metrics},
};

/// What a request handler knows about the connection it came over.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// The peer's address.
    pub(crate) source: IpAddr,
    /// The device, when the peer showed a certificate. One that does not validate ends the handshake.
    pub(crate) identity: Option<Arc<DeviceIdentity>>,
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

    /// Lets a connection in, or ends it before it costs anything.
    fn enter(&self, stream: &TcpStream, source: IpAddr) -> Option<Place> {
        match self.connections.enter(Source::of(source)) {
            Ok(place) => Some(place),
            Err(no_place) => {
                let (reason, detail) = match no_place {
                    NoPlace::Full => ("connections", "every connection is taken"),
                    NoPlace::Greedy => ("connection-share", "the source has its share of the connections"),
                };
                self.turn_away(stream, source, reason, detail);
                None
            }
        }
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
    pub(crate) async fn run(self, router: axum::Router, mut stop: watch::Receiver<()>) {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.tls));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                _ = stop.changed() => break,
            };
            while connections.try_join_next().is_some() {}
            let Ok((stream, peer)) = accepted else {
                // Out of file descriptors, or the peer was gone at once: neither may stop the loop or make it spin.
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            let source = peer.ip().to_canonical();
            let Some(place) = self.door.enter(&stream, source) else { continue };
            let serving = Serving {
                listener: self.name,
                source,
                acceptor: acceptor.clone(),
                identities: Arc::clone(&self.identities),
                home: Arc::clone(&self.home),
                door: self.door.clone(),
                router: router.clone(),
                stop: stop.clone(),
            };
            connections.spawn(async move {
                serving.serve(stream).await;
                drop(place);
            });
        }
        drop(self.socket);
        while connections.join_next().await.is_some() {}
    }
}
