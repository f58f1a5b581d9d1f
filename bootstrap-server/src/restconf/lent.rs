//! A request's body that comes back when its handler did not read it to the end.
//!
//! Who answers before the body has arrived makes HTTP reset the stream, or close the connection, and some devices then
//! lose the answer with it (curl 7.88 over HTTP/2 does). What is on its way is taken before such an answer leaves.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Error,
    body::{Body, BodyDataStream, Bytes, HttpBody},
    extract::Request,
    http::{
        HeaderMap,
        header::{CONNECTION, CONTENT_LENGTH, EXPECT},
    },
    middleware::Next,
    response::Response,
};
use futures_util::{Stream, StreamExt};
use tokio::time::timeout;

use super::request::MAX_BODY;

/// How long an answer waits for octets that nobody reads.
const PATIENCE: Duration = Duration::from_secs(1);

/// Most octets that are taken unread.
const MOST: usize = 2 * MAX_BODY;

/// A body that is lent to a handler.
#[derive(Clone, Debug)]
pub(crate) struct Lent(Arc<Mutex<BodyDataStream>>);

impl Lent {
    pub(crate) fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(body.into_data_stream())))
    }

    /// The body, for the handler.
    pub(crate) fn to_body(&self) -> Body {
        Body::from_stream(self.clone())
    }

    /// Takes what is left of it, as far as it is little and comes soon.
    pub(crate) async fn drain(mut self) {
        let rest = async {
            let mut taken = 0_usize;
            while let Some(Ok(octets)) = self.next().await {
                taken = taken.saturating_add(octets.len());
                if taken > MOST {
                    break;
                }
            }
        };
        // Whether all of it came or not, the answer leaves now.
        let _drained = timeout(PATIENCE, rest).await;
    }
}

/// Whether what is left of a request's body is to be taken before this answer to it leaves: not when it is too much, when
/// its sender waits for leave to send it (RFC 9110 §10.1.1), or when the connection ends anyhow.
pub(crate) fn is_worth_draining(request: &HeaderMap, answer: &Response) -> bool {
    let announced = request.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    !answer.status().is_success()
        && !answer.headers().contains_key(CONNECTION)
        && !request.contains_key(EXPECT)
        && announced.is_none_or(|length| length <= MOST)
}

/// Runs a handler. What it did not read of the body is taken before the answer leaves.
pub(crate) async fn taken(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let (headers, body) = (parts.headers.clone(), Lent::new(body));
    let response = next.run(Request::from_parts(parts, body.to_body())).await;
    if is_worth_draining(&headers, &response) {
        body.drain().await;
    }
    response
}

impl Stream for Lent {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *body).poll_next(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_not_read_is_taken_up_to_a_limit() {
        for (size, left) in [(0, false), (1000, false), (MOST, false), (2 * MOST, true)] {
            let frames = (0..size / 500).map(|_| Ok::<_, Error>(Bytes::from_static(&[7; 500])));
            let mut lent = Lent::new(Body::from_stream(futures_util::stream::iter(frames)));
            // The handler looks at none of it.
            drop(lent.to_body());
            lent.clone().drain().await;
            assert_eq!(lent.next().await.is_some(), left, "{size}");
        }
    }
}
