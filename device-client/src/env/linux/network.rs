//! The connection to a bootstrap server.

use std::{net::SocketAddr, sync::Arc};

use conveyed_info::rpc::{GET_BOOTSTRAPPING_DATA, HOST_META, REPORT_PROGRESS};
use pki::certificate::Certificate;
use rustls::{AlertDescription, ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};
use verdict::{ReasonCode, Refusal};

use super::stream::DeadlineStream;
use crate::{
    Server,
    config::Limits,
    http::{Connection, HttpError, MAX_BODY, Persistence, RequestHead},
    machine::{Answer, Api, Request},
};

/// An open connection, and what is needed to open it again.
#[derive(Debug)]
pub(crate) struct Link {
    server: Server,
    address: SocketAddr,
    connection: Connection<StreamOwned<ClientConnection, DeadlineStream>>,
    /// The certificate that was judged: a connection opened again must show the same one.
    judged: Vec<u8>,
}

impl Link {
    /// Opens a connection up to the end of the TLS handshake.
    pub(crate) fn open(
        server: &Server,
        address: SocketAddr,
        tls: &Arc<ClientConfig>,
        limits: &Limits,
    ) -> Result<(Self, Vec<Certificate>), Refusal> {
        let refuse = |detail: String| Refusal::new(ReasonCode::ServerUnreachable, format!("{address}: {detail}"));
        let Secured { stream, chain } = handshake(server.host(), address, tls, limits)?;
        let chain = chain.iter().map(|der| Certificate::from_der(der)).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| refuse(error.to_string()))?;
        let judged = chain.first().map(|it| it.der().to_vec()).unwrap_or_default();
        Ok((Self { server: server.clone(), address, connection: Connection::new(stream), judged }, chain))
    }

    /// Sends a request over the connection, which is opened again when the server closed it meanwhile.
    pub(super) fn send(
        &mut self,
        request: &Request,
        tls: &Arc<ClientConfig>,
        limits: &Limits,
    ) -> Result<Answer, Refusal> {
        let fresh = self.connection.persistence() == Persistence::Spent;
        if fresh {
            self.reopen(tls, limits)?;
        }
        let result = match self.exchange(request, limits) {
            // RFC 9112 §9.3.1: a kept connection may be closed at any time. Both operations may be repeated: the first
            // changes nothing, and a report that comes twice says nothing new.
            Err(error) if !fresh && error.is_end_of_kept_connection() => {
                self.reopen(tls, limits)?;
                self.exchange(request, limits)
            }
            result => result,
        };
        result.map_err(|error| {
            let reason = match &error {
                // RFC 8446 §4.4.2.4: with TLS 1.3 a server refuses the device's certificate after the handshake.
                HttpError::Io(error) if is_alert(error) => ReasonCode::ServerRefused,
                HttpError::Io(_) | HttpError::Closed => ReasonCode::ServerUnreachable,
                _ => ReasonCode::ServerAnswerInvalid,
            };
            Refusal::new(reason, format!("{}: {error}", self.address))
        })
    }

    fn reopen(&mut self, tls: &Arc<ClientConfig>, limits: &Limits) -> Result<(), Refusal> {
        let Secured { stream, chain } = handshake(self.server.host(), self.address, tls, limits)?;
        // CLI-43: what is sent over this connection was decided by judging another one's certificate.
        if chain.first().map(AsRef::as_ref) != Some(self.judged.as_slice()) {
            let detail = format!("{}: the server shows another certificate than before", self.address);
            return Err(Refusal::new(ReasonCode::ServerUntrusted, detail));
        }
        self.connection = Connection::new(stream);
        Ok(())
    }

    fn exchange(&mut self, request: &Request, limits: &Limits) -> Result<Answer, HttpError> {
        let operation = |api: &Api, operation, body| {
            let fields = operation_fields(api);
            ("POST", format!("{}/{operation}", api.root), fields, Some(body))
        };
        let (method, target, mut fields, body) = match request {
            Request::HostMeta => {
                ("GET", HOST_META.to_owned(), vec![("Accept", "application/xrd+xml".to_owned())], None)
            }
            Request::BootstrappingData { api, input } => {
                operation(api, GET_BOOTSTRAPPING_DATA, input.encode(api.encoding))
            }
            Request::Progress { api, report } => operation(api, REPORT_PROGRESS, report.encode(api.encoding)),
        };
        fields.push(("User-Agent", USER_AGENT.to_owned()));
        let host = self.server.to_string();
        self.connection.stream_mut().sock.allow(limits.exchange);
        let head = RequestHead { method, target: &target, host: &host, fields: &fields };
        let (head, body) = self.connection.exchange(&head, body.as_deref(), MAX_BODY)?;
        Ok(Answer { status: head.status, media_type: head.media_type, retry_after: head.retry_after, body })
    }
}

/// RFC 8040 §5.2 (CLI-26): exactly one media type, and no parameters, which some servers do not read.
fn operation_fields(api: &Api) -> Vec<(&'static str, String)> {
    let mut fields = vec![("Accept", api.media_type().to_owned()), ("Content-Type", api.media_type().to_owned())];
    // RFC 8572 §5.3 (DEV-04): the machine hands credentials out for authenticated servers alone (CLI-13).
    if let Some(credentials) = &api.credentials {
        fields.push(("Authorization", credentials.authorization()));
    }
    fields
}

/// Whether the peer ended the connection with a TLS alert: it is there, and will not have this device.
fn is_alert(error: &std::io::Error) -> bool {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(tls, Some(rustls::Error::AlertReceived(_)))
}

/// RFC 7301 §3.2: the server speaks nothing that it was offered, such as one that insists on HTTP/2.
fn wants_other_protocol(error: &std::io::Error) -> bool {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(tls, Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)))
}

/// What this agent calls itself.
pub(super) const USER_AGENT: &str = concat!("sztp-device/", env!("CARGO_PKG_VERSION"));

/// A TLS connection with nothing sent over it yet.
pub(super) struct Secured {
    pub(super) stream: StreamOwned<ClientConnection, DeadlineStream>,
    /// The chain that the server showed, DER, not judged.
    pub(super) chain: Vec<Vec<u8>>,
}

/// TCP and TLS, within the limit for connecting.
pub(super) fn handshake(
    host: &str,
    address: SocketAddr,
    tls: &Arc<ClientConfig>,
    limits: &Limits,
) -> Result<Secured, Refusal> {
    let refuse = |detail: String| Refusal::new(ReasonCode::ServerUnreachable, format!("{address}: {detail}"));
    let name = ServerName::try_from(host.to_owned()).map_err(|_| refuse(format!("{host} is no host name")))?;
    let mut socket = DeadlineStream::connect(address, limits.connect).map_err(|error| refuse(error.to_string()))?;
    let mut session = ClientConnection::new(Arc::clone(tls), name).map_err(|error| refuse(error.to_string()))?;
    while session.is_handshaking() {
        session.complete_io(&mut socket).map_err(|error| {
            let is_tls = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
            let reason = match (is_alert(&error), is_tls) {
                (true, _) => ReasonCode::ServerRefused,
                (false, true) => ReasonCode::HandshakeFailed,
                (false, false) => ReasonCode::ServerUnreachable,
            };
            let why = if wants_other_protocol(&error) {
                "the server does not speak HTTP/1.1".to_owned()
            } else {
                error.to_string()
            };
            Refusal::new(reason, format!("{address}: TLS: {why}"))
        })?;
    }
    let chain = session.peer_certificates().unwrap_or_default().iter().map(|it| it.as_ref().to_vec()).collect();
    Ok(Secured { stream: StreamOwned::new(session, socket), chain })
}
