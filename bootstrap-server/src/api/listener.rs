//! The operator API's own listener. It asks nobody for a certificate: what a device has to show is nothing here (SRV-20).

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::http::Request;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use rustls::{ServerConfig, crypto::CryptoProvider};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{Sleep, sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;
use verdict::{ReasonCode, Refusal};

use crate::{
    admission::{Limits, Places},
    metrics::Metrics,
    tls::{Reception, Rejections, ReloadableCertificate, TlsError, accept},
};

/// TLS for operators: 1.2 and 1.3, no early data, no certificate asked for.
pub(crate) fn operator_tls(
    provider: Arc<CryptoProvider>,
    certificate: Arc<ReloadableCertificate>,
) -> Result<ServerConfig, TlsError> {
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::ALL_VERSIONS)?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.max_early_data_size = 0;
    Ok(config)
}

/// Connections at once: operators are few, and a flood here must not take file descriptors from devices.
const CONNECTIONS: usize = 256;

/// A bound listener.
pub(crate) struct OperatorListener {
    pub(crate) socket: TcpListener,
    pub(crate) tls: Arc<ServerConfig>,
    /// Deadlines, as for devices.
    pub(crate) limits: Limits,
    pub(crate) rejections: Rejections,
    pub(crate) metrics: Metrics,
}

impl OperatorListener {
    /// Accepts until `stop` changes, then lets requests under way finish.
    pub(crate) async fn run(self, router: axum::Router, stop: watch::Receiver<()>) {
        let Self { socket, tls, limits, rejections, metrics } = self;
        let (acceptor, stopping) = (TlsAcceptor::from(tls), stop.clone());
        let serving = Serving { acceptor, limits, rejections, metrics, router, stop: stopping };
        accept(socket, Places::new(CONNECTIONS), serving, stop).await;
    }
}

/// Where a request came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// What each connection needs.
#[derive(Clone)]
struct Serving {
    acceptor: TlsAcceptor,
    limits: Limits,
    rejections: Rejections,
    metrics: Metrics,
    router: axum::Router,
    stop: watch::Receiver<()>,
}

impl Reception for Serving {
    fn turn_away(&self, _: &TcpStream, source: IpAddr) {
        let detail = "this source has its share of the connections for operators";
        self.rejections.report(source, Refusal::new(ReasonCode::ServerBusy, detail));
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr) -> impl Future<Output = ()> + Send + 'static {
        let (serving, metrics) = (self.clone(), self.metrics.clone());
        async move {
            metrics.operator_connected();
            serving.run(stream, peer).await;
            metrics.operator_gone();
        }
    }
}

impl Serving {
    async fn run(mut self, stream: TcpStream, peer: SocketAddr) {
        let source = peer.ip();
        // Answers are small and written whole: waiting for more to send only costs a round trip.
        let _unsupported = stream.set_nodelay(true);
        let stream = match timeout(self.limits.handshake, self.acceptor.accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                let refusal = Refusal::new(ReasonCode::HandshakeFailed, format!("operator listener: {error}"));
                return self.rejections.report(source, refusal);
            }
            Err(_) => {
                let refusal = Refusal::new(ReasonCode::HandshakeFailed, "operator listener: it took too long");
                return self.rejections.report(source, refusal);
            }
        };
        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let router = self.router.clone();
        let service = tower::service_fn(move |mut request: Request<_>| {
            request.extensions_mut().insert(Peer(source));
            router.clone().oneshot(request)
        });
        let builder = self.builder();
        let builder = if h2 { builder.http2_only() } else { builder.http1_only() };
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
            tracing::debug!(%source, %error, "connection of an operator ended");
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

/// A stream that ends when its peer takes nothing for too long.
struct Patient<S> {
    stream: S,
    patience: Duration,
    /// Runs while the peer takes nothing.
    blocked: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    const fn new(stream: S, patience: Duration) -> Self {
        Self { stream, patience, blocked: None }
    }

    /// Passes on what came of writing, unless it has come to nothing for too long.
    fn judge<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.blocked = None;
            return written;
        }
        let patience = self.patience;
        let blocked = self.blocked.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(blocked.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read its answer")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, octets);
        self.judge(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.judge(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.judge(context, shut)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, octets);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn who_does_not_read_is_cut_off_and_who_reads_slowly_is_not() {
        let patience = Duration::from_millis(50);
        let (near, _deaf) = duplex(16);
        let mut near = Patient::new(near, patience);
        assert_eq!(near.write_all(&[0; 64]).await.unwrap_err().kind(), io::ErrorKind::TimedOut);

        let (near, mut far) = duplex(16);
        let mut near = Patient::new(near, Duration::from_secs(60));
        let reading = tokio::spawn(async move { far.read_exact(&mut [0; 64]).await.is_ok() });
        near.write_all(&[0; 64]).await.unwrap();
        assert!(reading.await.unwrap());
    }
}
