//! Why a server does not start, or is no longer whole.

use std::net::SocketAddr;

use crate::{config::ConfigError, domain::ProfileName, store::StoreError, tls::TlsError};

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A listener's address is taken, or needs more rights.
    #[error("cannot listen on {address}: {source}; is it in use, or a port below 1024?")]
    Bind {
        /// Which address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A DHCP server's socket.
    #[error(transparent)]
    Dhcp(#[from] netboot::io::ServerError),
    /// A part of a running server is gone.
    #[error("the {part} ended by itself; the log says why")]
    Ended {
        /// Which part.
        part: &'static str,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Devices are to be admitted with a profile that is not there.
    #[error(
        "[policy] admits devices with the profile {profile}, and there is none of that name: add it with `sztp profile \
         apply`, or name another one"
    )]
    NoSuchProfile {
        /// Which profile.
        profile: ProfileName,
    },
    /// The TLS certificate and key.
    #[error("{0}")]
    Tls(String),
}

impl From<TlsError> for ServeError {
    fn from(error: TlsError) -> Self {
        Self::Tls(error.to_string())
    }
}
