//! A server that answers as it is told: what the real one does only in the worst moments.

use std::{
    collections::VecDeque,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Request, Response,
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use operator_api::client::{Client, Timeouts};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

/// What a client sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Counts from 1: requests on one connection have the same.
    pub(crate) connection: usize,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }
}

/// What the server does with a request.
pub(crate) enum Reply {
    /// Reads the request and answers.
    Say(u16, &'static str, &'static str),
    /// Answers at once, with pieces; `None` breaks the connection off.
    Stream(&'static str, Vec<Option<&'static str>>),
    /// Answers each piece of the request with this line, and then says the last.
    Echo(&'static str, &'static str),
    /// Closes the connection without a word.
    HangUp,
    /// Says nothing, for ever.
    Silence,
}

/// Which versions of HTTP it speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Http {
    One,
    Two,
}

pub(crate) struct FakeServer {
    folder: tempfile::TempDir,
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    replies: Mutex<VecDeque<Reply>>,
    seen: Mutex<Vec<Seen>>,
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FakeServer {
    pub(crate) async fn start(http: Http, replies: impl IntoIterator<Item = Reply>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tls = tls(folder.path(), http);
        std::fs::write(folder.path().join("token"), "sztp_secret\n").unwrap();
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let shared = Arc::new(Shared { replies: Mutex::new(replies.into_iter().collect()), ..Shared::default() });
        let task = tokio::spawn(serve(socket, tls, Arc::clone(&shared)));
        Self { folder, address, shared, task }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn client(&self, timeouts: Timeouts) -> Client {
        let url = format!("https://{}", self.address).parse().unwrap();
        Client::new(url, &self.path("ca.pem"), &self.path("token"), timeouts).unwrap()
    }

    /// What came, in order.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }
}

fn tls(folder: &Path, http: Http) -> TlsAcceptor {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(folder.join("ca.pem"), ca.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_owned()];
    let own = CertificateParams::new(names).unwrap().signed_by(&key, &ca).unwrap();
    let chain = vec![CertificateDer::from(own.der().to_vec())];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = match http {
        Http::One => vec![b"http/1.1".to_vec()],
        Http::Two => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
    };
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(socket: TcpListener, tls: TlsAcceptor, shared: Arc<Shared>) {
    let mut connections = 0;
    while let Ok((stream, _)) = socket.accept().await {
        connections += 1;
        let (tls, shared, number) = (tls.clone(), Arc::clone(&shared), connections);
        drop(tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            let answer = service_fn(move |request| answer(request, Arc::clone(&shared), number));
            let _broken = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer).await;
        }));
    }
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    connection: usize,
) -> Result<Response<Body>, io::Error> {
    let (head, mut body) = request.into_parts();
    let headers = head.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let mut seen = Seen {
        method: head.method.to_string(),
        target: head.uri.path_and_query().unwrap().to_string(),
        headers: headers.collect(),
        body: Vec::new(),
        connection,
    };
    let reply = shared.replies.lock().unwrap().pop_front().unwrap();
    let note = |seen| shared.seen.lock().unwrap().push(seen);
    match reply {
        Reply::Say(status, media_type, text) => {
            seen.body = body.collect().await.map_err(io::Error::other)?.to_bytes().to_vec();
            note(seen);
            Ok(respond(status, media_type, stream::iter([Ok(Bytes::from(text))])))
        }
        Reply::Stream(media_type, pieces) => {
            note(seen);
            let pieces = pieces.into_iter().map(|piece| piece.map(Bytes::from).ok_or_else(broken));
            // A pause lets what came before leave first: what breaks at once is never sent.
            let pieces = stream::iter(pieces).then(|piece| async {
                tokio::task::yield_now().await;
                piece
            });
            Ok(respond(200, media_type, pieces))
        }
        Reply::Echo(line, last) => {
            note(seen);
            let (sender, receiver) = mpsc::unbounded_channel();
            drop(tokio::spawn(async move {
                while let Some(Ok(frame)) = body.frame().await {
                    // HTTP/2 ends with a piece that is empty.
                    if frame.data_ref().is_some_and(|piece| !piece.is_empty()) {
                        sender.send(Ok(Bytes::from(line))).unwrap();
                    }
                }
                sender.send(Ok(Bytes::from(last))).unwrap();
            }));
            let pieces = stream::unfold(receiver, |mut receiver| async { Some((receiver.recv().await?, receiver)) });
            Ok(respond(200, "application/x-ndjson", pieces))
        }
        Reply::HangUp => {
            note(seen);
            Err(broken())
        }
        Reply::Silence => std::future::pending().await,
    }
}

fn broken() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

fn respond(
    status: u16,
    media_type: &str,
    pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> Response<Body> {
    let body = StreamBody::new(pieces.map(|piece| piece.map(Frame::data))).boxed_unsync();
    Response::builder().status(status).header("content-type", media_type).body(body).unwrap()
}
