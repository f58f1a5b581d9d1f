//! PKIMessages as RFC 9646 §3.2 profiles them: one request for one certificate (RFC 4210, RFC 4211; CSR-18).

use const_oid::ObjectIdentifier;
use der::{Decode, Tag, TagNumber, asn1::BitStringRef};
use pki::{
    algorithm::{AlgorithmError, SignatureAlgorithm},
    certificate::Certificate,
    key::PublicKey,
};
use spki::AlgorithmIdentifierOwned;
use x509_cert::{ext::Extensions, name::Name};

use super::{
    CsrFormat,
    elements::{Elements, as_sequence, sequence, tag_of},
    enrolment::{EnrolmentRequest, EnrolmentRequestError as Error, Origin, distinct},
};
use crate::cms::MAX_CERTIFICATES;

/// cmp2000 (RFC 4210 §5.1.1).
const VERSION: u8 = 2;

/// Choices of PKIBody (RFC 4210 §5.1.2).
const IR: u32 = 0;
const CR: u32 = 2;
const P10CR: u32 = 4;
const KUR: u32 = 7;

/// Protection by something else than a signature (RFC 4210 §5.1.3, RFC 9481 §6).
const PASSWORD_BASED_MAC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113533.7.66.13");
const DH_BASED_MAC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113533.7.66.30");
const PBMAC1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.14");

/// The certificate that a kur replaces (RFC 4211 §6.5): said for information, the device is known.
const OLD_CERT_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.5.1.5");

pub(super) fn read(der: &[u8], identity: Option<&Certificate>) -> Result<EnrolmentRequest, Error> {
    let mut message = Elements::of_sequence(der)?;
    let (header, body) = (message.element()?, message.element()?);
    let protection = message.optional(0)?;
    let extra = message.optional(1)?.map(certificates).transpose()?.unwrap_or_default();
    message.finish()?;
    let header_read = Header::read(header)?;
    let origin = match (protection, &header_read.algorithm) {
        (None, None) => {
            // RFC 9646 §3.2: the sender is the subject of the device's certificate.
            if identity.is_some_and(|identity| *identity.subject() != header_read.sender) {
                return Err(Error::Sender);
            }
            Origin::Unsigned
        }
        (Some(protection), Some(algorithm)) => {
            // RFC 9646 §4.1.5 (CSR-26): one would have to be shared first.
            if [PASSWORD_BASED_MAC, DH_BASED_MAC, PBMAC1].contains(&algorithm.oid) {
                return Err(Error::SharedSecret(algorithm.oid));
            }
            let mut candidates = extra.iter().chain(identity);
            let named = candidates.find(|it| *it.subject() == header_read.sender);
            let protector = named.ok_or(Error::ProtectorMissing)?;
            verify_protection(header, body, protection, algorithm, protector.public_key())?;
            Origin::SignedBy(Box::new(protector.clone()))
        }
        _ => return Err(Error::ProtectionAlgorithm),
    };
    let Tag::ContextSpecific { constructed: true, number: TagNumber(choice) } = tag_of(body)? else {
        return Err(Error::Body);
    };
    if ![IR, CR, P10CR, KUR].contains(&choice) {
        return Err(Error::Body);
    }
    let mut explicit = Elements::of_context(body, choice)?;
    let request = explicit.element()?;
    explicit.finish()?;
    match choice {
        P10CR => EnrolmentRequest::of_pkcs10(request, origin, CsrFormat::Cmp),
        _ => of_messages(request, origin),
    }
}

/// What of a PKIHeader counts (RFC 4210 §5.1.1). Its time is not believed, and the exchange is not one of CMP: nobody answers
/// with its nonces.
struct Header {
    sender: Name,
    algorithm: Option<AlgorithmIdentifierOwned>,
}

impl Header {
    fn read(der: &[u8]) -> Result<Self, Error> {
        let mut header = Elements::of_sequence(der)?;
        let version = header.value::<u8>()?;
        // CSR-18.
        if version != VERSION {
            return Err(Error::Version(version));
        }
        // GeneralName: a directoryName is `[4]`, explicit since Name is a CHOICE (RFC 5280 §4.2.1.6).
        let mut sender = Elements::of_context(header.optional(4)?.ok_or(Error::Sender)?, 4)?;
        let name = sender.value()?;
        sender.finish()?;
        // The recipient, which may be any GeneralName.
        header.element()?;
        header.optional(0)?;
        let algorithm = match header.optional(1)? {
            None => None,
            Some(explicit) => {
                let mut explicit = Elements::of_context(explicit, 1)?;
                let algorithm = explicit.value()?;
                explicit.finish()?;
                Some(algorithm)
            }
        };
        for number in 2..=8 {
            header.optional(number)?;
        }
        header.finish()?;
        Ok(Self { sender: name, algorithm })
    }
}

/// RFC 4210 §5.1.3.3: the signature is over ProtectedPart, a SEQUENCE of header and body as they came.
fn verify_protection(
    header: &[u8],
    body: &[u8],
    protection: &[u8],
    algorithm: &AlgorithmIdentifierOwned,
    key: &PublicKey,
) -> Result<(), Error> {
    let mut explicit = Elements::of_context(protection, 0)?;
    let signature = explicit.value::<BitStringRef<'_>>()?;
    explicit.finish()?;
    verify(algorithm, key, &sequence(&[header, body])?, signature).map_err(Error::Protection)
}

fn certificates(explicit: &[u8]) -> Result<Vec<Certificate>, Error> {
    let mut outer = Elements::of_context(explicit, 1)?;
    let mut list = Elements::of_sequence(outer.element()?)?;
    outer.finish()?;
    let (mut certificates, mut seen) = (Vec::new(), 0_usize);
    while !list.is_finished() {
        seen = seen.saturating_add(1);
        if seen > MAX_CERTIFICATES {
            return Err(Error::TooManyCertificates);
        }
        // One that cannot be read is of no use; whether it is missed shows when the signer is looked for.
        certificates.extend(Certificate::from_der(list.element()?));
    }
    Ok(certificates)
}

/// CertReqMessages (RFC 4211 §3): exactly one.
fn of_messages(messages: &[u8], origin: Origin) -> Result<EnrolmentRequest, Error> {
    let mut list = Elements::of_sequence(messages)?;
    if list.is_finished() {
        return Err(Error::Requests { found: 0 });
    }
    let mut message = Elements::of_sequence(list.element()?)?;
    let mut found = 1_usize;
    while !list.is_finished() {
        list.element()?;
        found = found.saturating_add(1);
    }
    if found != 1 {
        return Err(Error::Requests { found });
    }
    let request = message.element()?;
    // RFC 4211 §4 (CSR-19): of the proofs there are, `[1]`, a signature by the key itself, is the one that needs nobody else.
    let proof = message.optional(1)?.ok_or(Error::ProofMissing)?;
    // What is left is regInfo, which nothing is decided by.
    if !message.is_finished() {
        message.element()?;
    }
    message.finish()?;
    let Template { subject, key, extensions } = certificate_request(request)?;
    let mut proof = Elements::of_context(proof, 1)?;
    // RFC 4211 §4.1: poposkInput has its place where the template lacks subject or key, and then proves something else.
    if proof.optional(0)?.is_some() {
        return Err(Error::ProofMissing);
    }
    let algorithm = proof.value::<AlgorithmIdentifierOwned>()?;
    let signature = proof.value::<BitStringRef<'_>>()?;
    proof.finish()?;
    verify(&algorithm, &key, request, signature).map_err(Error::Proof)?;
    Ok(EnrolmentRequest::new(key, subject, extensions, origin, CsrFormat::Cmp))
}

/// What of a CertTemplate counts: issuer, validity and the like are not the device's to say.
struct Template {
    subject: Name,
    key: PublicKey,
    extensions: Extensions,
}

/// CertRequest (RFC 4211 §5).
fn certificate_request(der: &[u8]) -> Result<Template, Error> {
    let mut request = Elements::of_sequence(der)?;
    // certReqId.
    request.element()?;
    let template = request.element()?;
    if !request.is_finished() {
        let mut controls = Elements::of_sequence(request.element()?)?;
        while !controls.is_finished() {
            let control: ObjectIdentifier = Elements::of_sequence(controls.element()?)?.value()?;
            if control != OLD_CERT_ID {
                return Err(Error::Control(control));
            }
        }
    }
    request.finish()?;
    let (mut subject, mut key, mut extensions) = (None, None, Extensions::new());
    let mut members = Elements::of_sequence(template)?;
    while let Some(Tag::ContextSpecific { number: TagNumber(number), .. }) = members.tag()? {
        let element = members.element()?;
        match number {
            5 => {
                let mut explicit = Elements::of_context(element, 5)?;
                subject = Some(explicit.value::<Name>()?);
                explicit.finish()?;
            }
            6 => key = Some(PublicKey::from_spki_der(&as_sequence(element))?),
            9 => extensions = distinct(Extensions::from_der(&as_sequence(element))?)?,
            _ => {}
        }
    }
    members.finish()?;
    let (subject, key) = (subject.ok_or(Error::Template("subject"))?, key.ok_or(Error::Template("key"))?);
    Ok(Template { subject, key, extensions })
}

fn verify(
    algorithm: &AlgorithmIdentifierOwned,
    key: &PublicKey,
    signed: &[u8],
    signature: BitStringRef<'_>,
) -> Result<(), AlgorithmError> {
    let signature = signature.as_bytes().ok_or(AlgorithmError::BadSignature)?;
    SignatureAlgorithm::from_identifier(algorithm)?.verify(key, signed, signature)
}
