//! In which encoding a device writes, and in which it is answered (RFC 8040 §5.2, RFC 9110 §12.5.1).

use axum::http::{
    HeaderMap, HeaderValue,
    header::{ACCEPT, CONTENT_TYPE},
};
use conveyed_info::{
    Encoding,
    rpc::{YANG_DATA_JSON, YANG_DATA_XML},
};

/// The registered media type of an encoding.
pub(super) const fn media_type(encoding: Encoding) -> HeaderValue {
    HeaderValue::from_static(match encoding {
        Encoding::Json => YANG_DATA_JSON,
        Encoding::Xml => YANG_DATA_XML,
    })
}

/// The encoding that a body is said to have; `None` when there is no Content-Type, or one that is not YANG data in UTF-8.
/// The spelling with a dot is that of RFC 8572's own examples (RCF-16, RCF-18).
pub(super) fn encoding_of_body(headers: &HeaderMap) -> Option<Encoding> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let mut parts = value.split(';');
    let encoding = encoding_named(parts.next()?.trim())?;
    // RFC 8259 §8.1: JSON is UTF-8; and it is the one encoding in which XML is read here.
    let is_readable = parts.filter_map(|it| it.split_once('=')).all(|(name, value)| {
        let value = value.trim().trim_matches('"');
        !name.trim().eq_ignore_ascii_case("charset")
            || value.eq_ignore_ascii_case("utf-8")
            || value.eq_ignore_ascii_case("us-ascii")
    });
    is_readable.then_some(encoding)
}

/// The encoding of the answer; `None` when the device takes neither.
pub(super) fn encoding_of_answer(headers: &HeaderMap) -> Option<Encoding> {
    // RFC 8040 §5.2 (RCF-17): without Accept, the syntax of the request; of two that are as welcome, the same one.
    let usual = encoding_of_body(headers).unwrap_or(Encoding::Json);
    let other = match usual {
        Encoding::Json => Encoding::Xml,
        Encoding::Xml => Encoding::Json,
    };
    if !headers.contains_key(ACCEPT) {
        return Some(usual);
    }
    let weights = [usual, other].map(|encoding| (weight(headers, |range| specificity(range, encoding)), encoding));
    let [(of_usual, _), (of_other, _)] = weights;
    let (best, encoding) = if of_other > of_usual { (of_other, other) } else { (of_usual, usual) };
    (best > Weight::NONE).then_some(encoding)
}

/// Whether JSON is preferred to what is usual for this resource, a document of type `usual` (RFC 6415 §3).
pub(super) fn prefers_json_to(headers: &HeaderMap, usual: &str) -> bool {
    let of = |wanted: &str| {
        weight(headers, |range| match range {
            "*/*" => Some(Specificity::Anything),
            _ if range.eq_ignore_ascii_case("application/*") => Some(Specificity::AnyApplication),
            _ => range.eq_ignore_ascii_case(wanted).then_some(Specificity::Exact),
        })
    };
    of("application/json") > of(usual)
}

/// How closely a media range names a media type: the closest one decides, whatever the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Specificity {
    Anything,
    AnyApplication,
    Exact,
}

fn specificity(range: &str, encoding: Encoding) -> Option<Specificity> {
    match range {
        "*/*" => Some(Specificity::Anything),
        _ if range.eq_ignore_ascii_case("application/*") => Some(Specificity::AnyApplication),
        _ => (encoding_named(range) == Some(encoding)).then_some(Specificity::Exact),
    }
}

/// Thousandths; 0 means "not acceptable" (RFC 9110 §12.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Weight(u16);

impl Weight {
    const NONE: Self = Self(0);
    const FULL: Self = Self(1000);

    /// The weight among a range's parameters. One that is none counts as full: the range was named, after all.
    fn of(range: &str) -> Self {
        let parameters = range.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
        let mut weights = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
        weights.next().and_then(|(_, weight)| Self::parse(weight.trim())).unwrap_or(Self::FULL)
    }

    /// `0`, `1`, or one of these with a dot and up to three digits.
    fn parse(text: &str) -> Option<Self> {
        let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
        if digits.len() > 3 || !digits.bytes().all(|it| it.is_ascii_digit()) {
            return None;
        }
        let thousandths: u16 = format!("{digits:0<3}").parse().ok()?;
        match whole {
            "0" => Some(Self(thousandths)),
            "1" => Some(Self::FULL),
            _ => None,
        }
    }
}

/// The weight of the closest range in Accept; of two that are equally close, the willing one.
fn weight(headers: &HeaderMap, closeness: impl Fn(&str) -> Option<Specificity>) -> Weight {
    let ranges = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|it| it.split(','));
    let found = ranges.filter_map(|range| {
        let name = range.split(';').next().unwrap_or_default().trim();
        Some((closeness(name)?, Weight::of(range)))
    });
    found.max().map_or(Weight::NONE, |(_, weight)| weight)
}

fn encoding_named(media_type: &str) -> Option<Encoding> {
    let is = |known: &[&str]| known.iter().any(|it| media_type.eq_ignore_ascii_case(it));
    if is(&[YANG_DATA_JSON, "application/yang.data+json"]) {
        Some(Encoding::Json)
    } else if is(&[YANG_DATA_XML, "application/yang.data+xml"]) {
        Some(Encoding::Xml)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    const JSON: Option<Encoding> = Some(Encoding::Json);
    const XML: Option<Encoding> = Some(Encoding::Xml);

    fn headers(all: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn rcf_17_accept_decides_and_without_it_the_request() {
        for (body, accept, expected) in [
            (None, None, JSON),
            (Some(YANG_DATA_XML), None, XML),
            (Some(YANG_DATA_JSON), None, JSON),
            (Some("text/plain"), None, JSON),
            (Some(YANG_DATA_XML), Some("*/*"), XML),
            (Some(YANG_DATA_XML), Some("application/*"), XML),
            (None, Some("*/*"), JSON),
            (Some(YANG_DATA_XML), Some(YANG_DATA_JSON), JSON),
            (Some(YANG_DATA_JSON), Some("Application/YANG-Data+XML"), XML),
            (None, Some("text/html, application/yang-data+json"), JSON),
            (None, Some("application/yang-data+json;q=0.5, application/yang-data+xml"), XML),
            (None, Some("application/yang-data+xml;q=0.5, application/yang-data+json;q=0.501"), JSON),
            (None, Some("application/yang-data+xml, application/yang-data+json"), JSON),
            (None, Some("application/yang-data+json;q=0.1, */*"), XML),
            (None, Some("application/yang-data+json;q=0, */*;q=0.001"), XML),
            (None, Some("*/*;q=0, Application/YANG-Data+JSON;q=0.5"), JSON),
            (None, Some("application/yang-data+json; Q=0.000, */*"), XML),
            (None, Some("application/yang.data+xml"), XML),
            (None, Some("application/yang-data+xml;charset=utf-8;q=0.3"), XML),
            (None, Some("application/yang-data+json;q=much"), JSON),
            (None, Some("text/html"), None),
            (None, Some("application/json, application/xml"), None),
            (None, Some(""), None),
            (None, Some("application/yang-data+json;q=0"), None),
            (None, Some("application/*;q=0, */*"), None),
            (Some(YANG_DATA_XML), Some("*/*;q=0"), None),
        ] {
            let given: Vec<_> =
                body.map(|it| (CONTENT_TYPE, it)).into_iter().chain(accept.map(|it| (ACCEPT, it))).collect();
            assert_eq!(encoding_of_answer(&headers(&given)), expected, "{given:?}");
        }
        let lines = headers(&[(ACCEPT, "text/html"), (ACCEPT, YANG_DATA_XML)]);
        assert_eq!(encoding_of_answer(&lines), XML, "two lines are one list");
    }

    #[test]
    fn rcf_18_content_type_may_carry_parameters_and_the_spelling_of_the_rfc() {
        for (value, expected) in [
            ("application/yang-data+json; charset=utf-8", JSON),
            ("application/yang-data+xml;charset=\"UTF-8\"", XML),
            ("APPLICATION/YANG-DATA+XML ; version=1", XML),
            ("application/yang.data+json", JSON),
            ("application/yang.data+xml; charset=us-ascii", XML),
            ("application/yang-data+xml; charset=utf-16", None),
            ("application/json", None),
            ("application/xml", None),
            ("text/yang-data+json", None),
            ("", None),
        ] {
            assert_eq!(encoding_of_body(&headers(&[(CONTENT_TYPE, value)])), expected, "{value}");
        }
        assert_eq!(encoding_of_body(&HeaderMap::new()), None);
    }

    #[test]
    fn rcf_07_json_is_had_by_who_prefers_it() {
        for (accept, expected) in [
            ("*/*", false),
            ("application/xrd+xml", false),
            ("application/json", true),
            ("application/json;q=0.2, application/xrd+xml;q=0.1", true),
            ("application/json;q=0.2, */*", false),
        ] {
            assert_eq!(prefers_json_to(&headers(&[(ACCEPT, accept)]), "application/xrd+xml"), expected, "{accept}");
        }
        assert!(!prefers_json_to(&HeaderMap::new(), "application/xrd+xml"));
    }
}
