//! How Kea, dnsmasq and ISC dhcpd write options 143 and 136, and what they cannot send.

use serde_json::Value;

use super::{
    family::Family,
    octets::{colons, hex},
};

/// A place in a configuration where the option stands, and what else its line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// An element of `option-data`.
    Kea {
        /// What else the element says: `always-send` and so on, each name with its value.
        others: Vec<(String, Value)>,
    },
    /// A line.
    Dnsmasq {
        /// What stands before the value, such as `dhcp-option=tag:a,143`.
        before: String,
    },
    /// A statement.
    Isc {
        /// What the option is called.
        name: String,
    },
    /// A file with nothing else.
    Hex,
}

/// Why a server cannot send a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsendable {
    /// dnsmasq does not split options.
    #[error(
        "dnsmasq sends at most 255 octets of an option of DHCPv4, and these are {0}: it does not start with more, and of two lines it sends the last"
    )]
    DnsmasqOption(usize),
    /// dnsmasq cuts lines.
    #[error("dnsmasq reads 1024 characters of a line, and these are {0}")]
    DnsmasqLine(usize),
}

impl Place {
    /// The line, statement or element that sends the value.
    pub(super) fn write(&self, family: Family, value: &[u8]) -> Result<String, Unsendable> {
        match self {
            Self::Kea { others } => Ok(kea(family, value, others)),
            Self::Dnsmasq { before } => {
                let line = format!("{before},{}", colons(value));
                match family {
                    Family::V4 if value.len() > DNSMASQ_OPTION => Err(Unsendable::DnsmasqOption(value.len())),
                    _ if line.len() > DNSMASQ_LINE => Err(Unsendable::DnsmasqLine(line.len())),
                    _ => Ok(line),
                }
            }
            Self::Isc { name } => Ok(format!("option {name} {};", colons(value))),
            Self::Hex => Ok(hex(value)),
        }
    }
}

/// An element of Kea's `option-data`. It brings no definition: newer versions of Kea have one of their own, and refuse another.
fn kea(family: Family, value: &[u8], others: &[(String, Value)]) -> String {
    let space = match family {
        Family::V4 => "dhcp4",
        Family::V6 => "dhcp6",
    };
    let mut members = vec![format!("\"code\": {}", family.code()), format!("\"space\": \"{space}\"")];
    members.push("\"csv-format\": false".to_owned());
    members.extend(others.iter().map(|(name, value)| format!("{}: {value}", Value::from(name.as_str()))));
    members.push(format!("\"data\": \"{}\"", hex(value)));
    format!("{{ {} }}", members.join(", "))
}

/// What gives an option of ISC dhcpd its name.
pub(super) fn isc_definition(family: Family, name: &str) -> String {
    format!("option {name} code {} = string;", family.code())
}

/// Octets of an option of DHCPv4 that dnsmasq takes.
const DNSMASQ_OPTION: usize = 255;

/// Characters of a line that dnsmasq reads; of a longer one it takes the rest for another line.
pub(super) const DNSMASQ_LINE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_has_its_way_of_writing() {
        let places = [
            Place::Kea { others: vec![("always-send".to_owned(), true.into())] },
            Place::Dnsmasq { before: "dhcp-option=tag:a,143".to_owned() },
            Place::Isc { name: "x".to_owned() },
            Place::Hex,
        ];
        let lines = places.map(|place| place.write(Family::V4, &[0, 0x1d]).unwrap());
        assert_eq!(
            lines,
            [
                r#"{ "code": 143, "space": "dhcp4", "csv-format": false, "always-send": true, "data": "001d" }"#,
                "dhcp-option=tag:a,143,00:1d",
                "option x 00:1d;",
                "001d",
            ]
        );
    }

    #[test]
    fn dhc_11_what_dnsmasq_cannot_send_is_refused() {
        let place = Place::Dnsmasq { before: "dhcp-option=143".to_owned() };
        assert!(place.write(Family::V4, &[0; 255]).is_ok());
        assert_eq!(place.write(Family::V4, &[0; 256]), Err(Unsendable::DnsmasqOption(256)));
        let place = Place::Dnsmasq { before: "dhcp-option=option6:136".to_owned() };
        // 23 characters, then three for each octet: a comma or colon and two digits.
        assert!(place.write(Family::V6, &[0; 333]).is_ok());
        assert_eq!(place.write(Family::V6, &[0; 334]), Err(Unsendable::DnsmasqLine(1025)));
    }
}
