//! The OCSP responder (RFC 6960, in the shape of RFC 5019): who asks about a certificate is told whether it is revoked.

mod request;

pub use request::{OcspRequest, OcspRequestError};

use const_oid::{ObjectIdentifier, db::rfc5912 as oid};
use der::{
    Any, AnyRef, Choice, Decode, Encode, Enumerated, Sequence,
    asn1::{BitString, GeneralizedTime, Null, OctetString},
};
use pki::{
    certificate::Certificate,
    digest::HashAlgorithm,
    key::Signer,
    revocation::{Reason, Revocation},
    time::Timestamp,
};
use request::{CertId, ID_PKIX_OCSP_NONCE};
use sha1::{Digest, Sha1};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::Extension;

use crate::{SigningError, crl::crl_reason, extensions::plain, profile::ID_KP_OCSP_SIGNING, tbs};

const ID_PKIX_OCSP_BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
const ID_PKIX_OCSP_EXTENDED_REVOKE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.9");
const ID_SHA_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");

/// What is recorded of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Issued, and not revoked.
    Good,
    /// Issued, and revoked.
    Revoked(Revocation),
    /// Never issued here.
    Unissued,
}

/// What is said of certificates that were never issued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unissued {
    /// That nothing is known of them (RFC 6960 §2.2).
    #[default]
    Unknown,
    /// That they are revoked (RFC 6960 §2.2, §4.4.8): somebody else may have made them with a stolen key.
    Revoked,
}

/// Answers for one CA.
pub struct OcspResponder {
    issuer: Certificate,
    signer: Box<dyn Signer>,
    delegate: Option<Certificate>,
    unissued: Unissued,
    /// SHA-1 of the signing key, by which answers name the responder.
    key_hash: Vec<u8>,
    names: Vec<IssuerHashes>,
}

/// The issuer as requests name it.
struct IssuerHashes {
    algorithm: ObjectIdentifier,
    name: Vec<u8>,
    key: Vec<u8>,
}

/// A question was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspAnswer {
    /// OCSPResponse, DER.
    pub der: Vec<u8>,
    /// Until when whoever stands between may repeat it (RFC 5019 §6.2). `None`: it is for the one who asked.
    pub reusable_until: Option<Timestamp>,
}

/// From when until when an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OcspPeriod {
    /// When it is signed.
    pub now: Timestamp,
    /// As of when it is known to be so.
    pub this_update: Timestamp,
    /// When more will be known at the latest.
    pub next_update: Timestamp,
}

/// A question that gets no answer about certificates (RFC 6960 §4.2.1). Such responses are not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[repr(u8)]
pub enum OcspFailure {
    /// The request cannot be read.
    Malformed = 1,
    /// The responder failed.
    InternalError = 2,
    /// It cannot answer now.
    TryLater = 3,
    /// It does not speak for the CA that is asked about (RFC 5019 §2.2.3).
    Unauthorized = 6,
}

impl OcspFailure {
    /// The OCSPResponse, DER.
    #[must_use]
    pub const fn der(self) -> [u8; 5] {
        let status = match self {
            Self::Malformed => 1,
            Self::InternalError => 2,
            Self::TryLater => 3,
            Self::Unauthorized => 6,
        };
        [0x30, 0x03, 0x0a, 0x01, status]
    }
}

/// ResponseData (RFC 6960 §4.2.1); the version is left out.
#[derive(Sequence)]
struct ResponseData {
    responder: ResponderId,
    produced_at: GeneralizedTime,
    responses: Vec<Single>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

#[derive(Choice)]
enum ResponderId {
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", constructed = "true")]
    Key(OctetString),
}

#[derive(Sequence)]
struct Single {
    certificate: CertId,
    status: Status,
    this_update: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    next_update: GeneralizedTime,
}

#[derive(Choice)]
enum Status {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    Good(Null),
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    Revoked(RevokedInfo),
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT")]
    Unknown(Null),
}

#[derive(Sequence)]
struct RevokedInfo {
    when: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    reason: Option<Any>,
}

/// BasicOCSPResponse.
#[derive(Sequence)]
struct Basic<'a> {
    data: AnyRef<'a>,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    certificates: Option<Vec<AnyRef<'a>>>,
}

#[derive(Sequence)]
struct Bytes {
    response_type: ObjectIdentifier,
    response: OctetString,
}

#[derive(Sequence)]
struct Outer {
    status: Any,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    bytes: Bytes,
}

impl OcspResponder {
    /// A responder for what `issuer` issued. Without `delegate` the key must be the CA's own; with it, that of the delegate, which the
    /// CA must have issued for this use (RFC 6960 §4.2.2.2).
    ///
    /// # Errors
    /// [`OcspResponderError`] when key and certificates do not belong together so: nobody would believe its answers.
    pub fn new(
        issuer: Certificate,
        signer: Box<dyn Signer>,
        delegate: Option<Certificate>,
        unissued: Unissued,
    ) -> Result<Self, OcspResponderError> {
        let own = delegate.as_ref().unwrap_or(&issuer);
        if own.public_key() != signer.public_key() {
            return Err(OcspResponderError::KeyMismatch);
        }
        if let Some(delegate) = &delegate {
            let is_its =
                delegate.issuer() == issuer.subject() && delegate.verify_signature(issuer.public_key()).is_ok();
            let purposes = delegate.extensions().extended_key_usage.as_ref();
            if !is_its || !purposes.is_some_and(|purposes| purposes.contains(&ID_KP_OCSP_SIGNING)) {
                return Err(OcspResponderError::NotADelegate);
            }
        }
        let (name, key) = (issuer.subject().to_der()?, issuer.public_key().subject_public_key());
        let long = [
            (oid::ID_SHA_256, HashAlgorithm::Sha256),
            (oid::ID_SHA_384, HashAlgorithm::Sha384),
            (oid::ID_SHA_512, HashAlgorithm::Sha512),
        ];
        let long =
            long.map(|(algorithm, hash)| IssuerHashes { algorithm, name: hash.digest(&name), key: hash.digest(key) });
        // RFC 5019 §2.1.1: SHA-1, which names an issuer here and secures nothing.
        let short = IssuerHashes { algorithm: ID_SHA_1, name: sha1(&name), key: sha1(key) };
        let names = std::iter::once(short).chain(long).collect();
        let key_hash = sha1(signer.public_key().subject_public_key());
        Ok(Self { issuer, signer, delegate, unissued, key_hash, names })
    }

    /// The CA for which it answers.
    #[must_use]
    pub const fn issuer(&self) -> &Certificate {
        &self.issuer
    }

    /// The serial numbers that are asked about, as the octets of their DER INTEGERs, so that whoever keeps them can look them up
    /// before [`OcspResponder::answer`] asks.
    pub fn asked<'r>(&self, request: &'r OcspRequest) -> impl Iterator<Item = &'r [u8]> {
        request.asked.iter().filter(|it| self.speaks_for(it)).map(|it| it.serial.as_bytes())
    }

    /// Answers, with what is `recorded` of each serial number (the octets of its DER INTEGER).
    ///
    /// # Errors
    /// [`OcspFailure::Unauthorized`] when no certificate of this CA is asked about, [`OcspFailure::InternalError`] when the key does not
    /// sign.
    pub fn answer(
        &self,
        request: &OcspRequest,
        recorded: impl Fn(&[u8]) -> Recorded,
        period: OcspPeriod,
    ) -> Result<OcspAnswer, OcspFailure> {
        // RFC 5019 §2.2.3.
        if !request.asked.iter().any(|it| self.speaks_for(it)) {
            return Err(OcspFailure::Unauthorized);
        }
        let der = self.write(request, recorded, period).map_err(|_| OcspFailure::InternalError)?;
        let reusable_until = request.nonce.is_none().then_some(period.next_update);
        Ok(OcspAnswer { der, reusable_until })
    }

    fn speaks_for(&self, asked: &CertId) -> bool {
        self.names.iter().any(|it| {
            it.algorithm == asked.hash.oid
                && it.name == asked.issuer_name_hash.as_bytes()
                && it.key == asked.issuer_key_hash.as_bytes()
        })
    }

    fn write(
        &self,
        request: &OcspRequest,
        recorded: impl Fn(&[u8]) -> Recorded,
        period: OcspPeriod,
    ) -> Result<Vec<u8>, SigningError> {
        let mut says_extended = false;
        let mut responses = Vec::with_capacity(request.asked.len());
        for asked in &request.asked {
            let status = if self.speaks_for(asked) { recorded(asked.serial.as_bytes()) } else { Recorded::Unissued };
            let is_extended =
                status == Recorded::Unissued && self.speaks_for(asked) && self.unissued == Unissued::Revoked;
            says_extended |= is_extended;
            responses.push(Single {
                certificate: asked.clone(),
                status: if is_extended { never_issued()? } else { status_of(status)? },
                this_update: tbs::generalized(period.this_update)?,
                next_update: tbs::generalized(period.next_update)?,
            });
        }
        let mut extensions = Vec::new();
        if let Some(nonce) = &request.nonce {
            // RFC 9654 §2.1: as it came.
            extensions.push(plain(ID_PKIX_OCSP_NONCE, &OctetString::new(nonce.as_slice())?)?);
        }
        if says_extended {
            // RFC 6960 §4.4.8: whoever says revoked of what was never issued says that it does so.
            extensions.push(plain(ID_PKIX_OCSP_EXTENDED_REVOKE, &Null)?);
        }
        let data = ResponseData {
            responder: ResponderId::Key(OctetString::new(self.key_hash.as_slice())?),
            produced_at: tbs::generalized(period.now)?,
            responses,
            extensions: (!extensions.is_empty()).then_some(extensions),
        };
        let data = data.to_der()?;
        let signature = self.signer.sign(&data)?;
        let certificates = self.delegate.as_ref().map(|it| AnyRef::from_der(it.der())).transpose()?;
        let basic = Basic {
            data: AnyRef::from_der(&data)?,
            algorithm: self.signer.algorithm().identifier(),
            signature: BitString::from_bytes(&signature)?,
            certificates: certificates.map(|it| vec![it]),
        };
        let bytes = Bytes { response_type: ID_PKIX_OCSP_BASIC, response: OctetString::new(basic.to_der()?)? };
        Ok(Outer { status: Any::new(der::Tag::Enumerated, [0])?, bytes }.to_der()?)
    }
}

impl std::fmt::Debug for OcspResponder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OcspResponder").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

fn status_of(recorded: Recorded) -> Result<Status, der::Error> {
    Ok(match recorded {
        Recorded::Good => Status::Good(Null),
        Recorded::Unissued => Status::Unknown(Null),
        Recorded::Revoked(revocation) => {
            // RFC 5280 §5.3.1: absent rather than unspecified.
            let reason = revocation.reason.filter(|reason| *reason != Reason::Unspecified);
            let reason = reason.map(|reason| Any::encode_from(&crl_reason(reason))).transpose()?;
            Status::Revoked(RevokedInfo { when: tbs::generalized(revocation.when)?, reason })
        }
    })
}

/// RFC 6960 §2.2: on hold since 1970-01-01.
fn never_issued() -> Result<Status, der::Error> {
    let when = Timestamp::from_unix(0);
    status_of(Recorded::Revoked(Revocation { when, reason: Some(Reason::CertificateHold) }))
}

fn sha1(octets: &[u8]) -> Vec<u8> {
    Sha1::digest(octets).to_vec()
}

/// No responder can be made of these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OcspResponderError {
    /// Key and certificate do not belong together.
    #[error("the key is not that of the certificate that signs")]
    KeyMismatch,
    /// The delegate is not one of this CA (RFC 6960 §4.2.2.2).
    #[error("the responder's certificate must be issued by the CA itself, with OCSPSigning among its purposes")]
    NotADelegate,
    /// The issuer's name cannot be written.
    #[error("the issuer's name cannot be written: {0}")]
    Der(#[from] der::Error),
}
