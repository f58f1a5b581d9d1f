//! One connection, from its first octet to its last.

use std::{
    convert::Infallible,
    io,
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::{Instant, SystemTime},
};

use axum::{http::Request, response::IntoResponse};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use pki::time::Timestamp;
use rustls::{HandshakeKind, ProtocolVersion, pki_types::CertificateDer};
use tokio::{
    io::Interest,
    net::TcpStream,
    sync::watch,
    time::{timeout, timeout_at},
};
use tokio_rustls::server::TlsStream;
use tower::ServiceExt;
use verdict::{ReasonCode, Refusal};

use super::{
    Connection, DeviceIdentity, Identities,
    client_verifier::{is_refusal, refusal_in},
    listener::Desk,
    watched::{Account, TooMuch, Watched},
};
use crate::{
    admission::{Ended, Source},
    metrics::{HandshakeOutcome, TlsVersion},
    restconf::Problem,
};

/// What one connection needs.
pub(super) struct Serving {
    pub(super) source: IpAddr,
    pub(super) desk: Desk,
}

impl Serving {
    /// Serves until the peer goes, a limit is reached, or the server stops.
    pub(super) async fn serve(mut self, stream: TcpStream) {
        self.desk.door.metrics.connection_opened(self.desk.listener);
        let stopped = self.desk.stop.has_changed().unwrap_or(true);
        // From here on nobody is judged by anything else unnoticed.
        let changes = self.desk.identities.changes();
        if !stopped && let Some((stream, identity)) = self.handshake(stream).await {
            self.converse(stream, identity, changes).await;
        }
        self.desk.door.metrics.connection_closed(self.desk.listener);
    }

    async fn converse(
        &mut self,
        stream: TlsStream<TcpStream>,
        identity: Option<Arc<DeviceIdentity>>,
        changes: watch::Receiver<()>,
    ) {
        let (source, metrics, limits) = (self.source, self.desk.door.metrics.clone(), self.desk.door.limits);
        let protocol = Protocol::of(&stream);
        let device = identity.as_ref().map(|identity| identity.device.clone());
        let account = Account::open(Instant::now());
        let standing =
            Standing { shown: identity.clone().zip(owned(&stream)), identities: Arc::clone(&self.desk.identities) };
        let distrusted = Arc::new(OnceLock::new());
        let service = {
            let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
            let idevid = shown.map(|certificate| Arc::new(certificate.clone()));
            let known = Connection { source, identity, idevid, home: Arc::clone(&self.desk.home) };
            let (router, account) = (self.desk.router.clone(), account.clone());
            let distrusted = Arc::clone(&distrusted);
            tower::service_fn(move |mut request: Request<_>| {
                let under_way = account.request(&metrics);
                request.extensions_mut().insert(known.clone());
                // RFC 8040 §2.5 (RCF-02): what has not come whole when its sender is judged otherwise is not served.
                let answer = match distrusted.get() {
                    Some(reason) => Err(Problem::unauthenticated(*reason).into_response()),
                    None => Ok(router.clone().oneshot(request)),
                };
                async move {
                    let response = match answer {
                        Ok(answer) => answer.await?,
                        Err(refused) => refused,
                    };
                    Ok::<_, Infallible>(under_way.answer(response))
                }
            })
        };
        let builder = self.builder(protocol);
        let stream = Watched { stream, account: account.clone() };
        let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        tokio::pin!(connection);
        let (why, grace) = tokio::select! {
            ended = connection.as_mut() => return self.note_end(ended),
            (why, grace) = account.overstayed(&limits) => (Some(why), grace),
            refusal = standing.lost(changes) => {
                distrusted.get_or_init(|| refusal.reason);
                tracing::info!(device = device.as_ref().map(tracing::field::display), %source, reason = %refusal.reason,
                    detail = refusal.detail, "certificate holds no more");
                self.desk.door.rejections.report(source, refusal);
                (Some(Ended::Distrusted), limits.header)
            }
            _ = self.desk.stop.changed() => (None, limits.header),
        };
        if let Some(why) = why {
            let device = device.as_ref().map(tracing::field::display);
            tracing::debug!(device, %source, reason = why.as_str(), ?grace, "connection ended");
            self.desk.door.metrics.connection_cut(why.as_str());
        }
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            ended = timeout(grace, connection) => if let Ok(ended) = ended { self.note_end(ended) },
            why = account.stalled(&limits) => self.desk.door.metrics.connection_cut(why.as_str()),
        }
    }

    /// HTTP with every deadline set and every buffer small. The version is the one agreed in the handshake: reading it
    /// from the first octets would wait for them without a deadline.
    fn builder(&self, protocol: Protocol) -> auto::Builder<TokioExecutor> {
        let header = self.desk.door.limits.header;
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
            .max_pending_accept_reset_streams(HTTP2_RESETS)
            .max_local_error_reset_streams(HTTP2_RESETS)
            .max_send_buf_size(HTTP2_SEND_BUFFER)
            .initial_stream_window_size(HTTP2_WINDOW)
            .initial_connection_window_size(HTTP2_WINDOW)
            .max_header_list_size(HTTP2_HEADERS);
        match protocol {
            Protocol::Http1 => builder.http1_only(),
            Protocol::Http2 => builder.http2_only(),
        }
    }

    /// The handshake, and who the peer is. `None` when there is nobody to serve, which is counted and reported.
    async fn handshake(&self, stream: TcpStream) -> Option<(TlsStream<TcpStream>, Option<Arc<DeviceIdentity>>)> {
        let begin = Instant::now();
        let deadline = begin + self.desk.door.limits.handshake;
        let shaken = timeout_at(deadline.into(), self.shake(stream)).await;
        let took_too_long = || Failure { outcome: HandshakeOutcome::TimedOut, refusal: failed("it took too long") };
        let (outcome, version) = match shaken.unwrap_or_else(|_| Err(Some(took_too_long()))) {
            Ok((stream, identity)) => {
                let tls = stream.get_ref().1;
                let resumed = tls.handshake_kind() == Some(HandshakeKind::Resumed);
                let outcome = if resumed { HandshakeOutcome::Resumed } else { HandshakeOutcome::Full };
                let version = match tls.protocol_version() {
                    Some(ProtocolVersion::TLSv1_2) => TlsVersion::Tls12,
                    Some(ProtocolVersion::TLSv1_3) => TlsVersion::Tls13,
                    _ => TlsVersion::None,
                };
                self.desk.door.metrics.handshake(self.desk.listener, outcome, version);
                self.desk.door.metrics.handshake_took(self.desk.listener, begin.elapsed());
                return Some((stream, identity));
            }
            Err(None) => return None,
            Err(Some(Failure { outcome, refusal })) => {
                tracing::debug!(source = %self.source, reason = %refusal.reason, detail = refusal.detail, "refused");
                self.desk.door.rejections.report(self.source, refusal);
                (outcome, TlsVersion::None)
            }
        };
        self.desk.door.metrics.handshake(self.desk.listener, outcome, version);
        None
    }

    /// `Err(None)` for a peer that was turned away already.
    async fn shake(
        &self,
        stream: TcpStream,
    ) -> Result<(TlsStream<TcpStream>, Option<Arc<DeviceIdentity>>), Option<Failure>> {
        // Answers are small and written whole: waiting for more to send only costs a round trip.
        let _unsupported = stream.set_nodelay(true);
        // Whoever says nothing does not wait in line, and RFC 8040 §2.1 (RCF-01): whoever does not speak TLS, whose
        // first octet is that of a handshake record (RFC 8446 §5.1), is not answered at all.
        let mut first = [0];
        match stream.peek(&mut first).await {
            Ok(1) if first == [HANDSHAKE_RECORD] => {}
            Ok(0) => return Err(Some(Failure::new("nothing was said"))),
            Ok(_) => {
                // What was sent is taken, so that the end looks like one and not like a fault.
                let _taken = stream.try_read(&mut [0; 2048]);
                return Err(Some(Failure::new("the first octet is not that of a TLS handshake")));
            }
            Err(error) => return Err(Some(Failure::new(&error.to_string()))),
        }
        let Ok(turn) = self.desk.door.handshakes.turn(Source::of(self.source)).await else {
            self.desk.door.turn_away(&stream, self.source, "handshakes", "too many handshakes of this source wait");
            return Err(None);
        };
        // A hello is here and can be answered, dearly, although nobody waits for it any more.
        if stream.ready(Interest::READABLE).await.is_ok_and(|ready| ready.is_read_closed()) {
            return Err(Some(Failure::new("it left before its turn")));
        }
        let accepted = self.desk.acceptor.accept(stream).await;
        drop(turn);
        let stream = accepted.map_err(|error| {
            let outcome = if is_refusal(&error) { HandshakeOutcome::Refused } else { HandshakeOutcome::Failed };
            Some(Failure { outcome, refusal: refusal_in(&error) })
        })?;
        // A resumed session skips the verifier: the certificate it remembers is judged again.
        let chain = stream.get_ref().1.peer_certificates();
        let now = Timestamp::from_system(SystemTime::now());
        let identity = chain.map(|chain| self.desk.identities.judge(chain, now)).transpose();
        match identity {
            Ok(identity) => Ok((stream, identity)),
            Err(refusal) => Err(Some(Failure { outcome: HandshakeOutcome::Refused, refusal })),
        }
    }

    fn note_end<E: AsRef<dyn std::error::Error + Send + Sync>>(&self, ended: Result<(), E>) {
        let Err(error) = ended else { return };
        let error = error.as_ref();
        if too_much(error) {
            self.desk.door.metrics.connection_cut(Ended::Abuse.as_str());
        }
        tracing::debug!(source = %self.source, %error, "connection ended");
    }
}

/// What a device is known by, for as long as that holds.
struct Standing {
    /// Who it was when it came, and the certificates that said so.
    shown: Option<(Arc<DeviceIdentity>, Vec<CertificateDer<'static>>)>,
    identities: Arc<Identities>,
}

impl Standing {
    /// Waits until the device is no longer who it was: revoked, or of a manufacturer that is judged otherwise now. Who
    /// showed no certificate has none to lose.
    async fn lost(&self, mut changes: watch::Receiver<()>) -> Refusal {
        let Some((identity, chain)) = &self.shown else { return std::future::pending().await };
        loop {
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
            match self.identities.judge(chain, Timestamp::from_system(SystemTime::now())) {
                Ok(now) if now.device == identity.device => {}
                Ok(now) => return Refusal::new(ReasonCode::IdevidUntrusted, format!("it is {} now", now.device)),
                Err(refusal) => return refusal,
            }
        }
    }
}

/// The certificates that the peer showed.
fn owned(stream: &TlsStream<TcpStream>) -> Option<Vec<CertificateDer<'static>>> {
    let chain = stream.get_ref().1.peer_certificates()?;
    Some(chain.iter().map(|certificate| certificate.clone().into_owned()).collect())
}

/// Why a handshake did not succeed.
struct Failure {
    outcome: HandshakeOutcome,
    refusal: Refusal,
}

impl Failure {
    fn new(detail: &str) -> Self {
        Self { outcome: HandshakeOutcome::Failed, refusal: failed(detail) }
    }
}

fn failed(detail: &str) -> Refusal {
    Refusal::new(ReasonCode::HandshakeFailed, detail)
}

/// Whether the peer's allowance is what ended a connection.
fn too_much(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.any(|cause| {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause.is::<TooMuch>() || inner.is_some_and(|inner| inner.is::<TooMuch>())
    })
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

/// RFC 8446 §5.1.
const HANDSHAKE_RECORD: u8 = 22;
/// Octets read ahead, and written but not yet taken, on a connection of HTTP/1.1.
const HTTP1_BUFFER: usize = 32 * 1024;
/// Lines of a request's header in HTTP/1.1.
const HTTP1_HEADERS: usize = 64;
/// Requests at once on a connection of HTTP/2.
const HTTP2_STREAMS: u32 = 4;
/// Requests that a peer of HTTP/2 may take back, or break, before the connection ends (CVE-2023-44487).
const HTTP2_RESETS: usize = 16;
/// Octets written but not yet taken, for each of them.
const HTTP2_SEND_BUFFER: usize = 64 * 1024;
/// Octets that a peer may send ahead, on each stream and in all.
const HTTP2_WINDOW: u32 = 64 * 1024;
/// Octets of a request's header.
const HTTP2_HEADERS: u32 = 16 * 1024;
