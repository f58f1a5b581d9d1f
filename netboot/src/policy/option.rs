//! Options that somebody writes down by number and value.

use std::net::{IpAddr, Ipv4Addr};

use dhcp::domain_names;
use serde::Deserialize;
use thiserror::Error;

use super::{Sending, pattern};
use crate::lease::Address;

/// An option as it stands in a configuration file: its code and one value.
///
/// ```toml
/// options = [
///     { code = 114, text = "https://portal.example.net/api" },
///     { code = 150, addresses = ["192.0.2.1"] },
///     { code = 43, hex = "01:04:00:00:00:02" },
///     { code = 119, domains = ["example.net"], send = "when-asked" },
/// ]
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OptionSettings {
    /// The option's code.
    pub code: u16,
    /// A text, sent as it is.
    #[serde(default)]
    pub text: Option<String>,
    /// Octets in hexadecimal.
    #[serde(default)]
    pub hex: Option<String>,
    /// Addresses, one after the other.
    #[serde(default)]
    pub addresses: Option<Vec<IpAddr>>,
    /// Domain names, as RFC 1035 encodes them.
    #[serde(default)]
    pub domains: Option<Vec<String>>,
    /// A number of one octet.
    #[serde(default)]
    pub u8: Option<u8>,
    /// A number of two octets.
    #[serde(default)]
    pub u16: Option<u16>,
    /// A number of four octets.
    #[serde(default)]
    pub u32: Option<u32>,
    /// Whether it goes to clients that do not ask for it. In DHCPv4 it does unless this says `when-asked`; in DHCPv6 it does only when this
    /// says `always` (RFC 8415 §18.3).
    #[serde(default)]
    pub send: Option<Sending>,
}

/// An option to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenOption {
    /// Its value as it goes over the wire.
    pub value: Vec<u8>,
    /// To whom it goes.
    pub sending: Sending,
}

impl OptionSettings {
    /// The option's octets.
    ///
    /// # Errors
    /// [`OptionInvalid`].
    pub(super) fn check<A: Address>(self) -> Result<(u16, GivenOption), OptionInvalid> {
        let code = self.code;
        let v4 = A::WIDTH == Ipv4Addr::WIDTH;
        let longest = if v4 { LONGEST_V4 } else { LONGEST_V6 };
        if is_reserved::<A>(code) {
            return Err(OptionInvalid::Reserved { code });
        }
        let hex = |text: String| pattern::octets(&text).ok_or(OptionInvalid::Hex { code });
        let values = [
            self.text.map(|text| Ok(text.into_bytes())),
            self.hex.map(hex),
            self.addresses.map(|list| addresses::<A>(code, &list)),
            self.domains.map(|names| domains(code, &names)),
            self.u8.map(|number| Ok(vec![number])),
            self.u16.map(|number| Ok(number.to_be_bytes().to_vec())),
            self.u32.map(|number| Ok(number.to_be_bytes().to_vec())),
        ];
        let mut values = values.into_iter().flatten();
        let value = values.next().ok_or(OptionInvalid::Values { code })??;
        if values.next().is_some() {
            return Err(OptionInvalid::Values { code });
        }
        if value.len() > longest {
            return Err(OptionInvalid::TooLong { code, length: value.len() });
        }
        let usual = if v4 { Sending::Always } else { Sending::WhenAsked };
        Ok((code, GivenOption { value, sending: self.send.unwrap_or(usual) }))
    }
}

/// Whether the server makes this option itself, or there is none of that number.
pub(super) fn is_reserved<A: Address>(code: u16) -> bool {
    if A::WIDTH == Ipv4Addr::WIDTH {
        !(1..=254).contains(&code) || RESERVED_V4.contains(&code)
    } else {
        code == 0 || RESERVED_V6.contains(&code)
    }
}

/// Addresses of one family, one after the other.
pub(super) fn addresses<A: Address>(code: u16, list: &[IpAddr]) -> Result<Vec<u8>, OptionInvalid> {
    if list.is_empty() {
        return Err(OptionInvalid::Values { code });
    }
    let mut value = Vec::new();
    for address in list {
        let of_family = A::from_ip(*address).ok_or(OptionInvalid::Family { code })?;
        match of_family.into() {
            IpAddr::V4(address) => value.extend(address.octets()),
            IpAddr::V6(address) => value.extend(address.octets()),
        }
    }
    Ok(value)
}

/// Domain names without pointers: every reader takes them, in both families (RFC 3397, RFC 3646 §4).
pub(super) fn domains(code: u16, names: &[String]) -> Result<Vec<u8>, OptionInvalid> {
    if names.is_empty() || names.len() > domain_names::MAXIMUM {
        return Err(OptionInvalid::Values { code });
    }
    let mut value = Vec::new();
    for name in names {
        let labels = || name.trim_end_matches('.').split('.');
        // RFC 1035 §2.3.4.
        if name.len() > 253 || labels().any(|label| label.is_empty() || label.len() > 63) {
            return Err(OptionInvalid::Domain { code });
        }
        for label in labels() {
            value.push(u8::try_from(label.len()).unwrap_or_default());
            value.extend(label.bytes());
        }
        value.push(0);
    }
    Ok(value)
}

/// An option that cannot be sent as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OptionInvalid {
    /// The server makes it itself, or there is no such option.
    #[error("option {code} is the server's own business, or none; it has a key of its own where it can be set")]
    Reserved {
        /// Which.
        code: u16,
    },
    /// Not exactly one value.
    #[error("option {code} needs exactly one of text, hex, addresses, domains, u8, u16 and u32, with something in it")]
    Values {
        /// Which.
        code: u16,
    },
    /// No octets.
    #[error("option {code}: hex is pairs of hexadecimal digits, with colons between them or not")]
    Hex {
        /// Which.
        code: u16,
    },
    /// Addresses of the other family.
    #[error("option {code}: an address of the other IP version")]
    Family {
        /// Which.
        code: u16,
    },
    /// No domain name.
    #[error("option {code}: a domain name has labels of 1 to 63 bytes")]
    Domain {
        /// Which.
        code: u16,
    },
    /// Longer than a message can carry.
    #[error("option {code}: {length} bytes are too long")]
    TooLong {
        /// Which.
        code: u16,
        /// Bytes of its value.
        length: usize,
    },
}

/// What the server writes itself: mask, overload, lease, type, server, request list, identifiers, relay agent, bootstrap URIs.
const RESERVED_V4: &[u16] = &[1, 50, 51, 52, 53, 54, 55, 57, 58, 59, 61, 80, 82, 143];
/// Likewise.
const RESERVED_V6: &[u16] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 18, 19, 20, 25, 26, 32, 59, 60, 82, 83, 136];
/// Three instances of an option (RFC 3396) and then some: more would fit no message.
const LONGEST_V4: usize = 1024;
/// As much as goes into one datagram beside the rest.
const LONGEST_V6: usize = 1024;

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    fn v4(text: &str) -> Result<(u16, GivenOption), OptionInvalid> {
        toml::from_str::<OptionSettings>(text).unwrap().check::<Ipv4Addr>()
    }

    fn value(text: &str) -> Vec<u8> {
        v4(text).unwrap().1.value
    }

    #[test]
    fn each_shape_has_its_octets() {
        assert_eq!(value("code = 17\ntext = 'iscsi:a'"), b"iscsi:a");
        assert_eq!(value("code = 43\nhex = '01:04 00-01'"), [1, 4, 0, 1]);
        assert_eq!(value("code = 150\naddresses = ['192.0.2.1', '192.0.2.2']"), [192, 0, 2, 1, 192, 0, 2, 2]);
        assert_eq!(value("code = 119\ndomains = ['a.bc']"), b"\x01a\x02bc\0");
        assert_eq!(value("code = 26\nu16 = 9000"), [0x23, 0x28]);
        let (code, asked) = v4("code = 2\nu32 = 3600\nsend = 'when-asked'").unwrap();
        assert_eq!((code, asked.sending), (2, Sending::WhenAsked));
    }

    #[test]
    fn what_cannot_be_sent_is_refused_by_name() {
        for (text, wrong) in [
            ("code = 54\nhex = '00'", OptionInvalid::Reserved { code: 54 }),
            ("code = 255\nhex = '00'", OptionInvalid::Reserved { code: 255 }),
            ("code = 17", OptionInvalid::Values { code: 17 }),
            ("code = 17\ntext = 'a'\nu8 = 1", OptionInvalid::Values { code: 17 }),
            ("code = 17\nhex = '0'", OptionInvalid::Hex { code: 17 }),
            ("code = 17\naddresses = ['::1']", OptionInvalid::Family { code: 17 }),
            ("code = 17\naddresses = []", OptionInvalid::Values { code: 17 }),
            ("code = 119\ndomains = ['a..b']", OptionInvalid::Domain { code: 119 }),
        ] {
            assert_eq!(v4(text), Err(wrong), "{text}");
        }
        let six = toml::from_str::<OptionSettings>("code = 255\ntext = 'x'").unwrap().check::<Ipv6Addr>();
        assert_eq!(six.unwrap().1.sending, Sending::WhenAsked);
    }
}
