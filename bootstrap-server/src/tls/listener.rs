//! The accept loop: our own, so that deadlines, caps and the peer's certificate are ours too.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use pki::time::Timestamp;
use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use verdict::{ReasonCode, Refusal};

use super::{DeviceIdentity, Identities, refusal_in};

/// How much a peer may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at once; more wait in the kernel's queue.
    pub(crate) connections: usize,
    /// Time for the TLS handshake.
    pub(crate) handshake: Duration,
    /// Time for a request's header.
    pub(crate) header: Duration,
    /// Time for a whole connection, idle or not.
    pub(crate) connection: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(10),
            connection: Duration::from_secs(600),
        }
    }
}

/// What a request handler knows about the connection it came over.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// The peer's address.
    pub(crate) source: IpAddr,
    /// The device, when the peer showed a certificate. One that does not validate ends the handshake.
    pub(crate) identity: Option<Arc<DeviceIdentity>>,
}

/// A peer that did not get through the handshake.
#[derive(Debug)]
pub(crate) struct Rejected {
    /// The peer's address.
    pub(crate) source: IpAddr,
    /// Why.
    pub(crate) refusal: Refusal,
}

/// A bound listener.
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) identities: Arc<Identities>,
    pub(crate) limits: Limits,
    pub(crate) rejected: tokio::sync::mpsc::Sender<Rejected>,
}

impl Listener {
    /// Accepts until `stop` changes, then lets requests under way finish.
    pub(crate) async fn run(self, router: axum::Router, mut stop: watch::Receiver<()>) {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.tls));
        let slots = Arc::new(Semaphore::new(self.limits.connections));
        let mut connections = JoinSet::new();
        loop {
            // Nobody closes the semaphore, so a slot is all that can come.
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                _ = stop.changed() => break,
            };
            let Ok((stream, peer)) = accepted else {
                // Out of file descriptors, or the peer was gone at once: neither may stop the loop or make it spin.
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            let serving = Serving {
                acceptor: acceptor.clone(),
                identities: Arc::clone(&self.identities),
                limits: self.limits,
                rejected: self.rejected.clone(),
                router: router.clone(),
                stop: stop.clone(),
            };
            connections.spawn(async move {
                serving.serve(stream, peer).await;
                drop(slot);
            });
            while connections.try_join_next().is_some() {}
        }
        drop(self.socket);
        while connections.join_next().await.is_some() {}
    }
}

/// What one connection needs.
struct Serving {
    acceptor: TlsAcceptor,
    identities: Arc<Identities>,
    limits: Limits,
    rejected: tokio::sync::mpsc::Sender<Rejected>,
    router: axum::Router,
    stop: watch::Receiver<()>,
}

impl Serving {
    async fn serve(mut self, stream: TcpStream, peer: SocketAddr) {
        let source = peer.ip().to_canonical();
        let (stream, identity) = match self.handshake(stream).await {
            Ok(done) => done,
            Err(refusal) => {
                tracing::info!(%source, reason = %refusal.reason, detail = refusal.detail, "connection refused");
                // A full queue means that refusals come faster than they can be logged: this one is not counted.
                let _full = self.rejected.try_send(Rejected { source, refusal });
                return;
            }
        };
        let router = self.router.layer(axum::Extension(Connection { source, identity }));
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(self.limits.header);
        builder.http2().timer(TokioTimer::new()).max_concurrent_streams(16);
        let service = TowerToHyperService::new(router);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = timeout(self.limits.connection, connection.as_mut()) => ended,
            _ = self.stop.changed() => {
                connection.as_mut().graceful_shutdown();
                timeout(self.limits.header, connection.as_mut()).await
            }
        };
        if let Ok(Err(error)) = ended {
            tracing::debug!(%source, error, "connection ended");
        }
    }

    async fn handshake(
        &self,
        stream: TcpStream,
    ) -> Result<(TlsStream<TcpStream>, Option<Arc<DeviceIdentity>>), Refusal> {
        // Answers are small and written whole: waiting for more to send only costs a round trip.
        let _unsupported = stream.set_nodelay(true);
        let stream = match timeout(self.limits.handshake, self.acceptor.accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(refusal_in(&error)),
            Err(_) => return Err(Refusal::new(ReasonCode::HandshakeFailed, "the handshake took too long")),
        };
        // A resumed session skips the verifier: the certificate it remembers is judged again.
        let chain = stream.get_ref().1.peer_certificates();
        let now = Timestamp::from_system(std::time::SystemTime::now());
        let identity = chain.map(|chain| self.identities.judge(chain, now)).transpose()?;
        Ok((stream, identity))
    }
}
