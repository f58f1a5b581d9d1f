//! How a manufacturer's certificates carry the device's serial number.

use std::{fmt, str::FromStr};

use super::{ModuleName, RuleInvalid, Template};

/// How a manufacturer's certificates carry the device's serial number. Shown and parsed as operators write it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SerialNumberRule {
    /// `attribute`: the subject's serialNumber attribute is the serial number (IEEE 802.1AR §8.6).
    #[default]
    Attribute,
    /// `product-and-serial`: the attribute reads `PID:<model> SN:<serial number>` (Cisco SUDI).
    ProductAndSerial,
    /// `hardware-module-name…`: it is in the hardwareModuleName among the alternative names.
    HardwareModuleName(ModuleName),
    /// `CN=bmc-{serial}` and so on: it is a part of some other text.
    Template(Template),
}

impl SerialNumberRule {
    /// Longest rule, in octets.
    pub const MAX: usize = 200;
}

impl fmt::Display for SerialNumberRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute => f.write_str("attribute"),
            Self::ProductAndSerial => f.write_str("product-and-serial"),
            Self::HardwareModuleName(module) => module.fmt(f),
            Self::Template(template) => template.fmt(f),
        }
    }
}

impl FromStr for SerialNumberRule {
    type Err = RuleInvalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            _ if text.len() > Self::MAX => Err(RuleInvalid::TooLong),
            "attribute" => Ok(Self::Attribute),
            "product-and-serial" => Ok(Self::ProductAndSerial),
            _ if text.contains('=') => text.parse().map(Self::Template),
            _ => text.parse().map(Self::HardwareModuleName),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_shown_as_it_was_written() {
        for text in [
            "attribute",
            "product-and-serial",
            "hardware-module-name",
            "hardware-module-name:hex",
            "hardware-module-name:text:1.3.6.1.4.1.32473.7",
            "hardware-module-name:hex:1.3.6.1.4.1.32473.7",
            "CN=bmc-{serial}",
            "CN={any}::{serial}",
            "SAN.DNS={serial}.idevid.example.net",
            "SAN.URI=urn:x={any}/{serial}",
            "OU={serial}",
            "2.5.4.97={serial}",
        ] {
            assert_eq!(text.parse::<SerialNumberRule>().map(|rule| rule.to_string()).as_deref(), Ok(text));
        }
        let plain = "hardware-module-name:text".parse::<SerialNumberRule>().unwrap();
        assert_eq!(plain.to_string(), "hardware-module-name");
    }

    #[test]
    fn what_is_no_rule_is_refused_with_what_is_wrong() {
        use RuleInvalid::{Adjacent, Brace, Characters, Serial, TooLong, TooMany, Type, Unknown};
        let field = |field: &str| RuleInvalid::Field { field: field.to_owned() };
        for (text, wrong) in [
            ("", Unknown),
            ("Attribute", Unknown),
            ("hardware-module-name:octal", Type),
            ("hardware-modules", Unknown),
            ("hardware-module-name:hex:cisco", Type),
            ("cn={serial}", field("cn")),
            ("SAN.IP={serial}", field("SAN.IP")),
            ("CN=bmc", Serial),
            ("CN={serial}-{serial}", Serial),
            ("CN={any}{serial}", Adjacent),
            ("CN={any}.{any}.{any}.{serial}", TooMany),
            ("CN={serial", Brace),
            ("CN=serial}{serial}", Brace),
            ("CN={Serial}", Brace),
            ("CN=a\n{serial}", Characters),
            ("CN=\u{202e}{serial}", Characters),
            (&format!("CN={}{{serial}}", "x".repeat(SerialNumberRule::MAX)), TooLong),
        ] {
            assert_eq!(text.parse::<SerialNumberRule>(), Err(wrong), "{text:?}");
        }
    }
}
