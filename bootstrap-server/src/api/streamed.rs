//! Requests that are answered while they are still being sent: lines of JSON for lines of a file.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, BodyDataStream, Bytes},
    http::{HeaderValue, header},
    response::Response,
};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::import::{Importer, Record};

/// Lines of the answer that may wait for whoever reads it. While they do, nothing more is read.
const LINES: usize = 64;
/// How long the answer may not be read, before the work ends where it is.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where lines of the answer are said.
#[derive(Clone, Debug)]
pub(super) struct Lines(mpsc::Sender<Bytes>);

/// Nobody reads the answer any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unread;

impl Lines {
    /// An answer, and where its lines are said.
    pub(super) fn answer() -> (Self, Response) {
        let (lines, taken) = mpsc::channel(LINES);
        let lines_out = stream::unfold(taken, |mut taken: mpsc::Receiver<Bytes>| async move {
            let line = taken.recv().await?;
            Some((Ok::<_, Infallible>(line), taken))
        });
        let mut response = Response::new(Body::from_stream(lines_out));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        (Self(lines), response)
    }

    /// Says a line.
    pub(super) async fn say(&self, update: &impl Serialize) -> Result<(), Unread> {
        let mut line = super::answer::written(update);
        line.push(b'\n');
        match tokio::time::timeout(PATIENCE, self.0.send(Bytes::from(line))).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Unread),
        }
    }
}

/// A file as it comes.
pub(super) struct Rows<R: Record> {
    importer: Option<Importer<R>>,
    body: BodyDataStream,
    deadline: Duration,
}

/// What comes next of a file.
pub(super) enum Piece<R: Record> {
    /// Rows, and what cannot be one.
    Rows(Vec<Result<R::Row, crate::import::Fault>>),
    /// The file did not come to its end, for this reason.
    Cut(&'static str),
    /// It has.
    End,
}

impl<R: Record> Rows<R> {
    pub(super) fn new(importer: Importer<R>, body: Body, deadline: Duration) -> Self {
        Self { importer: Some(importer), body: body.into_data_stream(), deadline }
    }

    /// The next piece. The deadline is for each: a long file takes as long as it takes, and one that stops coming ends.
    pub(super) async fn next(&mut self) -> Piece<R> {
        let Some(importer) = &mut self.importer else { return Piece::End };
        match tokio::time::timeout(self.deadline, self.body.next()).await {
            Ok(Some(Ok(octets))) => Piece::Rows(importer.feed(&octets)),
            Ok(None) => Piece::Rows(self.importer.take().map(Importer::finish).unwrap_or_default()),
            Ok(Some(Err(_))) => self.cut("the connection was cut in the middle of the file"),
            Err(_) => self.cut("the rest of the file did not come in time"),
        }
    }

    fn cut(&mut self, why: &'static str) -> Piece<R> {
        self.importer = None;
        Piece::Cut(why)
    }
}
