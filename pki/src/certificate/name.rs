//! Distinguished names as people read them (RFC 4514).

use std::fmt::{self, Write};

use const_oid::{ObjectIdentifier, db::rfc4519 as oid};
use der::{
    Tag, Tagged,
    asn1::{PrintableStringRef, Utf8StringRef},
};
use x509_cert::{attr::AttributeTypeAndValue, name::Name};

/// The attributes that most certificates have. The library looks names up in a table of a thousand, one by one, which
/// would take longer than the rest of a decision's trace.
const COMMON: [(ObjectIdentifier, &str); 6] = [
    (oid::COMMON_NAME, "CN"),
    (oid::ORGANIZATION_NAME, "O"),
    (oid::ORGANIZATIONAL_UNIT_NAME, "OU"),
    (oid::COUNTRY_NAME, "C"),
    (oid::LOCALITY_NAME, "L"),
    (oid::SERIAL_NUMBER, "SERIALNUMBER"),
];

/// Shows a name as [`Name`] shows itself, in less time.
pub(super) struct Shown<'a>(pub(super) &'a Name);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // RFC 4514 §2.1: from the last to the first.
        let rdns: Vec<_> = self.0.iter_rdn().collect();
        for (index, rdn) in rdns.into_iter().rev().enumerate() {
            if index > 0 {
                f.write_char(',')?;
            }
            for (index, attribute) in rdn.iter().enumerate() {
                if index > 0 {
                    f.write_char('+')?;
                }
                match plain(attribute) {
                    Some((key, value)) => write!(f, "{key}={value}")?,
                    None => attribute.fmt(f)?,
                }
            }
        }
        Ok(())
    }
}

/// A common attribute whose value needs no escape.
fn plain(attribute: &AttributeTypeAndValue) -> Option<(&'static str, &str)> {
    let (_, key) = COMMON.iter().find(|(oid, _)| *oid == attribute.oid)?;
    let value = match attribute.value.tag() {
        Tag::PrintableString => PrintableStringRef::try_from(&attribute.value).ok()?.as_str(),
        Tag::Utf8String => Utf8StringRef::try_from(&attribute.value).ok()?.as_str(),
        _ => return None,
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'.' | b':');
    let has_blank_end = value.starts_with(' ') || value.ends_with(' ');
    (value.bytes().all(is_plain) && !has_blank_end).then_some((key, value))
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[test]
    fn names_are_shown_as_the_library_shows_them() {
        for text in [
            "CN=owner",
            "CN=Acme MASA,O=Acme,C=SE",
            "SERIALNUMBER=PID:X SN:1+CN=device,O=Acme",
            "CN=a\\, b",
            "CN=\\ x",
            "CN=\\#1",
            "CN=Gerät",
            "UID=7,DC=example,DC=net",
            "STREET=1st,L=Bern",
        ] {
            let name = Name::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(Shown(&name).to_string(), name.to_string());
        }
    }
}
