//! One file for each command.

pub(crate) mod artifact;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod doctor;
pub(crate) mod explain;
mod judgement;
mod notify;
pub(crate) mod restore;
pub(crate) mod serve;
pub(crate) mod voucher;

use std::{path::PathBuf, process::ExitCode};

use bootstrap_server::{
    ServeError,
    audit::AuditError,
    backup::{RestoreError, TakeError},
    config::ConfigError,
    store::StoreError,
};
use operator_api::client::ClientError;
use verdict::Refusal;

use crate::files::FileError;

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Something was verified and refused.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// A backup is not taken.
    #[error("no backup was taken: {0}")]
    Take(#[from] TakeError),
    /// A backup is not restored.
    #[error("nothing was restored: {0}")]
    Restore(#[from] RestoreError),
    /// The server could not be asked, or said no.
    #[error(transparent)]
    Client(Box<ClientError>),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server could not start.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of artifacts, certificates or keys.
    #[error(transparent)]
    Files(#[from] FileError),
    /// An artifact is not made.
    #[error(transparent)]
    Make(#[from] artifact::make::MakeFailure),
    /// An artifact is not encrypted.
    #[error(transparent)]
    Seal(#[from] artifact::encrypt::SealFailure),
    /// Verifying cannot begin.
    #[error(transparent)]
    Judgement(#[from] judgement::JudgementError),
    /// A file.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The operating system.
    #[error(transparent)]
    System(#[from] std::io::Error),
    /// The demo could not be set up.
    #[error("the demo could not be set up: {0}")]
    Demo(String),
}

impl Failure {
    /// The stable exit codes.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            // A backup that is not what was written is refused; one that cannot be read or has no room here is not.
            Self::Restore(RestoreError::File { .. } | RestoreError::Store(_)) => 1,
            Self::Refused(_) | Self::Restore(_) => 3,
            Self::NotFound(_) => 4,
            Self::Files(FileError::IsInput { .. }) | Self::Judgement(_) => 2,
            Self::Client(error) if error.is_unreachable() => 5,
            _ => 1,
        })
    }
}

impl From<authority::PartyError> for Failure {
    fn from(error: authority::PartyError) -> Self {
        Self::Demo(error.to_string())
    }
}

impl From<AuditError> for Failure {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Refused(refusal) => Self::Refused(refusal),
            AuditError::Store(error) => Self::Store(error),
            other => Self::Demo(other.to_string()),
        }
    }
}
