//! rfc822Name constraints (RFC 5280 §4.2.1.10).

use super::{Within, dns};

/// Whether this can be a constraint: a mailbox, a host, a domain with a leading dot, or nothing, which stands for all.
pub(super) fn is_base(base: &str) -> bool {
    match base.rsplit_once('@') {
        Some((local, host)) => !local.is_empty() && dns::labels(host),
        None => base.is_empty() || dns::labels(base.strip_prefix('.').unwrap_or(base)),
    }
}

/// RFC 5280 §7.5: the part before the @ counts as it is written, hosts without case. A mailbox that differs from an excluded
/// one by case alone is one to most mail servers, and therefore unclear.
pub(super) fn within(mailbox: &str, base: &str) -> Within {
    let Some((local, host)) = mailbox.rsplit_once('@') else { return Within::Unclear };
    if local.is_empty() || !dns::labels(host) {
        return Within::Unclear;
    }
    let inside = |holds: bool| if holds { Within::Yes } else { Within::No };
    match (base.rsplit_once('@'), base.strip_prefix('.')) {
        (Some((base_local, base_host)), _) => match base_host.eq_ignore_ascii_case(host) {
            true if base_local == local => Within::Yes,
            true if base_local.eq_ignore_ascii_case(local) || local.contains(['"', '\\']) => Within::Unclear,
            _ => Within::No,
        },
        // A domain: hosts below it, and not the name itself.
        (None, Some(domain)) => inside(dns::is_below(host, domain) && host.len() > domain.len()),
        // A host: this one, and none below it.
        (None, None) => inside(base.is_empty() || base.eq_ignore_ascii_case(host)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_a_host_or_a_domain() {
        for (mailbox, base, expected) in [
            ("root@example.com", "root@EXAMPLE.com", Within::Yes),
            ("Root@example.com", "root@example.com", Within::Unclear),
            ("\"ro\\ot\"@example.com", "root@example.com", Within::Unclear),
            ("you@example.com", "root@example.com", Within::No),
            ("you@example.com", "Example.com", Within::Yes),
            ("you@mail.example.com", "example.com", Within::No),
            ("you@mail.example.com", ".example.com", Within::Yes),
            ("you@example.com", ".example.com", Within::No),
            ("you@anexample.com", ".example.com", Within::No),
            ("a@b@example.com", "example.com", Within::Yes),
            ("you@example.com", "", Within::Yes),
            ("example.com", "example.com", Within::Unclear),
            ("you@[192.0.2.1]", "example.com", Within::Unclear),
            ("@example.com", "example.com", Within::Unclear),
        ] {
            assert_eq!(within(mailbox, base), expected, "{mailbox} {base}");
        }
    }

    #[test]
    fn malformed_constraints() {
        for (base, good) in [
            ("a@b.example", true),
            ("b.example", true),
            (".b.example", true),
            ("", true),
            ("@b.example", false),
            ("a@", false),
            ("a@.b", false),
            ("..b", false),
            (".", false),
        ] {
            assert_eq!(is_base(base), good, "{base:?}");
        }
    }
}
