//! Names: the subject's, and those beside it.

use std::net::Ipv4Addr;

use der::Tag;
use x509_cert::TbsCertificate;

use super::{Finding, MAX_NAMES, is_of, text_fault};
use crate::{AlternativeName, Kind, SubjectAttribute, profile::NameKind, subject::text_of};

/// The subject's distinguished name.
pub(super) fn subject(read: &TbsCertificate, kind: Kind, found: &mut Vec<Finding>) {
    let name = read.subject();
    // RFC 5280 §4.1.2.6: a CA is known by its name.
    if name.is_empty() && kind.is_ca() {
        found.push(Finding::Nobody);
    }
    let mut seen = Vec::new();
    for (place, attribute) in name.iter().enumerate() {
        if place >= MAX_NAMES {
            found.push(Finding::TooManyNames);
            return;
        }
        let Some(known) = SubjectAttribute::from_oid(attribute.oid) else {
            found.push(Finding::AttributeUnknown(attribute.oid));
            continue;
        };
        // IEEE 802.1AR §8.6: with two serial numbers it would be two devices. Units may be nested.
        if seen.contains(&known) && known != SubjectAttribute::OrganizationalUnit {
            found.push(Finding::AttributeTwice(known));
        }
        seen.push(known);
        // RFC 5280 §4.1.2.4: PrintableString or UTF8String; the country is Printable, and so are serial numbers that can be.
        let tags: &[Tag] = if known == SubjectAttribute::Country {
            &[Tag::PrintableString]
        } else {
            &[Tag::PrintableString, Tag::Utf8String]
        };
        let text = text_of(&attribute.value).filter(|_| is_of(&attribute.value, tags));
        let Some(text) = text else {
            found.push(Finding::StringType(known));
            continue;
        };
        let is_printable = der::asn1::PrintableStringRef::new(text).is_ok();
        if known == SubjectAttribute::SerialNumber && is_printable && !is_of(&attribute.value, &[Tag::PrintableString])
        {
            found.push(Finding::StringType(known));
        }
        found.extend(text_fault(known, text).map(|fault| Finding::Text { attribute: known, fault }));
    }
    let missing = kind.required_attributes().iter().filter(|it| !seen.contains(it));
    found.extend(missing.map(|it| Finding::AttributeMissing(*it)));
}

/// One alternative name of a certificate for this use.
pub(crate) fn alternative(name: &AlternativeName, kind: Kind) -> Option<Finding> {
    let (name_kind, is_well_formed, shown) = match name {
        AlternativeName::Dns(name) => (NameKind::Dns, is_dns_name(name), name.clone()),
        AlternativeName::Address(address) => (NameKind::Address, !address.is_unspecified(), address.to_string()),
        AlternativeName::Mail(name) => (NameKind::Mail, is_mailbox(name), name.clone()),
        AlternativeName::Uri(name) => (NameKind::Uri, is_uri(name), name.clone()),
        AlternativeName::HardwareModule { serial_number, .. } => {
            let fits = (1..=64).contains(&serial_number.len());
            (NameKind::HardwareModule, fits, "hardwareModuleName".to_owned())
        }
    };
    if !kind.alternative_names().contains(&name_kind) {
        return Some(Finding::NameKind(kind));
    }
    (!is_well_formed).then(|| Finding::NameForm(shown.chars().take(100).collect()))
}

/// RFC 1034 §3.5 with RFC 1123 §2.1, one star as the whole first label (RFC 9525 §6.3), and no address in disguise.
fn is_dns_name(name: &str) -> bool {
    let labels = name.strip_prefix("*.").unwrap_or(name);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let has_star = labels.len() < name.len();
    name.len() <= 253
        && labels.split('.').all(is_label)
        && (!has_star || labels.contains('.'))
        && name.parse::<Ipv4Addr>().is_err()
}

fn is_mailbox(name: &str) -> bool {
    let is_local = |local: &str| {
        (1..=64).contains(&local.len())
            && local.bytes().all(|it| it.is_ascii_graphic() && !b"()<>[]:;@\\,\"".contains(&it))
            && !local.starts_with('.')
            && !local.ends_with('.')
    };
    name.split_once('@')
        .is_some_and(|(local, domain)| is_local(local) && is_dns_name(domain) && !domain.starts_with('*'))
}

/// RFC 5280 §4.2.1.6: absolute, with a scheme and something behind it.
fn is_uri(uri: &str) -> bool {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|it: char| it.is_ascii_alphabetic())
            && scheme.bytes().all(|it| it.is_ascii_alphanumeric() || b"+-.".contains(&it))
    };
    let is_rest = |rest: &str| !rest.is_empty() && rest.bytes().all(is_uri_octet);
    uri.len() <= 1024 && uri.split_once(':').is_some_and(|(scheme, rest)| is_scheme(scheme) && is_rest(rest))
}

/// RFC 3986 §2.
const fn is_uri_octet(octet: u8) -> bool {
    octet.is_ascii_graphic() && !matches!(octet, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
}

/// Whether this is a URL at which lists, responses or certificates are fetched (RFC 5280 §4.2.1.13, §4.2.2.1, §8).
pub(crate) fn is_http_url(url: &str) -> bool {
    is_uri(url) && url.strip_prefix("http://").is_some_and(has_authority)
}

/// RFC 8995 §2.3.2: a URL, or the name alone, of which everybody makes the same one.
pub(crate) fn is_masa_url(url: &str) -> bool {
    match url.split_once("://") {
        Some(("https", rest)) => is_uri(url) && has_authority(rest),
        Some(_) => false,
        None => has_authority(url) && !url.contains('/'),
    }
}

/// Whether `host[:port]` stands in front, with nothing between it and a path.
fn has_authority(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if let Some(v6) = authority.strip_prefix('[') {
        let end = v6.split_once(']');
        return end.is_some_and(|(address, port)| address.parse::<std::net::Ipv6Addr>().is_ok() && is_port(port));
    }
    let (host, port) = authority.find(':').map_or((authority, ""), |at| authority.split_at(at));
    let is_host = host.parse::<Ipv4Addr>().is_ok() || is_dns_name(host) && !host.starts_with('*');
    is_host && is_port(port)
}

/// Nothing, or a colon and a port.
fn is_port(port: &str) -> bool {
    port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_names() {
        for good in
            ["a", "localhost", "bootstrap.example.com", "xn--grt-qla.example", "*.example.com", "1.example", "a-b.c"]
        {
            assert!(is_dns_name(good), "{good}");
        }
        for bad in
            ["", ".", "a..b", "-a", "a-", "a_b", "a b", "*.com", "*", "a.*.b", "192.0.2.1", "a.", "ä.example", "a\0b"]
        {
            assert!(!is_dns_name(bad), "{bad}");
        }
        assert!(!is_dns_name(&"a".repeat(64)) && !is_dns_name(&["a"; 128].join(".")));
    }

    #[test]
    fn mailboxes_and_uris() {
        assert!(is_mailbox("ops@example.com") && !is_mailbox("ops") && !is_mailbox("o ps@example.com"));
        assert!(!is_mailbox("@example.com") && !is_mailbox("ops@*.example.com") && !is_mailbox(".o@example.com"));
        assert!(is_uri("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6") && is_uri("https://a/b?c"));
        assert!(!is_uri("a/b") && !is_uri("http:") && !is_uri("http://a b") && !is_uri("1a:b"));
    }

    #[test]
    fn mas_12_addresses_of_lists_and_masas() {
        for good in ["http://crl.example/a.crl", "http://192.0.2.1:8080/", "http://[2001:db8::1]/x", "http://a"] {
            assert!(is_http_url(good), "{good}");
        }
        for bad in
            ["https://crl.example/", "ftp://a/b", "http://", "http:///a", "http://a:0/", "http://a:b/", "http://u@a/"]
        {
            assert!(!is_http_url(bad), "{bad}");
        }
        for good in ["masa.example", "masa.example:8443", "https://masa.example/.well-known/brski", "192.0.2.1"] {
            assert!(is_masa_url(good), "{good}");
        }
        for bad in ["http://masa.example", "masa.example/path", "", "https://", "//masa.example", "masa example"] {
            assert!(!is_masa_url(bad), "{bad}");
        }
    }
}
