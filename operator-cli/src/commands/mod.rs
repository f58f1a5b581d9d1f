//! One file for each command.

pub(crate) mod artifact;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod ca;
mod change;
pub(crate) mod device;
pub(crate) mod dhcp;
pub(crate) mod doctor;
pub(crate) mod enroll;
pub(crate) mod explain;
pub(crate) mod factory;
pub(crate) mod init;
mod judgement;
pub(crate) mod key;
pub(crate) mod manual;
pub(crate) mod manufacturer;
pub(crate) mod masa;
mod notify;
pub(crate) mod policy;
pub(crate) mod profile;
mod record;
pub(crate) mod restore;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod token;
pub(crate) mod user;
pub(crate) mod voucher;

use std::{path::PathBuf, process::ExitCode};

use bootstrap_server::{
    ServeError,
    audit::AuditError,
    authority::DeskRefused,
    backup::{RestoreError, TakeError},
    config::ConfigError,
    domain::ledger::RevokeRefused,
    store::StoreError,
};
use operator_api::client::{ClientError, DeviceKey};
use verdict::{ReasonCode, Refusal};

use crate::{files::FileError, server::FindError, site::SiteError};

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Something was verified and refused.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// A device is not named well enough.
    #[error("{text} is the serial number of several devices: {}; give one of these", listed(found))]
    Ambiguous {
        /// What was given.
        text: String,
        /// What it may mean.
        found: Vec<DeviceKey>,
    },
    /// The arguments make no sense together.
    #[error("{0}")]
    Usage(&'static str),
    /// No server was found to ask.
    #[error(transparent)]
    Find(#[from] FindError),
    /// The server could not be asked, or said no.
    #[error(transparent)]
    Client(Box<ClientError>),
    /// The server said no, for one of several devices.
    #[error("{device}: {source}")]
    Device {
        /// Which.
        device: String,
        /// What it said.
        source: Box<ClientError>,
    },
    /// What was waited for did not come.
    #[error("not reached within {seconds} seconds")]
    TimedOut {
        /// How long was waited.
        seconds: u64,
    },
    /// A site was not made.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// A backup is not taken.
    #[error("no backup was taken: {0}")]
    Take(#[from] TakeError),
    /// A backup is not restored.
    #[error("nothing was restored: {0}")]
    Restore(#[from] RestoreError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server could not start.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A voucher cannot be made.
    #[error("no voucher was made: {0}")]
    Masa(#[from] authority::MasaError),
    /// A file of artifacts, certificates or keys.
    #[error(transparent)]
    Files(#[from] FileError),
    /// What is said of a manufacturer.
    #[error(transparent)]
    Manufacturer(#[from] bootstrap_server::domain::ManufacturerInvalid),
    /// An authority does not do it.
    #[error("{} ({}); do: {}", .0, .0.reason(), .0.reason().remedy())]
    Desk(Box<DeskRefused>),
    /// A revocation list.
    #[error("no revocation list was made: {0}")]
    List(#[from] Box<bootstrap_server::authority::PublishFault>),
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
            Self::Files(FileError::IsInput { .. })
            | Self::Judgement(_)
            | Self::Ambiguous { .. }
            | Self::Usage(_)
            | Self::Manufacturer(_) => 2,
            Self::Desk(refused) => match refused.as_ref() {
                DeskRefused::NoCertificate(_)
                | DeskRefused::Store(StoreError::NotRevoked(RevokeRefused::NotIssued(_))) => 4,
                DeskRefused::NoAuthority { .. }
                | DeskRefused::NoProfile { .. }
                | DeskRefused::WhichProfile { .. }
                | DeskRefused::WhichAuthority { .. }
                | DeskRefused::Because
                | DeskRefused::Reason(_)
                | DeskRefused::ReasonOfCas(_)
                | DeskRefused::SerialNumber(_)
                | DeskRefused::Query { .. } => 2,
                refused if refused.is_lasting() => 3,
                _ => 1,
            },
            Self::Find(FindError::Client(source)) => told(source),
            Self::Client(source) | Self::Device { source, .. } => told(source),
            Self::Find(_) => 2,
            _ => 1,
        })
    }
}

/// The exit code for what a server said, or did not say.
fn told(error: &ClientError) -> u8 {
    match error {
        ClientError::Problem(problem) => match problem.status {
            404 => 4,
            // Other requests that cannot be carried out have the same status, and reasons of their own.
            422 if is_refusal(&problem.reason) => 3,
            _ => 1,
        },
        ClientError::CaFile { .. }
        | ClientError::TokenFile { .. }
        | ClientError::NoCa { .. }
        | ClientError::NoToken { .. } => 2,
        error if error.is_unreachable() => 5,
        _ => 1,
    }
}

/// Whether the reason is that something was verified and does not hold.
fn is_refusal(reason: &str) -> bool {
    let about_requests = [ReasonCode::BodyInvalid, ReasonCode::IdempotencyConflict, ReasonCode::ReferenceUnknown];
    reason.parse().is_ok_and(|reason: ReasonCode| !about_requests.contains(&reason))
}

fn listed(devices: &[DeviceKey]) -> String {
    devices.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl From<bootstrap_server::authority::masa::OrderFault> for Failure {
    fn from(fault: bootstrap_server::authority::masa::OrderFault) -> Self {
        use bootstrap_server::authority::masa::OrderFault;
        match fault {
            OrderFault::Refused(refusal) => Self::Refused(refusal),
            OrderFault::Make(error) => Self::Masa(error),
            OrderFault::Store(error) => Self::Store(error),
            other => Self::NotFound(other.to_string()),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Client(Box::new(error))
    }
}

impl From<DeskRefused> for Failure {
    fn from(refused: DeskRefused) -> Self {
        Self::Desk(Box::new(refused))
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
