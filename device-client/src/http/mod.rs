//! A small HTTP/1.1 client (RFC 9112) over anything that reads and writes.
//!
//! Everything a server sends is bounded: header, body, trailers, interim answers. What is not needed is not there:
//! no redirects (CLI-27), no compression, no pipelining, no proxies.

mod body;
mod connection;
mod head;
mod uri;

pub use body::Body;
pub use connection::{Connection, Persistence};
pub use head::{Framing, Head, RequestHead};
pub use uri::HttpUri;

use std::io;

/// Most octets of an answer's header, or of its trailers.
pub const MAX_HEAD: usize = 32 * 1024;

/// Most octets in the body of an answer that is kept in memory.
pub const MAX_BODY: u64 = 1024 * 1024;

/// Why an exchange failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The connection failed or timed out.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    /// The peer closed before the first octet of an answer: the usual end of a kept connection.
    #[error("the server closed the connection without an answer")]
    Closed,
    /// The peer closed in the middle of an answer.
    #[error("the answer is cut off")]
    Truncated,
    /// The connection can carry no further exchange.
    #[error("the connection is used up")]
    Spent,
    /// The header is not HTTP.
    #[error("the answer is not HTTP/1.1")]
    Malformed,
    /// The header exceeds [`MAX_HEAD`].
    #[error("the answer's header exceeds {MAX_HEAD} octets")]
    HeadTooLarge,
    /// The body is compressed, or encoded in another way (RFC 9110 §8.4). Nobody asked for that, and what it would
    /// unpack to has no bound.
    #[error("the answer is encoded (`{coding}`), which was not asked for")]
    Encoded {
        /// As the server calls it.
        coding: String,
    },
    /// The body exceeds what the caller allows.
    #[error("the answer's body exceeds {limit} octets")]
    BodyTooLarge {
        /// What is allowed.
        limit: u64,
    },
}

impl HttpError {
    /// Whether this is how the end of a kept connection shows when the next request is sent: the peer had closed it
    /// before (RFC 9112 §9.3.1).
    #[must_use]
    pub fn is_end_of_kept_connection(&self) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
        match self {
            Self::Closed => true,
            Self::Io(error) => {
                matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_out_is_not_the_end_of_a_kept_connection() {
        let io = |kind: io::ErrorKind| HttpError::Io(kind.into()).is_end_of_kept_connection();
        assert!(HttpError::Closed.is_end_of_kept_connection());
        assert!(io(io::ErrorKind::ConnectionReset) && io(io::ErrorKind::BrokenPipe));
        assert!(!io(io::ErrorKind::TimedOut) && !HttpError::Truncated.is_end_of_kept_connection());
    }
}
