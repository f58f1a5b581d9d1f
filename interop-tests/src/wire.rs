//! One HTTP/1.1 connection over TLS: small enough that what is measured is the server.

#![allow(missing_debug_implementations, clippy::missing_errors_doc, reason = "test support")]

use std::{
    io::{Error, ErrorKind, Result},
    net::SocketAddr,
    time::Duration,
};

use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// An open connection.
pub struct Link {
    /// The stream, for those who speak something else than HTTP.
    pub stream: TlsStream<TcpStream>,
    received: Vec<u8>,
}

/// An answer, as far as devices care.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The media type.
    pub media_type: Option<String>,
    /// When to come back (RFC 9110 §10.2.3), where it is given in seconds.
    pub retry_after: Option<Duration>,
    /// Whether the server closes the connection behind it.
    pub closes: bool,
    /// The body.
    pub body: Vec<u8>,
}

impl Link {
    /// Connects from the address `source`, up to the end of the TLS handshake.
    pub async fn open(server: SocketAddr, source: SocketAddr, tls: &TlsConnector) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(source)?;
        let stream = socket.connect(server).await?;
        stream.set_nodelay(true)?;
        let stream = tls.connect(ServerName::IpAddress(server.ip().into()), stream).await?;
        Ok(Self { stream, received: Vec::new() })
    }

    /// Sends one request and reads its answer.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer> {
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        let (mut answer, head, length) = loop {
            if let Some(found) = head(&self.received)? {
                break found;
            }
            self.fill().await?;
        };
        while self.received.len() < head + length {
            self.fill().await?;
        }
        answer.body.extend(self.received.drain(..head + length).skip(head));
        Ok(answer)
    }

    async fn fill(&mut self) -> Result<()> {
        let octets = self.stream.read_buf(&mut self.received).await?;
        if octets == 0 { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

/// The answer without its body, the octets of its head, and those of the body to come; `None` while the head is not complete.
fn head(received: &[u8]) -> Result<Option<(Answer, usize, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut parsed = httparse::Response::new(&mut headers);
    let invalid = || Error::from(ErrorKind::InvalidData);
    let httparse::Status::Complete(head) = parsed.parse(received).map_err(|_| invalid())? else { return Ok(None) };
    let field = |name: &str| {
        let found = parsed.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(found.value).ok()
    };
    let status = parsed.code.ok_or_else(invalid)?;
    let length = match field("content-length") {
        Some(length) => length.parse().map_err(|_| invalid())?,
        // RFC 9110 §8.6: neither has a body.
        None if status == 204 || status == 304 => 0,
        None => return Err(invalid()),
    };
    let answer = Answer {
        status,
        media_type: field("content-type").map(str::to_owned),
        retry_after: field("retry-after").and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs),
        closes: field("connection").is_some_and(|it| it.eq_ignore_ascii_case("close")),
        body: Vec::new(),
    };
    Ok(Some((answer, head, length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_when_they_are_complete() {
        let octets =
            b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno";
        assert!(head(&octets[..40]).unwrap().is_none());
        let (answer, head, length) = head(octets).unwrap().unwrap();
        assert_eq!((answer.status, answer.retry_after, answer.closes), (503, Some(Duration::from_secs(7)), true));
        assert_eq!(&octets[head..head + length], b"no");
    }
}
