//! EnvelopedData and AuthEnvelopedData (RFC 5652 §6, RFC 5083): for whom, and with which ciphers.

use super::{
    Layer, Remark,
    ber::{Element, Tag},
    cms::judge_content_type,
    document::octets,
    names,
    signed::named_by,
};

/// Most recipients that are explained.
const MAX_SHOWN: usize = 32;

/// RSAES-PKCS1-v1_5, RSAES-OAEP and ECDH with SHA-1.
const RSA: &str = "1.2.840.113549.1.1.1";
const OAEP: &str = "1.2.840.113549.1.1.7";
const ECDH_SHA1: &str = "1.3.133.16.840.63.0.2";

/// Which of the two structures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// EnvelopedData.
    Enveloped,
    /// AuthEnvelopedData.
    Authenticated,
}

/// Explains an EnvelopedData or AuthEnvelopedData.
pub(super) fn explain(enveloped: &Element<'_>, kind: Kind) -> Layer {
    let mut layer = match kind {
        Kind::Enveloped => Layer::new("enveloped-data", "EnvelopedData"),
        Kind::Authenticated => Layer::new("auth-enveloped-data", "AuthEnvelopedData"),
    };
    if kind == Kind::Authenticated {
        layer.remark(Remark::AuthEnveloped);
    }
    let mut elements = enveloped.children();
    if let Some(broken) = elements.broken {
        layer.remark(Remark::Broken(broken));
    }
    layer.fact_if("version", elements.next_if(|it| it.is(Tag::INTEGER)).and_then(|it| it.number()));
    let _originator = elements.next_if(|it| it.is_context(0));
    let recipients = elements.next_if(|it| it.is(Tag::SET)).map_or_else(Vec::new, |it| it.children().collect());
    let count = recipients.len();
    let inner_type = match elements.next_if(|it| it.is(Tag::SEQUENCE)) {
        Some(content) => encrypted_content(&mut layer, &content),
        None => {
            layer.remark(Remark::Missing("the encrypted content"));
            None
        }
    };
    layer.fact("recipients", count);
    let what = match inner_type.as_deref() {
        Some("id-signedData") => "signed artifact",
        Some("id-ct-sztpConveyedInfoXML" | "id-ct-sztpConveyedInfoJSON") => "unsigned conveyed information",
        _ => "artifact",
    };
    let whom = if count == 1 { "one recipient".to_owned() } else { format!("{count} recipients") };
    layer.gist(format!("encrypted {what} for {whom}"));
    for element in recipients.iter().take(MAX_SHOWN) {
        layer.put(recipient(element));
    }
    if count > MAX_SHOWN {
        layer.remark(Remark::NotShown(count - MAX_SHOWN, "recipients"));
    }
    layer
}

/// EncryptedContentInfo (RFC 5652 §6.1). Gives the name of the content's type.
fn encrypted_content(layer: &mut Layer, info: &Element<'_>) -> Option<String> {
    let mut parts = info.children();
    let content_type = parts.next().and_then(|it| it.oid());
    layer.fact_if("content-type", content_type.map(names::name_and_oid));
    judge_content_type(layer, content_type, Remark::IdDataEncrypted);
    if let Some(cipher) = parts.next().and_then(|it| it.children().next()).and_then(|it| it.oid()) {
        layer.fact("cipher", names::name(cipher));
        if names::is_weak(cipher) {
            layer.remark(Remark::WeakAlgorithm(names::name(cipher)));
        }
    }
    match parts.next_if(|it| it.is_context(0)) {
        Some(content) => layer.fact("size", octets(content.string().len())),
        None => layer.remark(Remark::Missing("the encrypted content")),
    }
    content_type.map(names::name)
}

/// RecipientInfo (RFC 5652 §6.2).
fn recipient(info: &Element<'_>) -> Layer {
    if info.is(Tag::SEQUENCE) {
        return key_transport(info);
    }
    if info.is_context(1) {
        return key_agreement(info);
    }
    let how = match info {
        _ if info.is_context(2) => "by a shared key",
        _ if info.is_context(3) => "by a password",
        _ => "in an unknown way",
    };
    let mut layer = Layer::new("recipient", format!("recipient {how}"));
    layer.remark(Remark::UnknownAlgorithm(format!("a recipient {how}")));
    layer
}

/// KeyTransRecipientInfo: RSA.
fn key_transport(info: &Element<'_>) -> Layer {
    let mut layer = Layer::new("recipient", "recipient by RSA");
    let mut parts = info.children();
    let _version = parts.next_if(|it| it.is(Tag::INTEGER));
    if let Some(identifier) = parts.next() {
        named_by(&mut layer, &identifier);
    }
    let scheme = parts.next();
    if let Some(oid) = algorithm(scheme.as_ref()) {
        let is_pkcs1 = oid.to_string() == RSA;
        layer.fact("key-encryption", if is_pkcs1 { "RSA PKCS#1 v1.5".to_owned() } else { names::name(oid) });
        if is_pkcs1 {
            layer.remark(Remark::Pkcs1KeyTransport);
        } else if oid.to_string() == OAEP {
            let hash = scheme.and_then(|it| oaep_hash(&it)).map_or_else(|| "SHA-1".to_owned(), names::name);
            if hash == "SHA-1" {
                layer.remark(Remark::OaepSha1);
            }
            layer.fact("hash", hash);
        }
    }
    layer
}

/// KeyAgreeRecipientInfo: elliptic curves. It may hold several recipients.
fn key_agreement(info: &Element<'_>) -> Layer {
    let mut layer = Layer::new("recipient", "recipient by key agreement");
    let mut parts = info.children();
    let _version = parts.next_if(|it| it.is(Tag::INTEGER));
    let originator = parts.next_if(|it| it.is_context(0)).and_then(|it| it.children().next());
    layer.fact_if(
        "originator",
        originator.map(|it| match it {
            _ if it.is_context(1) => "an ephemeral key",
            _ if it.is_context(0) => "a key named by its identifier",
            _ => "the key of a certificate",
        }),
    );
    let _keying_material = parts.next_if(|it| it.is_context(1));
    let scheme = parts.next();
    if let Some(oid) = algorithm(scheme.as_ref()) {
        layer.fact("key-agreement", names::name(oid));
        if oid.to_string() == ECDH_SHA1 {
            layer.remark(Remark::KdfSha1);
        }
    }
    let wrap = scheme.and_then(|it| it.children().nth(1)).and_then(|it| it.children().next()).and_then(|it| it.oid());
    layer.fact_if("key-wrap", wrap.map(names::name));
    let keys = parts.next_if(|it| it.is(Tag::SEQUENCE)).map_or_else(Vec::new, |it| it.children().collect());
    for key in keys.iter().take(MAX_SHOWN) {
        if let Some(identifier) = key.children().next() {
            // [0] rKeyId is a SEQUENCE whose first member is the key identifier.
            let identifier = if identifier.is_context(0) { identifier.children().next() } else { Some(identifier) };
            if let Some(identifier) = identifier {
                named_by(&mut layer, &identifier);
            }
        }
    }
    layer
}

/// The hash of OAEP (RFC 4055 §4.1), where it is not the default, SHA-1.
fn oaep_hash(scheme: &Element<'_>) -> Option<const_oid::ObjectIdentifier> {
    let mut parameters = scheme.children().nth(1)?.children();
    algorithm(parameters.next_if(|it| it.is_context(0))?.children().next().as_ref())
}

fn algorithm(element: Option<&Element<'_>>) -> Option<const_oid::ObjectIdentifier> {
    element?.children().next()?.oid()
}
