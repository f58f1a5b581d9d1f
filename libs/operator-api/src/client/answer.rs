//! The answer to one request.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{Response, body::Incoming, header::CONTENT_TYPE};
use serde::de::DeserializeOwned;

use super::{Client, ClientError, Intent, connection::Sender};
use crate::Problem;

/// Longest answer that is taken as a whole, in octets.
const LIMIT: usize = 32 * 1024 * 1024;

/// An answer whose head has come.
pub(super) struct Answer<'a> {
    client: &'a Client,
    path: String,
    response: Response<Incoming>,
    /// The connection, where it is this answer's until its end.
    sender: Option<Sender>,
}

impl<'a> Answer<'a> {
    pub(super) const fn new(client: &'a Client, path: String, response: Response<Incoming>) -> Self {
        Self { client, path, response, sender: None }
    }

    pub(super) fn hold(&mut self, sender: Sender) {
        self.sender = Some(sender);
    }

    /// Gives back a good answer, or reads what the server has against the request.
    pub(super) async fn judge(self) -> Result<Self, ClientError> {
        let status = self.response.status();
        if status.is_success() {
            return Ok(self);
        }
        let unexpected = ClientError::Unexpected {
            server: self.client.server().clone(),
            status: status.as_u16(),
            path: self.path.clone(),
        };
        let media_type = self.response.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
        if !media_type.starts_with(Problem::MEDIA_TYPE) {
            return Err(unexpected);
        }
        let octets = self.whole().await?;
        Err(serde_json::from_slice(&octets).map_or(unexpected, |problem| ClientError::Problem(Box::new(problem))))
    }

    /// What the server answers with.
    pub(super) async fn json<T: DeserializeOwned>(self) -> Result<T, ClientError> {
        let (server, path) = (self.client.server().clone(), self.path.clone());
        let octets = self.whole().await?;
        serde_json::from_slice(&octets).map_err(|source| ClientError::Unreadable { server, path, source })
    }

    /// Whatever it is.
    pub(super) async fn whole(mut self) -> Result<Bytes, ClientError> {
        let mut octets = Vec::new();
        while let Some(piece) = self.piece().await? {
            if octets.len().saturating_add(piece.len()) > LIMIT {
                return Err(ClientError::TooLong { server: self.client.server().clone(), limit: LIMIT });
            }
            octets.extend_from_slice(&piece);
        }
        // Only now is the connection free for the next request.
        if let Some(sender) = self.sender {
            self.client.give_back(sender);
        }
        Ok(octets.into())
    }

    /// The next piece, as it comes; `None` at the end.
    pub(super) async fn piece(&mut self) -> Result<Option<Bytes>, ClientError> {
        let server = self.client.server();
        let idle = self.client.timeouts.idle;
        loop {
            let frame = tokio::time::timeout(idle, self.response.body_mut().frame()).await;
            let frame = frame.map_err(|_| ClientError::Silent { server: server.clone(), after: idle })?;
            match frame {
                None => return Ok(None),
                Some(Err(source)) => return Err(ClientError::Connection { server: server.clone(), source }),
                // Trailers say nothing here.
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data() {
                        return Ok(Some(piece));
                    }
                }
            }
        }
    }

    /// The server it comes from.
    pub(super) const fn client(&self) -> &'a Client {
        self.client
    }

    /// What was made; nothing after a rehearsal, whatever the server says then.
    pub(super) async fn changed<T: DeserializeOwned>(self, intent: Intent) -> Result<Option<T>, ClientError> {
        match intent {
            Intent::Make => self.json().await.map(Some),
            Intent::Rehearse => self.whole().await.map(|_| None),
        }
    }
}
