//! A connection's octets and answers, with an eye on them.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes},
    http::{Response, header::CONTENT_LENGTH},
};
use hyper::body::{Body as _, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{
    admission::{Activity, Ended, Judgement, Limits, RequestEnd},
    metrics::{Metrics, Operation},
};

/// The account of one connection, shared by its parts.
#[derive(Clone, Debug)]
pub(super) struct Account(Arc<Mutex<Activity>>);

impl Account {
    pub(super) fn open(now: Instant) -> Self {
        Self(Arc::new(Mutex::new(Activity::new(now))))
    }

    /// Waits until this side must end the connection. Gives why, and the time in which what is under way may finish.
    pub(super) async fn overstayed(&self, limits: &Limits) -> (Ended, Duration) {
        loop {
            let judgement = self.activity().judge(Instant::now(), limits);
            match judgement {
                Judgement::Wait(until) => tokio::time::sleep_until(until.into()).await,
                Judgement::Finish(why, grace) => return (why, grace),
                Judgement::Cut(why) => return (why, Duration::ZERO),
            }
        }
    }

    /// As [`Account::overstayed`] for a connection that is finishing: only what stands still is cut before its time.
    pub(super) async fn stalled(&self, limits: &Limits) -> Ended {
        loop {
            let judgement = self.activity().judge(Instant::now(), limits);
            match judgement {
                Judgement::Wait(until) => tokio::time::sleep_until(until.into()).await,
                Judgement::Finish(..) => tokio::time::sleep(limits.header.min(limits.stall)).await,
                Judgement::Cut(why) => return why,
            }
        }
    }

    /// A request has come. It is under way until what is given back, or the answer that it becomes part of, is dropped.
    pub(super) fn request(&self, metrics: &Metrics) -> UnderWay {
        self.activity().requested();
        UnderWay { account: self.clone(), metrics: metrics.clone(), stage: Stage::Asked }
    }

    fn activity(&self) -> MutexGuard<'_, Activity> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that has not ended.
#[derive(Debug)]
pub(super) struct UnderWay {
    account: Account,
    metrics: Metrics,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Asked,
    Answering,
    Answered,
}

impl UnderWay {
    /// Watches the answer, too.
    pub(super) fn answer(mut self, response: Response<Body>) -> Response<Answer> {
        self.account.activity().answering(Instant::now());
        self.stage = Stage::Answering;
        let length = response.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let operation = response.extensions().get().copied().unwrap_or(Operation::Other);
        let is_image = operation == Operation::Image && response.status().is_success();
        response.map(|body| Answer { body, under_way: self, left: length, is_image })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let how = match self.stage {
            Stage::Asked => RequestEnd::Abandoned,
            Stage::Answering => RequestEnd::AbandonedWhileAnswering,
            Stage::Answered => RequestEnd::Answered,
        };
        self.account.activity().ended(Instant::now(), how);
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    body: Body,
    under_way: UnderWay,
    /// Octets that were announced and not taken yet; `None` when nothing was announced.
    left: Option<usize>,
    is_image: bool,
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                let octets = frame.data_ref().map_or(0, Bytes::len);
                self.left = self.left.map(|left| left.saturating_sub(octets));
                self.under_way.account.activity().took(octets);
                if self.is_image {
                    self.under_way.metrics.image_octets(octets);
                }
            }
            Some(Err(_)) => {}
            None => self.left = Some(0),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // HTTP/1.1 stops asking once what was announced has left, and never begins where there is nothing.
        if self.left == Some(0) || self.body.is_end_stream() {
            self.under_way.stage = Stage::Answered;
            if self.is_image {
                self.under_way.metrics.image_sent();
            }
        }
    }
}

/// A stream that keeps the account.
#[derive(Debug)]
pub(super) struct Watched<S> {
    pub(super) stream: S,
    pub(super) account: Account,
}

impl<S: Unpin> Watched<S> {
    fn wrote<T>(&self, result: Poll<io::Result<T>>, octets: impl Fn(&T) -> usize) -> Poll<io::Result<T>> {
        match &result {
            Poll::Ready(Ok(done)) => self.account.activity().sent(octets(done)),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.account.activity().blocked(Instant::now()),
        }
        result
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let octets = buffer.filled().len().saturating_sub(before);
        let received = self.account.activity().received(octets);
        Poll::Ready(received.map_err(|why| io::Error::other(TooMuch(why))))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, octets);
        self.wrote(result, |octets| *octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context);
        self.wrote(result, |()| 0)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(context);
        self.wrote(result, |()| 0)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wrote(result, |octets| *octets)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// The peer has sent more than any request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the peer sends what is no request")]
pub(super) struct TooMuch(pub(super) Ended);
