//! Values of DHCPv4 options as people read them.

use std::fmt::{self, Write};

use crate::{
    shape::{Note, Words, leaf, list, octets},
    v4::{
        ClientArchitectures, MachineIdentifier, MessageType, NetworkInterface, OptionCode, OptionValue,
        ParameterRequestList, RelayAgentInformation, RelaySubOption, UserClass, UserClassFraming,
        VendorIdentifyingOptions, known, sub_options::SubOptions,
    },
};

/// An option's value for people: at most 1 KiB, with everything escaped that a terminal might act on. What is not as the
/// option's definition has it is shown in hexadecimal.
#[must_use]
pub fn describe(code: OptionCode, value: &[u8]) -> String {
    Note::of(|note| match special(code, value, note) {
        Some(written) => written,
        None => leaf(known::shape(code), value, note),
    })
}

/// Options that say more than their shape does; `None` when this is none, or broken.
fn special(code: OptionCode, value: &[u8], note: &mut Note) -> Option<fmt::Result> {
    Some(match code {
        OptionCode::MESSAGE_TYPE => write!(note, "{}", MessageType::decode(value).ok()?),
        OptionCode::PARAMETER_REQUEST_LIST => list(ParameterRequestList::decode(value).ok()?.0.iter().map(Named), note),
        OptionCode::CLIENT_IDENTIFIER => client(value, note)?,
        OptionCode::USER_CLASS => {
            let UserClass { classes, framing } = UserClass::decode(value).ok()?;
            list(classes.iter().map(|class| Words(class)), note).and_then(|()| match framing {
                UserClassFraming::Rfc3004 => Ok(()),
                UserClassFraming::Unframed => note.write_str(" (without RFC 3004's lengths)"),
            })
        }
        OptionCode::RELAY_AGENT_INFORMATION => {
            let information = RelayAgentInformation::decode(value).ok()?;
            list(information.sub_options().map(|(code, value)| RelaySaid { code, value }), note)
        }
        OptionCode::CLIENT_ARCHITECTURE => list(ClientArchitectures::decode(value).ok()?.0, note),
        OptionCode::NETWORK_INTERFACE => {
            let NetworkInterface { kind, major, minor } = NetworkInterface::decode(value).ok()?;
            write!(note, "type {kind}, version {major}.{minor}")
        }
        OptionCode::MACHINE_IDENTIFIER => {
            let identifier = MachineIdentifier::decode(value).ok()?;
            let [straight, swapped] = [identifier.bytes, identifier.other_byte_order()].map(Uuid);
            write!(note, "{straight} (in the other byte order {swapped})")
        }
        OptionCode::VENDOR_SPECIFIC if is_framed(value) => list(SubOptions(value).map(Numbered), note),
        OptionCode::VENDOR_IDENTIFYING_OPTIONS => vendors(value, note)?,
        _ => return None,
    })
}

/// An option by number and name.
struct Named<'a>(&'a OptionCode);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)?;
        known::of(*self.0).map_or(Ok(()), |known| write!(f, " {}", known.name))
    }
}

/// A sub-option of option 82.
struct RelaySaid<'a> {
    code: RelaySubOption,
    value: &'a [u8],
}

impl fmt::Display for RelaySaid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.code {
            RelaySubOption::CIRCUIT_ID => "circuit-id",
            RelaySubOption::REMOTE_ID => "remote-id",
            RelaySubOption::LINK_SELECTION => "link-selection",
            RelaySubOption::SUBSCRIBER_ID => "subscriber-id",
            RelaySubOption::SERVER_IDENTIFIER_OVERRIDE => "server-id-override",
            RelaySubOption::RELAY_PORT => "relay-port",
            RelaySubOption(number) => return write!(f, "{}", Numbered((number, self.value))),
        };
        write!(f, "{name} {}", Words(self.value))
    }
}

/// A sub-option of which only the number is known.
struct Numbered<'a>((u8, &'a [u8]));

impl fmt::Display for Numbered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self((code, value)) = self;
        write!(f, "{code}: {}", Words(value))
    }
}

/// A UUID as RFC 9562 §4 prints it.
struct Uuid([u8; 16]);

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, octet) in self.0.iter().enumerate() {
            let separator = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{separator}{octet:02x}")?;
        }
        Ok(())
    }
}

fn client(value: &[u8], note: &mut Note) -> Option<fmt::Result> {
    let (kind, rest) = value.split_first()?;
    Some(match (kind, rest) {
        // RFC 2132 §9.14: a hardware type and an address.
        (1, [_, _, _, _, _, _]) => note.write_str("Ethernet ").and_then(|()| octets(rest, note)),
        // RFC 4361 §6.1: the identifiers of DHCPv6.
        (255, [a, b, c, d, duid @ ..]) => {
            write!(note, "IAID {}, DUID ", u32::from_be_bytes([*a, *b, *c, *d])).and_then(|()| octets(duid, note))
        }
        _ => write!(note, "{}", Words(value)),
    })
}

fn vendors(value: &[u8], note: &mut Note) -> Option<fmt::Result> {
    let VendorIdentifyingOptions(vendors) = VendorIdentifyingOptions::decode(value).ok()?;
    Some(vendors.iter().enumerate().try_for_each(|(index, vendor)| {
        let separator = if index == 0 { "" } else { "; " };
        write!(note, "{separator}enterprise {}: ", vendor.enterprise())?;
        if is_framed(vendor.data()) {
            list(vendor.sub_options().map(Numbered), note)
        } else {
            octets(vendor.data(), note)
        }
    }))
}

/// Whether sub-options fill these bytes exactly, with nothing but an end behind them.
fn is_framed(value: &[u8]) -> bool {
    let value = value.strip_suffix(&[255]).unwrap_or(value);
    let walked = SubOptions(value).map(|(_, value)| value.len().saturating_add(2)).sum::<usize>();
    !value.is_empty() && walked == value.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(number: u8, value: &[u8]) -> String {
        describe(OptionCode::new(number).unwrap(), value)
    }

    #[test]
    fn values_are_shown_in_words() {
        for (number, value, expected) in [
            (51, &b"\x00\x00\x0e\x10"[..], "3600"),
            (53, b"\x05", "DHCPACK"),
            (55, b"\x01\x8f\xe0", "1 subnet-mask, 143 v4-sztp-redirect, 224"),
            (61, b"\x01\x02\0\0\0\0\x07", "Ethernet 02:00:00:00:00:07"),
            (61, b"\xff\0\0\0\x01\x00\x03\x00\x01\x02", "IAID 1, DUID 00:03:00:01:02"),
            (61, b"switch-7", "\"switch-7\""),
            (77, b"iPXE", "\"iPXE\" (without RFC 3004's lengths)"),
            (77, b"\x04iPXE", "\"iPXE\""),
            (82, b"\x01\x02p7\x02\x02\x00\x01\x63\x01x", "circuit-id \"p7\", remote-id 00:01, 99: \"x\""),
            (93, b"\x00\x07\x00\x99", "7 (x86-64 UEFI), 153"),
            (94, b"\x01\x03\x10", "type 1, version 3.16"),
            (43, b"\x06\x01\x08\xff", "6: 08"),
            (43, b"\x06\x05\x08", "06:05:08"),
            (125, b"\0\0\xa6\x7f\x05\x01\x03url\0\0\0\x09\x01\x01", "enterprise 42623: 1: \"url\"; enterprise 9: 01"),
            (143, b"\x00\x0chttps://a.bc", "https://a.bc"),
            (224, b"\x01\x02", "01:02"),
        ] {
            assert_eq!(shown(number, value), expected, "option {number}");
        }
        let uuid = shown(97, &[0, 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]);
        assert_eq!(
            uuid,
            "03020100-0504-0706-0809-0a0b0c0d0e0f (in the other byte order 00010203-0405-0607-0809-0a0b0c0d0e0f)"
        );
    }

    #[test]
    fn what_is_broken_is_shown_all_the_same() {
        for (number, value, expected) in
            [(53, &b"\x09"[..], "9"), (53, b"", "empty"), (94, b"\x01", "01"), (93, b"\x01", "01"), (97, b"\x00", "00")]
        {
            assert_eq!(shown(number, value), expected, "option {number}");
        }
        assert_eq!(shown(125, b"\0\0"), "00:00");
    }

    #[test]
    fn text_of_the_network_cannot_drive_a_terminal() {
        for number in [12, 17, 60, 61, 77, 82, 114, 125] {
            for value in [&b"\x1b]0;owned\x07"[..], "\u{202e}abc".as_bytes(), b"\x01\x05a\x1b[2Jb"] {
                let text = shown(number, value);
                assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')), "option {number}: {text:?}");
            }
        }
    }
}
