//! The accept loop: our own, so that deadlines, caps and the peer's certificate are ours too.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::http::Request;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use pki::time::Timestamp;
use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, Semaphore, watch},
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tower::ServiceExt;
use verdict::{ReasonCode, Refusal};

use super::{DeviceIdentity, Identities, Limits, Rejections, refusal_in};

/// What a request handler knows about the connection it came over.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// The peer's address.
    pub(crate) source: IpAddr,
    /// The device, when the peer showed a certificate. One that does not validate ends the handshake.
    pub(crate) identity: Option<Arc<DeviceIdentity>>,
}

/// A bound listener.
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) identities: Arc<Identities>,
    pub(crate) limits: Limits,
    pub(crate) rejections: Rejections,
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
                rejections: self.rejections.clone(),
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
    rejections: Rejections,
    router: axum::Router,
    stop: watch::Receiver<()>,
}

impl Serving {
    async fn serve(mut self, stream: TcpStream, peer: SocketAddr) {
        let source = peer.ip().to_canonical();
        let (stream, identity) = match self.handshake(stream).await {
            Ok(done) => done,
            Err(refusal) => return self.rejections.report(source, refusal),
        };
        let builder = self.builder(Protocol::of(&stream));
        let requested = Arc::new(Notify::new());
        let service = {
            let (router, known, requested) =
                (self.router.clone(), Connection { source, identity }, Arc::clone(&requested));
            tower::service_fn(move |mut request: Request<_>| {
                requested.notify_one();
                request.extensions_mut().insert(known.clone());
                router.clone().oneshot(request)
            })
        };
        let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        tokio::pin!(connection);
        let grace = tokio::select! {
            ended = connection.as_mut() => return note_end(source, ended),
            grace = self.limits.overstayed(&requested) => grace,
            _ = self.stop.changed() => self.limits.header,
        };
        connection.as_mut().graceful_shutdown();
        if let Ok(ended) = timeout(grace, connection).await {
            note_end(source, ended);
        }
    }

    /// HTTP with every deadline set and every buffer small. The version is the one agreed in the handshake: reading it
    /// from the first octets would wait for them without a deadline.
    fn builder(&self, protocol: Protocol) -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(self.limits.header).max_buf_size(HTTP1_BUFFER);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(self.limits.header)
            .keep_alive_timeout(self.limits.header)
            .max_concurrent_streams(HTTP2_STREAMS)
            .max_send_buf_size(HTTP2_SEND_BUFFER)
            .initial_stream_window_size(HTTP2_WINDOW)
            .initial_connection_window_size(HTTP2_WINDOW)
            .max_header_list_size(HTTP2_HEADERS);
        match protocol {
            Protocol::Http1 => builder.http1_only(),
            Protocol::Http2 => builder.http2_only(),
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

/// What was agreed by ALPN (RFC 7301); without it HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    fn of(stream: &TlsStream<TcpStream>) -> Self {
        match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Self::Http2,
            _ => Self::Http1,
        }
    }
}

impl Limits {
    /// Ends when a peer has been here too long: without a first request, or altogether. Gives the time in which what is
    /// under way may finish.
    async fn overstayed(&self, requested: &Notify) -> Duration {
        let all = Instant::now() + self.connection;
        if timeout(self.header, requested.notified()).await.is_err() {
            return self.header;
        }
        sleep_until(all).await;
        self.connection
    }
}

fn note_end<E: std::fmt::Display>(source: IpAddr, ended: Result<(), E>) {
    if let Err(error) = ended {
        tracing::debug!(%source, %error, "connection ended");
    }
}

/// Octets read ahead, and written but not yet taken, on a connection of HTTP/1.1.
const HTTP1_BUFFER: usize = 32 * 1024;
/// Requests at once on a connection of HTTP/2.
const HTTP2_STREAMS: u32 = 4;
/// Octets written but not yet taken, for each of them.
const HTTP2_SEND_BUFFER: usize = 64 * 1024;
/// Octets that a peer may send ahead, on each stream and in all.
const HTTP2_WINDOW: u32 = 64 * 1024;
/// Octets of a request's header.
const HTTP2_HEADERS: u32 = 16 * 1024;
