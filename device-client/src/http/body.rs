//! An answer's body, read piece by piece.

use std::io::Read;

use super::{Framing, HttpError, MAX_HEAD};

/// Longest line that announces a chunk, extensions included.
const MAX_CHUNK_LINE: usize = 1024;

/// Octets that were read from a connection and not used yet.
#[derive(Debug, Default)]
pub(super) struct Buffered {
    pub(super) bytes: Vec<u8>,
}

/// What an attempt to read more came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filled {
    /// There are more octets.
    More,
    /// The peer closed, and said so.
    Closed,
    /// The connection ended without the announcement that TLS demands: anybody on the way may have cut it.
    Cut,
}

impl Buffered {
    /// Reads more.
    pub(super) fn fill(&mut self, stream: &mut impl Read) -> Result<Filled, HttpError> {
        let mut piece = [0; 16 * 1024];
        loop {
            match stream.read(&mut piece) {
                Ok(0) => return Ok(Filled::Closed),
                Ok(length) => {
                    self.bytes.extend_from_slice(piece.get(..length).unwrap_or_default());
                    return Ok(Filled::More);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(Filled::Cut),
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(super) fn take(&mut self, length: usize) -> Vec<u8> {
        let length = length.min(self.bytes.len());
        let rest = self.bytes.split_off(length);
        std::mem::replace(&mut self.bytes, rest)
    }

    /// The next line, without its end.
    fn line(&mut self, stream: &mut impl Read, limit: usize) -> Result<Vec<u8>, HttpError> {
        loop {
            if let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
                if end > limit {
                    return Err(HttpError::HeadTooLarge);
                }
                let mut line = self.take(end.saturating_add(1));
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
            if self.bytes.len() > limit {
                return Err(HttpError::HeadTooLarge);
            }
            if self.fill(stream)? != Filled::More {
                return Err(HttpError::Truncated);
            }
        }
    }
}

/// How much of a body is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Octets(u64),
    ChunkStart,
    Chunk(u64),
    UntilClose,
    Nothing,
}

/// The body of one answer.
#[derive(Debug)]
pub struct Body<'a, S> {
    stream: &'a mut S,
    buffered: &'a mut Buffered,
    left: Left,
}

impl<'a, S: Read> Body<'a, S> {
    pub(super) fn new(stream: &'a mut S, buffered: &'a mut Buffered, framing: Framing) -> Self {
        let left = match framing {
            Framing::Length(0) => Left::Nothing,
            Framing::Length(length) => Left::Octets(length),
            Framing::Chunked => Left::ChunkStart,
            Framing::UntilClose => Left::UntilClose,
        };
        Self { stream, buffered, left }
    }

    /// The next piece, never empty; `None` when the body is complete.
    ///
    /// # Errors
    /// [`HttpError::Truncated`] when the connection ends first, [`HttpError::Malformed`] for chunks that are none.
    pub fn piece(&mut self) -> Result<Option<Vec<u8>>, HttpError> {
        loop {
            match self.left {
                Left::Nothing => return Ok(None),
                Left::ChunkStart => self.begin_chunk()?,
                Left::UntilClose => {
                    if self.buffered.bytes.is_empty() {
                        match self.buffered.fill(self.stream)? {
                            Filled::More => {}
                            Filled::Closed => {
                                self.left = Left::Nothing;
                                return Ok(None);
                            }
                            // RFC 9112 §9.8: only the closure alert tells that this body is whole.
                            Filled::Cut => return Err(HttpError::Truncated),
                        }
                    }
                    return Ok(Some(std::mem::take(&mut self.buffered.bytes)));
                }
                Left::Octets(length) => {
                    let piece = self.some_of(length)?;
                    let left = length.saturating_sub(u64::try_from(piece.len()).unwrap_or(u64::MAX));
                    self.left = if left == 0 { Left::Nothing } else { Left::Octets(left) };
                    return Ok(Some(piece));
                }
                Left::Chunk(length) => {
                    let piece = self.some_of(length)?;
                    let left = length.saturating_sub(u64::try_from(piece.len()).unwrap_or(u64::MAX));
                    if left == 0 {
                        // RFC 9112 §7.1: each chunk ends with an empty line end.
                        if !self.buffered.line(self.stream, MAX_CHUNK_LINE)?.is_empty() {
                            return Err(HttpError::Malformed);
                        }
                        self.left = Left::ChunkStart;
                    } else {
                        self.left = Left::Chunk(left);
                    }
                    return Ok(Some(piece));
                }
            }
        }
    }

    /// The whole body.
    ///
    /// # Errors
    /// As [`Body::piece`], and [`HttpError::BodyTooLarge`] when it exceeds `limit` octets.
    pub fn collect(&mut self, limit: u64) -> Result<Vec<u8>, HttpError> {
        if matches!(self.left, Left::Octets(length) if length > limit) {
            return Err(HttpError::BodyTooLarge { limit });
        }
        let mut whole = Vec::new();
        while let Some(piece) = self.piece()? {
            whole.extend(piece);
            if u64::try_from(whole.len()).unwrap_or(u64::MAX) > limit {
                return Err(HttpError::BodyTooLarge { limit });
            }
        }
        Ok(whole)
    }

    fn some_of(&mut self, length: u64) -> Result<Vec<u8>, HttpError> {
        if self.buffered.bytes.is_empty() && self.buffered.fill(self.stream)? != Filled::More {
            return Err(HttpError::Truncated);
        }
        Ok(self.buffered.take(usize::try_from(length).unwrap_or(usize::MAX)))
    }

    fn begin_chunk(&mut self) -> Result<(), HttpError> {
        let line = self.buffered.line(self.stream, MAX_CHUNK_LINE)?;
        let text = std::str::from_utf8(&line).map_err(|_| HttpError::Malformed)?;
        let digits = text.split(';').next().unwrap_or_default().trim();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(HttpError::Malformed);
        }
        let length = u64::from_str_radix(digits, 16).map_err(|_| HttpError::Malformed)?;
        if length > 0 {
            self.left = Left::Chunk(length);
            return Ok(());
        }
        let mut trailers = 0_usize;
        loop {
            let line = self.buffered.line(self.stream, MAX_CHUNK_LINE)?;
            if line.is_empty() {
                break;
            }
            trailers = trailers.saturating_add(line.len());
            if trailers > MAX_HEAD {
                return Err(HttpError::HeadTooLarge);
            }
        }
        self.left = Left::Nothing;
        Ok(())
    }
}
