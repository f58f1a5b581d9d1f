//! One receiver: a connection that is kept, and a POST at a time.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, StatusCode, body::Bytes, client::conn::http1, header};

use super::{Webhook, http::ConnectFailed, message::Message};

/// How long a receiver may take for one message, connection and answer included.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer that is read, in octets. Nothing in it matters.
const MAX_ANSWER: usize = 64 * 1024;

/// Posts to one receiver.
pub(super) struct Poster {
    webhook: Webhook,
    patience: Duration,
    sender: Option<http1::SendRequest<Full<Bytes>>>,
}

/// A message did not arrive, as far as we know.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostFailed {
    #[error(transparent)]
    Connect(#[from] ConnectFailed),
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
        Self { webhook, patience: PATIENCE, sender: None }
    }

    /// Sends one message. It has arrived when the receiver says so.
    pub(super) async fn post(&mut self, message: &Message) -> Result<(), PostFailed> {
        let kept = self.sender.take();
        let posted = tokio::time::timeout(self.patience, self.try_post(kept, message)).await;
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
            None => self.webhook.outbound.connect(&self.webhook.endpoint).await?,
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
}

#[cfg(test)]
mod tests {
    use std::{
        path::Path,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::outward::WebhookSection;

    fn message() -> Message {
        Message { body: b"{}".to_vec(), signature: "AA==".to_owned(), position: "0/1".to_owned() }
    }

    /// A receiver that reads the beginning of each request, says `answer`, and then `more` again and again. It counts
    /// connections.
    async fn receiver(answer: String, more: &'static [u8]) -> (Poster, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let connections = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::Relaxed);
                let answer = answer.clone();
                tokio::spawn(async move {
                    while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                        while !more.is_empty() && stream.write_all(more).await.is_ok() {}
                    }
                });
            }
        });
        let section = WebhookSection { name: "a".to_owned(), url, ca: None, events: None };
        (Poster::new(Webhook::load(&section, Path::new("/")).unwrap()), connections)
    }

    fn count(connections: &AtomicUsize) -> usize {
        connections.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn srv_18_a_receiver_that_sends_elsewhere_is_not_followed() {
        let (elsewhere, there) = receiver("HTTP/1.1 200 x\r\ncontent-length: 0\r\n\r\n".to_owned(), b"").await;
        let location = elsewhere.webhook.authority.clone();
        let answer = format!("HTTP/1.1 307 x\r\nlocation: http://{location}/\r\ncontent-length: 0\r\n\r\n");
        let (mut poster, _) = receiver(answer, b"").await;
        let refused = poster.post(&message()).await.unwrap_err();
        assert!(matches!(refused, PostFailed::Refused(StatusCode::TEMPORARY_REDIRECT)), "{refused}");
        assert_eq!(count(&there), 0);
    }

    #[tokio::test]
    async fn srv_18_an_answer_without_an_end_counts_and_loses_the_connection() {
        let head = "HTTP/1.1 200 x\r\ncontent-length: 99999999999\r\n\r\n".to_owned();
        let (mut poster, connections) = receiver(head, &[b'x'; 8192]).await;
        for sent in 1..=2 {
            poster.post(&message()).await.unwrap();
            assert_eq!(count(&connections), sent);
        }
        // A header without an end is no answer.
        let (mut poster, _) =
            receiver("HTTP/1.1 200 x\r\n".to_owned(), b"x-more: 0123456789012345678901234567\r\n").await;
        assert!(matches!(poster.post(&message()).await, Err(PostFailed::Http(_))));
    }

    #[tokio::test]
    async fn srv_18_a_connection_is_kept_for_the_next_message() {
        let (mut poster, connections) = receiver("HTTP/1.1 204 x\r\n\r\n".to_owned(), b"").await;
        for _ in 0..3 {
            poster.post(&message()).await.unwrap();
        }
        assert_eq!(count(&connections), 1);
    }

    #[tokio::test]
    async fn srv_18_a_receiver_that_says_nothing_is_not_waited_for_for_ever() {
        for answer in ["", "HTTP/1.1 200 x\r\n", "HTTP/1.1 100 x\r\n\r\n"] {
            let (mut poster, _) = receiver(answer.to_owned(), b"").await;
            poster.patience = Duration::from_millis(20);
            assert!(matches!(poster.post(&message()).await, Err(PostFailed::Silent)), "{answer}");
        }
    }
}
