//! Servers that do what they are told, however odd.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use conveyed_info::{
    BootstrappingData, Encoding,
    rpc::{ProgressReport, YANG_DATA_JSON},
};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::{NoClientAuth, danger::ClientCertVerifier},
};

use super::parties::{Party, body, host};

/// A TLS connection from a device.
pub(crate) struct Peer(pub(crate) StreamOwned<ServerConnection, TcpStream>);

impl Read for Peer {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(into)
    }
}

impl Write for Peer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) target: String,
    /// The header's lines but the first.
    pub(crate) fields: String,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn is(&self, operation: &str) -> bool {
        self.target.ends_with(operation)
    }

    /// The value of a field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}: ");
        self.fields.lines().find_map(|line| line.strip_prefix(&prefix))
    }
}

/// What is to become of a connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    GoOn,
    Close,
}

/// What a server saw.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) asked: Mutex<Vec<Asked>>,
    /// Octets that it could send, where it counts them.
    pub(crate) sent: AtomicU64,
}

impl Log {
    pub(crate) fn requests(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The types of the reports, in order.
    pub(crate) fn reports(&self) -> Vec<String> {
        let reports = self.requests().into_iter().filter(|it| it.is(":report-progress"));
        let read = |it: Asked| {
            let encoding = Encoding::detect(&it.body).unwrap();
            ProgressReport::decode(&it.body, encoding).unwrap().progress_type.to_string()
        };
        reports.map(read).collect()
    }
}

/// A listener with its thread. It runs until the process ends.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) log: Arc<Log>,
}

impl Server {
    /// A server with a certificate for 127.0.0.1 by `issuer`.
    pub(crate) fn start(
        issuer: &Party,
        answer: impl Fn(&Asked, &mut Peer, &Log) -> Then + Send + Sync + 'static,
    ) -> Self {
        Self::with_config(Arc::new(config(&issuer.issue(host("127.0.0.1")))), answer)
    }

    /// A server with a TLS configuration of its own.
    pub(crate) fn with_config(
        config: Arc<ServerConfig>,
        answer: impl Fn(&Asked, &mut Peer, &Log) -> Then + Send + Sync + 'static,
    ) -> Self {
        Self::raw(move |socket, log| {
            let session = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut peer = Peer(StreamOwned::new(session, socket));
            while let Some(asked) = request(&mut peer) {
                log.asked.lock().unwrap().push(asked.clone());
                if answer(&asked, &mut peer, log) == Then::Close {
                    break;
                }
            }
        })
    }

    /// A server that gets the bare connection.
    pub(crate) fn raw(serve: impl Fn(TcpStream, &Log) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::new(Log::default());
        let (kept, serve) = (Arc::clone(&log), Arc::new(serve));
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let (log, serve) = (Arc::clone(&kept), Arc::clone(&serve));
                thread::spawn(move || serve(socket, &log));
            }
        });
        Self { address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), log }
    }

    /// A bootstrap server as it should be.
    pub(crate) fn honest(issuer: &Party, data: BootstrappingData) -> Self {
        let answer = body(data, Encoding::Json);
        Self::start(issuer, move |asked, peer, _| give(asked, peer, &answer))
    }

    pub(crate) fn uri(&self) -> String {
        format!("https://{}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

/// Answers as a bootstrap server should.
pub(crate) fn give(asked: &Asked, peer: &mut Peer, answer: &[u8]) -> Then {
    if asked.is("host-meta") {
        respond(peer, "404 Not Found", "text/plain", b"")
    } else if asked.is(":get-bootstrapping-data") {
        respond(peer, "200 OK", YANG_DATA_JSON, answer)
    } else if asked.is(":report-progress") {
        respond(peer, "204 No Content", "", b"")
    } else {
        respond(peer, "404 Not Found", "text/plain", b"")
    }
}

/// A whole answer.
pub(crate) fn respond(peer: &mut impl Write, status: &str, kind: &str, body: &[u8]) -> Then {
    let kind = if kind.is_empty() { String::new() } else { format!("Content-Type: {kind}\r\n") };
    send(peer, &format!("HTTP/1.1 {status}\r\n{kind}Content-Length: {}\r\n\r\n", body.len()), body)
}

/// A header and a body as they are.
pub(crate) fn send(peer: &mut impl Write, head: &str, body: &[u8]) -> Then {
    let sent = peer.write_all(head.as_bytes()).and_then(|()| peer.write_all(body)).and_then(|()| peer.flush());
    if sent.is_ok() { Then::GoOn } else { Then::Close }
}

/// Sends `piece` again and again until the device has enough of it.
pub(crate) fn send_for_ever(peer: &mut impl Write, log: &Log, piece: &[u8]) -> Then {
    while peer.write_all(piece).and_then(|()| peer.flush()).is_ok() {
        log.sent.fetch_add(u64::try_from(piece.len()).unwrap(), Ordering::SeqCst);
    }
    Then::Close
}

/// A TLS configuration with this certificate and key. Every certificate that a device shows is taken, and none is asked for.
pub(crate) fn config(server: &Party) -> ServerConfig {
    config_with_key(server, &server.key)
}

/// The same, with a key that need not be the certificate's.
pub(crate) fn config_with_key(server: &Party, key: &pki::key::FileKey) -> ServerConfig {
    configure(server, key, Arc::new(NoClientAuth))
}

/// The same, judging devices by `verifier`.
pub(crate) fn config_asking(server: &Party, verifier: Arc<dyn ClientCertVerifier>) -> ServerConfig {
    configure(server, &server.key, verifier)
}

fn configure(server: &Party, key: &pki::key::FileKey, verifier: Arc<dyn ClientCertVerifier>) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.pkcs8_der().to_vec()));
    let key = provider.key_provider.load_private_key(key).unwrap();
    let chain = vec![CertificateDer::from(server.certificate.der().to_vec())];
    let certified = Arc::new(rustls::sign::CertifiedKey::new(chain, key));
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)))
}

/// Reads one request; none when the device is gone.
pub(crate) fn request(stream: &mut impl Read) -> Option<Asked> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let (first, fields) = head.split_once("\r\n").unwrap();
            let length = fields.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            let length: usize = length.map_or(0, |digits| digits.parse().unwrap());
            if bytes.len() >= end + 4 + length {
                let mut words = first.split(' ').map(str::to_owned);
                let (method, target) = (words.next()?, words.next()?);
                return Some(Asked { method, target, fields: fields.to_owned(), body: bytes[end + 4..].to_vec() });
            }
        }
        match stream.read(&mut piece) {
            Ok(length @ 1..) => bytes.extend_from_slice(&piece[..length]),
            _ => return None,
        }
    }
}
