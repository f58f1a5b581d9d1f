//! The hardwareModuleName of RFC 4108 §5, among the subject's alternative names, as IEEE 802.1AR §8.10.4 uses it.

use std::{fmt, str::FromStr};

use const_oid::ObjectIdentifier;
use x509_cert::ext::pkix::name::{GeneralName, HardwareModuleName};

use super::{IdentityError, RuleInvalid, SerialNumber};
use crate::certificate::Certificate;

/// Where a manufacturer's hardwareModuleName says the serial number, and how.
///
/// As text: `hardware-module-name`, with `:text` or `:hex` and with the hardware type behind it where they are said:
/// `hardware-module-name:hex:1.3.6.1.4.1.32473.7`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ModuleName {
    /// What the octets of hwSerialNum are.
    pub serial: ModuleSerial,
    /// What hwType must be. Without one any will do, and two of different types are ambiguous.
    pub hardware_type: Option<ObjectIdentifier>,
}

/// How hwSerialNum, which is octets, is a serial number, which is text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ModuleSerial {
    /// The octets are UTF-8.
    #[default]
    Text,
    /// The octets are shown as upper-case hexadecimal digits.
    Hex,
}

const NAME: &str = "hardware-module-name";

impl ModuleName {
    /// The serial number that the certificate's hardwareModuleName gives.
    pub(super) fn read(&self, certificate: &Certificate) -> Result<SerialNumber, IdentityError> {
        let names = certificate.extensions().subject_alt_name.iter().flat_map(|names| names.0.iter());
        let mut found: Option<HardwareModuleName> = None;
        for name in names {
            let GeneralName::OtherName(name) = name else { continue };
            let module = HardwareModuleName::from_other_name(name).map_err(|_| IdentityError::SerialNumberUnusable)?;
            let Some(module) = module else { continue };
            if self.hardware_type.is_some_and(|wanted| wanted != module.hw_type) {
                continue;
            }
            if found.as_ref().is_some_and(|found| *found != module) {
                return Err(IdentityError::SerialNumberAmbiguous);
            }
            found = Some(module);
        }
        let module = found.ok_or(IdentityError::SerialNumberMissing)?;
        let octets = module.hw_serial_num.as_bytes();
        if octets.len() > SerialNumber::MAX {
            return Err(IdentityError::SerialNumberUnusable);
        }
        match self.serial {
            ModuleSerial::Text => SerialNumber::of_certificate(
                std::str::from_utf8(octets).map_err(|_| IdentityError::SerialNumberUnusable)?,
            ),
            ModuleSerial::Hex => {
                SerialNumber::new(octets.iter().map(|octet| format!("{octet:02X}")).collect::<String>())
            }
        }
    }
}

impl fmt::Display for ModuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        match (self.serial, self.hardware_type) {
            (ModuleSerial::Text, None) => Ok(()),
            (ModuleSerial::Hex, None) => f.write_str(":hex"),
            (ModuleSerial::Text, Some(kind)) => write!(f, ":text:{kind}"),
            (ModuleSerial::Hex, Some(kind)) => write!(f, ":hex:{kind}"),
        }
    }
}

impl FromStr for ModuleName {
    type Err = RuleInvalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut rest = text.strip_prefix(NAME).ok_or(RuleInvalid::Unknown)?;
        let mut module = Self::default();
        for (form, serial) in [(":text", ModuleSerial::Text), (":hex", ModuleSerial::Hex)] {
            if let Some(behind) = rest.strip_prefix(form) {
                module.serial = serial;
                rest = behind;
                break;
            }
        }
        if rest.is_empty() {
            return Ok(module);
        }
        let kind = rest.strip_prefix(':').ok_or(RuleInvalid::Unknown)?;
        module.hardware_type = Some(kind.parse().map_err(|_| RuleInvalid::Type)?);
        Ok(module)
    }
}
