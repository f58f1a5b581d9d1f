//! dNSName constraints (RFC 5280 §4.2.1.10).

use super::Within;

/// Whether this can be a constraint: a name of labels, or nothing at all, which stands for every name. A leading dot is what
/// other forms of names have, and is refused (RFC 5280 §4.2.1.10).
pub(super) fn is_base(base: &str) -> bool {
    base.is_empty() || labels(base)
}

/// Names that come by adding labels in front lie within.
pub(super) fn within(name: &str, base: &str) -> Within {
    let name = name.strip_suffix('.').unwrap_or(name);
    let (suffix, wildcard) = name.strip_prefix("*.").map_or((name, false), |suffix| (suffix, true));
    if !labels(suffix) {
        return Within::Unclear;
    }
    if base.is_empty() || is_below(suffix, base) {
        return Within::Yes;
    }
    // RFC 9525 §6.3: the asterisk is one label, so that it may stand for the very name of the constraint.
    match base.split_once('.') {
        Some((_, parent)) if wildcard && parent.eq_ignore_ascii_case(suffix) => Within::Unclear,
        _ => Within::No,
    }
}

/// Whether `name` is `base`, or ends with it at a dot; letters count without their case.
pub(super) fn is_below(name: &str, base: &str) -> bool {
    let Some(start) = name.len().checked_sub(base.len()) else { return false };
    let ends = name.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(base));
    ends && (start == 0 || name.get(..start).is_some_and(|before| before.ends_with('.')))
}

/// Labels of 1 to 63 letters, digits, hyphens and underscores (which are in use, whatever RFC 1123 says).
pub(super) fn labels(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    name.split('.').all(|label| (1..=63).contains(&label.len()) && label.bytes().all(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_may_be_added_in_front() {
        for (name, base, expected) in [
            ("host.example.com", "host.example.com", Within::Yes),
            ("WWW.Host.example.COM", "host.EXAMPLE.com", Within::Yes),
            ("host1.example.com", "host.example.com", Within::No),
            ("myhost.example.com", "host.example.com", Within::No),
            ("example.com", "host.example.com", Within::No),
            ("example.com.", "example.com", Within::Yes),
            ("anything", "", Within::Yes),
        ] {
            assert_eq!(within(name, base), expected, "{name} {base}");
        }
    }

    #[test]
    fn a_wildcard_covers_names_that_it_does_not_show() {
        assert_eq!(within("*.example.com", "example.com"), Within::Yes);
        assert_eq!(within("*.example.com", "host.example.com"), Within::Unclear);
        assert_eq!(within("*.example.com", "deep.host.example.com"), Within::No);
        assert_eq!(within("*.example.org", "host.example.com"), Within::No);
        assert_eq!(within("w*.example.com", "example.com"), Within::Unclear);
    }

    #[test]
    fn what_is_no_name_is_unclear_and_no_constraint() {
        for bad in ["", ".", "a..b", ".example.com", "exa mple.com", "ex/ample", &"a".repeat(64)] {
            assert_eq!(within(bad, "example.com"), Within::Unclear, "{bad:?}");
            assert_eq!(is_base(bad), bad.is_empty(), "{bad:?}");
        }
        assert!(!is_base("*.example.com"));
    }
}
