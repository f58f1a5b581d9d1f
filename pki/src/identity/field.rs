//! The places of a certificate that a serial number may be in.

use std::{fmt, str::FromStr};

use const_oid::{ObjectIdentifier, db::rfc4519 as oid};
use x509_cert::ext::pkix::name::GeneralName;

use super::{IdentityError, RuleInvalid, text};
use crate::certificate::Certificate;

/// A place in a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// An attribute of the subject, by its type. It must be there once.
    Attribute(ObjectIdentifier),
    /// A DNS name among the subject's alternative names.
    Dns,
    /// A URI among the subject's alternative names.
    Uri,
}

/// The attributes that have short names in rules.
const ATTRIBUTES: [(&str, ObjectIdentifier); 5] = [
    ("CN", oid::COMMON_NAME),
    ("SERIALNUMBER", oid::SERIAL_NUMBER),
    ("OU", oid::ORGANIZATIONAL_UNIT_NAME),
    ("O", oid::ORGANIZATION_NAME),
    ("UID", oid::UID),
];
const DNS: &str = "SAN.DNS";
const URI: &str = "SAN.URI";

impl Field {
    /// The subject's serialNumber.
    pub const SERIAL_NUMBER: Self = Self::Attribute(oid::SERIAL_NUMBER);
    /// The names of places, as rules have them; attributes without a name are written as object identifiers.
    pub const NAMES: [&'static str; 7] = ["CN", "SERIALNUMBER", "OU", "O", "UID", DNS, URI];

    /// What stands there, in order.
    ///
    /// # Errors
    /// [`IdentityError::SerialNumberMissing`] when nothing does, [`IdentityError::SerialNumberAmbiguous`] when an attribute
    /// is there twice, [`IdentityError::MultiValued`], and [`IdentityError::SerialNumberUnusable`] for what is no text.
    pub fn values(&self, certificate: &Certificate) -> Result<Vec<String>, IdentityError> {
        let values = match self {
            Self::Attribute(kind) => vec![attribute(certificate, *kind)?],
            Self::Dns | Self::Uri => {
                let names = certificate.extensions().subject_alt_name.iter().flat_map(|names| names.0.iter());
                let values = names.filter_map(|name| match (self, name) {
                    (Self::Dns, GeneralName::DnsName(name))
                    | (Self::Uri, GeneralName::UniformResourceIdentifier(name)) => Some(name.as_str().to_owned()),
                    _ => None,
                });
                values.take(MAX_NAMES.saturating_add(1)).collect()
            }
        };
        match values.len() {
            0 => Err(IdentityError::SerialNumberMissing),
            1..=MAX_NAMES if values.iter().all(|value| value.len() <= text::MAX_VALUE) => Ok(values),
            _ => Err(IdentityError::SerialNumberUnusable),
        }
    }

    /// The one text that stands there.
    ///
    /// # Errors
    /// As [`Field::values`], and [`IdentityError::SerialNumberAmbiguous`] when there are several that differ.
    pub fn only_value(&self, certificate: &Certificate) -> Result<String, IdentityError> {
        let mut values = self.values(certificate)?;
        values.dedup();
        match <[String; 1]>::try_from(values) {
            Ok([value]) => Ok(value),
            Err(_) => Err(IdentityError::SerialNumberAmbiguous),
        }
    }
}

/// Most alternative names of one kind that are looked at.
const MAX_NAMES: usize = 16;

fn attribute(certificate: &Certificate, kind: ObjectIdentifier) -> Result<String, IdentityError> {
    let mut found = None;
    for rdn in certificate.subject().iter_rdn() {
        for attribute in rdn.iter().filter(|attribute| attribute.oid == kind) {
            if found.is_some() {
                return Err(IdentityError::SerialNumberAmbiguous);
            }
            // X.501 §9.3: a relative distinguished name is a set. Readers that take the first of it disagree.
            if rdn.len() > 1 {
                return Err(IdentityError::MultiValued);
            }
            found = Some(&attribute.value);
        }
    }
    let value = found.ok_or(IdentityError::SerialNumberMissing)?;
    text::of(value).ok_or(IdentityError::SerialNumberUnusable)
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns => f.write_str(DNS),
            Self::Uri => f.write_str(URI),
            Self::Attribute(kind) => match ATTRIBUTES.iter().find(|(_, known)| known == kind) {
                Some((name, _)) => f.write_str(name),
                None => kind.fmt(f),
            },
        }
    }
}

impl FromStr for Field {
    type Err = RuleInvalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((_, kind)) = ATTRIBUTES.iter().find(|(name, _)| *name == text) {
            return Ok(Self::Attribute(*kind));
        }
        match text {
            DNS => Ok(Self::Dns),
            URI => Ok(Self::Uri),
            _ => {
                let kind = text.parse().map_err(|_| RuleInvalid::Field { field: text.to_owned() })?;
                Ok(Self::Attribute(kind))
            }
        }
    }
}
