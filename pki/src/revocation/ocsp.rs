//! OCSP responses (RFC 6960 §4.2), parsed once. Own structures on `der`: the published crate is of another generation.

use const_oid::ObjectIdentifier;
use der::{
    Any, Choice, Decode, Encode, Enumerated, Reader, Sequence, SliceReader,
    asn1::{GeneralizedTime, Int, Null, OctetString},
};
use ring::digest;
use spki::AlgorithmIdentifierOwned;
use x509_cert::{
    ext::{Extensions, pkix::CrlReason},
    name::Name,
};

use super::{
    EvidenceError, Period, Reason, Revocation, Statement,
    signed::{SignedBody, check_extensions},
};
use crate::{
    certificate::{Certificate, same_name},
    digest::{Digest, sha256},
    time::{Clock, Timestamp},
};

const ID_PKIX_OCSP_BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
const ID_KP_OCSP_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9");
/// id-pkix-ocsp-nocheck (RFC 6960 §4.2.2.2.1).
const ID_PKIX_OCSP_NOCHECK: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.5");
pub(super) const ID_SHA_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");

/// A successful basic OCSP response, as received: who signed it and whether that counts shows only when a path is
/// checked.
#[derive(Clone)]
pub struct OcspResponse {
    der: Vec<u8>,
    signed: SignedBody,
    responder: ResponderId,
    responses: Vec<SingleResponse>,
    /// The certificates that came along: candidates for a delegate.
    certificates: Vec<Certificate>,
}

/// OCSPResponse (§4.2.1).
#[derive(Sequence)]
struct Outer {
    status: ResponseStatus,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    bytes: Option<ResponseBytes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[repr(u8)]
enum ResponseStatus {
    Successful = 0,
    MalformedRequest = 1,
    InternalError = 2,
    TryLater = 3,
    SigRequired = 5,
    Unauthorized = 6,
}

#[derive(Sequence)]
struct ResponseBytes {
    response_type: ObjectIdentifier,
    response: OctetString,
}

#[derive(Sequence)]
struct ResponseData {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", default = "Default::default")]
    version: u8,
    responder: ResponderId,
    produced_at: GeneralizedTime,
    responses: Vec<SingleResponse>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Clone, Choice)]
enum ResponderId {
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", constructed = "true")]
    Name(Name),
    /// SHA-1 of the responder's key.
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", constructed = "true")]
    Key(OctetString),
}

#[derive(Clone, Sequence)]
struct SingleResponse {
    certificate: CertId,
    status: CertStatus,
    this_update: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    next_update: Option<GeneralizedTime>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Clone, Sequence)]
pub(super) struct CertId {
    pub(super) hash: AlgorithmIdentifierOwned,
    pub(super) issuer_name_hash: OctetString,
    pub(super) issuer_key_hash: OctetString,
    pub(super) serial: Int,
}

#[derive(Clone, Choice)]
enum CertStatus {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    Good(Null),
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    Revoked(RevokedInfo),
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT")]
    Unknown(Null),
}

#[derive(Clone, Sequence)]
struct RevokedInfo {
    revocation_time: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    reason: Option<Any>,
}

impl RevokedInfo {
    /// A reason that cannot be read takes nothing from the fact.
    fn reason(&self) -> Option<Reason> {
        self.reason.as_ref()?.decode_as::<CrlReason>().ok().map(Into::into)
    }
}

impl OcspResponse {
    /// Longest response that is read, in octets.
    pub const MAX_DER: usize = 64 * 1024;
    /// Most certificates whose status one response may tell.
    pub const MAX_RESPONSES: usize = 64;
    /// Most certificates that may come along.
    pub const MAX_CERTIFICATES: usize = 4;

    /// Reads one DER OCSPResponse; trailing bytes are refused. No signature is looked at.
    ///
    /// # Errors
    /// [`EvidenceError`] when it is none, too large, not successful, or not of the basic kind.
    pub fn from_der(der: &[u8]) -> Result<Self, EvidenceError> {
        if der.len() > Self::MAX_DER {
            return Err(EvidenceError::TooLarge);
        }
        let outer = Outer::from_der(der)?;
        // RFC 5940 §2.1: only a successful response says anything about a certificate.
        let (ResponseStatus::Successful, Some(bytes)) = (outer.status, outer.bytes) else {
            return Err(EvidenceError::NotSuccessful);
        };
        if bytes.response_type != ID_PKIX_OCSP_BASIC {
            return Err(EvidenceError::ResponseType(bytes.response_type));
        }
        let (signed, rest) = SignedBody::read(bytes.response.as_bytes())?;
        let data = ResponseData::from_der(&signed.body)?;
        if data.version != 0 {
            return Err(EvidenceError::Version);
        }
        if data.responses.len() > Self::MAX_RESPONSES {
            return Err(EvidenceError::TooManyEntries);
        }
        check_extensions(&data.extensions.unwrap_or_default(), &[])?;
        for single in &data.responses {
            single.extensions.as_ref().map_or(Ok(()), |extensions| check_extensions(extensions, &[]))?;
        }
        let certificates = read_certificates(rest)?;
        Ok(Self { der: der.to_vec(), signed, responder: data.responder, responses: data.responses, certificates })
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

    /// Number of certificates whose status it tells.
    #[must_use]
    pub fn len(&self) -> usize {
        self.responses.len()
    }

    /// Whether it tells nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.responses.is_empty()
    }

    /// What it says about a certificate that `issuer` issued, with the period of that answer. Several answers about one
    /// certificate are all given.
    pub(super) fn statements<'a>(
        &'a self,
        certificate: &'a Certificate,
        issuer: &'a Certificate,
    ) -> impl Iterator<Item = (Statement, Period)> + 'a {
        let about = move |single: &&SingleResponse| single.certificate.names(certificate, issuer);
        self.responses.iter().filter(about).filter_map(|single| {
            let statement = match &single.status {
                CertStatus::Good(_) => Statement::Good(super::ReasonSet::ALL),
                CertStatus::Revoked(info) => {
                    Statement::Revoked(Revocation { when: timestamp(info.revocation_time), reason: info.reason() })
                }
                // RFC 6960 §2.2: the responder knows nothing of it, which is no answer.
                CertStatus::Unknown(_) => return None,
            };
            let period =
                Period { this_update: timestamp(single.this_update), next_update: single.next_update.map(timestamp) };
            Some((statement, period))
        })
    }

    /// Who may have signed for `issuer`: itself, or those it delegated (RFC 6960 §4.2.2.2), by what their certificates
    /// say. `None` stands for the issuer.
    pub(super) fn signers<'a>(&'a self, issuer: &'a Certificate) -> impl Iterator<Item = Option<&'a Certificate>> + 'a {
        let itself = self.responder.names(issuer).then_some(None);
        let fit = |it: &&Certificate| {
            self.responder.names(it) && may_sign_responses(it) && same_name(it.issuer(), issuer.subject())
        };
        itself.into_iter().chain(self.certificates.iter().filter(fit).map(Some))
    }

    /// Whether the key of `signer` made the signature.
    pub(super) fn is_signed_by(&self, signer: &Certificate) -> bool {
        self.signed.verify(signer.public_key()).is_ok()
    }
}

impl std::fmt::Debug for OcspResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OcspResponse({} answers, {})", self.responses.len(), self.sha256())
    }
}

impl ResponderId {
    fn names(&self, certificate: &Certificate) -> bool {
        match self {
            Self::Name(name) => same_name(name, certificate.subject()),
            // RFC 6960 §4.2.1: SHA-1, which names a key here and secures nothing.
            Self::Key(hash) => sha1(certificate.public_key().subject_public_key()) == hash.as_bytes(),
        }
    }
}

impl CertId {
    /// RFC 6960 §4.1.1: hashes of the issuer's name and key, and the serial number. RFC 5019 §2.1.1 makes them with SHA-1,
    /// newer responders with SHA-256.
    fn names(&self, certificate: &Certificate, issuer: &Certificate) -> bool {
        let hash: fn(&[u8]) -> Vec<u8> = match self.hash.oid {
            ID_SHA_1 => sha1,
            const_oid::db::rfc5912::ID_SHA_256 => |bytes| sha256(bytes).0.to_vec(),
            _ => return false,
        };
        self.serial.as_bytes() == certificate.certificate_serial()
            && hash(issuer.public_key().subject_public_key()) == self.issuer_key_hash.as_bytes()
            && certificate.issuer().to_der().is_ok_and(|name| hash(&name) == self.issuer_name_hash.as_bytes())
    }
}

/// RFC 6960 §4.2.2.2: a delegate's certificate says that it is one. Whether the CA issued it, and when it was valid, is
/// judged elsewhere.
fn may_sign_responses(certificate: &Certificate) -> bool {
    let extensions = certificate.extensions();
    let critical = [
        const_oid::db::rfc5280::ID_CE_KEY_USAGE,
        const_oid::db::rfc5280::ID_CE_EXT_KEY_USAGE,
        const_oid::db::rfc5280::ID_CE_BASIC_CONSTRAINTS,
        ID_PKIX_OCSP_NOCHECK,
    ];
    extensions.extended_key_usage.as_ref().is_some_and(|usages| usages.contains(&ID_KP_OCSP_SIGNING))
        && extensions.key_usage.is_none_or(|usage| usage.digital_signature)
        && extensions.critical.iter().all(|id| critical.contains(id))
}

/// Whether a delegate's certificate is the issuer's and valid now.
pub(super) fn is_delegate(delegate: &Certificate, issuer: &Certificate, clock: Clock) -> bool {
    let valid = clock.now().is_none_or(|now| (delegate.not_before()..=delegate.not_after()).contains(&now));
    valid && delegate.verify_signature(issuer.public_key()).is_ok()
}

/// `[0] EXPLICIT SEQUENCE OF Certificate`, or nothing. A certificate that cannot be read is of no use.
fn read_certificates(rest: &[u8]) -> Result<Vec<Certificate>, EvidenceError> {
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    let mut reader = SliceReader::new(rest)?;
    let bag = der::asn1::ContextSpecific::<Vec<Any>>::decode_explicit(&mut reader, der::TagNumber(0))?;
    reader.finish()?;
    let bag = bag.map(|it| it.value).unwrap_or_default();
    if bag.len() > OcspResponse::MAX_CERTIFICATES {
        return Err(EvidenceError::TooManyEntries);
    }
    Ok(bag.iter().filter_map(|any| Certificate::from_der(&any.to_der().ok()?).ok()).collect())
}

pub(super) fn sha1(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec()
}

fn timestamp(time: GeneralizedTime) -> Timestamp {
    Timestamp::from_unix(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
}
