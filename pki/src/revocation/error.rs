//! Why a path is not accepted, and why evidence is of no use.

use const_oid::ObjectIdentifier;

use super::{Answer, Revocation, judge::SIGNATURE_BUDGET};
use crate::time::Timestamp;

/// Why a path is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationError {
    /// A certificate is revoked.
    #[error("the certificate of {subject} was {revocation}, says the {answer}")]
    Revoked {
        /// Whose certificate.
        subject: String,
        /// When and why.
        revocation: Revocation,
        /// What says so.
        answer: Answer,
    },
    /// Nothing at hand that is authentic tells the status of a certificate.
    #[error("nothing at hand tells whether the certificate of {subject} is revoked")]
    Unknown {
        /// Whose certificate.
        subject: String,
    },
    /// What tells the status of a certificate does not hold now.
    #[error(
        "what tells that the certificate of {subject} is not revoked does not hold now: {answer}; the clock says {now}"
    )]
    Stale {
        /// Whose certificate.
        subject: String,
        /// What told it.
        answer: Answer,
        /// The trusted clock.
        now: Timestamp,
    },
    /// The evidence cannot be judged within reason.
    #[error("more than {SIGNATURE_BUDGET} signature checks were needed")]
    TooComplex,
}

/// A revocation list or OCSP response that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// Longer than [`super::Crl::MAX_DER`] or [`super::OcspResponse::MAX_DER`].
    #[error("too large")]
    TooLarge,
    /// More entries, extensions, names or certificates than are read.
    #[error("too many entries")]
    TooManyEntries,
    /// The DER cannot be read.
    #[error("not in DER: {0}")]
    Der(#[from] der::Error),
    /// The PEM armour cannot be read, or holds no revocation list.
    #[error("no X509 CRL block in the PEM file")]
    Pem,
    /// Something follows a revocation list's signature.
    #[error("something follows the signature")]
    TrailingData,
    /// The signature is not a whole number of octets.
    #[error("the signature cannot be read")]
    Signature,
    /// Outer and inner signature algorithm differ.
    #[error("the two signature algorithm fields differ")]
    AlgorithmFieldsDiffer,
    /// A version that does not exist or does not go with the extensions.
    #[error("the version is unknown or does not go with the extensions")]
    Version,
    /// A critical extension, of the whole or of an entry, is not understood.
    #[error("the critical extension {0} is not understood")]
    CriticalExtension(ObjectIdentifier),
    /// The same extension twice.
    #[error("extension {0} stands twice")]
    DuplicateExtension(ObjectIdentifier),
    /// An entry of another CA in a list that is not an indirect one (RFC 5280 §5.3.3).
    #[error("an entry is another CA's, and the list is not an indirect one")]
    ForeignEntry,
    /// A list of attribute certificates (RFC 5280 §5.2.5).
    #[error("a list of attribute certificates says nothing about others")]
    AttributeCertificates,
    /// An OCSP response that reports an error instead of a status.
    #[error("the OCSP response is not a successful one")]
    NotSuccessful,
    /// An OCSP response of another type than id-pkix-ocsp-basic.
    #[error("OCSP response type {0} is unknown")]
    ResponseType(ObjectIdentifier),
}
