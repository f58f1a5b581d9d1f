//! A small HTTP/1.1 client (RFC 9112) over anything that reads and writes.
//!
//! Everything a server sends is bounded: header, body, trailers, interim answers. What is not needed is not there:
//! no redirects (CLI-27), no compression, no pipelining, no proxies.

mod body;
mod connection;
mod head;

pub use body::Body;
pub use connection::{Connection, Persistence};
pub use head::{Framing, Head, RequestHead};

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
    /// The header is not HTTP.
    #[error("the answer is not HTTP/1.1")]
    Malformed,
    /// The header exceeds [`MAX_HEAD`].
    #[error("the answer's header exceeds {MAX_HEAD} octets")]
    HeadTooLarge,
    /// The body exceeds what the caller allows.
    #[error("the answer's body exceeds {limit} octets")]
    BodyTooLarge {
        /// What is allowed.
        limit: u64,
    },
}
