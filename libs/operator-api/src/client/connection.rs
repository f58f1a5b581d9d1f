//! One connection: TCP, TLS with the certificate authority from a file, then HTTP/2 or HTTP/1.1 as the server likes.

use std::{io, path::Path, path::PathBuf, sync::Arc, time::Duration};

use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{ClientError, ServerUrl, call::RequestBody};

/// Makes connections to one server.
pub(super) struct Connector {
    server: ServerUrl,
    ca: PathBuf,
    tls: TlsConnector,
}

impl Connector {
    pub(super) fn new(server: ServerUrl, ca: &Path) -> Result<Self, ClientError> {
        let pem = std::fs::read(ca).map_err(|source| ClientError::CaFile { path: ca.to_owned(), source })?;
        let no_ca = || ClientError::NoCa { path: ca.to_owned() };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            roots.add(certificate.map_err(|_| no_ca())?).map_err(|_| no_ca())?;
        }
        if roots.is_empty() {
            return Err(no_ca());
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(ClientError::TlsSetup)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![HTTP2.to_vec(), b"http/1.1".to_vec()];
        Ok(Self { server, ca: ca.to_owned(), tls: TlsConnector::from(Arc::new(config)) })
    }

    pub(super) const fn server(&self) -> &ServerUrl {
        &self.server
    }

    pub(super) async fn connect(&self, within: Duration) -> Result<Sender, ClientError> {
        let connected = tokio::time::timeout(within, self.open()).await;
        let stream = connected.map_err(|_| ClientError::Silent { server: self.server.clone(), after: within })??;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
        let broken = |source| ClientError::Connection { server: self.server.clone(), source };
        let stream = TokioIo::new(stream);
        // What goes wrong on a connection shows at its requests.
        if is_http2 {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.map_err(broken)?;
            drop(tokio::spawn(connection));
            Ok(Sender::Http2(sender))
        } else {
            let (sender, connection) = http1::handshake(stream).await.map_err(broken)?;
            drop(tokio::spawn(connection));
            Ok(Sender::Http1(sender))
        }
    }

    async fn open(&self) -> Result<TlsStream<TcpStream>, ClientError> {
        let unreachable = |source| ClientError::Unreachable { server: self.server.clone(), source };
        let name = ServerName::try_from(self.server.host().to_owned())
            .map_err(|_| unreachable(io::ErrorKind::InvalidInput.into()))?;
        let tcp = TcpStream::connect((self.server.host(), self.server.port())).await.map_err(unreachable)?;
        tcp.set_nodelay(true).map_err(unreachable)?;
        self.tls.connect(name, tcp).await.map_err(|error| match tls_cause(&error) {
            Some(source) => {
                let source = Box::new(source.clone());
                ClientError::NotTrusted { server: self.server.clone(), ca: self.ca.clone(), source }
            }
            None => unreachable(error),
        })
    }
}

/// The name of HTTP/2 within TLS (RFC 9113 §3.2).
const HTTP2: &[u8] = b"h2";

/// What was wrong with the server's certificate, if that was it. Anything else that fails in a handshake says that no
/// server of ours is there.
fn tls_cause(error: &io::Error) -> Option<&rustls::Error> {
    let cause = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    matches!(cause, rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented).then_some(cause)
}

/// The sending side of a connection.
pub(super) enum Sender {
    Http1(http1::SendRequest<RequestBody>),
    Http2(http2::SendRequest<RequestBody>),
}

impl Sender {
    pub(super) async fn send(&mut self, request: Request<RequestBody>) -> Result<Response<Incoming>, hyper::Error> {
        match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(in_origin_form(request)).await
            }
            Self::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    /// Another sender on the same connection, where requests may share one.
    pub(super) fn share(&self) -> Option<Self> {
        match self {
            Self::Http1(_) => None,
            Self::Http2(sender) => Some(Self::Http2(sender.clone())),
        }
    }
}

/// RFC 9112 §3.2.1: to the server itself, the target is path and query. (HTTP/2 wants scheme and authority too.)
fn in_origin_form(mut request: Request<RequestBody>) -> Request<RequestBody> {
    let target = request.uri().path_and_query().map(|target| target.as_str().to_owned());
    if let Some(target) = target.and_then(|target| target.parse().ok()) {
        *request.uri_mut() = target;
    }
    request
}
