//! Lists of many things: the list goes up while the answer comes down.

use std::{collections::VecDeque, io};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::{Method, body::Frame};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::{Client, ClientError, Intent, answer::Answer, call::Call};
use crate::{CoverageQuery, CoverageUpdate, DhcpLeaseUpdate, ImportUpdate, VoucherUpdate, paths};

/// How much of the list is read at a time, in octets.
const PIECE: usize = 64 * 1024;
/// Longest line of the answer, in octets.
const LONGEST_LINE: usize = 64 * 1024;

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportFormat {
    /// CSV with a header line.
    Csv,
    /// A JSON array of objects.
    Json,
    /// One JSON object a line.
    JsonLines,
    /// dnsmasq's file of leases.
    Dnsmasq,
}

impl ImportFormat {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Json => "application/json",
            Self::JsonLines => "application/x-ndjson",
            Self::Dnsmasq => "text/plain",
        }
    }
}

/// What becomes of devices that are on the server's list already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// They stay as they are; what their rows say otherwise is told.
    Leave,
    /// They are changed to what their rows say.
    Update,
}

/// One of the lines that a server says while it reads a list.
pub trait Update: DeserializeOwned {
    /// Whether it is the last.
    fn is_last(&self) -> bool;
}

impl Update for ImportUpdate {
    fn is_last(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

impl Update for VoucherUpdate {
    fn is_last(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

impl Update for DhcpLeaseUpdate {
    fn is_last(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

impl Update for CoverageUpdate {
    fn is_last(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

/// What the server says while it reads a list.
pub struct Updates<'a, T> {
    answer: Answer<'a>,
    path: &'static str,
    line: Vec<u8>,
    waiting: VecDeque<T>,
    done: bool,
}

impl Client {
    /// Registers the devices on `list`, of which nothing is held in memory.
    ///
    /// # Errors
    /// [`ClientError`] when the import cannot begin.
    pub async fn import_devices(
        &self,
        format: ImportFormat,
        list: impl AsyncRead + Send + Unpin + 'static,
        existing: Existing,
        intent: Intent,
    ) -> Result<Updates<'_, ImportUpdate>, ClientError> {
        let call = Call::change(Method::POST, paths::IMPORT.to_owned(), intent)?
            .query("update", (existing == Existing::Update).then(|| "true".to_owned()));
        self.streamed(call, paths::IMPORT, format, list).await
    }

    /// Has vouchers verified and stored: `list` is a [`BroughtVoucher`](crate::BroughtVoucher) a line, of which nothing is held
    /// in memory.
    ///
    /// # Errors
    /// [`ClientError`] when the import cannot begin.
    pub async fn import_vouchers(
        &self,
        list: impl AsyncRead + Send + Unpin + 'static,
        intent: Intent,
    ) -> Result<Updates<'_, VoucherUpdate>, ClientError> {
        let call = Call::change(Method::POST, paths::IMPORT_VOUCHERS.to_owned(), intent)?;
        self.streamed(call, paths::IMPORT_VOUCHERS, ImportFormat::JsonLines, list).await
    }

    /// Has the manufacturers of devices asked for vouchers: `list` is an object with `manufacturer` and `serial-number` a line.
    ///
    /// # Errors
    /// [`ClientError`] when the renewal cannot begin.
    pub async fn renew_vouchers(
        &self,
        list: impl AsyncRead + Send + Unpin + 'static,
        intent: Intent,
    ) -> Result<Updates<'_, VoucherUpdate>, ClientError> {
        let call = Call::change(Method::POST, paths::RENEW_VOUCHERS.to_owned(), intent)?;
        self.streamed(call, paths::RENEW_VOUCHERS, ImportFormat::JsonLines, list).await
    }

    /// Takes over the leases of another DHCP server: `file` is the file in which dnsmasq keeps them, `as_of` when it was written (RFC 3339;
    /// now, unless said).
    ///
    /// # Errors
    /// [`ClientError`] when the import cannot begin.
    pub async fn import_dhcp_leases(
        &self,
        file: impl AsyncRead + Send + Unpin + 'static,
        as_of: Option<String>,
        intent: Intent,
    ) -> Result<Updates<'_, DhcpLeaseUpdate>, ClientError> {
        let call = Call::change(Method::POST, paths::IMPORT_DHCP_LEASES.to_owned(), intent)?.query("as-of", as_of);
        self.streamed(call, paths::IMPORT_DHCP_LEASES, ImportFormat::Dnsmasq, file).await
    }

    /// Compares a delivery list with the vouchers in stock. Changes nothing.
    ///
    /// # Errors
    /// [`ClientError`] when the comparison cannot begin.
    pub async fn coverage(
        &self,
        format: ImportFormat,
        list: impl AsyncRead + Send + Unpin + 'static,
        wanted: &CoverageQuery,
    ) -> Result<Updates<'_, CoverageUpdate>, ClientError> {
        let call = Call::secret(paths::COVERAGE.to_owned(), Intent::Make)
            .query("until", wanted.until.clone())
            .query("manufacturer", wanted.manufacturer.clone());
        self.streamed(call, paths::COVERAGE, format, list).await
    }

    pub(super) async fn streamed<T: Update>(
        &self,
        call: Call,
        path: &'static str,
        format: ImportFormat,
        list: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<Updates<'_, T>, ClientError> {
        let body = StreamBody::new(pieces(list).map(|piece| piece.map(Frame::data))).boxed_unsync();
        let call = call.accept("application/x-ndjson").stream(format.media_type(), body);
        let answer = self.send(call).await?;
        Ok(Updates { answer, path, line: Vec::new(), waiting: VecDeque::new(), done: false })
    }
}

impl<T: Update> Updates<'_, T> {
    /// The next line of the answer; `None` after the last ([`Update::is_last`]).
    ///
    /// # Errors
    /// [`ClientError::CutShort`] when the answer ends without that line: what was counted until then is kept.
    pub async fn next(&mut self) -> Result<Option<T>, ClientError> {
        loop {
            if let Some(update) = self.waiting.pop_front() {
                self.done |= update.is_last();
                return Ok(Some(update));
            }
            let server = self.answer.client().server();
            match self.answer.piece().await? {
                Some(piece) => self.take(&piece)?,
                None if self.done => return Ok(None),
                None => return Err(ClientError::CutShort { server: server.clone() }),
            }
        }
    }

    fn take(&mut self, piece: &[u8]) -> Result<(), ClientError> {
        let server = self.answer.client().server();
        for part in piece.split_inclusive(|octet| *octet == b'\n') {
            if self.line.len().saturating_add(part.len()) > LONGEST_LINE {
                return Err(ClientError::TooLong { server: server.clone(), limit: LONGEST_LINE });
            }
            self.line.extend_from_slice(part);
            if !part.ends_with(b"\n") {
                continue;
            }
            let line = std::mem::take(&mut self.line);
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let update = serde_json::from_slice(&line).map_err(|source| ClientError::Unreadable {
                server: server.clone(),
                path: self.path.to_owned(),
                source,
            })?;
            self.waiting.push_back(update);
        }
        Ok(())
    }
}

impl<T> std::fmt::Debug for Updates<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Updates").field("done", &self.done).finish_non_exhaustive()
    }
}

/// A reader's octets as they come.
fn pieces(reader: impl AsyncRead + Send + Unpin) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::unfold(Some(reader), |reader| async {
        let mut reader = reader?;
        let mut piece = Vec::with_capacity(PIECE);
        match reader.read_buf(&mut piece).await {
            Ok(0) => None,
            Ok(_) => Some((Ok(piece.into()), Some(reader))),
            // The server sees a request that breaks off, and not one that is complete.
            Err(error) => Some((Err(error), None)),
        }
    })
}
