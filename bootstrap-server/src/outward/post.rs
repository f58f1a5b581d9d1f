//! One receiver: a connection that is kept, and a POST at a time.

use std::{io, time::Duration};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, StatusCode, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Webhook, message::Message};

/// How long a receiver may take for one message, connection and answer included.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer that is read, in octets. Nothing in it matters.
const MAX_ANSWER: usize = 64 * 1024;

/// Posts to one receiver.
pub(super) struct Poster {
    webhook: Webhook,
    sender: Option<http1::SendRequest<Full<Bytes>>>,
}

/// A message did not arrive, as far as we know.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostFailed {
    #[error("cannot be reached: {0}")]
    Unreachable(#[from] io::Error),
    #[error("the connection failed: {0}")]
    Http(#[from] hyper::Error),
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Silent,
    #[error("answered {0}, where anything of 200 to 299 says that it has the message")]
    Refused(StatusCode),
    #[error("the message cannot be sent: {0}")]
    Request(#[from] hyper::http::Error),
}

impl Poster {
    pub(super) const fn new(webhook: Webhook) -> Self {
        Self { webhook, sender: None }
    }

    /// Sends one message. It has arrived when the receiver says so.
    pub(super) async fn post(&mut self, message: &Message) -> Result<(), PostFailed> {
        let kept = self.sender.take();
        let posted = tokio::time::timeout(PATIENCE, self.try_post(kept, message)).await;
        self.sender = posted.map_err(|_| PostFailed::Silent)??;
        Ok(())
    }

    async fn try_post(
        &self,
        kept: Option<http1::SendRequest<Full<Bytes>>>,
        message: &Message,
    ) -> Result<Option<http1::SendRequest<Full<Bytes>>>, PostFailed> {
        let mut sender = match kept.filter(|sender| !sender.is_closed()) {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let request = Request::post(self.webhook.target.as_str())
            .header(header::HOST, &self.webhook.authority)
            .header(header::CONTENT_TYPE, "application/json")
            .header("sztp-signature", &message.signature)
            .header("sztp-position", &message.position)
            .body(Full::new(Bytes::from(message.body.clone())))?;
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        // Who answers at length loses the connection, and the answer still counts.
        let whole = Limited::new(response.into_body(), MAX_ANSWER).collect().await.is_ok();
        if status.is_success() { Ok(whole.then_some(sender)) } else { Err(PostFailed::Refused(status)) }
    }

    async fn connect(&self) -> Result<http1::SendRequest<Full<Bytes>>, PostFailed> {
        let stream = TcpStream::connect((self.webhook.host.as_str(), self.webhook.port)).await?;
        stream.set_nodelay(true)?;
        // What goes wrong on a connection shows at its requests; it ends when its sender does.
        match &self.webhook.tls {
            Some((name, config)) => {
                let stream = TlsConnector::from(config.clone()).connect(name.clone(), stream).await?;
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
