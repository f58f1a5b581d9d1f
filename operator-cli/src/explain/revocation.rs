//! Revocation lists and OCSP responses.

use der::Decode;
use x509_cert::crl::CertificateList;

use super::{
    Layer, Remark, Settings,
    ber::{Element, Tag},
    certificate::timestamp,
    names,
};

/// Most revoked certificates that are listed.
const MAX_SHOWN: usize = 20;

/// Explains a DER CertificateList (RFC 5280 §5).
pub(super) fn explain_crl(der: &[u8], settings: &Settings) -> Layer {
    let mut layer = Layer::new("revocation-list", "certificate revocation list");
    let list: CertificateList = match CertificateList::from_der(der) {
        Ok(list) => list,
        Err(error) => {
            layer.remark(Remark::Unreadable { what: "revocation list", why: error.to_string() });
            return layer;
        }
    };
    let list = list.tbs_cert_list;
    layer.gist(format!("certificate revocation list of {}", list.issuer));
    layer.fact("issuer", list.issuer.to_string());
    layer.fact("this-update", timestamp(list.this_update).to_string());
    if let Some(next) = list.next_update.map(timestamp) {
        layer.fact("next-update", next.to_string());
        if settings.now > next {
            layer.remark(Remark::Stale(next));
        }
    }
    layer.fact("signature", names::name(list.signature.oid));
    let revoked = list.revoked_certificates.unwrap_or_default();
    layer.fact("revoked", revoked.len());
    let shown = revoked.iter().take(MAX_SHOWN);
    let lines =
        shown.map(|it| format!("{} since {}", names::hex(it.serial_number.as_bytes()), timestamp(it.revocation_date)));
    if !revoked.is_empty() {
        layer.fact("revoked-certificates", lines.collect::<Vec<_>>());
    }
    if revoked.len() > MAX_SHOWN {
        layer.remark(Remark::NotShown(revoked.len() - MAX_SHOWN, "revoked certificates"));
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
