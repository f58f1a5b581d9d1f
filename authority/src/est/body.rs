//! Bodies: DER in base64, whatever a Content-Transfer-Encoding says (RFC 8951 §3).

use base64::{Engine, engine::general_purpose::STANDARD};
use conveyed_info::cms::{CmsError, certificates_only};
use pki::{
    certificate::Certificate,
    request::{CertificationRequest, CertificationRequestError},
};
use verdict::ReasonCode;

/// Longest body that is read, in octets: base64 of the longest request, with its line ends.
pub const MAX_BODY: usize = CertificationRequest::MAX_DER * 2;

/// Reads the body of a simpleenroll or simplereenroll, and verifies the request's proof of possession (RFC 7030 §4.2.1).
///
/// # Errors
/// [`BodyInvalid`].
pub fn read_request(body: &[u8]) -> Result<CertificationRequest, BodyInvalid> {
    if body.len() > MAX_BODY {
        return Err(BodyInvalid::Request(CertificationRequestError::TooLarge));
    }
    // RFC 8951 §3.1: white space may stand anywhere in it, and nothing else that is not base64.
    let text: Vec<u8> = body.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect();
    let der = STANDARD.decode(text).map_err(|_| BodyInvalid::Base64)?;
    Ok(CertificationRequest::from_der(&der)?)
}

/// Writes certificates as a body (RFC 7030 §4.1.3, §4.2.3; EST-02).
///
/// # Errors
/// [`CmsError`] when there are more than fit, or none.
pub fn certs_only(certificates: &[Certificate]) -> Result<String, CmsError> {
    certificates_only(certificates).map(|der| STANDARD.encode(der))
}

/// A body that is no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyInvalid {
    /// Not base64.
    #[error("the body is not base64 (RFC 8951 §3.1)")]
    Base64,
    /// Not a request, or one that does not prove possession of its key.
    #[error(transparent)]
    Request(#[from] CertificationRequestError),
}

impl BodyInvalid {
    /// The reason code.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        match self {
            Self::Base64 => ReasonCode::RequestMalformed,
            Self::Request(_) => ReasonCode::CsrInvalid,
        }
    }
}
