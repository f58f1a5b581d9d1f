//! When two distinguished names are the same (RFC 5280 §7.1).
//!
//! Names that are the same octet for octet are the same. Otherwise attributes are compared one by one: those of PrintableString,
//! UTF8String and IA5String as text, all others as octets. As text means: white space at both ends is dropped, in between
//! it counts as one blank, and letters count without their case. Two things of RFC 4518 are left out: characters are not
//! brought into a normal form, and nothing is dropped from the middle of a text. So names in two normal forms are
//! different names, which costs a path at most. Where that would be a hole, because being different lets something pass
//! (an excluded subtree), it is not relied upon: [`Likeness::Undecided`] says that a full comparison might say otherwise.

use der::{Any, Tag, Tagged};
use x509_cert::{
    attr::AttributeTypeAndValue,
    name::{Name, RelativeDistinguishedName},
};

/// Attributes of one RDN that are compared each with each.
const MAX_ATTRIBUTES: usize = 16;

/// What a comparison tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Likeness {
    Same,
    Different,
    /// Not the same here, and perhaps the same to somebody who knows all of RFC 4518.
    Undecided,
}

impl Likeness {
    /// Both must hold.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Same, Self::Same) => Self::Same,
            (Self::Different, _) | (_, Self::Different) => Self::Different,
            _ => Self::Undecided,
        }
    }

    /// One suffices.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Different, Self::Different) => Self::Different,
            (Self::Same, _) | (_, Self::Same) => Self::Same,
            _ => Self::Undecided,
        }
    }
}

/// Whether two names are the same.
pub(crate) fn same_name(a: &Name, b: &Name) -> bool {
    a == b || (a.len() == b.len() && below(a, b) == Likeness::Same)
}

/// Whether `name` lies in the subtree of `base`: begins with all of its RDNs (RFC 5280 §7.1).
pub(crate) fn below(name: &Name, base: &Name) -> Likeness {
    if name.len() < base.len() {
        return Likeness::Different;
    }
    let mut all = Likeness::Same;
    for (ours, theirs) in name.iter_rdn().zip(base.iter_rdn()) {
        all = all.and(like_rdn(ours, theirs));
        if all == Likeness::Different {
            break;
        }
    }
    all
}

/// A set of attributes, in whatever order.
fn like_rdn(a: &RelativeDistinguishedName, b: &RelativeDistinguishedName) -> Likeness {
    if a == b {
        return Likeness::Same;
    }
    if a.len() != b.len() {
        return Likeness::Different;
    }
    if a.len() > MAX_ATTRIBUTES {
        return Likeness::Undecided;
    }
    let finds = |one: &AttributeTypeAndValue| {
        b.iter().map(|other| like_attribute(one, other)).fold(Likeness::Different, Likeness::or)
    };
    a.iter().map(finds).fold(Likeness::Same, Likeness::and)
}

fn like_attribute(a: &AttributeTypeAndValue, b: &AttributeTypeAndValue) -> Likeness {
    if a.oid != b.oid {
        return Likeness::Different;
    }
    if a.value == b.value {
        return Likeness::Same;
    }
    match (text(&a.value), text(&b.value)) {
        (Some(a), Some(b)) if folded(a).eq(folded(b)) => Likeness::Same,
        (Some(a), Some(b)) if is_plain(a) && is_plain(b) => Likeness::Different,
        (Some(_), Some(_)) => Likeness::Undecided,
        _ if is_other_text(&a.value) || is_other_text(&b.value) => Likeness::Undecided,
        _ => Likeness::Different,
    }
}

fn text(value: &Any) -> Option<&str> {
    match value.tag() {
        Tag::PrintableString | Tag::Utf8String | Tag::Ia5String => std::str::from_utf8(value.value()).ok(),
        _ => None,
    }
}

/// Texts in character sets that are not read here.
fn is_other_text(value: &Any) -> bool {
    matches!(value.tag(), Tag::BmpString | Tag::TeletexString | Tag::VisibleString | Tag::GeneralString)
}

/// Texts for which the comparison here is the whole of RFC 4518's.
fn is_plain(text: &str) -> bool {
    text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_control())
}

/// Without blanks that do not count, and without case.
fn folded(text: &str) -> impl Iterator<Item = char> {
    let words = text.split_whitespace().enumerate();
    let spaced = words.flat_map(|(index, word)| (index > 0).then_some(' ').into_iter().chain(word.chars()));
    // Upwards first: letters such as ς and σ, which are one letter, differ in lower case only.
    spaced.flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;
    use der::{
        Decode, Encode,
        asn1::{PrintableStringRef, SetOfVec, TeletexStringRef, Utf8StringRef},
    };

    fn name(text: &str) -> Name {
        Name::from_str(text).unwrap()
    }

    /// A name of one common name, in an encoding of its own.
    fn common_name(value: Any) -> Name {
        let attribute = AttributeTypeAndValue { oid: const_oid::db::rfc4519::COMMON_NAME, value };
        one_rdn(vec![attribute])
    }

    /// A name of one RDN.
    fn one_rdn(attributes: Vec<AttributeTypeAndValue>) -> Name {
        let rdn = SetOfVec::try_from(attributes).unwrap();
        Name::from_der(&vec![rdn].to_der().unwrap()).unwrap()
    }

    fn utf8(text: &str) -> Name {
        common_name(Utf8StringRef::new(text).unwrap().into())
    }

    #[test]
    fn names_are_the_same_whatever_their_case_blanks_and_string_type() {
        let plain = common_name(PrintableStringRef::new("Good CA").unwrap().into());
        for same in ["Good CA", "good ca", "  GOOD   CA ", "Good\u{a0}CA"] {
            assert!(same_name(&plain, &utf8(same)), "{same:?}");
        }
        for other in ["GoodCA", "Good CA 2", "Good-CA", ""] {
            assert!(!same_name(&plain, &utf8(other)), "{other:?}");
        }
        assert!(same_name(&utf8("GERÄT ΣΑΣ"), &utf8("gerät σας")));
    }

    #[test]
    fn order_counts_between_rdns_and_not_within_one() {
        assert!(!same_name(&name("CN=a,O=b"), &name("O=b,CN=a")));
        assert!(same_name(&name("CN=A+O=b"), &name("O=B+CN=a")));
        assert!(!same_name(&name("CN=a+O=b"), &name("CN=a")));
        assert!(!same_name(&name("CN=a+CN=b"), &name("CN=A+CN=C")));
    }

    #[test]
    fn a_subtree_is_a_beginning() {
        let base = name("OU=x,O=b");
        for (inside, expected) in
            [("OU=x,O=b", true), ("CN=a,OU=X,O=B", true), ("CN=a,O=b", false), ("O=b", false), ("OU=y,O=b", false)]
        {
            assert_eq!(below(&name(inside), &base) == Likeness::Same, expected, "{inside}");
        }
        assert_eq!(below(&base, &Name::default()), Likeness::Same);
    }

    #[test]
    fn what_another_reader_might_take_for_the_same_is_undecided() {
        // One letter composed, the other of two code points; a soft hyphen; a control character; another character set.
        let teletex = common_name(TeletexStringRef::new("Acme").unwrap().into());
        for (a, b) in [
            (utf8("Ger\u{e4}t"), utf8("Gera\u{308}t")),
            (utf8("Acme"), utf8("Ac\u{ad}me")),
            (utf8("Acme"), utf8("Ac\u{1}me")),
            (utf8("Acme"), teletex),
        ] {
            assert!(!same_name(&a, &b));
            assert_eq!(below(&a, &b), Likeness::Undecided, "{a} {b}");
        }
        assert_eq!(below(&utf8("Acme"), &utf8("Acmes")), Likeness::Different);
    }

    #[test]
    fn a_giant_set_of_attributes_is_not_compared_each_with_each() {
        let giant = |last: &str| {
            let attributes = (0..1000).map(|it| it.to_string()).chain([last.to_owned()]);
            let attributes = attributes.map(|text| AttributeTypeAndValue {
                oid: const_oid::db::rfc4519::COMMON_NAME,
                value: Utf8StringRef::new(&text).unwrap().into(),
            });
            one_rdn(attributes.collect())
        };
        assert!(same_name(&giant("a"), &giant("a")));
        assert_eq!(below(&giant("a"), &giant("A")), Likeness::Undecided);
    }
}
