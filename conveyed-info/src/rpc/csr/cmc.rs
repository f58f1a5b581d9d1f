//! Full PKI Requests as RFC 9646 §3.2 profiles them: one PKCS#10 request, signed around (RFC 5272; CSR-17).

use const_oid::ObjectIdentifier;
use der::{Tag, TagNumber};
use pki::certificate::Certificate;

use super::{
    CsrFormat,
    elements::{Elements, tag_of},
    enrolment::{EnrolmentRequest, EnrolmentRequestError as Error, Origin},
};
use crate::cms::{CmsError, ContentType, SignedData};

/// Controls that change nothing about what is asked for (RFC 5272 §6.6, §6.1.3).
const HARMLESS: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.7.5"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.7.6"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.7.2"),
];

pub(super) fn read(der: &[u8], identity: Option<&Certificate>) -> Result<EnrolmentRequest, Error> {
    let outer = pki_data(der)?;
    let signer = match outer.verify_signer() {
        // RFC 9646 §3.2: the device's certificate is in the structure. One that leaves it out has shown it in TLS.
        Err(CmsError::SignerCertificateMissing) => {
            outer.verify_signer_as(identity.ok_or(CmsError::SignerCertificateMissing)?)?
        }
        verified => verified?,
    };
    let origin = || Origin::SignedBy(Box::new(signer.certificate.clone()));
    match Content::read(signer.content)? {
        // The key of the device's certificate is the one that is to be certified.
        Content::Request(request) => EnrolmentRequest::of_pkcs10(request, origin(), CsrFormat::Cmc),
        Content::Inner(inner) => {
            let inner = pki_data(inner)?;
            let content = inner.unverified_content().ok_or(CmsError::NoContent)?;
            let Content::Request(request) = Content::read(content)? else { return Err(Error::Requests { found: 0 }) };
            let request = EnrolmentRequest::of_pkcs10(request, origin(), CsrFormat::Cmc)?;
            // RFC 5272 §4.2: a key that has no certificate yet signs too. Some let the device's key sign twice.
            inner.verify_signature(request.key()).or_else(|error| {
                if inner.names_signer(signer.certificate) {
                    inner.verify_signature(signer.certificate.public_key())
                } else {
                    Err(error)
                }
            })?;
            Ok(request)
        }
    }
}

fn pki_data(der: &[u8]) -> Result<SignedData, Error> {
    let signed = SignedData::from_der(der)?;
    if signed.content_type() != ContentType::PkiData {
        return Err(CmsError::ContentType(signed.content_type().oid()).into());
    }
    Ok(signed)
}

/// What a PKIData holds (RFC 5272 §3.2.1), where it holds one thing.
enum Content<'a> {
    /// A CertificationRequest.
    Request(&'a [u8]),
    /// A ContentInfo.
    Inner(&'a [u8]),
}

impl<'a> Content<'a> {
    fn read(der: &'a [u8]) -> Result<Self, Error> {
        let mut data = Elements::of_sequence(der)?;
        let mut controls = Elements::of_sequence(data.element()?)?;
        while !controls.is_finished() {
            let mut control = Elements::of_sequence(controls.element()?)?;
            control.element()?;
            let kind = control.value()?;
            if !HARMLESS.contains(&kind) {
                return Err(Error::Control(kind));
            }
        }
        let mut found = 0_usize;
        let (requests, inner) = (list(data.element()?, &mut found)?, list(data.element()?, &mut found)?);
        // RFC 9646 §3.2: no otherMsgSequence.
        list(data.element()?, &mut found)?;
        data.finish()?;
        match (requests, inner, found) {
            (Some(request), None, 1) => {
                // TaggedRequest is a CHOICE; tcr is `[0]`, implicit.
                if tag_of(request)? != (Tag::ContextSpecific { constructed: true, number: TagNumber(0) }) {
                    return Err(Error::NotPkcs10);
                }
                tagged(Elements::of_context(request, 0)?).map(Self::Request)
            }
            (None, Some(inner), 1) => tagged(Elements::of_sequence(inner)?).map(Self::Inner),
            _ => Err(Error::Requests { found }),
        }
    }
}

/// The last element of a list, all of which are counted.
fn list<'a>(der: &'a [u8], found: &mut usize) -> Result<Option<&'a [u8]>, Error> {
    let (mut list, mut last) = (Elements::of_sequence(der)?, None);
    while !list.is_finished() {
        last = Some(list.element()?);
        *found = found.saturating_add(1);
    }
    Ok(last)
}

/// What stands behind a bodyPartID.
fn tagged(mut part: Elements<'_>) -> Result<&[u8], Error> {
    part.element()?;
    let content = part.element()?;
    part.finish()?;
    Ok(content)
}
