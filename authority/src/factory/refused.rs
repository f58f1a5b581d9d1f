//! Why a unit gets no certificate.

use pki::{digest::Digest, path::PathError, tpm::attestation::AttestationError};
use verdict::ReasonCode;

/// Why a request under a production order is not entitled to a certificate.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FactoryRefused {
    /// Nothing was proved, and the order demands it.
    #[error("the order demands a proof that the key is in the unit's TPM, and none was shown")]
    ProofMissing,
    /// The proof does not hold.
    #[error("{source}. {}", source.remedy())]
    Proof {
        /// Why.
        #[from]
        source: AttestationError,
    },
    /// What is proved is about another key than the request's.
    #[error("the key that is proved to be in the TPM is not that of the request")]
    OtherKey,
    /// It is another TPM than the order has for this serial number.
    #[error("the order has the endorsement key {expected} for this unit, and the TPM has {found}")]
    ForeignTpm {
        /// SHA-256 that the order has.
        expected: Digest,
        /// SHA-256 of what was shown.
        found: Digest,
    },
    /// No certificate of the TPM's maker was shown, and the order goes by it.
    #[error("the order wants the endorsement key's certificate, and the TPM showed none")]
    NoMakersCertificate,
    /// The certificate of the TPM's maker leads to none of the order's anchors.
    #[error("the endorsement key's certificate: {0}")]
    MakersCertificate(PathError),
    /// The certificate is not that of the endorsement key.
    #[error("the endorsement key's certificate is for another key")]
    MakersCertificateOfAnother,
}

impl FactoryRefused {
    /// The reason code, with what to do about it.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        match self {
            Self::ProofMissing => ReasonCode::TpmProofMissing,
            Self::Proof { .. } | Self::OtherKey => ReasonCode::TpmProofRefused,
            Self::ForeignTpm { .. }
            | Self::NoMakersCertificate
            | Self::MakersCertificate(_)
            | Self::MakersCertificateOfAnother => ReasonCode::EndorsementKeyForeign,
        }
    }
}
