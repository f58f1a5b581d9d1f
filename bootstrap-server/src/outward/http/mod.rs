//! The one way out: every connection that the server opens to somebody else's server goes through here, and so through the
//! proxy that the owner's network demands.

mod proxy;
mod tunnel;

pub use proxy::{Outbound, OutboundSection, ProxyInvalid};
pub use tunnel::TunnelFailed;

use std::sync::Arc;

use http_body_util::Full;
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Somebody else's server.
#[derive(Clone)]
pub struct Endpoint {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What it must be called, and what its certificate is judged by; `None` for one on this machine, without TLS.
    pub tls: Option<(ServerName<'static>, Arc<ClientConfig>)>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

/// No connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectFailed {
    /// The server, or the proxy before it, cannot be reached.
    #[error("cannot be reached: {0}")]
    Unreachable(#[from] std::io::Error),
    /// The proxy lets nobody through to it.
    #[error(transparent)]
    Proxy(#[from] TunnelFailed),
    /// HTTP could not begin.
    #[error("the connection failed: {0}")]
    Http(#[from] hyper::Error),
}

impl Outbound {
    /// Connects to a server: TCP, the proxy if one is in the way, TLS, HTTP/1.1. How long that may take is the caller's matter.
    /// The proxy sees names and ports, and nothing of what is said.
    ///
    /// # Errors
    /// [`ConnectFailed`].
    pub async fn connect(&self, endpoint: &Endpoint) -> Result<http1::SendRequest<Full<Bytes>>, ConnectFailed> {
        let stream = match self.proxy_for(&endpoint.host) {
            Some(proxy) => tunnel::open(proxy, &endpoint.host, endpoint.port).await?,
            None => TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await?,
        };
        stream.set_nodelay(true)?;
        // What goes wrong on a connection shows at its requests; it ends when its sender does.
        match &endpoint.tls {
            Some((name, config)) => {
                let stream = TlsConnector::from(Arc::clone(config)).connect(name.clone(), stream).await?;
                let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
                drop(tokio::spawn(connection));
                Ok(sender)
            }
            None => {
                let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
                drop(tokio::spawn(connection));
                Ok(sender)
            }
        }
    }
}
