//! OCSP requests (RFC 6960 §4.1; the small ones of RFC 5019 §2.1 are among them).

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use const_oid::ObjectIdentifier;
use der::{
    Any, Decode, Encode, Sequence,
    asn1::{Int, OctetString},
};
use pki::digest::{Digest, sha256};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::{Extension, pkix::name::GeneralName};

/// id-pkix-ocsp-nonce (RFC 9654 §2.1).
pub(super) const ID_PKIX_OCSP_NONCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.2");

/// Which certificate is asked about: its issuer by two digests, and its serial number.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct CertId {
    pub(super) hash: AlgorithmIdentifierOwned,
    pub(super) issuer_name_hash: OctetString,
    pub(super) issuer_key_hash: OctetString,
    pub(super) serial: Int,
}

/// OCSPRequest.
#[derive(Sequence)]
struct Outer {
    request: TbsRequest,
    /// Whoever asks may sign. Who asks makes no difference here, so that the signature is not looked at (RFC 6960 §4.1.2).
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    signature: Option<Any>,
}

#[derive(Sequence)]
struct TbsRequest {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", default = "Default::default")]
    version: u8,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    requestor: Option<GeneralName>,
    list: Vec<Single>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

#[derive(Sequence)]
struct Single {
    certificate: CertId,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

/// A question about the status of certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspRequest {
    pub(super) asked: Vec<CertId>,
    pub(super) nonce: Option<Vec<u8>>,
}

impl OcspRequest {
    /// Longest request that is read, in octets.
    pub const MAX_DER: usize = 8 * 1024;
    /// Most certificates that one request may ask about.
    pub const MAX_CERTIFICATES: usize = 16;
    /// Most octets of a nonce (RFC 9654 §2.1).
    pub const MAX_NONCE: usize = 128;

    /// Reads one DER OCSPRequest.
    ///
    /// # Errors
    /// [`OcspRequestError`]; the answer is then that the request is malformed.
    pub fn from_der(der: &[u8]) -> Result<Self, OcspRequestError> {
        if der.len() > Self::MAX_DER {
            return Err(OcspRequestError::TooLarge);
        }
        let Outer { request, .. } = Outer::from_der(der)?;
        if request.version != 0 {
            return Err(OcspRequestError::Version);
        }
        if !(1..=Self::MAX_CERTIFICATES).contains(&request.list.len()) {
            return Err(OcspRequestError::Count(request.list.len()));
        }
        let nonce = nonce(&request.extensions.unwrap_or_default())?;
        let single = |it: Single| {
            let unknown = it.extensions.iter().flatten().find(|extension| extension.critical);
            unknown.map_or(Ok(it.certificate), |it| Err(OcspRequestError::CriticalExtension(it.extn_id)))
        };
        let asked = request.list.into_iter().map(single).collect::<Result<_, _>>()?;
        Ok(Self { asked, nonce })
    }

    /// Reads the request of an HTTP GET: the last part of the path, as it came, percent-encoded base64 (RFC 6960 appendix A.1).
    ///
    /// # Errors
    /// As [`OcspRequest::from_der`], and [`OcspRequestError::Path`] when it is not that.
    pub fn from_path(path: &str) -> Result<Self, OcspRequestError> {
        if path.len() > Self::MAX_DER.saturating_mul(2) {
            return Err(OcspRequestError::TooLarge);
        }
        let base64 = percent_decoded(path).ok_or(OcspRequestError::Path)?;
        let der = base64_decoded(&base64).ok_or(OcspRequestError::Path)?;
        Self::from_der(&der)
    }

    /// Under what name an answer to this question can be kept and given to whoever asks the same (RFC 5019 §6). `None` when the
    /// question holds a nonce, whose answer is for nobody else.
    #[must_use]
    pub fn cache_key(&self) -> Option<Digest> {
        let asked = self.asked.to_der().ok().filter(|_| self.nonce.is_none())?;
        Some(sha256(&asked))
    }

    /// The nonce that the answer must repeat.
    #[must_use]
    pub fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref()
    }
}

fn nonce(extensions: &[Extension]) -> Result<Option<Vec<u8>>, OcspRequestError> {
    let mut found = None;
    for extension in extensions {
        match extension.extn_id {
            ID_PKIX_OCSP_NONCE => {
                let nonce = OctetString::from_der(extension.extn_value.as_bytes())?.into_bytes();
                // RFC 9654 §2.1: 1 to 128 octets; another length is answered as malformed. Two are no nonce.
                if !(1..=OcspRequest::MAX_NONCE).contains(&nonce.len()) || found.replace(nonce.to_vec()).is_some() {
                    return Err(OcspRequestError::Nonce);
                }
            }
            // RFC 6960 §4.4: what is not known is passed over, unless it is critical.
            other if extension.critical => return Err(OcspRequestError::CriticalExtension(other)),
            _ => {}
        }
    }
    Ok(found)
}

fn percent_decoded(path: &str) -> Option<Vec<u8>> {
    let mut octets = path.bytes();
    let mut decoded = Vec::with_capacity(path.len());
    while let Some(octet) = octets.next() {
        if octet == b'%' {
            let digit = |octet: u8| char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            let (high, low) = (digit(octets.next()?)?, digit(octets.next()?)?);
            decoded.push(high << 4 | low);
        } else {
            decoded.push(octet);
        }
    }
    Some(decoded)
}

/// Base64, with or without padding at its end; some clients leave it out of URLs, or use the letters for URLs.
fn base64_decoded(text: &[u8]) -> Option<Vec<u8>> {
    const INDIFFERENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let usual = |octet: &u8| match octet {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    };
    INDIFFERENT.decode(text.iter().map(usual).collect::<Vec<_>>()).ok()
}

/// A request that cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OcspRequestError {
    /// Longer than [`OcspRequest::MAX_DER`].
    #[error("longer than {} octets", OcspRequest::MAX_DER)]
    TooLarge,
    /// It is not DER.
    #[error("not a DER OCSPRequest: {0}")]
    Der(#[from] der::Error),
    /// The path holds no base64.
    #[error("the path is no base64")]
    Path,
    /// A version that does not exist.
    #[error("the version is unknown")]
    Version,
    /// It asks about no certificate, or about too many; how many.
    #[error("it asks about {0} certificates: 1 to {most} are answered", most = OcspRequest::MAX_CERTIFICATES)]
    Count(usize),
    /// The nonce is empty or too long, or there are two.
    #[error("there is to be one nonce of 1 to {} octets", OcspRequest::MAX_NONCE)]
    Nonce,
    /// A critical extension that is not understood.
    #[error("the critical extension {0} is not understood")]
    CriticalExtension(ObjectIdentifier),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(extensions: Vec<Extension>, count: usize) -> Vec<u8> {
        let octets = |octets: &[u8]| OctetString::new(octets).unwrap();
        let certificate = CertId {
            hash: AlgorithmIdentifierOwned { oid: const_oid::db::rfc5912::ID_SHA_256, parameters: None },
            issuer_name_hash: octets(&[1; 32]),
            issuer_key_hash: octets(&[2; 32]),
            serial: Int::new(&[7]).unwrap(),
        };
        let list = (0..count).map(|_| Single { certificate: certificate.clone(), extensions: None }).collect();
        let request = TbsRequest { version: 0, requestor: None, list, extensions: Some(extensions) };
        Outer { request, signature: None }.to_der().unwrap()
    }

    fn nonce(octets: &[u8], critical: bool) -> Extension {
        let value = OctetString::new(octets).unwrap().to_der().unwrap();
        Extension { extn_id: ID_PKIX_OCSP_NONCE, critical, extn_value: OctetString::new(value).unwrap() }
    }

    #[test]
    fn a_nonce_has_1_to_128_octets() {
        let read = |extensions| OcspRequest::from_der(&request(extensions, 1));
        for good in [1, 16, 32, 128] {
            let read = read(vec![nonce(&vec![9; good], false)]).unwrap();
            assert_eq!((read.nonce().map(<[u8]>::len), read.cache_key()), (Some(good), None));
        }
        for bad in [0, 129] {
            assert_eq!(read(vec![nonce(&vec![9; bad], true)]), Err(OcspRequestError::Nonce));
        }
        assert_eq!(read(vec![nonce(&[1], false), nonce(&[1], false)]), Err(OcspRequestError::Nonce));
        let other = Extension { extn_id: const_oid::db::rfc5912::ID_SHA_256, ..nonce(&[1], false) };
        assert_eq!(read(vec![other.clone()]).unwrap().nonce(), None);
        let critical = Extension { critical: true, ..other };
        assert!(matches!(read(vec![critical]), Err(OcspRequestError::CriticalExtension(_))));
    }

    #[test]
    fn what_is_asked_is_counted_and_named() {
        let read = |count| OcspRequest::from_der(&request(Vec::new(), count));
        assert_eq!(read(0), Err(OcspRequestError::Count(0)));
        assert_eq!(read(17), Err(OcspRequestError::Count(17)));
        let (one, two) = (read(1).unwrap(), read(2).unwrap());
        assert!(one.cache_key().is_some() && one.cache_key() != two.cache_key());
        assert!(matches!(OcspRequest::from_der(&[0x30; 9000]), Err(OcspRequestError::TooLarge)));
    }

    #[test]
    fn a_request_may_stand_in_a_path() {
        use der::pem::LineEnding;
        let der = request(vec![nonce(&[0xff; 31], false)], 2);
        let pem = der::pem::encode_string("X", LineEnding::LF, &der).unwrap();
        let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let wanted = OcspRequest::from_der(&der).unwrap();
        let escaped = base64.replace('+', "%2B").replace('/', "%2f").replace('=', "%3D");
        let for_urls = base64.replace('+', "-").replace('/', "_").trim_end_matches('=').to_owned();
        for path in [&base64, &escaped, &for_urls] {
            assert_eq!(OcspRequest::from_path(path).as_ref(), Ok(&wanted), "{path}");
        }
        for bad in ["%", "%4", "%zz", "é", "A", "AAAA====", "A=AA"] {
            assert!(OcspRequest::from_path(bad).is_err(), "{bad}");
        }
    }
}
