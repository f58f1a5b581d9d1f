//! The cases that end otherwise than their makers say, and why. A case that no longer does must go from here.

/// Number and reason, in the order of the numbers as texts.
pub(crate) const MISSES: &[(&str, &str)] = &[
    ("1.4", "DSA is not among the algorithms (SP 800-131A rev. 3 takes it out of use)"),
    ("1.5", "DSA, with parameters that are inherited from the issuer"),
    ("1.6", "DSA: refused, but before its signature is looked at"),
    ("2.3", "valid since 1950: the ASN.1 library reads no date before 1970, and nobody issues with one"),
];
