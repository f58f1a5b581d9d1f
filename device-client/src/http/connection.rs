//! One connection, over which one exchange follows the other.

use std::io::{Read, Write};

use super::{
    Body, Head, HttpError, RequestHead,
    body::{Buffered, Filled},
};

/// Most interim answers (status 1xx) before the real one.
const MAX_INTERIM: usize = 8;

/// Whether a connection can carry another exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// It can.
    Open,
    /// The server closes it, or an exchange went wrong.
    Spent,
}

/// A connection to a server.
#[derive(Debug)]
pub struct Connection<S> {
    stream: S,
    buffered: Buffered,
    persistence: Persistence,
}

impl<S: Read + Write> Connection<S> {
    /// A connection on which nothing was sent yet.
    pub fn new(stream: S) -> Self {
        Self { stream, buffered: Buffered::default(), persistence: Persistence::Open }
    }

    /// Whether another exchange may follow.
    #[must_use]
    pub const fn persistence(&self) -> Persistence {
        // RFC 9112 §9.2: octets beyond an answer belong to no request, least of all to the next one.
        if self.buffered.bytes.is_empty() { self.persistence } else { Persistence::Spent }
    }

    /// The stream below.
    pub const fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Sends a request, unless the connection is [`Persistence::Spent`], and reads the header of its answer; the body is the caller's to read, to its end, before the
    /// next request.
    ///
    /// # Errors
    /// [`HttpError`]; the connection is spent then.
    pub fn begin(&mut self, head: &RequestHead<'_>, body: Option<&[u8]>) -> Result<(Head, Body<'_, S>), HttpError> {
        let spent = self.persistence() == Persistence::Spent;
        // Open again only when everything below went well.
        self.persistence = Persistence::Spent;
        if spent {
            return Err(HttpError::Spent);
        }
        self.stream.write_all(&head.encode(body))?;
        self.stream.flush()?;
        let answer = self.read_head()?;
        if !answer.closes {
            self.persistence = Persistence::Open;
        }
        let body = Body::new(&mut self.stream, &mut self.buffered, answer.framing);
        Ok((answer, body))
    }

    /// A whole exchange, with the answer's body in memory.
    ///
    /// # Errors
    /// [`HttpError`]; the connection is spent then.
    pub fn exchange(
        &mut self,
        head: &RequestHead<'_>,
        body: Option<&[u8]>,
        limit: u64,
    ) -> Result<(Head, Vec<u8>), HttpError> {
        let (answer, mut reader) = self.begin(head, body)?;
        if let Some(coding) = answer.content_encoding {
            self.persistence = Persistence::Spent;
            return Err(HttpError::Encoded { coding });
        }
        match reader.collect(limit) {
            Ok(whole) => Ok((answer, whole)),
            Err(error) => {
                self.persistence = Persistence::Spent;
                Err(error)
            }
        }
    }

    fn read_head(&mut self) -> Result<Head, HttpError> {
        let mut interim = 0;
        loop {
            while let Some((head, length)) = Head::parse(&self.buffered.bytes)? {
                self.buffered.take(length);
                // RFC 9110 §15.2: interim answers may come before the real one; switching protocols was not asked for.
                if !(100..200).contains(&head.status) {
                    return Ok(head);
                }
                interim += 1;
                if head.status == 101 || interim > MAX_INTERIM {
                    return Err(HttpError::Malformed);
                }
            }
            let nothing_yet = self.buffered.bytes.is_empty();
            if self.buffered.fill(&mut self.stream)? != Filled::More {
                return Err(if nothing_yet { HttpError::Closed } else { HttpError::Truncated });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use proptest::prelude::*;

    use super::*;

    /// Plays a server's octets in pieces of a given size and swallows what is sent.
    struct Script {
        bytes: Vec<u8>,
        piece: usize,
    }

    impl Read for Script {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let length = self.piece.min(self.bytes.len()).min(into.len());
            into[..length].copy_from_slice(&self.bytes[..length]);
            self.bytes.drain(..length);
            Ok(length)
        }
    }

    impl Write for Script {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const GET: RequestHead<'static> = RequestHead { method: "GET", target: "/", host: "h", fields: &[] };

    fn answer(bytes: &[u8], piece: usize, limit: u64) -> Result<Vec<u8>, HttpError> {
        let mut connection = Connection::new(Script { bytes: bytes.to_vec(), piece });
        connection.exchange(&GET, None, limit).map(|(_, body)| body)
    }

    #[test]
    fn bodies_come_whole_however_they_are_cut() {
        let chunked = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
            4;ext=1\r\nabcd\r\n2\r\nef\r\n0\r\nTrailer: x\r\n\r\n";
        for piece in [1, 2, 3, 7, 1000] {
            assert_eq!(answer(chunked, piece, 6).unwrap(), b"abcdef", "{piece}");
            assert_eq!(answer(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", piece, 3).unwrap(), b"abc");
            assert_eq!(answer(b"HTTP/1.1 200 OK\r\n\r\nabc", piece, 3).unwrap(), b"abc");
        }
    }

    #[test]
    fn cli_28_a_body_beyond_the_limit_is_refused_before_it_is_read() {
        let announced = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n";
        assert!(matches!(answer(announced, 100, 1024), Err(HttpError::BodyTooLarge { limit: 1024 })));
        let mut chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for _ in 0..100 {
            chunked.extend_from_slice(b"10\r\n0123456789abcdef\r\n");
        }
        assert!(matches!(answer(&chunked, 100, 1024), Err(HttpError::BodyTooLarge { .. })));
    }

    #[test]
    fn cli_28_an_answer_that_would_have_to_be_unpacked_is_refused() {
        let encoded = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc";
        assert!(matches!(answer(encoded, 100, 10), Err(HttpError::Encoded { coding }) if coding == "gzip"));
        let plain = b"HTTP/1.1 200 OK\r\nContent-Encoding: Identity\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(answer(plain, 100, 10).unwrap(), b"abc");
    }

    #[test]
    fn what_is_cut_off_is_no_answer() {
        assert!(matches!(answer(b"", 10, 10), Err(HttpError::Closed)));
        for cut in [
            &b"HTTP/1.1 200 OK\r\nContent-Le"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        ] {
            assert!(matches!(answer(cut, 10, 10), Err(HttpError::Truncated)), "{}", cut.escape_ascii());
        }
    }

    #[test]
    fn chunks_that_are_none_are_refused() {
        for chunk in ["\r\n", "x\r\n", "-1\r\n", "ffffffffffffffffff\r\n", "2\r\nabX\r\n0\r\n\r\n"] {
            let bytes = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
            assert!(matches!(answer(bytes.as_bytes(), 100, 100), Err(HttpError::Malformed)), "{chunk:?}");
        }
    }

    #[test]
    fn surplus_octets_do_not_answer_the_next_request() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 204 No Content\r\n\r\n".to_vec();
        let mut connection = Connection::new(Script { bytes, piece: 1000 });
        connection.exchange(&GET, None, 10).unwrap();
        assert_eq!(connection.persistence(), Persistence::Spent);
        assert!(matches!(connection.exchange(&GET, None, 10), Err(HttpError::Spent)));
    }

    /// Ends as TLS does when nobody announced the end.
    struct Cut(Script);

    impl Read for Cut {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            match self.0.read(into)? {
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                length => Ok(length),
            }
        }
    }

    impl Write for Cut {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.0.flush()
        }
    }

    #[test]
    fn a_body_until_close_is_whole_only_when_the_close_was_announced() {
        let cut = |bytes: &[u8]| {
            let mut connection = Connection::new(Cut(Script { bytes: bytes.to_vec(), piece: 7 }));
            connection.exchange(&GET, None, 100).map(|(_, body)| body)
        };
        assert!(matches!(cut(b"HTTP/1.1 200 OK\r\n\r\nhalf"), Err(HttpError::Truncated)));
        assert_eq!(cut(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfull").unwrap(), b"full");
        assert!(matches!(cut(b""), Err(HttpError::Closed)));
    }

    #[test]
    fn a_connection_carries_several_exchanges_until_one_closes_it() {
        let first = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na";
        let second = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
        let mut connection = Connection::new(Script { bytes: first.to_vec(), piece: 1000 });
        let (head, body) = connection.exchange(&GET, None, 10).unwrap();
        assert_eq!((head.status, body.as_slice(), connection.persistence()), (200, &b"a"[..], Persistence::Open));
        connection.stream_mut().bytes.extend_from_slice(second);
        let (head, body) = connection.exchange(&GET, None, 10).unwrap();
        assert_eq!((head.status, body.len(), connection.persistence()), (204, 0, Persistence::Spent));
    }

    proptest! {
        #[test]
        fn no_answer_panics_or_hangs(tail in proptest::collection::vec(any::<u8>(), 0..300), piece in 1_usize..40) {
            let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            bytes.extend_from_slice(&tail);
            drop(answer(&bytes, piece, 1000));
            drop(answer(&tail, piece, 1000));
        }
    }
}
