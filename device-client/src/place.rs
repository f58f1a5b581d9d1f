//! Where bootstrapping data comes from: a server that is asked, or a place where it lies.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::Server;

/// Where bootstrapping data was found, or looked for. What people see is its text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Place {
    /// A bootstrap server (RFC 8572 §4.4).
    Server(Server),
    /// A folder on removable storage (RFC 8572 §4.1), by its path on this device.
    Folder(String),
    /// A name in the DNS whose records are the data (RFC 8572 §4.2).
    Name(String),
}

impl Place {
    /// The server, if it is one.
    #[must_use]
    pub const fn server(&self) -> Option<&Server> {
        match self {
            Self::Server(server) => Some(server),
            Self::Folder(_) | Self::Name(_) => None,
        }
    }
}

impl From<Server> for Place {
    fn from(server: Server) -> Self {
        Self::Server(server)
    }
}

impl From<&Server> for Place {
    fn from(server: &Server) -> Self {
        Self::Server(server.clone())
    }
}

impl From<&Self> for Place {
    fn from(place: &Self) -> Self {
        place.clone()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(server) => server.fmt(f),
            Self::Folder(text) | Self::Name(text) => f.write_str(text),
        }
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
