//! PKCS#10 requests as a server receives them (RFC 2986, RFC 9646 §4.2).

use std::{fmt, ops::Range};

use der::{Decode, Encode, Header, Reader, SliceReader, Tag};
use pki::{
    algorithm::{AlgorithmError, SignatureAlgorithm},
    key::{KeyError, PublicKey},
};
use x509_cert::{
    name::Name,
    request::{CertReq, CertReqInfo},
};

/// A CertificationRequest whose signature verifies with the key inside: whoever made it holds that key (RFC 9646 §4.2.1;
/// CSR-19). It does not say who that is, which is for the TLS connection to say (CSR-16).
#[derive(Clone)]
pub struct CertificationRequest {
    der: Vec<u8>,
    parsed: CertReq,
    public_key: PublicKey,
}

impl CertificationRequest {
    /// Reads a DER CertificationRequest and verifies its signature, over the bytes as they came.
    ///
    /// # Errors
    /// [`CertificationRequestError`] when it cannot be read, or does not prove possession of its key.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificationRequestError> {
        if der.len() > super::MAX_DER {
            return Err(CertificationRequestError::TooLarge);
        }
        let parsed = CertReq::from_der(der)?;
        let public_key = PublicKey::from_spki_der(&parsed.info.public_key.to_der()?)?;
        let signed = der.get(info_range(der)?).unwrap_or_default();
        let signature = parsed.signature.as_bytes().ok_or(AlgorithmError::BadSignature)?;
        SignatureAlgorithm::from_identifier(&parsed.algorithm)?.verify(&public_key, signed, signature)?;
        Ok(Self { der: der.to_vec(), parsed, public_key })
    }

    /// The request, DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The subject that is asked for.
    #[must_use]
    pub const fn subject(&self) -> &Name {
        &self.parsed.info.subject
    }

    /// The key whose possession is proved.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Everything that is asked for.
    #[must_use]
    pub const fn info(&self) -> &CertReqInfo {
        &self.parsed.info
    }
}

impl fmt::Debug for CertificationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificationRequest({})", self.subject())
    }
}

/// Where the CertificationRequestInfo lies inside the request.
fn info_range(der: &[u8]) -> Result<Range<usize>, der::Error> {
    let mut reader = SliceReader::new(der)?;
    Header::decode(&mut reader)?.tag().assert_eq(Tag::Sequence)?;
    let start = usize::try_from(reader.position()).unwrap_or(usize::MAX);
    let info = reader.tlv_bytes()?;
    Ok(start..start.saturating_add(info.len()))
}

/// A CertificationRequest that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificationRequestError {
    /// Longer than is accepted.
    #[error("longer than {} octets", super::MAX_DER)]
    TooLarge,
    /// The DER cannot be read.
    #[error("not a DER CertificationRequest: {0}")]
    Der(#[from] der::Error),
    /// The public key cannot be read.
    #[error("public key: {0}")]
    Key(#[from] KeyError),
    /// Possession of the key is not proved (CSR-19).
    #[error("proof of possession: {0}")]
    Signature(#[from] AlgorithmError),
}
