//! Why the desk did not do what it was asked to.

use authority::{AuthorityError, RequestRefused};
use operator_api::{CertificateOutcome, IssuedCertificate};
use pki::{
    identity::IdentityError,
    request::CertificationRequestError,
    revocation::{Reason, ReasonUnknown},
};
use verdict::{ReasonCode, Trace};

use super::super::IssueFault;
use crate::{
    domain::ledger::{IssueRefused, RevokeRefused},
    store::StoreError,
};

/// The desk did not do what it was asked to; nothing has changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeskRefused {
    /// The request gets no certificate.
    #[error(transparent)]
    Request(#[from] RequestRefused),
    /// There is no request.
    #[error("csr: is neither PEM nor base64 of a certification request")]
    NoRequest,
    /// The serial number of a device is none.
    #[error("serial-number: {0}")]
    SerialNumber(#[from] IdentityError),
    /// No authority has this name.
    #[error("there is no authority {authority}; there are: {}", known.join(", "))]
    NoAuthority {
        /// Which name.
        authority: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// No authority has this profile.
    #[error("there is no profile {profile}; there are: {}", known.join(", "))]
    NoProfile {
        /// Which name.
        profile: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// There are several profiles, and none was named.
    #[error("which profile? There are: {}", known.join(", "))]
    WhichProfile {
        /// Those that there are.
        known: Vec<String>,
    },
    /// Several authorities have this profile.
    #[error("which authority? The profile {profile} is one of {}", known.join(", "))]
    WhichAuthority {
        /// The profile.
        profile: String,
        /// Who has it.
        known: Vec<String>,
    },
    /// No certificate is called this.
    #[error("no certificate {0} was issued here")]
    NoCertificate(String),
    /// What is to stand in the audit log cannot.
    #[error("because: takes a reason of 1 to 500 characters on one line")]
    Because,
    /// No such reason for a revocation.
    #[error("reason: {0}")]
    Reason(#[from] ReasonUnknown),
    /// A reason for other lists and other certificates than those that are issued here.
    #[error("reason: {} is not for certificates that are issued here", .0.as_str())]
    ReasonOfCas(Reason),
    /// What is looked for cannot be.
    #[error("{parameter}: {expected}")]
    Query {
        /// Of which parameter.
        parameter: &'static str,
        /// What it takes.
        expected: &'static str,
    },
    /// The certificate could not be made.
    #[error(transparent)]
    Authority(Box<AuthorityError>),
    /// There is no randomness.
    #[error("the operating system gave no randomness for a serial number")]
    NoEntropy,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CertificationRequestError> for DeskRefused {
    fn from(error: CertificationRequestError) -> Self {
        Self::Request(error.into())
    }
}

impl From<IssueFault> for DeskRefused {
    fn from(fault: IssueFault) -> Self {
        match fault {
            IssueFault::Refused(refused) => Self::Store(StoreError::NotIssued(refused)),
            IssueFault::Authority(error) => Self::Authority(error),
            IssueFault::NoEntropy => Self::NoEntropy,
            IssueFault::Store(error) => Self::Store(error),
        }
    }
}

impl DeskRefused {
    /// The reason code, with what to do about it.
    #[must_use]
    pub fn reason(&self) -> ReasonCode {
        match self {
            Self::Request(refused) => refused.reason(),
            Self::NoRequest => ReasonCode::CsrInvalid,
            Self::SerialNumber(_) => ReasonCode::NameUnfit,
            Self::NoAuthority { .. }
            | Self::NoProfile { .. }
            | Self::WhichProfile { .. }
            | Self::WhichAuthority { .. } => ReasonCode::ReferenceUnknown,
            Self::NoCertificate(_) => ReasonCode::ResourceMissing,
            Self::Because | Self::Reason(_) | Self::ReasonOfCas(_) => ReasonCode::BodyInvalid,
            Self::Query { .. } => ReasonCode::QueryInvalid,
            Self::Authority(error) if matches!(error.as_ref(), AuthorityError::Unfit(_)) => ReasonCode::NameUnfit,
            Self::Authority(_) | Self::NoEntropy => ReasonCode::ServerFailed,
            Self::Store(StoreError::NotIssued(refused)) => match refused {
                IssueRefused::NothingToRenew(_) => ReasonCode::NothingToRenew,
                IssueRefused::KeyInUse(_) => ReasonCode::KeyInUse,
                IssueRefused::HolderHasOne { .. } => ReasonCode::CertificateThere,
                IssueRefused::IssuedBefore(_) | IssueRefused::SerialTaken(_) => ReasonCode::AlreadyThere,
            },
            Self::Store(StoreError::NotRevoked(RevokeRefused::NotIssued(_))) => ReasonCode::ResourceMissing,
            Self::Store(StoreError::NotRevoked(RevokeRefused::RevokedBefore { .. })) => ReasonCode::AlreadyThere,
            Self::Store(_) => ReasonCode::DatabaseUnavailable,
        }
    }

    /// Whether it is about what was asked, and will be the same the next time.
    #[must_use]
    pub const fn is_lasting(&self) -> bool {
        match self {
            Self::NoEntropy => false,
            Self::Authority(error) => matches!(**error, AuthorityError::Unfit(_)),
            Self::Store(error) => matches!(error, StoreError::NotIssued(_) | StoreError::NotRevoked(_)),
            _ => true,
        }
    }
}

/// What became of the request on a line, which was for this device.
#[must_use]
pub fn outcome(
    line: u64,
    serial_number: Option<String>,
    answer: Result<IssuedCertificate, DeskRefused>,
) -> CertificateOutcome {
    match answer {
        Ok(IssuedCertificate { issued_before, certificate }) => CertificateOutcome {
            line,
            outcome: if issued_before { "known" } else { "issued" }.to_owned(),
            serial_number: certificate.serial_number.or(serial_number),
            authority: Some(certificate.authority),
            serial: Some(certificate.serial),
            pem: Some(certificate.pem),
            reason: None,
            detail: None,
            remedy: None,
        },
        Err(refused) => CertificateOutcome {
            line,
            outcome: "refused".to_owned(),
            // A stranger's words, which nobody has looked at.
            serial_number: serial_number.map(|text| Trace::readable(&text)),
            authority: None,
            serial: None,
            pem: None,
            reason: Some(refused.reason().to_string()),
            detail: Some(Trace::readable(&refused.to_string())),
            remedy: Some(refused.reason().remedy().to_owned()),
        },
    }
}
