//! The part of the Cryptographic Message Syntax (RFC 5652) that RFC 8572 uses: signed, degenerate, bare and encrypted
//! content.
//!
//! Written on the types of the `cms` crate, never on its builder. Signatures are verified over the bytes as they
//! arrived, not over a re-encoding.

mod ber;
mod content;
mod enveloped;
mod revocation;
mod sign;
mod signed_data;

pub use ber::{BerError, Form};
pub use content::{ContentInfo, ContentType};
pub use enveloped::{
    AeadPolicy, Algorithm, CertificateId, ContentCipher, DeclaredType, Enveloped, KeyUsageRule, KeyWork, Leniency,
    MAX_RECIPIENTS, NeededUsage, OpenError, Opened, Pending, Recipient, RecipientKind, SealError, SealOptions, seal,
};
pub use sign::{
    CertificateNaming, Draft, SignCmsError, SignOptions, ToBeSigned, bare, certificates_only,
    certificates_with_evidence,
};
pub use signed_data::{SignedData, Signer};

use const_oid::ObjectIdentifier;
use pki::{algorithm::AlgorithmError, certificate::CertificateError};

/// Most certificates that one structure may carry.
pub const MAX_CERTIFICATES: usize = 16;

/// Most revocation lists and OCSP responses that one structure may carry, those of unknown formats included.
pub const MAX_REVOCATION_INFOS: usize = 16;

/// What is wrong with a CMS structure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CmsError {
    /// The DER cannot be read.
    #[error("not a CMS structure in DER: {0}")]
    Der(#[from] der::Error),
    /// The BER cannot be normalised.
    #[error("not a CMS structure in BER: {0}")]
    Ber(BerError),
    /// A content type that is not expected at this place (RFC 8572 §3).
    #[error("content type {0} is not expected here")]
    ContentType(ObjectIdentifier),
    /// SignedData without content, or bare content that is no OCTET STRING.
    #[error("there is no content")]
    NoContent,
    /// More certificates than [`MAX_CERTIFICATES`].
    #[error("more than {MAX_CERTIFICATES} certificates")]
    TooManyCertificates,
    /// More revocation lists and OCSP responses than [`MAX_REVOCATION_INFOS`].
    #[error("more than {MAX_REVOCATION_INFOS} revocation lists and OCSP responses")]
    TooManyRevocationInfos,
    /// A certificate in the bag cannot be read.
    #[error("a certificate in the structure: {0}")]
    Certificate(#[from] CertificateError),
    /// Not exactly one signer: with none nothing is signed, and of several it would be open whose word counts.
    #[error("{0} signers, expected exactly one")]
    Signers(usize),
    /// The signer's certificate is not in the structure.
    #[error("the certificate of the signer is not included")]
    SignerCertificateMissing,
    /// A certificate is to be named by its SubjectKeyIdentifier and has none.
    #[error("the certificate has no SubjectKeyIdentifier")]
    SubjectKeyIdentifierMissing,
    /// Signed attributes are missing although the content type is not id-data (RFC 5652 §5.3).
    #[error("signed attributes are missing")]
    AttributesMissing,
    /// An attribute that must stand exactly once with one value does not (RFC 5652 §11).
    #[error("the signed attribute {0} does not stand exactly once with one value")]
    Attribute(ObjectIdentifier),
    /// The content-type attribute names another type than the content has (RFC 5652 §11.1).
    #[error("the content-type attribute differs from the content's type")]
    ContentTypeAttribute,
    /// The message-digest attribute is not the digest of the content (RFC 5652 §11.2).
    #[error("the message-digest attribute is not the digest of the content")]
    MessageDigest,
    /// The signature itself.
    #[error(transparent)]
    Signature(#[from] AlgorithmError),
}
