//! From a unit on a factory line to the server that certifies it, as a station.

use std::{net::ToSocketAddrs, sync::Arc};

use http::Uri;
use pki::{
    certificate::Certificate,
    path::{self, Policy, Purpose},
    server_name,
};
use rustls::ClientConfig;
use verdict::{ReasonCode, Refusal};

use super::{
    clock, earliest,
    network::{Secured, USER_AGENT, handshake},
};
use crate::{
    Server,
    config::{ClockTrust, Limits},
    http::{Connection, MAX_BODY, RequestHead},
};

/// The port of https.
const HTTPS: u16 = 443;

/// A server that certifies units, and how it is reached: the TLS configuration shows the station's certificate.
pub(crate) struct StationLink<'a> {
    server: Server,
    tls: Arc<ClientConfig>,
    anchors: &'a [Certificate],
    limits: Limits,
}

impl<'a> StationLink<'a> {
    /// A server by its URL, `https://host[:port]`; none when it is another kind of URL.
    pub(crate) fn new(url: &str, tls: Arc<ClientConfig>, anchors: &'a [Certificate]) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let is_root = matches!(uri.path(), "" | "/") && uri.query().is_none();
        let host = uri.host().filter(|_| uri.scheme_str() == Some("https") && is_root)?;
        let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let server = Server::new(host, uri.port_u16().unwrap_or(HTTPS));
        Some(Self { server, tls, anchors, limits: Limits::default() })
    }

    /// One request with a JSON body, over a connection of its own: the status, and the answer's body. Nothing is sent before
    /// the server's certificate was judged.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(crate) fn post(&self, target: &str, body: &[u8]) -> Result<(u16, Vec<u8>), Refusal> {
        let unreachable = |why: String| Refusal::new(ReasonCode::ServerUnreachable, format!("{}: {why}", self.server));
        let addresses = (self.server.host(), self.server.port()).to_socket_addrs();
        let addresses = addresses.map_err(|error| unreachable(error.to_string()))?;
        let mut last = unreachable("it has no address".to_owned());
        for address in addresses {
            match handshake(self.server.host(), address, &self.tls, &self.limits) {
                Ok(secured) => return self.exchange(secured, target, body),
                Err(refusal) => last = refusal,
            }
        }
        Err(last)
    }

    fn exchange(&self, secured: Secured, target: &str, body: &[u8]) -> Result<(u16, Vec<u8>), Refusal> {
        self.judge(&secured.chain)?;
        let mut connection = Connection::new(secured.stream);
        let json = || "application/json".to_owned();
        let fields = [
            ("Accept", json()),
            ("Content-Type", json()),
            ("User-Agent", USER_AGENT.to_owned()),
            ("Connection", "close".to_owned()),
        ];
        let host = self.server.to_string();
        let head = RequestHead { method: "POST", target, host: &host, fields: &fields };
        connection.stream_mut().sock.allow(self.limits.exchange);
        let answer = connection.exchange(&head, Some(body), MAX_BODY);
        let (head, body) = answer
            .map_err(|error| Refusal::new(ReasonCode::ServerAnswerInvalid, format!("{}: {error}", self.server)))?;
        Ok((head.status, body))
    }

    fn judge(&self, chain: &[Vec<u8>]) -> Result<(), Refusal> {
        let refuse = |why: String| Refusal::new(ReasonCode::ServerUntrusted, format!("{}: {why}", self.server));
        let chain: Result<Vec<_>, _> = chain.iter().map(|der| Certificate::from_der(der)).collect();
        let chain = chain.map_err(|error| refuse(error.to_string()))?;
        let (own, between) = chain.split_first().ok_or_else(|| refuse("it showed no certificate".to_owned()))?;
        let policy = Policy::new(clock(ClockTrust::Trusted, earliest()), Purpose::TlsServer);
        path::validate(own, between, self.anchors, &policy).map_err(|error| refuse(error.to_string()))?;
        server_name::verify(own, self.server.host()).map_err(|error| refuse(error.to_string()))
    }
}
