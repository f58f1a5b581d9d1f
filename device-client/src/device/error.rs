//! Why a device cannot be opened.

use std::{io, path::PathBuf};

use crate::identity::IdentityFileError;

/// A device that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A file of certificates or keys.
    #[error(transparent)]
    File(#[from] IdentityFileError),
    /// The identity has no certificate.
    #[error("the device has no certificate")]
    NoCertificate,
    /// A file of anchors whose certificates do not form a chain.
    #[error("{}: only the first certificate is an anchor, and those after it must each have issued the one before; put every anchor into a file of its own", path.display())]
    SeveralAnchors {
        /// Which file.
        path: PathBuf,
    },
    /// Another agent holds the folder.
    #[error("the folder {} is in use: end the other agent, or give every device a folder of its own", path.display())]
    InUse {
        /// Which folder.
        path: PathBuf,
    },
    /// A password file that cannot be used.
    #[error("the password in {} cannot be used: {why}", path.display())]
    HttpPassword {
        /// Which file.
        path: PathBuf,
        /// Why, without a word of what it holds.
        why: String,
    },
    /// A file does not hold one chain of CA certificates.
    #[error("{} does not hold one chain of CA certificates up to its root", path.display())]
    TrustAnchor {
        /// Which file.
        path: PathBuf,
    },
    /// A file that holds no public SSH host key.
    #[error("{} holds no public SSH host key", path.display())]
    HostKey {
        /// Which file.
        path: PathBuf,
    },
    /// The TLS stack does not take the identity.
    #[error("the identity cannot be used for TLS")]
    Tls {
        /// Why.
        source: rustls::Error,
    },
    /// The folder cannot be used.
    #[error("the folder {} cannot be used", path.display())]
    Storage {
        /// Which folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
