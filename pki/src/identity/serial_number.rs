//! A device's serial number.

use std::fmt;

use super::{Field, IdentityError, SerialNumberRule, text};
use crate::certificate::Certificate;

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
    /// characters; [`IdentityError::SerialNumberDeceptive`] when people would not read what is written: characters that
    /// cannot be seen, or that turn the direction of reading.
    pub fn new(text: impl Into<String>) -> Result<Self, IdentityError> {
        let text = text.into();
        if text.is_empty() || text.len() > Self::MAX || text.chars().any(char::is_control) {
            return Err(IdentityError::SerialNumberUnusable);
        }
        if text.chars().any(text::is_deceptive) {
            return Err(IdentityError::SerialNumberDeceptive);
        }
        Ok(Self(text))
    }

    /// As [`SerialNumber::new`], for what a certificate says.
    ///
    /// # Errors
    /// As there; blanks that are not U+0020 deceive too.
    pub(super) fn of_certificate(text: impl Into<String>) -> Result<Self, IdentityError> {
        let text = text.into();
        if text.chars().any(text::is_other_blank) && !text.chars().any(char::is_control) {
            return Err(IdentityError::SerialNumberDeceptive);
        }
        Self::new(text)
    }

    /// Reads the serialNumber attribute (2.5.4.5) of a certificate's subject: the device's serial number, not the
    /// certificate's (IEEE 802.1AR §8.6).
    ///
    /// # Errors
    /// [`IdentityError::SerialNumberMissing`] when there is none, [`IdentityError::SerialNumberAmbiguous`] when there
    /// is more than one, [`IdentityError::MultiValued`] when it shares its relative distinguished name, otherwise as
    /// [`SerialNumber::new`].
    pub fn from_certificate(certificate: &Certificate) -> Result<Self, IdentityError> {
        Self::of_certificate(Field::SERIAL_NUMBER.only_value(certificate)?)
    }

    /// As [`SerialNumber::from_certificate`], by the manufacturer's rule.
    ///
    /// # Errors
    /// [`IdentityError`], as each [`SerialNumberRule`] has it.
    pub fn by_rule(certificate: &Certificate, rule: &SerialNumberRule) -> Result<Self, IdentityError> {
        match rule {
            SerialNumberRule::Attribute => Self::from_certificate(certificate),
            // Key on SN: whoever cuts at the first blank makes one device of all that are of one model.
            SerialNumberRule::ProductAndSerial => {
                let attribute = Field::SERIAL_NUMBER.only_value(certificate)?;
                let named = attribute.strip_prefix("PID:").and_then(|rest| rest.rsplit_once(" SN:"));
                match named {
                    Some((model, serial)) if !model.is_empty() && !serial.contains(' ') => Self::of_certificate(serial),
                    _ => Err(IdentityError::SerialNumberForm),
                }
            }
            SerialNumberRule::HardwareModuleName(module) => module.read(certificate),
            SerialNumberRule::Template(template) => template.read(certificate),
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

    #[test]
    fn what_people_would_read_otherwise_is_no_serial_number() {
        for bad in ["SN-\u{202e}1000", "SN\u{200b}1", "\u{feff}SN1", "SN\u{2066}1\u{2069}", "SN\u{2028}1", "SN\u{ad}1"]
        {
            assert_eq!(SerialNumber::new(bad), Err(IdentityError::SerialNumberDeceptive), "{bad:?}");
        }
        // People copy such a blank from a document, and are told what is meant; a certificate with it is refused.
        assert!(SerialNumber::new("SN\u{a0}1").is_ok());
        assert_eq!(SerialNumber::of_certificate("SN\u{a0}1"), Err(IdentityError::SerialNumberDeceptive));
    }
}
