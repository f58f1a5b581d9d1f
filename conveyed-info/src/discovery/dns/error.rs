//! What can be wrong with records.

use verdict::ReasonCode;

use super::{NameError, txt::MAXIMUM_RECORDS};
use crate::{
    ArtifactError,
    discovery::{ArtifactKind, NoGrouping},
};

/// Bytes that are not the RDATA of the record they came as. The fault is the publisher's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// More octets than a record's length field can say (RFC 1035 §3.2.1; DNS-12).
    #[error("a record has at most 65535 octets, not {length}")]
    TooLong {
        /// Octets of RDATA.
        length: usize,
    },
    /// The records of one name do not fit into one answer (RFC 1035 §4.2.2; DNS-12).
    #[error("an answer has at most 65535 octets, the records need {length}")]
    AnswerTooLong {
        /// Octets of the answer.
        length: usize,
    },
    /// A character-string announces more octets than are left (RFC 1035 §3.3).
    #[error("a character-string announces {announced} octets, {available} are left")]
    StringTruncated {
        /// The string's length octet.
        announced: u8,
        /// Octets left.
        available: usize,
    },
    /// A character-string is longer than its length octet can say.
    #[error("a character-string has at most 255 octets, not {length}")]
    StringTooLong {
        /// Octets in the string.
        length: usize,
    },
    /// Fewer octets than the fixed part of an SRV record has (RFC 2782).
    #[error("an SRV record has more than {length} octets")]
    SrvTruncated {
        /// Octets of RDATA.
        length: usize,
    },
    /// The target's name cannot be read.
    #[error("the target's name: {0}")]
    Name(#[from] NameError),
    /// Something follows the target's name.
    #[error("{length} octets follow the target's name")]
    TrailingOctets {
        /// How many.
        length: usize,
    },
}

impl RecordError {
    /// The reason code an operator sees.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        ReasonCode::DnsRecordInvalid
    }
}

/// TXT records that hold no bootstrapping data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DnsDataError {
    /// More records under one name than are looked at.
    #[error("{count} TXT records, at most {MAXIMUM_RECORDS} are read")]
    TooManyRecords {
        /// How many came.
        count: usize,
    },
    /// None of the records has a key of RFC 8572 §4.2.2.
    #[error("no TXT record with the key ci, oc or ov")]
    Nothing,
    /// The records are no legal grouping: this one is missing beside what is there.
    #[error("a TXT record `{}=` is missing beside the others", key(*.missing))]
    Incomplete {
        /// What is missing.
        missing: ArtifactKind,
    },
    /// A record's value cannot be an artifact.
    #[error("the TXT record `{}=`: {because}", key(*.artifact))]
    Artifact {
        /// Which artifact.
        artifact: ArtifactKind,
        /// What is wrong with it.
        #[source]
        because: ArtifactError,
    },
}

impl DnsDataError {
    /// The reason code an operator sees.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        match self {
            Self::Nothing => ReasonCode::NoSource,
            Self::Incomplete { .. } => ReasonCode::GroupingIllegal,
            Self::Artifact { because: ArtifactError::TooLarge, .. } => ReasonCode::ArtifactTooLarge,
            Self::TooManyRecords { .. } | Self::Artifact { .. } => ReasonCode::DnsRecordInvalid,
        }
    }
}

impl From<NoGrouping> for DnsDataError {
    fn from(no: NoGrouping) -> Self {
        match no {
            NoGrouping::Nothing => Self::Nothing,
            NoGrouping::Missing(missing) => Self::Incomplete { missing },
            NoGrouping::Artifact(artifact, because) => Self::Artifact { artifact, because },
        }
    }
}

/// The key of an artifact's record (RFC 8572 §4.2.2; DNS-06).
pub(super) const fn key(kind: ArtifactKind) -> &'static str {
    match kind {
        ArtifactKind::ConveyedInformation => "ci",
        ArtifactKind::OwnerCertificate => "oc",
        ArtifactKind::OwnershipVoucher => "ov",
    }
}
