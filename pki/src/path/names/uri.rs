//! uniformResourceIdentifier constraints (RFC 5280 §4.2.1.10): they are about the host.

use super::{Within, dns};

/// Whether this can be a constraint: a host, a domain with a leading dot, or nothing, which stands for all hosts.
pub(super) fn is_base(base: &str) -> bool {
    base.is_empty() || dns::labels(base.strip_prefix('.').unwrap_or(base))
}

/// RFC 5280 §4.2.1.10: a URI without a host, or with an address for one, is to be refused.
pub(super) fn within(uri: &str, base: &str) -> Within {
    let Some(host) = host(uri) else { return Within::Unclear };
    let holds = match base.strip_prefix('.') {
        Some(domain) => dns::is_below(host, domain) && host.len() > domain.len(),
        None => base.is_empty() || base.eq_ignore_ascii_case(host),
    };
    if holds { Within::Yes } else { Within::No }
}

/// The host's name (RFC 3986 §3.2).
fn host(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once("://")?;
    if scheme.is_empty() || !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
        return None;
    }
    // Some readers take a backslash for a slash.
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) => return None,
        None => host,
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    // An address: no top-level domain is a number (RFC 1123 §2.1), in whatever way it may be written.
    let last = host.rsplit('.').next()?;
    let is_number = last.starts_with("0x") || last.bytes().all(|byte| byte.is_ascii_digit());
    (dns::labels(host) && !is_number).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_or_a_domain() {
        for (uri, base, expected) in [
            ("http://host.example.com/path", "Host.example.com", Within::Yes),
            ("http://a.host.example.com", "host.example.com", Within::No),
            ("ldap://a.host.example.com:389/x?y#z", ".host.example.com", Within::Yes),
            ("http://host.example.com", ".host.example.com", Within::No),
            ("https://me:pass@example.com.:8443", "example.com", Within::Yes),
            ("https://example.com@evil.example/", "example.com", Within::No),
            ("https://evil.example\\@example.com/", "example.com", Within::No),
            ("https://x.example", "", Within::Yes),
        ] {
            assert_eq!(within(uri, base), expected, "{uri} {base}");
        }
    }

    #[test]
    fn without_a_host_or_with_an_address_it_is_unclear() {
        for uri in [
            "urn:example:a",
            "mailto:a@example.com",
            "http:///path",
            "http://192.0.2.1/",
            "http://0xc0000201/",
            "http://[2001:db8::1]/",
            "http://ex%61mple.com/",
            "http://example.com:80x/",
            "://example.com",
        ] {
            assert_eq!(within(uri, "example.com"), Within::Unclear, "{uri}");
        }
    }
}
