//! Whom a certificate speaks for.

use std::net::IpAddr;

use const_oid::ObjectIdentifier;
use der::{
    Any, Decode, Encode, Tag,
    asn1::{Ia5String, OctetString, PrintableStringRef, SetOfVec},
};
use pki::{certificate::Certificate, identity::SerialNumber};
use x509_cert::{
    attr::AttributeTypeAndValue,
    ext::pkix::name::{GeneralName, HardwareModuleName, OtherName},
    name::Name,
};

use crate::SubjectAttribute;

/// Whom a certificate speaks for: a distinguished name, and other names beside it. Nothing here is checked yet: that is done with
/// the whole certificate before it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    name: NameForm,
    pub(crate) alternative: Vec<AlternativeName>,
}

/// A distinguished name that is yet to be written, or one that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum NameForm {
    Made(Vec<(SubjectAttribute, String)>),
    Taken(Name),
}

/// A name beside the distinguished one (RFC 5280 §4.2.1.6).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AlternativeName {
    /// A DNS name.
    Dns(String),
    /// An IP address.
    Address(IpAddr),
    /// A mailbox.
    Mail(String),
    /// A URI.
    Uri(String),
    /// The module in a device: the type of the module, and its serial number (RFC 4108 §5).
    HardwareModule {
        /// Whose numbering it is.
        hardware_type: ObjectIdentifier,
        /// The serial number's octets.
        serial_number: Vec<u8>,
    },
}

impl Subject {
    /// Nobody by a distinguished name: for TLS servers, which are known by the others.
    #[must_use]
    pub const fn unnamed() -> Self {
        Self { name: NameForm::Made(Vec::new()), alternative: Vec::new() }
    }

    /// The subject with this common name.
    #[must_use]
    pub fn named(common_name: impl Into<String>) -> Self {
        Self::unnamed().with(SubjectAttribute::CommonName, common_name)
    }

    /// A device: its model as the common name, and its serial number.
    #[must_use]
    pub fn device(model: impl Into<String>, serial_number: &SerialNumber) -> Self {
        Self::named(model).with(SubjectAttribute::SerialNumber, serial_number.as_str())
    }

    /// The same with another attribute. A name that was taken from elsewhere stays as it is.
    #[must_use]
    pub fn with(mut self, attribute: SubjectAttribute, value: impl Into<String>) -> Self {
        if let NameForm::Made(attributes) = &mut self.name {
            attributes.push((attribute, value.into()));
        }
        self
    }

    /// The same with other names: each an IP address, or else a DNS name.
    #[must_use]
    pub fn reached_by(mut self, names: &[String]) -> Self {
        let read =
            |name: &String| name.parse().map_or_else(|_| AlternativeName::Dns(name.clone()), AlternativeName::Address);
        self.alternative.extend(names.iter().map(read));
        self
    }

    /// The same with another name.
    #[must_use]
    pub fn also(mut self, name: AlternativeName) -> Self {
        self.alternative.push(name);
        self
    }

    /// The subject with a name that was read somewhere.
    #[must_use]
    pub const fn taken(name: Name) -> Self {
        Self { name: NameForm::Taken(name), alternative: Vec::new() }
    }

    /// The subject of a certificate, for its renewal: the same name, and the same names beside it (RFC 7030 §4.2.2; EST-05).
    ///
    /// # Errors
    /// [`SubjectError::Unknown`] when it has names of kinds that are not made here.
    pub fn of(certificate: &Certificate) -> Result<Self, SubjectError> {
        let names = certificate.extensions().subject_alt_name.as_ref().map_or(&[][..], |names| &names.0);
        let alternative =
            names.iter().map(AlternativeName::read).collect::<Option<_>>().ok_or(SubjectError::Unknown)?;
        Ok(Self { name: NameForm::Taken(certificate.subject().clone()), alternative })
    }

    /// What a profile has each subject say, in front of what this one says.
    pub(crate) fn complemented(&self, fixed: &[(SubjectAttribute, String)]) -> Self {
        let name = match &self.name {
            NameForm::Made(own) => {
                let mut attributes: Vec<_> =
                    fixed.iter().filter(|(attribute, _)| own.iter().all(|(it, _)| it != attribute)).cloned().collect();
                attributes.extend(own.iter().cloned());
                attributes.sort_by_key(|(attribute, _)| *attribute);
                NameForm::Made(attributes)
            }
            taken @ NameForm::Taken(_) => taken.clone(),
        };
        Self { name, alternative: self.alternative.clone() }
    }

    /// The value of the only serialNumber attribute, when it is text.
    #[must_use]
    pub fn serial_number(&self) -> Option<String> {
        match &self.name {
            NameForm::Made(attributes) => {
                attributes.iter().find(|(it, _)| *it == SubjectAttribute::SerialNumber).map(|(_, value)| value.clone())
            }
            NameForm::Taken(name) => name
                .iter()
                .find(|it| it.oid == SubjectAttribute::SerialNumber.oid())
                .and_then(|it| text_of(&it.value).map(str::to_owned)),
        }
    }

    /// The distinguished name, DER.
    pub(crate) fn name_der(&self) -> Result<Vec<u8>, der::Error> {
        match &self.name {
            NameForm::Taken(name) => name.to_der(),
            NameForm::Made(attributes) => {
                let rdns = attributes.iter().map(|(attribute, value)| rdn(*attribute, value));
                rdns.collect::<Result<Vec<_>, _>>()?.to_der()
            }
        }
    }

    /// The distinguished name.
    pub(crate) fn name(&self) -> Result<Name, der::Error> {
        Name::from_der(&self.name_der()?)
    }
}

/// A relative distinguished name of one attribute.
fn rdn(attribute: SubjectAttribute, value: &str) -> Result<SetOfVec<AttributeTypeAndValue>, der::Error> {
    // X.520 §6.2.9 and its neighbours say PrintableString for these; others are UTF8String (RFC 5280 §4.1.2.4).
    let is_printable = matches!(attribute, SubjectAttribute::Country | SubjectAttribute::SerialNumber);
    let tag =
        if is_printable && PrintableStringRef::new(value).is_ok() { Tag::PrintableString } else { Tag::Utf8String };
    let value = Any::new(tag, value.as_bytes())?;
    SetOfVec::try_from([AttributeTypeAndValue { oid: attribute.oid(), value }])
}

/// The text of an attribute's value.
pub(crate) fn text_of(value: &Any) -> Option<&str> {
    let is_text = matches!(der::Tagged::tag(value), Tag::PrintableString | Tag::Utf8String | Tag::Ia5String);
    is_text.then(|| std::str::from_utf8(value.value()).ok()).flatten()
}

impl AlternativeName {
    /// As it stands in an extension.
    pub(crate) fn general_name(&self) -> Result<GeneralName, der::Error> {
        Ok(match self {
            Self::Dns(name) => GeneralName::DnsName(Ia5String::new(name)?),
            Self::Mail(name) => GeneralName::Rfc822Name(Ia5String::new(name)?),
            Self::Uri(name) => GeneralName::UniformResourceIdentifier(Ia5String::new(name)?),
            Self::Address(address) => GeneralName::from(*address),
            Self::HardwareModule { hardware_type, serial_number } => {
                let name = HardwareModuleName {
                    hw_type: *hardware_type,
                    hw_serial_num: OctetString::new(serial_number.as_slice())?,
                };
                GeneralName::OtherName(OtherName::try_from(&name)?)
            }
        })
    }

    /// The name that stands in an extension; `None` for kinds that are not made here.
    #[must_use]
    pub fn read(name: &GeneralName) -> Option<Self> {
        Some(match name {
            GeneralName::DnsName(name) => Self::Dns(name.to_string()),
            GeneralName::Rfc822Name(name) => Self::Mail(name.to_string()),
            GeneralName::UniformResourceIdentifier(name) => Self::Uri(name.to_string()),
            GeneralName::IpAddress(octets) => Self::Address(match *octets.as_bytes() {
                [a, b, c, d] => IpAddr::from([a, b, c, d]),
                ref octets => IpAddr::from(<[u8; 16]>::try_from(octets).ok()?),
            }),
            GeneralName::OtherName(other) => {
                let module = HardwareModuleName::from_other_name(other).ok()??;
                let serial_number = module.hw_serial_num.as_bytes().to_vec();
                Self::HardwareModule { hardware_type: module.hw_type, serial_number }
            }
            _ => return None,
        })
    }
}

/// A subject that cannot be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubjectError {
    /// A subjectAltName with names of kinds that are not made here.
    #[error("the certificate has alternative names of a kind that is not issued here")]
    Unknown,
}
