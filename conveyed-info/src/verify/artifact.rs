//! The conveyed information artifact: its form, its signature, its document (RFC 8572 §3.1).

use pki::certificate::Certificate;
use verdict::{Input, ReasonCode, Refusal, Trace};

use crate::{
    ConveyedInformation, Encoding,
    cms::{CmsError, ContentInfo, ContentType, SignedData},
    information::Information,
};

const FORM: &str = "conveyed-information-form";
const SECTION: &str = "RFC 8572 §3.1";

/// The document inside an unsigned artifact. A signature without voucher and owner certificate proves nothing, so a
/// signed artifact that came alone is invalid signed data (RFC 8572 §5.4; CLI-31).
pub(super) fn unsigned(artifact: &ConveyedInformation) -> Result<(Information, Trace), Refusal> {
    let trace = Trace::new();
    let inputs = [input(artifact)];
    let info = match ContentInfo::from_der(artifact.der()) {
        Ok(info) => info,
        Err(error) => return Err(malformed(trace, &inputs, &error)),
    };
    match info.content_type() {
        ContentType::SignedData => Err(trace.refused(
            "grouping",
            ReasonCode::GroupingIllegal,
            &inputs,
            "signed conveyed information came without owner certificate and ownership voucher",
        )),
        content_type => match info.octets() {
            Ok(document) => decode(content_type, document, trace, &inputs),
            Err(error) => Err(malformed(trace, &inputs, &error)),
        },
    }
}

/// The document inside a signed artifact, when `owner` signed it.
pub(super) fn signed_by(
    artifact: &ConveyedInformation,
    owner: &Certificate,
    mut trace: Trace,
) -> Result<(Information, Trace), Refusal> {
    const CHECK: &str = "conveyed-information-signature";
    let inputs = [input(artifact), Input { name: "owner-certificate", sha256: owner.sha256() }];
    let info = match ContentInfo::from_der(artifact.der()) {
        Ok(info) => info,
        Err(error) => return Err(malformed(trace, &inputs, &error)),
    };
    // RFC 8572 §3.5 (ART-24): companions beside unsigned information are no grouping.
    if matches!(info.content_type(), ContentType::Data | ContentType::ConveyedInfoXml | ContentType::ConveyedInfoJson) {
        let detail = "owner certificate and ownership voucher came beside unsigned conveyed information";
        return Err(trace.refused("grouping", ReasonCode::GroupingIllegal, &inputs, detail));
    }
    let signed = match SignedData::from_content_info(&info) {
        Ok(signed) => signed,
        Err(error) => return Err(malformed(trace, &inputs, &error)),
    };
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
    decode(signed.content_type(), content, trace, &inputs[..1])
}

fn decode(
    content_type: ContentType,
    document: &[u8],
    mut trace: Trace,
    inputs: &[Input],
) -> Result<(Information, Trace), Refusal> {
    let first = document.iter().find(|byte| !byte.is_ascii_whitespace());
    match (content_type, first) {
        // ART-08: id-data tells nothing, the first octet that is no blank does.
        (ContentType::ConveyedInfoJson | ContentType::Data, Some(b'{')) => {}
        // ART-09: content that disagrees with its type is malformed.
        (ContentType::ConveyedInfoJson | ContentType::Data, _) => {
            return Err(trace.refused(FORM, ReasonCode::DocumentInvalid, inputs, "the content is not a JSON document"));
        }
        (other, _) => {
            let detail = format!("content of type {} is not read here", other.oid());
            return Err(trace.refused(FORM, ReasonCode::ContentTypeUnexpected, inputs, detail));
        }
    }
    match Information::decode(document, Encoding::Json) {
        Ok(information) => {
            trace.passed("conveyed-information-document", "RFC 8572 §6.3", inputs);
            Ok((information, trace))
        }
        Err(error) => {
            let check = "conveyed-information-document";
            Err(trace.refused(check, ReasonCode::DocumentInvalid, inputs, error.to_string()))
        }
    }
}

fn malformed(trace: Trace, inputs: &[Input], error: &CmsError) -> Refusal {
    let reason = match error {
        CmsError::ContentType(_) => ReasonCode::ContentTypeUnexpected,
        _ => ReasonCode::ArtifactMalformed,
    };
    trace.refused(FORM, reason, inputs, format!("conveyed information, {SECTION}: {error}"))
}

fn input(artifact: &ConveyedInformation) -> Input {
    Input { name: "conveyed-information", sha256: artifact.sha256() }
}
