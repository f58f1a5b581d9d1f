//! The part of the Cryptographic Message Syntax (RFC 5652) that RFC 8572 uses: signed, degenerate, bare and encrypted
//! content.
//!
//! Written on the types of the `cms` crate, never on its builder. Signatures are verified over the bytes as they
//! arrived, not over a re-encoding.
//!
//! # What is inside
//!
//! [`ContentInfo`] is the outermost layer of every artifact. Its [`ContentType`] says what comes next: [`SignedData`],
//! [`Enveloped`], or the octets of a bare document. Nothing that is read this way is verified.
//!
//! ```
//! use conveyed_info::cms::{ContentInfo, ContentType, SignedData};
//! # use conveyed_info::BootstrappingData;
//! # mod parties { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/examples/parties.rs")); }
//! # let BootstrappingData::Signed { ownership_voucher, .. } = parties::parties().data() else { unreachable!() };
//!
//! let info = ContentInfo::from_der(ownership_voucher.der())?;
//! assert_eq!(info.content_type(), ContentType::SignedData);
//! let signed = SignedData::from_content_info(&info)?;
//! assert_eq!(signed.content_type(), ContentType::AnimaJsonVoucher);
//! // Who signed. Whether that signer is to be trusted, only a path to an anchor can say.
//! assert_eq!(signed.verify_signer()?.certificate.subject().to_string(), "CN=MASA");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Encrypting, and opening
//!
//! An artifact is encrypted to the certificates of devices, with AES-256 in CBC; the content key goes to RSA keys by OAEP with
//! SHA-256, to elliptic curves by ephemeral ECDH. To give [`crate::verify::Context`] a [`crate::verify::Decryption`] is all
//! that a device needs to do. Whoever only wants to look inside opens the envelope here:
//!
//! ```
//! use conveyed_info::cms::{AeadPolicy, ContentInfo, Enveloped, SealOptions};
//! use pki::key::SystemEntropy;
//! # use conveyed_info::BootstrappingData;
//! # mod parties { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/examples/parties.rs")); }
//! # let world = parties::parties();
//! # let BootstrappingData::Signed { ownership_voucher, .. } = world.data() else { unreachable!() };
//! # let device = &world.device;
//!
//! let to = [device.certificate().clone()];
//! let encrypted = ownership_voucher.encrypted_to(&to, SealOptions::default(), &mut SystemEntropy)?;
//!
//! let envelope = Enveloped::from_content_info(&ContentInfo::from_der(encrypted.der())?)?;
//! let opened = envelope.open(&device.key, Some(device.certificate()), AeadPolicy::Refuse)?;
//! assert_eq!(opened.clear_form(), ownership_voucher.der());
//! assert!(opened.leniencies().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Where the private key lives in a TPM or an HSM, [`pki::key::Decryptor`] is what stands before it. Where even that is too
//! close, opening is two steps: [`Enveloped::prepare`] says what the key must do, [`Pending::finish`] goes on with the
//! result.
//!
//! ```
//! # use conveyed_info::{BootstrappingData, cms::SealOptions};
//! use conveyed_info::cms::{AeadPolicy, ContentInfo, Enveloped, KeyWork};
//! use pki::key::Decryptor;
//! # mod parties { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/examples/parties.rs")); }
//! # let world = parties::parties();
//! # let BootstrappingData::Signed { ownership_voucher, .. } = world.data() else { unreachable!() };
//! # let (device, to) = (&world.device, [world.device.certificate().clone()]);
//! # let encrypted = ownership_voucher.encrypted_to(&to, SealOptions::default(), &mut pki::key::SystemEntropy)?;
//!
//! let envelope = Enveloped::from_content_info(&ContentInfo::from_der(encrypted.der())?)?;
//! let certificate = device.certificate();
//! // With a certificate there is one piece of work; without, one for each recipient that the key might fit.
//! for pending in envelope.prepare(certificate.public_key(), Some(certificate), AeadPolicy::Refuse)? {
//!     // Elsewhere:
//!     let done = match pending.work() {
//!         KeyWork::Agree { peer } => device.key.agree(peer),
//!         KeyWork::DecryptRsa { padding, ciphertext } => device.key.decrypt_rsa(*padding, ciphertext),
//!     };
//!     assert_eq!(pending.finish(done)?.clear_form(), ownership_voucher.der());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is accepted and noted
//!
//! OpenSSL, and programs that stream, make envelopes and structures a little different from what RFC 8572 describes. They are
//! read, and what was different is a [`Form`] or a [`EnvelopeLeniency`], for the trace. Envelopes for readers that expect OpenSSL's
//! are made with [`DeclaredType::Data`]. AuthEnvelopedData is refused unless an [`AeadPolicy`] allows it.

mod ber;
mod content;
mod enveloped;
mod frame;
mod revocation;
mod sign;
mod signed_data;

pub use ber::{BerError, Form};
pub use content::{ContentInfo, ContentType};
pub use enveloped::{
    AeadPolicy, Algorithm, CertificateId, ContentCipher, DeclaredType, EnvelopeLeniency, Enveloped, KeyUsageRule,
    KeyWork, MAX_RECIPIENTS, NeededUsage, OpenError, Opened, Pending, Recipient, RecipientKind, SealError, SealOptions,
    seal,
};
pub use frame::Frame;
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
    /// The signer's certificate is not in the structure, or has a key of a kind that is not read here.
    #[error("the certificate of the signer is not included, or its key is of an unknown kind")]
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
