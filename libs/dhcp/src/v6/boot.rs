//! Booting from the network (RFC 5970, NET-09, NET-10).

use std::{fmt, net::Ipv6Addr, str::FromStr};

use thiserror::Error;

use super::{
    MessageType, OptionCode, OptionError, OptionValue,
    value::{frame, framed},
};
use crate::v4::{Architecture, ClientArchitectures, NetworkInterface};

impl OptionCode {
    /// The options of RFC 5970.
    pub const BOOT: [Self; 4] =
        [Self::BOOT_FILE_URL, Self::BOOT_FILE_PARAMETERS, Self::CLIENT_ARCHITECTURE, Self::NETWORK_INTERFACE];
}

impl MessageType {
    /// Whether the options of RFC 5970 may stand in this message (NET-10).
    #[must_use]
    pub const fn may_carry_boot_options(self) -> bool {
        // RFC 5970 §4: in seven types, and MUST NOT in the others.
        matches!(
            self,
            Self::Solicit
                | Self::Advertise
                | Self::Request
                | Self::Renew
                | Self::Rebind
                | Self::InformationRequest
                | Self::Reply
        )
    }

    /// Whether this message's Option Request may name the options of RFC 5970 (NET-10).
    #[must_use]
    pub const fn may_request_boot_options(self) -> bool {
        // RFC 5970 §4.
        matches!(
            self,
            Self::Solicit | Self::Request | Self::Renew | Self::Rebind | Self::InformationRequest | Self::Reconfigure
        )
    }
}

/// Where the boot file is (RFC 5970 §3.1): a URI of RFC 3986 without a NUL at its end.
///
/// ```
/// use dhcp::v6::BootFileUrl;
///
/// assert!("http://[2001:db8::1]/ipxe.efi".parse::<BootFileUrl>().is_ok());
/// assert!("http://2001:db8::1/ipxe.efi".parse::<BootFileUrl>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BootFileUrl(String);

impl BootFileUrl {
    /// The URI.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BootFileUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BootFileUrl {
    type Err = BootFileUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if u16::try_from(text.len()).is_err() {
            return Err(BootFileUrlError::TooLong { length: text.len() });
        }
        // RFC 3986 §2: anything else has to be percent-encoded.
        if let Some(character) = text.chars().find(|character| !may_stand_in_a_uri(*character)) {
            return Err(BootFileUrlError::Character { character });
        }
        let (scheme, rest) = text.split_once(':').ok_or(BootFileUrlError::SchemeMissing)?;
        // RFC 3986 §3.1.
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '+' | '-' | '.'));
        if !is_scheme {
            return Err(BootFileUrlError::SchemeMissing);
        }
        if let Some(rest) = rest.strip_prefix("//") {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            check_host(authority.rsplit('@').next().unwrap_or_default())?;
        }
        Ok(Self(text.to_owned()))
    }
}

impl OptionValue for BootFileUrl {
    const CODE: OptionCode = OptionCode::BOOT_FILE_URL;

    fn decode(value: &[u8]) -> Result<Self, OptionError> {
        let undefined = OptionError::Value { code: Self::CODE };
        str::from_utf8(value).map_err(|_| undefined)?.parse().map_err(|_: BootFileUrlError| undefined)
    }

    fn encode(&self) -> Vec<u8> {
        self.0.clone().into_bytes()
    }
}

fn may_stand_in_a_uri(character: char) -> bool {
    character.is_ascii_graphic() && !matches!(character, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}')
}

/// Checks a host with its port.
fn check_host(host: &str) -> Result<(), BootFileUrlError> {
    if let Some(rest) = host.strip_prefix('[') {
        let (literal, port) = rest.split_once(']').ok_or(BootFileUrlError::AddressInvalid)?;
        let port_is_one = port.is_empty() || port.starts_with(':');
        let address: Result<Ipv6Addr, _> = literal.parse();
        return if port_is_one && address.is_ok() { Ok(()) } else { Err(BootFileUrlError::AddressInvalid) };
    }
    // RFC 5970 §3.1: an IPv6 address MUST stand in brackets. Nothing else has two colons.
    if host.matches(':').count() > 1 { Err(BootFileUrlError::BracketsMissing) } else { Ok(()) }
}

/// The text is not the address of a boot file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BootFileUrlError {
    /// A character that must be percent-encoded, such as a blank or a NUL.
    #[error("a URL may not hold {character:?}: write it percent-encoded")]
    Character {
        /// The first one.
        character: char,
    },
    /// Nothing says how to fetch the file.
    #[error("a boot file URL begins with a scheme, as in http://… or tftp://…")]
    SchemeMissing,
    /// An IPv6 address without brackets.
    #[error("an IPv6 address stands in brackets, as in http://[2001:db8::1]/…")]
    BracketsMissing,
    /// What stands in the brackets is no IPv6 address, or something else than a port follows them.
    #[error("the brackets hold no IPv6 address, or are followed by something else than a port")]
    AddressInvalid,
    /// Longer than an option can be.
    #[error("{length} bytes are more than an option holds")]
    TooLong {
        /// Bytes.
        length: usize,
    },
}

/// What the boot file is started with, in order (RFC 5970 §3.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BootFileParameters(pub Vec<String>);

impl OptionValue for BootFileParameters {
    const CODE: OptionCode = OptionCode::BOOT_FILE_PARAMETERS;

    fn decode(value: &[u8]) -> Result<Self, OptionError> {
        let undefined = OptionError::Value { code: Self::CODE };
        let pieces = framed(value).ok_or(undefined)?;
        let texts: Result<_, _> = pieces.into_iter().map(String::from_utf8).collect();
        texts.map(Self).map_err(|_| undefined)
    }

    fn encode(&self) -> Vec<u8> {
        frame(&self.0)
    }
}

/// RFC 5970 §3.3: as in DHCPv4.
impl OptionValue for ClientArchitectures {
    const CODE: OptionCode = OptionCode::CLIENT_ARCHITECTURE;

    fn decode(value: &[u8]) -> Result<Self, OptionError> {
        match value.as_chunks() {
            (numbers @ [_, ..], []) => {
                Ok(Self(numbers.iter().map(|number| Architecture(u16::from_be_bytes(*number))).collect()))
            }
            _ => {
                let code = OptionCode::CLIENT_ARCHITECTURE;
                Err(OptionError::Length { code, length: value.len() })
            }
        }
    }

    fn encode(&self) -> Vec<u8> {
        self.0.iter().flat_map(|architecture| architecture.0.to_be_bytes()).collect()
    }
}

/// RFC 5970 §3.4: as in DHCPv4.
impl OptionValue for NetworkInterface {
    const CODE: OptionCode = OptionCode::NETWORK_INTERFACE;

    fn decode(value: &[u8]) -> Result<Self, OptionError> {
        let &[kind, major, minor] = value else {
            let code = OptionCode::NETWORK_INTERFACE;
            return Err(OptionError::Length { code, length: value.len() });
        };
        Ok(Self { kind, major, minor })
    }

    fn encode(&self) -> Vec<u8> {
        vec![self.kind, self.major, self.minor]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v6::Options;

    /// NET-09: the four options, octet by octet.
    #[test]
    fn net_09_the_boot_options_in_hexadecimal() {
        let mut options = Options::new();
        let url: BootFileUrl = "tftp://[2001:db8::1]/a".parse().unwrap();
        options.put(&url).unwrap();
        let parameters = BootFileParameters(vec!["ro".into(), "console=ttyS0".into()]);
        options.put(&parameters).unwrap();
        let architectures = ClientArchitectures(vec![Architecture(7), Architecture(16)]);
        options.put(&architectures).unwrap();
        let interface = NetworkInterface { kind: 1, major: 3, minor: 16 };
        options.put(&interface).unwrap();

        let expected = "003b0016 746674703a2f2f5b323030313a6462383a3a315d2f61\
            003c0013 0002 726f 000d 636f6e736f6c653d7474795330\
            003d0004 0007 0010\
            003e0003 01 03 10";
        assert_eq!(options.encode(), crate::hex::octets(&expected.replace(' ', "")).unwrap());
        let read = Options::decode(&options.encode()).unwrap();
        assert_eq!(read.value(), Ok(Some(url)));
        assert_eq!(read.value(), Ok(Some(parameters)));
        assert_eq!(read.value(), Ok(Some(architectures)));
        assert_eq!(read.value(), Ok(Some(interface)));
    }

    #[test]
    fn net_09_a_boot_file_url_has_no_nul_and_its_address_has_brackets() {
        for good in [
            "http://boot.example.net/ipxe.efi",
            "https://[2001:db8::1]:8443/x?y=z#a",
            "http://user@192.0.2.1:80/",
            "tftp://[::1]",
            "iscsi:[2001:db8::1]::::iqn.2026-01.net.example:disk",
            "nfs://srv/root",
        ] {
            assert_eq!(good.parse::<BootFileUrl>().map(|url| url.to_string()), Ok(good.to_owned()));
        }
        for (bad, error) in [
            ("http://[2001:db8::1]/x\0", BootFileUrlError::Character { character: '\0' }),
            ("http://srv/a b", BootFileUrlError::Character { character: ' ' }),
            ("http://srv/é", BootFileUrlError::Character { character: 'é' }),
            ("", BootFileUrlError::SchemeMissing),
            ("ipxe.efi", BootFileUrlError::SchemeMissing),
            ("1http://x", BootFileUrlError::SchemeMissing),
            ("http://2001:db8::1/x", BootFileUrlError::BracketsMissing),
            ("http://me@fe80::1", BootFileUrlError::BracketsMissing),
            ("http://[2001:db8::1/x", BootFileUrlError::AddressInvalid),
            ("http://[192.0.2.1]/x", BootFileUrlError::AddressInvalid),
            ("http://[::1]x/", BootFileUrlError::AddressInvalid),
        ] {
            assert_eq!(bad.parse::<BootFileUrl>(), Err(error), "{bad}");
        }
        let long = format!("http://{}", "x".repeat(65_536));
        assert_eq!(long.parse::<BootFileUrl>(), Err(BootFileUrlError::TooLong { length: 65_543 }));
        assert_eq!(BootFileUrl::decode(b"http://srv/x\0"), Err(OptionError::Value { code: OptionCode(59) }));
        assert_eq!(BootFileUrl::decode(b"http://\xff"), Err(OptionError::Value { code: OptionCode(59) }));
    }

    #[test]
    fn broken_boot_options_are_refused() {
        assert!(BootFileParameters::decode(b"\x00\x05ab").is_err());
        assert!(BootFileParameters::decode(b"\x00\x01\xff").is_err());
        for length in [0, 1, 3] {
            let refused = <ClientArchitectures as OptionValue>::decode(&[0; 3][..length]);
            assert!(matches!(refused, Err(OptionError::Length { .. })), "{length}");
        }
        assert!(<NetworkInterface as OptionValue>::decode(&[1, 3]).is_err());
    }

    /// NET-10: the lists of RFC 5970 §4.
    #[test]
    fn net_10_boot_options_stand_in_seven_types_of_message() {
        let carry = MessageType::ALL.into_iter().filter(|kind| kind.may_carry_boot_options());
        assert!(carry.map(MessageType::number).eq([1, 2, 3, 5, 6, 7, 11]));
        let request = MessageType::ALL.into_iter().filter(|kind| kind.may_request_boot_options());
        assert!(request.map(MessageType::number).eq([1, 3, 5, 6, 10, 11]));
        assert!(!MessageType::Release.may_carry_boot_options());
        assert_eq!(OptionCode::BOOT.map(|code| code.0), [59, 60, 61, 62]);
    }
}
