//! The `crls` field of SignedData: revocation lists, and OCSP responses as the "other" format (RFC 5652 §10.2.1, RFC 5940).

use const_oid::ObjectIdentifier;
use der::{Any, Decode, Encode, Reader, SliceReader, Tag, TagNumber, Tagged, asn1::SetOfVec};
use pki::revocation::{Crl, Evidence, OcspResponse};

use super::{CmsError, MAX_REVOCATION_INFOS};

/// id-ri-ocsp-response (RFC 5940 §2.1; ART-17).
const ID_RI_OCSP_RESPONSE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.16.2");
/// `[1] IMPLICIT OtherRevocationInfoFormat`.
const OTHER: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(1) };

/// What can be used of it. A format or a list that cannot be read is of no use; whether it is missed shows when a
/// path is judged.
pub(super) fn read(infos: &SetOfVec<Any>) -> Result<Evidence, CmsError> {
    if infos.len() > MAX_REVOCATION_INFOS {
        return Err(CmsError::TooManyRevocationInfos);
    }
    let mut evidence = Evidence::new();
    for info in infos.iter() {
        match info.tag() {
            Tag::Sequence => {
                if let Ok(crl) = Crl::from_der(&info.to_der()?) {
                    evidence.add_crl(crl);
                }
            }
            OTHER => {
                if let Some(response) = ocsp_response(info.value()) {
                    evidence.add_ocsp_response(response);
                }
            }
            _ => {}
        }
    }
    Ok(evidence)
}

/// The response in `SEQUENCE { otherRevInfoFormat, otherRevInfo }`, given without its tag.
fn ocsp_response(other: &[u8]) -> Option<OcspResponse> {
    let mut reader = SliceReader::new(other).ok()?;
    let format = ObjectIdentifier::decode(&mut reader).ok()?;
    let response = reader.tlv_bytes().ok()?;
    reader.finish().ok()?;
    (format == ID_RI_OCSP_RESPONSE).then(|| OcspResponse::from_der(response).ok()).flatten()
}

/// The field for `evidence`; absent when there is none (a SET that is empty would say nothing either, but would be there).
pub(super) fn write(evidence: &Evidence) -> Result<Option<SetOfVec<Any>>, CmsError> {
    let lists = evidence.crls().map(|crl| Ok(Any::from_der(crl.der())?));
    let responses = evidence.ocsp_responses().map(|response| {
        let other = [&ID_RI_OCSP_RESPONSE.to_der()?, response.der()].concat();
        Ok(Any::new(OTHER, other)?)
    });
    let infos = lists.chain(responses).collect::<Result<Vec<_>, CmsError>>()?;
    if infos.len() > MAX_REVOCATION_INFOS {
        return Err(CmsError::TooManyRevocationInfos);
    }
    Ok(if infos.is_empty() { None } else { Some(SetOfVec::try_from(infos)?) })
}
