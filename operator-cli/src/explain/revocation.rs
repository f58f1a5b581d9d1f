//! Revocation lists and OCSP responses.

use const_oid::ObjectIdentifier;
use der::Decode;
use pki::{
    revocation::{Crl, OcspResponse},
    time::Timestamp,
};
use x509_cert::{name::Name, time::Time};

use super::{
    Layer, Remark, Settings,
    ber::{Element, Tag},
    certificate::{subject, timestamp},
    names,
};

/// Most revoked certificates that are listed.
const MAX_SHOWN: usize = 20;

/// The parts of a TBSCertList (RFC 5280 §5.1.2). Read here tag by tag, because lists of version 1 are about, too.
struct Parts<'a> {
    signature: Option<ObjectIdentifier>,
    issuer: Option<Name>,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    revoked: Vec<Element<'a>>,
}

fn split<'a>(list: &Element<'a>) -> Option<Parts<'a>> {
    let mut elements = list.children().next()?.children();
    let _version = elements.next_if(|it| it.is(Tag::INTEGER));
    let signature = elements.next_if(|it| it.is(Tag::SEQUENCE))?.children().next()?.oid();
    let issuer = Name::from_der(elements.next_if(|it| it.is(Tag::SEQUENCE))?.octets).ok();
    let this_update = time(&elements.next()?)?;
    let next_update = elements.next_if(|it| time(it).is_some()).and_then(|it| time(&it));
    let revoked = elements.next_if(|it| it.is(Tag::SEQUENCE)).map_or_else(Vec::new, |it| it.children().collect());
    Some(Parts { signature, issuer, this_update, next_update, revoked })
}

fn time(element: &Element<'_>) -> Option<Timestamp> {
    Time::from_der(element.octets).ok().map(timestamp)
}

/// Whether an element looks like a CertificateList.
pub(super) fn is_crl(element: &Element<'_>) -> bool {
    split(element).is_some()
}

/// Explains a CertificateList.
pub(super) fn explain_crl(list: &Element<'_>, settings: &Settings) -> Layer {
    let mut layer = Layer::new("revocation-list", "certificate revocation list");
    let Some(parts) = split(list) else {
        let why = "it is no CertificateList (RFC 5280 §5.1)".to_owned();
        layer.remark(Remark::Unreadable { what: "revocation list", why });
        return layer;
    };
    if let Some(issuer) = &parts.issuer {
        layer.gist(format!("certificate revocation list of {}", subject(issuer)));
        layer.fact("issuer", subject(issuer));
    }
    layer.fact("this-update", parts.this_update.to_string());
    if let Some(next) = parts.next_update {
        layer.fact("next-update", next.to_string());
        if settings.now > next {
            layer.remark(Remark::Stale(next));
        }
    }
    layer.fact_if("signature", parts.signature.map(names::name));
    layer.fact("revoked", parts.revoked.len());
    let line = |entry: &Element<'_>| {
        let mut entry = entry.children();
        let serial = entry.next().map(|it| names::hex(it.content()));
        let since = entry.next().as_ref().and_then(time).map(|it| format!(" since {it}"));
        serial.unwrap_or_default() + &since.unwrap_or_default()
    };
    if !parts.revoked.is_empty() {
        layer.fact("revoked-certificates", parts.revoked.iter().take(MAX_SHOWN).map(line).collect::<Vec<_>>());
    }
    if parts.revoked.len() > MAX_SHOWN {
        layer.remark(Remark::NotShown(parts.revoked.len() - MAX_SHOWN, "revoked certificates"));
    }
    if let Err(error) = Crl::from_der(list.octets) {
        layer.remark(Remark::Refused { by: "the reader of devices", why: error.to_string() });
    }
    layer
}

/// Explains an OCSPResponse (RFC 6960 §4.2.1).
pub(super) fn explain_ocsp(response: &Element<'_>) -> Layer {
    let mut layer = Layer::new("ocsp-response", "OCSP response");
    let mut parts = response.children();
    let status = parts.next_if(|it| it.is(Tag::ENUMERATED)).and_then(|it| it.number());
    layer.fact(
        "status",
        match status {
            Some(0) => "successful",
            Some(1) => "malformed request",
            Some(2) => "internal error",
            Some(3) => "try later",
            Some(5) => "signature required",
            Some(6) => "unauthorized",
            _ => "unknown",
        },
    );
    let bytes = parts.next_if(|it| it.is_context(0)).and_then(|it| it.children().next());
    let Some(octets) = bytes.and_then(|it| it.children().nth(1)) else { return layer };
    let basic = octets.string();
    let Some(answers) = single_responses(&basic) else {
        layer.remark(Remark::Unreadable { what: "OCSP response", why: "not a basic response".to_owned() });
        return layer;
    };
    layer.fact("answers", answers);
    if let Err(error) = OcspResponse::from_der(response.octets) {
        layer.remark(Remark::Refused { by: "the reader of devices", why: error.to_string() });
    }
    layer
}

/// `serial: good`, for each certificate that is answered for.
fn single_responses(basic: &[u8]) -> Option<Vec<String>> {
    let basic = super::ber::Elements::read(basic, 0).next()?;
    // ResponseData: version [0]?, responderID [1] or [2], producedAt, responses.
    let responses = basic.children().next()?.children().find(|it| it.is(Tag::SEQUENCE))?;
    let single = |response: Element<'_>| {
        let mut parts = response.children();
        let serial = parts.next()?.children().nth(3)?;
        let status = parts.next()?;
        let status = match status {
            _ if status.is_context(0) => "good",
            _ if status.is_context(1) => "revoked",
            _ => "unknown",
        };
        Some(format!("{}: {status}", names::hex(serial.content())))
    };
    responses.children().take(MAX_SHOWN).map(single).collect()
}
