//! Why a site was not made.

use std::{io, path::PathBuf};

use bootstrap_server::{config::ConfigError, domain::NameInvalid, store::StoreError};

use crate::files::FileError;

/// A site was not made; nothing of it is left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SiteError {
    /// There is something in the folder.
    #[error("{} is not empty: name a new folder, so that no key is overwritten", path.display())]
    NotEmpty {
        /// Which.
        path: PathBuf,
    },
    /// The folder cannot be made or read.
    #[error("{}: {source}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A key could not be made.
    #[error("no key could be made: {0}")]
    Key(#[from] pki::key::KeyError),
    /// There is no randomness.
    #[error("no token could be made: {0}")]
    Entropy(#[from] pki::key::NoEntropy),
    /// A certificate could not be issued, most likely for a name that cannot stand in one.
    #[error("{0}; are all of --dns-name DNS names or IP addresses?")]
    Authority(#[from] authority::AuthorityError),
    /// The settings of a certificate, which are those that were given.
    #[error(transparent)]
    Profile(#[from] authority::ProfileError),
    /// A certificate authority without a certificate.
    #[error("a certificate authority was made without a certificate")]
    NoRoot,
    /// The server would not start from these files.
    #[error("the server would not start: {0}")]
    Config(#[from] Box<ConfigError>),
    /// The database.
    #[error("the database could not be made: {0}")]
    Store(#[from] StoreError),
    /// A name.
    #[error(transparent)]
    Name(#[from] NameInvalid),
}
