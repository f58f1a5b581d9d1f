//! The client: typed calls to one server's operator API, over HTTPS with a certificate authority of one's own and a token.
//!
//! There is no way to accept any server: what it is trusted by is a file, and errors name that file. Every change takes an
//! [`Intent`], so that it can be rehearsed; a change that is sent twice because a connection broke is made once.

mod answer;
mod call;
mod connection;
mod devices;
mod download;
mod error;
mod events;
mod factory;
mod import;
mod operators;
mod site;
mod sse;
mod url;

pub use devices::DeviceKey;
pub use download::Download;
pub use error::ClientError;
pub use events::{EventStream, Heard};
pub use import::{Existing, ImportFormat, Update, Updates};
pub use url::{ServerUrl, ServerUrlInvalid};

use std::{fmt, path::Path, sync::Mutex, time::Duration};

use answer::Answer;
use call::Call;
use connection::{Connector, Sender};

/// Whether a change is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// It is.
    Make,
    /// The server judges it and leaves everything as it is.
    Rehearse,
}

/// How long to wait for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For TCP and TLS together.
    pub connect: Duration,
    /// For the head of an answer, from the moment the request is sent.
    pub answer: Duration,
    /// Between two pieces of an answer. Streams send something at least every 30 seconds.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(10), answer: seconds(30), idle: seconds(90) }
    }
}

/// A client of one server.
pub struct Client {
    connector: Connector,
    authorization: Authorization,
    timeouts: Timeouts,
    /// A connection that is free for the next request.
    kept: Mutex<Option<Sender>>,
}

impl Client {
    /// A client of `server`, which must have a certificate that one in the PEM file `ca` issued; it proves who it is by the
    /// token in `token_file`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError`] names the file that cannot be used.
    pub fn new(server: ServerUrl, ca: &Path, token_file: &Path, timeouts: Timeouts) -> Result<Self, ClientError> {
        let authorization = Authorization::from_file(token_file)?;
        Ok(Self { connector: Connector::new(server, ca)?, authorization, timeouts, kept: Mutex::default() })
    }

    /// The server it talks to.
    #[must_use]
    pub const fn server(&self) -> &ServerUrl {
        self.connector.server()
    }

    /// Sends a request and waits for the head of the answer, which is the one expected or an error.
    async fn send(&self, call: Call) -> Result<Answer<'_>, ClientError> {
        let kept = self.kept.lock().map(|mut kept| kept.take()).unwrap_or_default();
        if let Some(mut sender) = kept {
            match self.try_send(&mut sender, &call).await {
                // The server closed the connection while nobody used it: nothing is lost by asking once more, unless the
                // request may have been carried out and cannot be recognised when it comes again.
                Err(ClientError::Connection { source, .. }) if call.may_be_repeated() || source.is_canceled() => {}
                answered => return self.keep(answered?, sender).judge().await,
            }
        }
        let mut sender = self.connector.connect(self.timeouts.connect).await?;
        let answer = self.try_send(&mut sender, &call).await?;
        self.keep(answer, sender).judge().await
    }

    async fn try_send(&self, sender: &mut Sender, call: &Call) -> Result<Answer<'_>, ClientError> {
        let server = self.server();
        let request = call.request(server, &self.authorization.0)?;
        let sent = tokio::time::timeout(self.timeouts.answer, sender.send(request)).await;
        let response = sent
            .map_err(|_| ClientError::Silent { server: server.clone(), after: self.timeouts.answer })?
            .map_err(|source| ClientError::Connection { server: server.clone(), source })?;
        Ok(Answer::new(self, call.path.clone(), response))
    }

    /// Hands the connection to the answer, or back at once where requests may share one.
    fn keep<'a>(&'a self, mut answer: Answer<'a>, sender: Sender) -> Answer<'a> {
        match sender.share() {
            Some(shared) => self.give_back(shared),
            None => answer.hold(sender),
        }
        answer
    }

    /// Takes back a connection that is free again.
    fn give_back(&self, sender: Sender) {
        if let Ok(mut kept) = self.kept.lock() {
            *kept = Some(sender);
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("server", self.server()).finish_non_exhaustive()
    }
}

/// The header that says who is asking.
struct Authorization(hyper::header::HeaderValue);

impl Authorization {
    fn from_file(path: &Path) -> Result<Self, ClientError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ClientError::TokenFile { path: path.to_owned(), source })?;
        let token = text.trim();
        let header = hyper::header::HeaderValue::try_from(format!("Bearer {token}"));
        match header {
            Ok(mut header) if !token.is_empty() && !token.contains(char::is_whitespace) => {
                header.set_sensitive(true);
                Ok(Self(header))
            }
            _ => Err(ClientError::NoToken { path: path.to_owned() }),
        }
    }
}
