//! ContentInfo (RFC 5652 §3) and what lies in it.

use const_oid::ObjectIdentifier;
use conveyed_info::{Encoding, cms::ContentType};

use super::{
    Layer, MAX_BER_DEPTH, MAX_DEPTH, Remark, Settings,
    ber::{Element, Tag},
    document,
    enveloped::{self, Kind},
    names, signed,
};

/// The type, if it is one that RFC 8572 or RFC 8366 names.
pub(super) fn content_type_of(oid: ObjectIdentifier) -> Option<ContentType> {
    ContentType::from_oid(oid).ok()
}

/// Whether an element looks like a ContentInfo: a SEQUENCE that begins with an object identifier.
pub(super) fn is_content_info(element: &Element<'_>) -> bool {
    element.is(Tag::SEQUENCE) && element.children().next().is_some_and(|it| it.is(Tag::OID))
}

/// Explains a ContentInfo.
pub(super) fn explain(info: &Element<'_>, settings: &Settings, depth: usize) -> Layer {
    let mut parts = info.children();
    let broken = parts.broken;
    let oid = parts.next().and_then(|it| it.oid());
    let content = parts.next_if(|it| it.is_context(0)).and_then(|it| it.children().next());
    let is_ber = info.is_ber(MAX_BER_DEPTH);
    let mut layer = match (oid.and_then(content_type_of), content) {
        (Some(ContentType::SignedData), Some(content)) => signed::explain(&content, Some(info.octets), settings, depth),
        (Some(ContentType::EnvelopedData), Some(content)) => enveloped::explain(&content, Kind::Enveloped),
        (Some(ContentType::AuthEnvelopedData), Some(content)) => enveloped::explain(&content, Kind::Authenticated),
        (_, Some(content)) => bare(oid, &content, settings, depth),
        (_, None) => {
            let mut layer = Layer::new("content-info", "ContentInfo without content");
            layer.fact_if("content-type", oid.map(names::name_and_oid));
            layer.remark(Remark::Missing("the content"));
            layer
        }
    };
    if let Some(broken) = broken {
        layer.remark(Remark::Broken(broken));
    }
    if is_ber {
        layer.remark(Remark::Ber);
    }
    layer
}

/// Content that is neither signed nor encrypted (RFC 8572 §3.1).
fn bare(oid: Option<ObjectIdentifier>, content: &Element<'_>, settings: &Settings, depth: usize) -> Layer {
    let mut layer = Layer::new("bare-content", "ContentInfo, neither signed nor encrypted");
    layer.fact_if("content-type", oid.map(names::name_and_oid));
    judge_content_type(&mut layer, oid, Remark::IdData);
    let octets = content.string();
    let inner = read_content(oid, &octets, &mut layer, settings, depth);
    layer.gist(format!("unsigned {}", inner.headline()));
    layer.put(inner);
    layer
}

/// Says what is unusual about the type of content; of id-data it says `id_data`.
pub(super) fn judge_content_type(layer: &mut Layer, oid: Option<ObjectIdentifier>, id_data: Remark) {
    match oid.map(|oid| (oid, content_type_of(oid))) {
        None => layer.remark(Remark::Missing("the content type")),
        Some((oid, None)) => layer.remark(Remark::ContentType(names::name_and_oid(oid))),
        Some((_, Some(ContentType::Data))) => layer.remark(id_data),
        Some((_, Some(_))) => {}
    }
}

/// Explains the octets that a content type stands for.
pub(super) fn read_content(
    oid: Option<ObjectIdentifier>,
    octets: &[u8],
    layer: &mut Layer,
    settings: &Settings,
    depth: usize,
) -> Layer {
    let content_type = oid.and_then(content_type_of);
    let encoding = Encoding::detect(octets);
    let named = match content_type {
        Some(ContentType::ConveyedInfoXml) => Some(Encoding::Xml),
        Some(ContentType::ConveyedInfoJson | ContentType::AnimaJsonVoucher) => Some(Encoding::Json),
        _ => None,
    };
    // ART-09: content that disagrees with its type is malformed.
    if let Some(named) = named.filter(|named| encoding != Some(*named)) {
        layer.remark(Remark::EncodingMismatch(if named == Encoding::Xml { "XML" } else { "JSON" }));
    }
    if encoding.is_some() {
        return document::explain(octets, settings);
    }
    let nested = super::ber::Elements::read(octets, 0).next();
    match nested {
        Some(nested) if depth < MAX_DEPTH && is_content_info(&nested) => {
            let inner = explain(&nested, settings, depth + 1);
            // ENC-02.
            if inner.kind.ends_with("enveloped-data") {
                layer.remark(Remark::EncryptedInsideSigned);
            }
            inner
        }
        Some(nested) if is_content_info(&nested) => {
            layer.remark(Remark::TooDeep);
            document::unknown(octets)
        }
        _ => document::unknown(octets),
    }
}
