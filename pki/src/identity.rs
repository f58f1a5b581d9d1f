//! Who a device is, from its IDevID certificate (IEEE 802.1AR §8; RFC 8995 §2.3.1).

use std::fmt;

use der::{
    Decode,
    asn1::{PrintableStringRef, Utf8StringRef},
};

use crate::certificate::Certificate;

const SERIAL_NUMBER: const_oid::ObjectIdentifier = const_oid::db::rfc4519::SERIAL_NUMBER;

/// A device's serial number, as the manufacturer printed it. Unique within a manufacturer only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SerialNumber(String);

impl SerialNumber {
    /// Longest serial number, in octets (the upper bound of X.520 for this attribute).
    pub const MAX: usize = 64;

    /// Takes a serial number.
    ///
    /// # Errors
    /// [`IdentityError::SerialNumberUnusable`] when it is empty, longer than [`SerialNumber::MAX`], or holds control
    /// characters.
    pub fn new(text: impl Into<String>) -> Result<Self, IdentityError> {
        let text = text.into();
        if text.is_empty() || text.len() > Self::MAX || text.chars().any(char::is_control) {
            return Err(IdentityError::SerialNumberUnusable);
        }
        Ok(Self(text))
    }

    /// Reads the serialNumber attribute (2.5.4.5) of a certificate's subject: the device's serial number, not the
    /// certificate's.
    ///
    /// # Errors
    /// [`IdentityError::SerialNumberMissing`] when there is none, [`IdentityError::SerialNumberAmbiguous`] when there
    /// is more than one, [`IdentityError::SerialNumberUnusable`] as [`SerialNumber::new`].
    pub fn from_certificate(certificate: &Certificate) -> Result<Self, IdentityError> {
        let mut attributes = certificate.subject().iter().filter(|attribute| attribute.oid == SERIAL_NUMBER);
        let attribute = attributes.next().ok_or(IdentityError::SerialNumberMissing)?;
        if attributes.next().is_some() {
            return Err(IdentityError::SerialNumberAmbiguous);
        }
        let der = der::Encode::to_der(&attribute.value).map_err(|_| IdentityError::SerialNumberUnusable)?;
        // X.520 says PrintableString; some makers write UTF8String.
        let text = PrintableStringRef::from_der(&der)
            .map(|text| text.as_str().to_owned())
            .or_else(|_| Utf8StringRef::from_der(&der).map(|text| text.as_str().to_owned()))
            .map_err(|_| IdentityError::SerialNumberUnusable)?;
        Self::new(text)
    }

    /// As [`SerialNumber::from_certificate`], by the manufacturer's rule.
    ///
    /// # Errors
    /// As there, and [`IdentityError::SerialNumberForm`] when the attribute has not the form that the rule tells of.
    pub fn by_rule(certificate: &Certificate, rule: SerialNumberRule) -> Result<Self, IdentityError> {
        let attribute = Self::from_certificate(certificate)?;
        match rule {
            SerialNumberRule::Attribute => Ok(attribute),
            // Key on SN: whoever cuts at the first blank makes one device of all that are of one model.
            SerialNumberRule::ProductAndSerial => {
                let named = attribute.0.strip_prefix("PID:").and_then(|rest| rest.rsplit_once(" SN:"));
                match named {
                    Some((model, serial)) if !model.is_empty() && !serial.contains(' ') => Self::new(serial),
                    _ => Err(IdentityError::SerialNumberForm),
                }
            }
        }
    }

    /// The serial number as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a manufacturer's certificates carry the device's serial number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SerialNumberRule {
    /// The subject's serialNumber attribute is the serial number (IEEE 802.1AR).
    #[default]
    Attribute,
    /// The attribute reads `PID:<model> SN:<serial number>` (Cisco SUDI).
    ProductAndSerial,
}

impl SerialNumberRule {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Attribute, Self::ProductAndSerial];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attribute => "attribute",
            Self::ProductAndSerial => "product-and-serial",
        }
    }
}

/// Why a certificate does not say which device it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The subject has no serialNumber attribute.
    #[error("the certificate's subject has no serialNumber attribute")]
    SerialNumberMissing,
    /// The subject has several.
    #[error("the certificate's subject has more than one serialNumber attribute")]
    SerialNumberAmbiguous,
    /// It is empty, too long, or not text.
    #[error("the serial number is empty, longer than {} octets, or holds control characters", SerialNumber::MAX)]
    SerialNumberUnusable,
    /// It has not the form that this manufacturer's have.
    #[error("the serialNumber attribute does not read `PID:<model> SN:<serial number>`, as this manufacturer's must")]
    SerialNumberForm,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_1_to_64_octets_without_control_characters() {
        for good in ["0", "SN-0001", "PID:IE-3300 SN:FOC1234", "Gerät 7", &"x".repeat(64)] {
            assert_eq!(SerialNumber::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "SN\n1", "SN\0", "\u{85}", &"x".repeat(65), &"ä".repeat(33)] {
            assert_eq!(SerialNumber::new(bad), Err(IdentityError::SerialNumberUnusable), "{bad:?}");
        }
    }
}
