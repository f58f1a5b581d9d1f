//! SignedData (RFC 5652 §5): with a signer, or as a bag of certificates.

use conveyed_info::cms::{CmsError, ContentInfo, ContentType, SignedData};
use der::{Decode, asn1::Any};
use pki::{
    algorithm::{AlgorithmError, SignatureAlgorithm},
    certificate::Certificate,
};
use x509_cert::{name::Name, spki::AlgorithmIdentifierOwned};

use super::{
    Layer, Remark, Settings,
    ber::{Element, Elements, Tag},
    certificate,
    cms::{content_type_of, judge_content_type, read_content},
    document::octets,
    names, revocation,
};

/// Most certificates, revocation lists and signers that are explained.
const MAX_SHOWN: usize = 32;

/// The parts of SignedData.
struct Parts<'a> {
    version: Option<u64>,
    content_type: Option<const_oid::ObjectIdentifier>,
    content: Option<Element<'a>>,
    certificates: Vec<Element<'a>>,
    revocation: Vec<Element<'a>>,
    signers: Vec<Element<'a>>,
}

/// Explains a SignedData. `whole` is the ContentInfo around it, for the reader that verifies.
pub(super) fn explain(signed: &Element<'_>, whole: Option<&[u8]>, settings: &Settings, depth: usize) -> Layer {
    let mut layer = Layer::new("signed-data", "SignedData");
    let mut elements = signed.children();
    if let Some(broken) = elements.broken {
        layer.remark(Remark::Broken(broken));
    }
    let parts = split(&mut elements);
    layer.fact_if("version", parts.version);
    if let Some(oid) = parts.content_type {
        layer.fact("content-type", names::name_and_oid(oid));
    }
    let has_signers = !parts.signers.is_empty();
    if has_signers {
        let bag_of_anchor = parts.content.is_none();
        if bag_of_anchor {
            layer.remark(Remark::SignerInBag);
        }
        judge_version(&mut layer, &parts);
    }
    layer.fact("signers", parts.signers.len());
    layer.fact("certificates", parts.certificates.len());
    if !parts.revocation.is_empty() {
        layer.fact("revocation-information", parts.revocation.len());
    }
    if parts.signers.len() > 1 {
        layer.remark(Remark::Signers(parts.signers.len()));
    }
    for element in parts.signers.iter().take(MAX_SHOWN) {
        layer.put(signer(element, parts.content_type, whole));
    }
    let mut content_gist = None;
    if let Some(content) = &parts.content {
        let content = content.string();
        let inner = read_content(parts.content_type, &content, &mut layer, settings, depth);
        content_gist = Some(inner.headline().to_owned());
        layer.put(inner);
    }
    if parts.content_type.is_some_and(|oid| content_type_of(oid).is_none()) || parts.content.is_some() {
        judge_content_type(&mut layer, parts.content_type, Remark::IdData);
    }
    put_certificates(&mut layer, &parts, settings);
    layer.gist(match signed.is_cut() {
        true => {
            format!("SignedData that was cut short{}", content_gist.map(|it| format!(": {it}")).unwrap_or_default())
        }
        false => gist(&parts, content_gist),
    });
    layer
}

fn gist(parts: &Parts<'_>, content: Option<String>) -> String {
    match (content, parts.signers.len(), parts.certificates.len()) {
        (Some(content), 0, _) => format!("SignedData that nobody signed: {content}"),
        (Some(content), ..) => format!("signed {content}"),
        (None, 0, 0) => "an empty SignedData".to_owned(),
        (None, 0, count) => bag_gist(parts, count),
        (None, ..) => "a signature over content that is elsewhere".to_owned(),
    }
}

/// What a bag of certificates is good for: one that holds the certificate of no CA alone is an owner certificate.
fn bag_gist(parts: &Parts<'_>, count: usize) -> String {
    let read = |it: &Element<'_>| Certificate::from_der(it.octets).ok();
    let certificates: Vec<_> = parts.certificates.iter().take(MAX_SHOWN).filter_map(read).collect();
    let more = |count: usize| if count == 0 { String::new() } else { format!(", with {count} more") };
    match certificates.iter().find(|it| !it.extensions().is_ca()) {
        Some(owner) => format!("owner certificate: {}{}", certificate::subject(owner.subject()), more(count - 1)),
        None => format!("a trust anchor or a self-signed owner certificate: {count} certificate(s) in a bag"),
    }
}

fn split<'a>(elements: &mut Elements<'a>) -> Parts<'a> {
    let version = elements.next_if(|it| it.is(Tag::INTEGER)).and_then(|it| it.number());
    // The digest algorithms say no more than the signers.
    let _digests = elements.next_if(|it| it.is(Tag::SET));
    let mut encapsulated = elements.next_if(|it| it.is(Tag::SEQUENCE)).map(|it| it.children());
    let content_type = encapsulated.as_mut().and_then(Iterator::next).and_then(|it| it.oid());
    let content = encapsulated.as_mut().and_then(Iterator::next).and_then(|it| it.children().next());
    let list = |element: Option<Element<'a>>| element.map_or_else(Vec::new, |it| it.children().collect());
    Parts {
        version,
        content_type,
        content,
        certificates: list(elements.next_if(|it| it.is_context(0))),
        revocation: list(elements.next_if(|it| it.is_context(1))),
        signers: list(elements.next_if(|it| it.is(Tag::SET))),
    }
}

/// RFC 5652 §5.1.
fn judge_version(layer: &mut Layer, parts: &Parts<'_>) {
    let by_key_identifier = |it: &Element<'_>| it.children().nth(1).is_some_and(|it| it.is_context(0));
    let is_data = parts.content_type.and_then(content_type_of) == Some(ContentType::Data);
    let expected = if parts.revocation.iter().any(|it| it.is_context(1)) {
        5
    } else if !is_data || parts.signers.iter().any(by_key_identifier) {
        3
    } else {
        1
    };
    if let Some(found) = parts.version.filter(|found| *found != expected) {
        layer.remark(Remark::Version { found, expected });
    }
}

fn put_certificates(layer: &mut Layer, parts: &Parts<'_>, settings: &Settings) {
    let is_bag = parts.signers.is_empty();
    let count = parts.certificates.len();
    for element in parts.certificates.iter().take(MAX_SHOWN) {
        let is_ca = Certificate::from_der(element.octets).is_ok_and(|it| it.extensions().is_ca());
        // In a bag any certificate but a CA may be the owner certificate, and a lone one is.
        let may_be_owner = is_bag && (!is_ca || count == 1);
        layer.put(if may_be_owner {
            certificate::explain_signer(element.octets, settings)
        } else {
            certificate::explain(element.octets, settings)
        });
    }
    for element in parts.revocation.iter().take(MAX_SHOWN) {
        layer.put(if element.is_context(1) {
            let mut other = element.children();
            let oid = other.next().and_then(|it| it.oid());
            match other.next() {
                Some(response) if oid.is_some_and(|it| names::name(it) == "OCSP response") => {
                    revocation::explain_ocsp(&response)
                }
                _ => Layer::new("revocation-information", "revocation information of an unknown form"),
            }
        } else {
            revocation::explain_crl(element, settings)
        });
    }
    for (length, what) in [(count, "certificates"), (parts.revocation.len(), "revocation lists")] {
        if length > MAX_SHOWN {
            layer.remark(Remark::NotShown(length - MAX_SHOWN, what));
        }
    }
}

/// SignerInfo (RFC 5652 §5.3).
fn signer(info: &Element<'_>, content_type: Option<const_oid::ObjectIdentifier>, whole: Option<&[u8]>) -> Layer {
    let mut layer = Layer::new("signer", "signer");
    let mut elements = info.children();
    layer.fact_if("version", elements.next_if(|it| it.is(Tag::INTEGER)).and_then(|it| it.number()));
    if let Some(identifier) = elements.next() {
        named_by(&mut layer, &identifier);
    }
    let digest = elements.next_if(|it| it.is(Tag::SEQUENCE));
    let attributes = elements.next_if(|it| it.is_context(0));
    let signature = elements.next_if(|it| it.is(Tag::SEQUENCE));
    algorithms(&mut layer, digest.as_ref(), signature.as_ref());
    let is_data = content_type.and_then(content_type_of) == Some(ContentType::Data);
    match attributes {
        None if is_data => layer.fact("signed-attributes", "none, the signature is over the content itself"),
        None => {
            layer.fact("signed-attributes", "none");
            layer.remark(Remark::NoSignedAttributes);
        }
        Some(set) => layer.fact("signed-attributes", set.children().take(MAX_SHOWN).map(attribute).collect::<Vec<_>>()),
    }
    if let Some(whole) = whole {
        judge_signature(&mut layer, whole);
    }
    layer
}

/// Who signed, as SignerIdentifier or RecipientIdentifier say it.
pub(super) fn named_by(layer: &mut Layer, identifier: &Element<'_>) {
    if identifier.is(Tag::SEQUENCE) {
        let mut parts = identifier.children();
        let issuer = parts.next().and_then(|it| Name::from_der(it.octets).ok());
        let serial = parts.next().map(|it| names::hex(it.content()));
        layer.fact("named-by", "issuer and serial number");
        layer.fact_if("issuer", issuer.as_ref().map(certificate::subject));
        layer.fact_if("serial-number", serial);
    } else {
        layer.fact("named-by", "key identifier");
        layer.fact("key-identifier", names::hex(&identifier.string()));
    }
}

fn algorithms(layer: &mut Layer, digest: Option<&Element<'_>>, signature: Option<&Element<'_>>) {
    let oid = |it: Option<&Element<'_>>| it.and_then(|it| it.children().next()).and_then(|it| it.oid());
    let (digest_oid, signature_oid) = (oid(digest), oid(signature));
    layer.fact_if("digest", digest_oid.map(names::name));
    layer.fact_if("signature", signature_oid.map(names::name));
    let weak = [digest_oid, signature_oid].into_iter().flatten().find(|it| names::is_weak(*it));
    if let Some(weak) = weak {
        layer.remark(Remark::WeakAlgorithm(names::name(weak)));
        return;
    }
    let identifier = |it: Option<&Element<'_>>| AlgorithmIdentifierOwned::from_der(it?.octets).ok();
    if let (Some(digest), Some(signature)) = (identifier(digest), identifier(signature)) {
        match SignatureAlgorithm::from_cms(&digest, &signature) {
            Ok(SignatureAlgorithm::RsaPss(parameters)) => {
                layer.fact("salt", octets(usize::from(parameters.salt_length)));
            }
            Ok(_) => {}
            Err(AlgorithmError::Unknown(oid)) => layer.remark(Remark::UnknownAlgorithm(names::name_and_oid(oid))),
            Err(AlgorithmError::Weak(oid)) => layer.remark(Remark::WeakAlgorithm(names::name(oid))),
            Err(other) => layer.remark(Remark::Refused { by: "the reader of devices", why: other.to_string() }),
        }
    }
}

/// One signed attribute on one line.
fn attribute(attribute: Element<'_>) -> String {
    let mut parts = attribute.children();
    let oid = parts.next().and_then(|it| it.oid());
    let value = parts.next().and_then(|it| it.children().next());
    let name = oid.map_or_else(|| "unreadable".to_owned(), names::name);
    let value = value.and_then(|value| match name.as_str() {
        "content-type" => value.oid().map(names::name),
        "message-digest" => Some(names::hex(&value.string())),
        "signing-time" => {
            let time = Any::from_der(value.octets).ok()?.decode_as::<x509_cert::time::Time>().ok()?;
            Some(certificate::timestamp(time).to_string())
        }
        _ => None,
    });
    value.map_or_else(|| name.clone(), |value| format!("{name}: {value}"))
}

/// Says whether the signature holds, with the certificate that lies beside it; whom it speaks for, this cannot say.
fn judge_signature(layer: &mut Layer, whole: &[u8]) {
    let read = ContentInfo::from_ber(whole).and_then(|(info, _)| SignedData::from_content_info(&info));
    let signed = match read {
        Ok(signed) => signed,
        Err(error) => {
            layer.remark(Remark::Refused { by: "the reader of devices", why: error.to_string() });
            return;
        }
    };
    match signed.verify_signer() {
        Ok(signer) => {
            let name = certificate::subject(signer.certificate.subject());
            layer.fact("made-by", format!("the key of {name} (whether to trust it, only `verify` can say)"));
        }
        Err(CmsError::SignerCertificateMissing) => layer.remark(Remark::SignerCertificateMissing),
        // Said already, or no matter of the signature.
        Err(CmsError::AttributesMissing | CmsError::Signers(_) | CmsError::NoContent) => {}
        Err(CmsError::Signature(
            AlgorithmError::Unknown(_) | AlgorithmError::Weak(_) | AlgorithmError::RsaTooShort(_),
        )) => {}
        Err(error) => layer.remark(Remark::SignatureFails(error.to_string())),
    }
}
