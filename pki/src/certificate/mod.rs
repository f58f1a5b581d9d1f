//! An X.509 certificate, parsed once and kept with its exact bytes.

mod extensions;
mod locations;
mod name;
mod name_match;

pub use extensions::{Extensions, KeyUsage};
pub(crate) use locations::{DistributionPoint, full_names};
pub(crate) use name_match::{Likeness, below, same_name};

use const_oid::ObjectIdentifier;
use der::{Decode, Encode, Header, Reader, SliceReader, Tag};
use x509_cert::name::Name;

use crate::{
    algorithm::{AlgorithmError, SignatureAlgorithm, is_rsa_with_sha1, verify_rsa_sha1},
    digest::{Digest, sha256},
    key::{KeyError, PublicKey},
    time::Timestamp,
};

/// A certificate of RFC 5280 §4.1. Holds the bytes it was read from: signatures are verified over those, never over a
/// re-encoding.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    tbs: std::ops::Range<usize>,
    parsed: x509_cert::Certificate,
    public_key: PublicKey,
    extensions: Extensions,
}

impl Certificate {
    /// Longest certificate that is read, in octets.
    pub const MAX_DER: usize = 64 * 1024;

    /// Reads one DER certificate; trailing bytes are refused.
    ///
    /// # Errors
    /// [`CertificateError`] when it is not a certificate, or holds a key or an extension that cannot be read.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > Self::MAX_DER {
            return Err(CertificateError::TooLarge);
        }
        let parsed = x509_cert::Certificate::from_der(der)?;
        // RFC 5280 §4.1.1.2: the two algorithm fields must agree.
        if parsed.signature_algorithm() != parsed.tbs_certificate().signature() {
            return Err(CertificateError::AlgorithmFieldsDiffer);
        }
        let public_key = PublicKey::from_spki_der(&parsed.tbs_certificate().subject_public_key_info().to_der()?)?;
        let extensions = Extensions::read(parsed.tbs_certificate())?;
        Ok(Self { tbs: tbs_range(der)?, der: der.to_vec(), parsed, public_key, extensions })
    }

    /// Reads every `CERTIFICATE` block of a PEM file, in order.
    ///
    /// # Errors
    /// [`CertificateError::Pem`] when there is none or the armour is broken, otherwise as [`Certificate::from_der`].
    pub fn chain_from_pem(pem: &[u8]) -> Result<Vec<Self>, CertificateError> {
        use rustls_pki_types::{CertificateDer, pem::PemObject};
        let chain = CertificateDer::pem_slice_iter(pem)
            .map(|block| Self::from_der(&block.map_err(|_| CertificateError::Pem)?))
            .collect::<Result<Vec<_>, _>>()?;
        if chain.is_empty() { Err(CertificateError::Pem) } else { Ok(chain) }
    }

    /// Reads a file that holds one or more certificates, PEM or DER.
    ///
    /// # Errors
    /// As [`Certificate::chain_from_pem`] and [`Certificate::from_der`].
    pub fn chain_from_file(bytes: &[u8]) -> Result<Vec<Self>, CertificateError> {
        const ARMOUR: &[u8] = b"-----BEGIN ";
        if bytes.windows(ARMOUR.len()).any(|window| window == ARMOUR) {
            Self::chain_from_pem(bytes)
        } else {
            Ok(vec![Self::from_der(bytes)?])
        }
    }

    /// As a `CERTIFICATE` PEM block.
    #[must_use]
    pub fn to_pem(&self) -> String {
        der::pem::encode_string("CERTIFICATE", der::pem::LineEnding::LF, &self.der).unwrap_or_default()
    }

    /// The exact bytes.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 over the exact bytes.
    #[must_use]
    pub fn sha256(&self) -> Digest {
        sha256(&self.der)
    }

    /// The key this certificate speaks for.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// What its extensions say.
    #[must_use]
    pub const fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The subject's distinguished name.
    #[must_use]
    pub fn subject(&self) -> &Name {
        self.parsed.tbs_certificate().subject()
    }

    /// The subject as people read it (RFC 4514), for messages and traces.
    #[must_use]
    pub fn subject_text(&self) -> String {
        name_text(self.subject())
    }

    /// The issuer as people read it (RFC 4514).
    #[must_use]
    pub fn issuer_text(&self) -> String {
        name::Shown(self.issuer()).to_string()
    }

    /// The issuer's distinguished name.
    #[must_use]
    pub fn issuer(&self) -> &Name {
        self.parsed.tbs_certificate().issuer()
    }

    /// The certificate's own serial number (not the device's), as the octets of the DER INTEGER.
    #[must_use]
    pub fn certificate_serial(&self) -> &[u8] {
        self.parsed.tbs_certificate().serial_number().as_bytes()
    }

    /// First moment of validity.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        timestamp(self.parsed.tbs_certificate().validity().not_before)
    }

    /// Last moment of validity.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        timestamp(self.parsed.tbs_certificate().validity().not_after)
    }

    /// Whether subject and issuer are the same name (RFC 5280 §7.1).
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        same_name(self.subject(), self.issuer())
    }

    /// Whether this certificate carries the signature of `issuer_key`.
    ///
    /// # Errors
    /// [`AlgorithmError`] when the algorithm is not accepted or the signature does not verify.
    pub fn verify_signature(&self, issuer_key: &PublicKey) -> Result<(), AlgorithmError> {
        let algorithm = SignatureAlgorithm::from_identifier(self.parsed.signature_algorithm())?;
        let (tbs, signature) = self.signed()?;
        algorithm.verify(issuer_key, tbs, signature)
    }

    /// As [`Certificate::verify_signature`], and takes RSA with SHA-1 too: only for
    /// [`crate::path::Signatures::AlsoSha1`].
    pub(crate) fn verify_signature_or_sha1(&self, issuer_key: &PublicKey) -> Result<(), AlgorithmError> {
        if !is_rsa_with_sha1(self.parsed.signature_algorithm()) {
            return self.verify_signature(issuer_key);
        }
        let (tbs, signature) = self.signed()?;
        verify_rsa_sha1(issuer_key, tbs, signature)
    }

    /// What is signed, and the signature.
    fn signed(&self) -> Result<(&[u8], &[u8]), AlgorithmError> {
        let tbs = self.der.get(self.tbs.clone()).ok_or(AlgorithmError::BadSignature)?;
        let signature = self.parsed.signature().as_bytes().ok_or(AlgorithmError::BadSignature)?;
        Ok((tbs, signature))
    }

    /// Whether it has this extension.
    pub(crate) fn holds(&self, id: ObjectIdentifier) -> bool {
        self.parsed.tbs_certificate().extensions().into_iter().flatten().any(|extension| extension.extn_id == id)
    }

    /// The parsed form, for encoders that need its fields.
    #[must_use]
    pub const fn as_x509(&self) -> &x509_cert::Certificate {
        &self.parsed
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({})", self.subject())
    }
}

/// A name as people read it (RFC 4514).
pub(crate) fn name_text(name: &Name) -> String {
    name::Shown(name).to_string()
}

fn timestamp(time: x509_cert::time::Time) -> Timestamp {
    Timestamp::from_unix(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
}

/// Where the TBSCertificate lies inside the certificate.
fn tbs_range(der: &[u8]) -> Result<std::ops::Range<usize>, CertificateError> {
    let mut reader = SliceReader::new(der)?;
    Header::decode(&mut reader)?.tag().assert_eq(Tag::Sequence)?;
    let start = usize::try_from(reader.position())?;
    let tbs = reader.tlv_bytes()?;
    Ok(start..start.saturating_add(tbs.len()))
}

/// A certificate that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Longer than [`Certificate::MAX_DER`].
    #[error("longer than {} octets", Certificate::MAX_DER)]
    TooLarge,
    /// The DER cannot be read.
    #[error("not a DER certificate: {0}")]
    Der(#[from] der::Error),
    /// The PEM armour cannot be read, or holds no certificate.
    #[error("no CERTIFICATE block in the PEM file")]
    Pem,
    /// The public key cannot be read.
    #[error("public key: {0}")]
    Key(#[from] KeyError),
    /// Outer and inner signature algorithm differ.
    #[error("the two signature algorithm fields differ")]
    AlgorithmFieldsDiffer,
    /// More extensions than [`Extensions::MAX`].
    #[error("more than {} extensions", Extensions::MAX)]
    TooManyExtensions,
    /// The same extension twice.
    #[error("extension {0} stands twice")]
    DuplicateExtension(ObjectIdentifier),
    /// An extension that must hold something holds nothing.
    #[error("extension {0} is empty")]
    EmptyExtension(ObjectIdentifier),
    /// The version does not go with what the certificate holds (RFC 5280 §4.1.2.1).
    #[error("the version does not go with the extensions or unique identifiers")]
    Version,
}

impl From<std::num::TryFromIntError> for CertificateError {
    fn from(_: std::num::TryFromIntError) -> Self {
        Self::TooLarge
    }
}
