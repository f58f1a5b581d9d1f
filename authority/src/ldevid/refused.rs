//! Why no certificate is issued.

use conveyed_info::rpc::{EnrolmentRequestError, KeyAlgorithm};
use verdict::ReasonCode;

/// A device gets no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsrRefused {
    /// The CSR cannot be read, or does not prove possession of its key.
    #[error(transparent)]
    Request(#[from] EnrolmentRequestError),
    /// Nothing proves that the CSR is this device's (CSR-16).
    #[error("the device has shown no certificate, and its CSR is not signed by one that is known")]
    OriginUnproved,
    /// Another certificate than the device's signed around the CSR (CSR-20).
    #[error("the CSR is signed by another certificate than the one that the device shows")]
    OriginForeign,
    /// The subject names another device, or several (CSR-20).
    #[error("the subject of the CSR names another serial number than the device's")]
    SerialForeign,
    /// The device makes none of the forms that are wanted (CSR-08).
    #[error("the device makes no CSR of a form that its profile takes")]
    NoFormat,
    /// A new key is wanted, and the device makes none (CSR-05, CSR-07).
    #[error("a new key is wanted, and the device cannot make one")]
    NoKeyGeneration,
    /// Neither the keys that the device makes nor the one it has are wanted (CSR-07).
    #[error("the device has, and makes, no key of an algorithm that its profile takes")]
    NoAlgorithm,
    /// The key has an algorithm that is not wanted.
    #[error("the key is {found}, which the device's profile does not take")]
    Algorithm {
        /// What it is.
        found: KeyAlgorithm,
    },
    /// The CSR has a form that is not wanted.
    #[error("the CSR has a form that the device's profile does not take")]
    Format,
    /// The key is the one of the IDevID, and a new one is wanted (RFC 9646 §4.1.3).
    #[error("the CSR is for the key of the device's certificate, and a new key is wanted")]
    KeyNotNew,
    /// The key is a new one, and that of the IDevID is wanted.
    #[error("the CSR is for a new key, and the key of the device's certificate is wanted")]
    KeyNotExisting,
    /// It was asked again and again (CSR-29).
    #[error("the device was asked {} times and has not made what was asked for", super::MAX_ROUNDS)]
    Rounds,
}

impl CsrRefused {
    /// The reason code.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        match self {
            Self::Request(_) | Self::SerialForeign => ReasonCode::CsrInvalid,
            Self::OriginUnproved | Self::OriginForeign => ReasonCode::CsrOriginUnproved,
            Self::NoFormat | Self::NoKeyGeneration | Self::NoAlgorithm => ReasonCode::CsrUnsuitable,
            Self::Algorithm { .. } | Self::Format | Self::KeyNotNew | Self::KeyNotExisting => {
                ReasonCode::CsrNotAsWanted
            }
            Self::Rounds => ReasonCode::CsrRoundsExceeded,
        }
    }
}
