//! Listeners for those who are no devices in their onboarding: operators, and whoever wants something of an authority.
//!
//! What a device has to show in order to be onboarded is nothing here (SRV-20).

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::http::Request;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use rustls::{ServerConfig, crypto::CryptoProvider, pki_types::CertificateDer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;
use verdict::{ReasonCode, Refusal};

use super::{
    Reception, Rejections, ReloadableCertificate, TlsError, accept, client_verifier::refusal_in, patient::Patient,
    possession::Possession,
};
use crate::{
    admission::{Limits, Places},
    metrics::{ListenerName, Metrics},
};

/// Whether peers are asked for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerCertificates {
    /// They are not.
    NotAsked,
    /// They are; one that is shown proves its key, and nothing else: what it is worth is for each request to judge.
    Asked,
}

/// TLS for such a listener: 1.2 and 1.3, no early data.
pub(crate) fn service_tls(
    provider: Arc<CryptoProvider>,
    certificate: Arc<ReloadableCertificate>,
    peers: PeerCertificates,
) -> Result<ServerConfig, TlsError> {
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_protocol_versions(rustls::ALL_VERSIONS)?;
    let builder = match peers {
        PeerCertificates::NotAsked => builder.with_no_client_auth(),
        PeerCertificates::Asked => builder.with_client_cert_verifier(Arc::new(Possession { provider })),
    };
    let mut config = builder.with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.max_early_data_size = 0;
    Ok(config)
}

/// Connections at once: such peers are few, and a flood here must not take file descriptors from devices.
const CONNECTIONS: usize = 256;

/// A bound listener.
pub(crate) struct ServiceListener {
    pub(crate) name: ListenerName,
    pub(crate) socket: TcpListener,
    /// `None` for HTTP in clear, where only what is public and signed is given out.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// Deadlines, as for devices.
    pub(crate) limits: Limits,
    pub(crate) rejections: Rejections,
    pub(crate) metrics: Metrics,
}

impl ServiceListener {
    /// Accepts until `stop` changes, then lets requests under way finish.
    pub(crate) async fn run(self, router: axum::Router, stop: watch::Receiver<()>) {
        let Self { name, socket, tls, limits, rejections, metrics } = self;
        let acceptor = tls.map(TlsAcceptor::from);
        let serving = Serving { name, acceptor, limits, rejections, metrics, router, stop: stop.clone() };
        accept(socket, Places::new(CONNECTIONS), serving, stop).await;
    }
}

/// Where a request came from, and what was shown there.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// The address.
    pub(crate) source: IpAddr,
    /// The certificates that were shown, whose key was proved; none on listeners that ask for none. Not judged.
    pub(crate) chain: Arc<[CertificateDer<'static>]>,
}

/// What each connection needs.
#[derive(Clone)]
struct Serving {
    name: ListenerName,
    acceptor: Option<TlsAcceptor>,
    limits: Limits,
    rejections: Rejections,
    metrics: Metrics,
    router: axum::Router,
    stop: watch::Receiver<()>,
}

impl Reception for Serving {
    fn turn_away(&self, _: &TcpStream, source: IpAddr) {
        let detail = format!("{} listener: this source has its share of the connections", self.name.as_str());
        self.rejections.report(source, Refusal::new(ReasonCode::ServerBusy, detail));
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr) -> impl Future<Output = ()> + Send + 'static {
        let (serving, metrics, name) = (self.clone(), self.metrics.clone(), self.name);
        async move {
            metrics.connection_opened(name);
            serving.run(stream, peer).await;
            metrics.connection_closed(name);
        }
    }
}

impl Serving {
    async fn run(self, stream: TcpStream, peer: SocketAddr) {
        let source = peer.ip();
        // Answers are small and written whole: waiting for more to send only costs a round trip.
        let _unsupported = stream.set_nodelay(true);
        let Some(acceptor) = self.acceptor.clone() else {
            return self.converse(stream, Peer { source, chain: Arc::default() }, Protocol::Http1).await;
        };
        let refused = |detail: String| {
            let detail = format!("{} listener: {detail}", self.name.as_str());
            self.rejections.report(source, Refusal::new(ReasonCode::HandshakeFailed, detail));
        };
        let stream = match timeout(self.limits.handshake, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return refused(refusal_in(&error).detail),
            Err(_) => return refused("it took too long".to_owned()),
        };
        let session = stream.get_ref().1;
        let protocol = if session.alpn_protocol() == Some(b"h2") { Protocol::Http2 } else { Protocol::Http1 };
        let chain = session.peer_certificates().unwrap_or_default().iter().map(|it| it.clone().into_owned()).collect();
        self.converse(stream, Peer { source, chain }, protocol).await;
    }

    async fn converse<S>(mut self, stream: S, peer: Peer, protocol: Protocol)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (router, source, listener) = (self.router.clone(), peer.source, self.name.as_str());
        let service = tower::service_fn(move |mut request: Request<_>| {
            request.extensions_mut().insert(peer.clone());
            router.clone().oneshot(request)
        });
        let builder = self.builder();
        let builder = match protocol {
            Protocol::Http1 => builder.http1_only(),
            Protocol::Http2 => builder.http2_only(),
        };
        let stream = Patient::new(stream, self.limits.stall);
        let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            _ = self.stop.changed() => {
                connection.as_mut().graceful_shutdown();
                match timeout(self.limits.header, connection).await {
                    Ok(ended) => ended,
                    Err(_) => return,
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(listener, %source, %error, "connection ended");
        }
    }

    fn builder(&self) -> auto::Builder<TokioExecutor> {
        let header = self.limits.header;
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(header)
            .max_buf_size(HTTP1_BUFFER)
            .max_headers(HTTP1_HEADERS);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(header)
            .keep_alive_timeout(header)
            .max_concurrent_streams(HTTP2_STREAMS)
            .max_send_buf_size(HTTP2_SEND_BUFFER)
            .initial_stream_window_size(HTTP2_WINDOW)
            .initial_connection_window_size(HTTP2_WINDOW)
            .max_header_list_size(HTTP2_HEADERS);
        builder
    }
}

/// The version of HTTP, as the handshake agreed on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

/// Octets read ahead, and written but not yet taken, on a connection of HTTP/1.1.
const HTTP1_BUFFER: usize = 64 * 1024;
/// Lines of a request's header in HTTP/1.1.
const HTTP1_HEADERS: usize = 64;
/// Requests at once on a connection of HTTP/2.
const HTTP2_STREAMS: u32 = 32;
/// Octets written but not yet taken, for each of them.
const HTTP2_SEND_BUFFER: usize = 64 * 1024;
/// Octets that a peer may send ahead, on each stream and in all.
const HTTP2_WINDOW: u32 = 256 * 1024;
/// Octets of a request's header.
const HTTP2_HEADERS: u32 = 16 * 1024;
