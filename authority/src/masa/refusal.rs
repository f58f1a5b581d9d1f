//! How a MASA's refusals look on the wire (RFC 8995 §5.6; MAS-07).

use std::fmt;

use conveyed_info::voucher::MEDIA_TYPE;
use verdict::{ReasonCode, Refusal};

/// A voucher is not issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRefusal {
    /// Why, with every check that was made.
    pub refusal: Refusal,
}

impl ClaimRefusal {
    /// The status of the HTTP answer (RFC 8995 §5.6): 404 when there is no such device, 403 when the signature, the registrar,
    /// the records or the policy forbid it, 400 when the request cannot be read.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self.refusal.reason {
            ReasonCode::SerialNumberUnknown => 404,
            ReasonCode::NotAcceptable => 406,
            ReasonCode::BodyTooLarge => 413,
            ReasonCode::MediaTypeUnsupported => 415,
            ReasonCode::VoucherRequestMalformed | ReasonCode::SerialNumberAmbiguous => 400,
            _ => 403,
        }
    }

    /// What the registrar's operator may read, in plain text (RFC 8995 §5.6): the reason with its remedy, not the trace.
    #[must_use]
    pub fn text(&self) -> String {
        self.refusal.to_string()
    }

    /// A request of another media type.
    #[must_use]
    pub fn media_type(found: &str) -> Self {
        let detail = format!("{found} where {MEDIA_TYPE} is expected");
        Self { refusal: Refusal::new(ReasonCode::MediaTypeUnsupported, detail) }
    }

    /// A requester that does not take vouchers of the one form there is.
    #[must_use]
    pub fn not_acceptable(accept: &str) -> Self {
        let detail = format!("vouchers are {MEDIA_TYPE}, and the request accepts {accept}");
        Self { refusal: Refusal::new(ReasonCode::NotAcceptable, detail) }
    }
}

impl From<Refusal> for ClaimRefusal {
    fn from(refusal: Refusal) -> Self {
        Self { refusal }
    }
}

impl fmt::Display for ClaimRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal.fmt(f)
    }
}

impl std::error::Error for ClaimRefusal {}

/// Whether a Content-Type is that of voucher requests. Parameters mean nothing (RFC 9110 §8.3.1).
#[must_use]
pub fn is_voucher_request(content_type: &str) -> bool {
    content_type.split(';').next().is_some_and(|it| it.trim().eq_ignore_ascii_case(MEDIA_TYPE))
}

/// Whether an Accept header lets vouchers come (RFC 9110 §12.5.1); without one everything may.
#[must_use]
pub fn accepts_vouchers(accept: Option<&str>) -> bool {
    let Some(accept) = accept else { return true };
    let mut best = None;
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let specificity = match name {
            "*/*" => 0,
            _ if name.eq_ignore_ascii_case("application/*") => 1,
            _ if name.eq_ignore_ascii_case(MEDIA_TYPE) => 2,
            _ => continue,
        };
        let is_refused = parts.filter_map(|it| it.split_once('=')).any(|(name, value)| {
            name.trim().eq_ignore_ascii_case("q") && value.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0)
        });
        // The most specific range decides.
        if best.is_none_or(|(known, _)| specificity > known) {
            best = Some((specificity, !is_refused));
        }
    }
    best.is_some_and(|(_, accepted)| accepted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mas_01_the_media_type_of_vouchers() {
        for (text, fits) in [
            ("application/voucher-cms+json", true),
            ("Application/Voucher-CMS+JSON ; charset=utf-8", true),
            ("application/json", false),
            ("application/voucher-cose+cbor", false),
            ("", false),
        ] {
            assert_eq!(is_voucher_request(text), fits, "{text}");
        }
        for (accept, fits) in [
            (None, true),
            (Some("*/*"), true),
            (Some("application/voucher-jws+json, application/voucher-cms+json;q=0.5"), true),
            (Some("application/*"), true),
            (Some("application/voucher-cms+json;q=0, */*"), false),
            (Some("*/*;q=0, application/voucher-cms+json"), true),
            (Some("application/voucher-cose+cbor"), false),
            (Some(""), false),
        ] {
            assert_eq!(accepts_vouchers(accept), fits, "{accept:?}");
        }
    }

    #[test]
    fn mas_07_each_refusal_has_its_status() {
        for (reason, status) in [
            (ReasonCode::VoucherRequestSignatureInvalid, 403),
            (ReasonCode::VoucherRequestStale, 403),
            (ReasonCode::RegistrarNotAuthorized, 403),
            (ReasonCode::OwnershipElsewhere, 403),
            (ReasonCode::CertificateRevoked, 403),
            (ReasonCode::SerialNumberUnknown, 404),
            (ReasonCode::VoucherRequestMalformed, 400),
        ] {
            assert_eq!(ClaimRefusal::from(Refusal::new(reason, "it")).status(), status, "{reason}");
        }
        let refused = ClaimRefusal::media_type("text/html");
        assert_eq!(refused.status(), 415);
        assert!(refused.text().contains(MEDIA_TYPE) && !refused.text().contains('\n'));
        assert_eq!(ClaimRefusal::not_acceptable("text/html").status(), 406);
    }
}
