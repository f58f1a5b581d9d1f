//! What a device asks for, whichever form of CSR it wrote it in (RFC 9646 §3.2, §4.2).

use const_oid::ObjectIdentifier;
use pki::{
    algorithm::AlgorithmError,
    certificate::Certificate,
    key::{KeyError, PublicKey},
    request::{CertificationRequest, CertificationRequestError},
};
use x509_cert::{
    ext::{Extension, Extensions},
    name::Name,
};

use super::{Csr, CsrFormat, cmc, cmp};
use crate::cms::CmsError;

/// A request for a certificate, out of any of the three forms. There is none that does not prove possession of its key
/// (RFC 9646 §4.2.1; CSR-19).
#[derive(Clone, Debug)]
pub struct EnrolmentRequest {
    key: PublicKey,
    subject: Name,
    extensions: Extensions,
    origin: Origin,
    format: CsrFormat,
}

/// What in a request says whose it is (RFC 9646 §4.2.2; CSR-20).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nothing: for the connection to say, or for the request's key to be one that is known already. A PKCS#10 request never
    /// says more (CSR-16).
    Unsigned,
    /// The key of this certificate signed around the request. The certificate is what the request brought: whether it is to
    /// be trusted, or is the one that the device showed in TLS, is the caller's to check.
    SignedBy(Box<Certificate>),
}

impl EnrolmentRequest {
    /// Reads a CSR, and verifies the proof that its maker holds its key, and any signature around it. `identity` is the
    /// certificate that the device showed, which a request need not repeat.
    ///
    /// # Errors
    /// [`EnrolmentRequestError`] when it cannot be read, goes beyond the profile of RFC 9646 §3.2, or a signature fails.
    pub fn read(csr: &Csr, identity: Option<&Certificate>) -> Result<Self, EnrolmentRequestError> {
        match csr.format() {
            CsrFormat::P10 => Self::of_pkcs10(csr.der(), Origin::Unsigned, CsrFormat::P10),
            CsrFormat::Cmc => cmc::read(csr.der(), identity),
            CsrFormat::Cmp => cmp::read(csr.der(), identity),
        }
    }

    pub(super) fn of_pkcs10(der: &[u8], origin: Origin, format: CsrFormat) -> Result<Self, EnrolmentRequestError> {
        let request = CertificationRequest::from_der(der)?;
        let (key, subject) = (request.public_key().clone(), request.subject().clone());
        Ok(Self { key, subject, extensions: request.extensions().to_vec(), origin, format })
    }

    pub(super) const fn new(
        key: PublicKey,
        subject: Name,
        extensions: Extensions,
        origin: Origin,
        format: CsrFormat,
    ) -> Self {
        Self { key, subject, extensions, origin, format }
    }

    /// The key that is to be certified, whose possession is proved.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The subject that is asked for.
    #[must_use]
    pub const fn subject(&self) -> &Name {
        &self.subject
    }

    /// The extensions that are asked for, each at most once.
    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// What in it says whose it is.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The form that it came in.
    #[must_use]
    pub const fn format(&self) -> CsrFormat {
        self.format
    }
}

/// RFC 5280 §4.2: not more than one instance of an extension.
pub(super) fn distinct(extensions: Extensions) -> Result<Extensions, EnrolmentRequestError> {
    let repeated =
        |index: usize, it: &Extension| extensions.iter().take(index).any(|other| other.extn_id == it.extn_id);
    if extensions.len() > MAX_EXTENSIONS || extensions.iter().enumerate().any(|(index, it)| repeated(index, it)) {
        return Err(EnrolmentRequestError::Extensions);
    }
    Ok(extensions)
}

const MAX_EXTENSIONS: usize = pki::certificate::Extensions::MAX;

/// A CSR that no certificate is issued for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnrolmentRequestError {
    /// The PKCS#10 request, alone or inside another form.
    #[error(transparent)]
    Pkcs10(#[from] CertificationRequestError),
    /// The DER cannot be read.
    #[error("not the DER structure that it is said to be: {0}")]
    Der(#[from] der::Error),
    /// An extension twice, or too many of them, or several lists.
    #[error("the requested extensions are not one list of at most {MAX_EXTENSIONS}, each once")]
    Extensions,
    /// The CMS structure of a CMC request, or its signature.
    #[error("CMC request: {0}")]
    Cms(#[from] CmsError),
    /// Not exactly one request for a certificate, or in the wrong place.
    #[error("{found} requests for certificates where there is to be exactly one")]
    Requests {
        /// How many there are.
        found: usize,
    },
    /// A request that is no PKCS#10 request, where RFC 9646 wants one.
    #[error("a CMC request holds a PKCS#10 request, as TaggedRequest tcr, and nothing else")]
    NotPkcs10,
    /// A control that would change what is asked for, and is not understood.
    #[error("the control {0} is not supported")]
    Control(ObjectIdentifier),
    /// A CMP version other than cmp2000 (RFC 9646 §3.2; CSR-18).
    #[error("pvno is {0}, and not 2 (cmp2000)")]
    Version(u8),
    /// A CMP body that requests nothing (CSR-18).
    #[error("the body of the PKIMessage is none of ir, cr, kur and p10cr")]
    Body,
    /// The sender of a CMP message is not the subject of the device's certificate (CSR-18).
    #[error("the sender of the PKIMessage is not the subject of the device's certificate")]
    Sender,
    /// The signer's certificate is neither in the message nor the one that the device showed.
    #[error("the certificate of whoever protected the PKIMessage is not at hand")]
    ProtectorMissing,
    /// Protected with a shared secret, and no secret is shared with anybody (RFC 9646 §4.1.5; CSR-26).
    #[error("protected by a shared secret ({0}), and there is none: protect it by the key of the device's certificate")]
    SharedSecret(ObjectIdentifier),
    /// Protection without an algorithm, or an algorithm without protection.
    #[error("protection and protectionAlg come together or not at all")]
    ProtectionAlgorithm,
    /// The protection of a CMP message does not verify.
    #[error("protection of the PKIMessage: {0}")]
    Protection(AlgorithmError),
    /// More certificates than are read.
    #[error("more than {} certificates", crate::cms::MAX_CERTIFICATES)]
    TooManyCertificates,
    /// A certificate template without subject or key.
    #[error("the certificate template names no {0}")]
    Template(&'static str),
    /// Possession of the key is not proved by a signature over the request (RFC 4211 §4.1; CSR-19).
    #[error("the request is not signed by its own key")]
    ProofMissing,
    /// The proof of possession does not verify (CSR-19).
    #[error("proof of possession: {0}")]
    Proof(AlgorithmError),
    /// The public key cannot be read.
    #[error("public key: {0}")]
    Key(#[from] KeyError),
}
