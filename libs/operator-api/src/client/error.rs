//! Why a call did not give what was asked for.

use std::{path::PathBuf, time::Duration};

use super::{ServerUrl, ServerUrlInvalid};
use crate::Problem;

/// A call failed. Each message says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The server's address.
    #[error(transparent)]
    Url(#[from] ServerUrlInvalid),
    /// The file that the server is trusted by cannot be read.
    #[error(
        "{}: {source}; the server is trusted by this file: copy operator-ca.pem from the server's folder, or name it \
         with --server-ca", path.display()
    )]
    CaFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file that the server is trusted by holds no certificate that can be used.
    #[error("{}: holds no certificate in PEM that could be trusted; name operator-ca.pem of the server's folder", path.display())]
    NoCa {
        /// Which file.
        path: PathBuf,
    },
    /// The token's file cannot be read.
    #[error(
        "{}: {source}; it holds the token that says who you are: an administrator makes one with `sztp token create`, \
         and --token-file names it", path.display()
    )]
    TokenFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The token's file holds something else.
    #[error("{}: must hold one token, as `sztp token create` prints it, and nothing else", path.display())]
    NoToken {
        /// Which file.
        path: PathBuf,
    },
    /// The TLS library does not work here.
    #[error("TLS cannot be used: {0}")]
    TlsSetup(rustls::Error),
    /// Nobody answers.
    #[error("cannot reach {server}: {source}; is `sztp serve` running there, and is this its operator-listener?")]
    Unreachable {
        /// Which server.
        server: ServerUrl,
        /// Why.
        source: std::io::Error,
    },
    /// Somebody is there and says nothing.
    #[error("{server} did not answer within {} seconds; it may be overloaded, or something else listens there", after.as_secs())]
    Silent {
        /// Which server.
        server: ServerUrl,
        /// How long was waited.
        after: Duration,
    },
    /// The server's certificate was not issued under the file, or not for this name.
    #[error(
        "{server} is not trusted: {source}; it is judged by {}, which must be the operator-ca.pem of that very server, and \
         the name must stand in its certificate", ca.display()
    )]
    NotTrusted {
        /// Which server.
        server: ServerUrl,
        /// The file.
        ca: PathBuf,
        /// Why.
        source: Box<rustls::Error>,
    },
    /// The connection broke.
    #[error("the connection to {server} broke: {source}; try again")]
    Connection {
        /// Which server.
        server: ServerUrl,
        /// Why.
        source: hyper::Error,
    },
    /// The server says no. What it says is all there is to say.
    #[error("{}", told(.0))]
    Problem(Box<Problem>),
    /// The answer is none that the operator API gives.
    #[error(
        "{server} answered {status} to {path}, which is not how a bootstrap server answers operators: is it its operator-listener, and of this version?"
    )]
    Unexpected {
        /// Which server.
        server: ServerUrl,
        /// The HTTP status.
        status: u16,
        /// What was asked for.
        path: String,
    },
    /// The answer cannot be read.
    #[error(
        "{server} answered {path} with something unreadable ({source}): are this program and the server of the same version?"
    )]
    Unreadable {
        /// Which server.
        server: ServerUrl,
        /// What was asked for.
        path: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The answer is longer than any that is asked for.
    #[error("{server} answered with more than {limit} octets; ask for less at a time")]
    TooLong {
        /// Which server.
        server: ServerUrl,
        /// Most that is taken.
        limit: usize,
    },
    /// A stream ended before its last line.
    #[error(
        "{server} ended its answer too early; what it had counted is kept, send the rest again: rows that are there are passed over"
    )]
    CutShort {
        /// Which server.
        server: ServerUrl,
    },
    /// A request cannot be written down.
    #[error("the request cannot be sent: {0}")]
    Request(#[from] hyper::http::Error),
}

impl ClientError {
    /// Whether nobody was reached who could have said yes or no.
    #[must_use]
    pub const fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Silent { .. } | Self::NotTrusted { .. } | Self::Connection { .. }
        )
    }

    /// What the server said, if it said no.
    #[must_use]
    pub const fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }
}

fn told(problem: &Problem) -> String {
    let Problem { title, detail, reason, section, remedy, .. } = problem;
    let detail = detail.as_ref().map(|detail| format!("\n  here: {detail}")).unwrap_or_default();
    format!("{title}{detail}\n  rule: {section}   code: {reason}\n  do:   {remedy}")
}
