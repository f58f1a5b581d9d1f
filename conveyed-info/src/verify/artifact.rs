//! The conveyed information artifact: its signature, its document (RFC 8572 §3.1).

use pki::certificate::Certificate;
use verdict::{Input, ReasonCode, Refusal, Trace};

use super::clear::{CONVEYED_INFORMATION, Clear};
use crate::{
    Encoding,
    cms::{CmsError, ContentInfo, ContentType, SignedData},
    information::Information,
};

/// The document inside an unsigned artifact. A signature without voucher and owner certificate proves nothing, so a
/// signed artifact that came alone is invalid signed data (RFC 8572 §5.4; CLI-31).
pub(super) fn unsigned(artifact: &Clear, trace: Trace) -> Result<(Information, Trace), Refusal> {
    let inputs = [artifact.input()];
    if artifact.is_signed() {
        return Err(trace.refused(
            "grouping",
            ReasonCode::GroupingIllegal,
            &inputs,
            "signed conveyed information came without owner certificate and ownership voucher",
        ));
    }
    let (content_type, document, trace) = artifact.document(trace)?;
    decode(content_type, document, trace, &inputs)
}

/// Whether bare content is a document of conveyed information.
pub(super) fn is_document(info: &ContentInfo) -> bool {
    info.octets().is_ok_and(|document| read(info.content_type(), document).is_ok())
}

/// The document inside a signed artifact, when `owner` signed it.
pub(super) fn signed_by(
    signed: &SignedData,
    input: Input,
    owner: &Certificate,
    mut trace: Trace,
) -> Result<(Information, Trace), Refusal> {
    const CHECK: &str = "conveyed-information-signature";
    let inputs = [input, Input { name: "owner-certificate", sha256: owner.sha256() }];
    // RFC 8572 §5.4 step 3 (CLI-39): by the validated owner certificate and by nothing else under the pinned one.
    let content = match signed.verify_signer_as(owner) {
        Ok(signer) => signer.content,
        Err(error) => {
            let reason = match error {
                CmsError::SignerCertificateMissing => ReasonCode::ConveyedInformationSignerNotOwner,
                CmsError::AttributesMissing
                | CmsError::Attribute(_)
                | CmsError::ContentTypeAttribute
                | CmsError::MessageDigest => ReasonCode::SignedAttributesInvalid,
                CmsError::Signature(pki::algorithm::AlgorithmError::BadSignature) => {
                    ReasonCode::ConveyedInformationSignatureInvalid
                }
                CmsError::Signature(_) => ReasonCode::AlgorithmNotAllowed,
                _ => ReasonCode::ArtifactMalformed,
            };
            return Err(trace.refused(CHECK, reason, &inputs, error.to_string()));
        }
    };
    trace.passed(CHECK, "RFC 8572 §5.4", &inputs);
    decode(signed.content_type(), content, trace, &[input])
}

fn decode(
    content_type: ContentType,
    document: &[u8],
    mut trace: Trace,
    inputs: &[Input],
) -> Result<(Information, Trace), Refusal> {
    match read(content_type, document) {
        Ok(information) => {
            trace.passed(DOCUMENT, "RFC 8572 §6.3", inputs);
            Ok((information, trace))
        }
        Err(Unreadable { check, reason, detail }) => Err(trace.refused(check, reason, inputs, detail)),
    }
}

const DOCUMENT: &str = "conveyed-information-document";

/// Which check content fails that is no conveyed information, and why.
struct Unreadable {
    check: &'static str,
    reason: ReasonCode,
    detail: String,
}

fn read(content_type: ContentType, document: &[u8]) -> Result<Information, Unreadable> {
    let check = CONVEYED_INFORMATION.form;
    let found = Encoding::detect(document);
    let encoding = match (content_type, found) {
        (ContentType::ConveyedInfoJson, Some(Encoding::Json)) => Encoding::Json,
        (ContentType::ConveyedInfoXml, Some(Encoding::Xml)) => Encoding::Xml,
        // ART-08: id-data tells nothing, the first octet that is no blank does.
        (ContentType::Data, Some(encoding)) => encoding,
        // ART-09: content that disagrees with its type is malformed.
        (ContentType::ConveyedInfoJson | ContentType::ConveyedInfoXml | ContentType::Data, _) => {
            let is = found.map_or_else(|| "neither JSON nor XML".to_owned(), |found| found.to_string());
            let detail = format!("content of type {} is {is}", content_type.oid());
            return Err(Unreadable { check, reason: ReasonCode::DocumentInvalid, detail });
        }
        // RFC 8572 §3.1 (ART-03, ART-05).
        (other, _) => {
            let detail = format!("content type {} is not one of conveyed information", other.oid());
            return Err(Unreadable { check, reason: ReasonCode::ContentTypeUnexpected, detail });
        }
    };
    Information::decode(document, encoding).map_err(|error| {
        let (reason, detail) = (ReasonCode::DocumentInvalid, error.to_string());
        Unreadable { check: DOCUMENT, reason, detail }
    })
}
