//! A tunnel through a proxy (RFC 9110 §9.3.6).

use std::io;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::proxy::Proxy;

/// Longest header of a proxy's answer, in octets.
const MAX_HEAD: usize = 16 * 1024;

/// The proxy opened no tunnel.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TunnelFailed {
    /// It cannot be reached, or went away.
    #[error("the proxy {proxy} cannot be reached: {source}")]
    Unreachable {
        /// Which.
        proxy: String,
        /// Why.
        source: io::Error,
    },
    /// It said no.
    #[error("the proxy {proxy} answered {status} to CONNECT {target}{}", hint(*status))]
    Refused {
        /// Which.
        proxy: String,
        /// What it answered.
        status: u16,
        /// Where the tunnel was to end.
        target: String,
    },
    /// Its answer is no HTTP.
    #[error("what is said to be the proxy {proxy} does not speak HTTP")]
    Nonsense {
        /// Which.
        proxy: String,
    },
}

const fn hint(status: u16) -> &'static str {
    match status {
        407 => ": give it a user and a password with `credentials` in [outbound]",
        403 => ": its rules do not allow this server to be reached",
        _ => "",
    }
}

/// Opens a tunnel to `host`.
pub(super) async fn open(proxy: &Proxy, host: &str, port: u16) -> Result<TcpStream, TunnelFailed> {
    let unreachable = |source| TunnelFailed::Unreachable { proxy: proxy.to_string(), source };
    let mut stream = TcpStream::connect((proxy.host(), proxy.port())).await.map_err(unreachable)?;
    // An IPv6 address stands in brackets (RFC 3986 §3.2.2).
    let target = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    if let Some(credentials) = proxy.authorization() {
        request.push_str(&format!("Proxy-Authorization: {credentials}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.map_err(unreachable)?;
    let head = head(&mut stream).await.map_err(unreachable)?;
    let nonsense = || TunnelFailed::Nonsense { proxy: proxy.to_string() };
    match status(&head.ok_or_else(nonsense)?) {
        // RFC 9110 §9.3.6: any of them opens the tunnel, right behind the header.
        Some(200..=299) => Ok(stream),
        Some(status) => Err(TunnelFailed::Refused { proxy: proxy.to_string(), status, target }),
        None => Err(nonsense()),
    }
}

/// The header of an answer, and not an octet more: what follows belongs to whoever is at the other end.
async fn head(stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MAX_HEAD {
            return Ok(None);
        }
        head.push(stream.read_u8().await?);
    }
    Ok(Some(head))
}

fn status(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(head.split(|octet| *octet == b'\r').next()?).ok()?;
    let mut words = line.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::outward::http::{Outbound, OutboundSection};

    /// What a proxy that answers so was asked, and what came of it.
    async fn asked(answer: &'static [u8]) -> (Result<(), TunnelFailed>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let proxy = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let request = head(&mut stream).await.unwrap().unwrap();
            stream.write_all(answer).await.unwrap();
            String::from_utf8(request).unwrap()
        });
        let section = OutboundSection { proxy: Some(format!("http://{address}")), ..OutboundSection::default() };
        let outbound = Outbound::load(&section, std::path::Path::new("/"), |_| None).unwrap();
        let opened = open(outbound.proxy_for("masa.example").unwrap(), "masa.example", 9443).await;
        let request = proxy.await.unwrap();
        let opened = match opened {
            Ok(mut stream) => {
                assert_eq!(stream.read_u8().await.unwrap(), b'!', "nothing behind the header is swallowed");
                Ok(())
            }
            Err(error) => Err(error),
        };
        (opened, request)
    }

    #[tokio::test]
    async fn a_tunnel_begins_right_behind_the_proxys_header() {
        let (opened, request) = asked(b"HTTP/1.1 200 Connection established\r\nvia: x\r\n\r\n!").await;
        opened.unwrap();
        assert_eq!(request, "CONNECT masa.example:9443 HTTP/1.1\r\nHost: masa.example:9443\r\n\r\n");
    }

    #[tokio::test]
    async fn a_proxy_that_says_no_is_quoted_and_one_that_is_none_is_told_so() {
        let (refused, _) = asked(b"HTTP/1.0 407 Who are you\r\n\r\n").await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("407") && refused.contains("credentials"), "{refused}");
        for nonsense in [&b"SSH-2.0-x\r\n\r\n"[..], b"HTTP/1.1 abc\r\n\r\n", b"\r\n\r\n"] {
            assert!(matches!(asked(nonsense).await.0, Err(TunnelFailed::Nonsense { .. })));
        }
        let cut = asked(b"HTTP/1.1 200 OK\r\n").await.0;
        assert!(matches!(cut, Err(TunnelFailed::Unreachable { .. })), "{cut:?}");
        let endless: &'static [u8] = Box::leak(vec![b'x'; MAX_HEAD + 1].into_boxed_slice());
        assert!(matches!(asked(endless).await.0, Err(TunnelFailed::Nonsense { .. })));
    }
}
