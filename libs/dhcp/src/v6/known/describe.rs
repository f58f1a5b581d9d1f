//! Values of DHCPv6 options as people read them.

use std::fmt::{self, Write};

use crate::{
    shape::{Note, Words, leaf, list, octets},
    v4::{ClientArchitectures, NetworkInterface},
    v6::{
        ClassFraming, ClientLinkLayerAddress, DelegatedPrefix, Duid, DuidParts, IdentityAssociation, LeasedAddress,
        OptionCode, OptionRequest, OptionValue, Options, RemoteId, Status, TemporaryAssociation, UserClass,
        VendorClass, VendorOptions, known,
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
        OptionCode::CLIENT_IDENTIFIER | OptionCode::SERVER_IDENTIFIER => duid(&Duid::new(value)?, note),
        OptionCode::IA_NA | OptionCode::IA_PD => {
            let IdentityAssociation { iaid, renewal, rebinding, options } = IdentityAssociation::decode(value).ok()?;
            write!(note, "IAID {iaid}, T1 {renewal} s, T2 {rebinding} s").and_then(|()| held(&options, note))
        }
        OptionCode::IA_TA => {
            let TemporaryAssociation { iaid, options } = TemporaryAssociation::decode(value).ok()?;
            write!(note, "IAID {iaid}").and_then(|()| held(&options, note))
        }
        OptionCode::IA_ADDRESS => write!(note, "{}", Address(LeasedAddress::decode(value).ok()?)),
        OptionCode::IA_PREFIX => write!(note, "{}", Prefix(DelegatedPrefix::decode(value).ok()?)),
        OptionCode::OPTION_REQUEST | OptionCode::ECHO_REQUEST => {
            list(OptionRequest::decode(value).ok()?.0.iter().map(Named), note)
        }
        OptionCode::STATUS_CODE => status(&Status::decode(value).ok()?, note),
        OptionCode::USER_CLASS => {
            let UserClass { classes, framing } = UserClass::decode(value).ok()?;
            words(&classes, framing, note)
        }
        OptionCode::VENDOR_CLASS => {
            let VendorClass { enterprise, classes, framing } = VendorClass::decode(value).ok()?;
            write!(note, "enterprise {enterprise}: ").and_then(|()| words(&classes, framing, note))
        }
        OptionCode::VENDOR_OPTIONS => {
            let VendorOptions { enterprise, options } = VendorOptions::decode(value).ok()?;
            let options = options.iter().map(|(code, value)| Numbered { code, value });
            write!(note, "enterprise {enterprise}: ").and_then(|()| list(options, note))
        }
        OptionCode::INTERFACE_ID | OptionCode::SUBSCRIBER_ID => write!(note, "{}", Words(value)),
        OptionCode::REMOTE_ID => {
            let RemoteId { enterprise, identifier } = RemoteId::decode(value).ok()?;
            write!(note, "enterprise {enterprise}: {}", Words(&identifier))
        }
        OptionCode::CLIENT_ARCHITECTURE => list(ClientArchitectures::decode(value).ok()?.0, note),
        OptionCode::NETWORK_INTERFACE => {
            let NetworkInterface { kind, major, minor } = NetworkInterface::decode(value).ok()?;
            write!(note, "type {kind}, version {major}.{minor}")
        }
        OptionCode::CLIENT_LINK_LAYER_ADDRESS => {
            let ClientLinkLayerAddress { hardware, address } = ClientLinkLayerAddress::decode(value).ok()?;
            write!(note, "hardware type {hardware}, ").and_then(|()| octets(&address, note))
        }
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

/// An option of which only the number is known.
struct Numbered<'a> {
    code: OptionCode,
    value: &'a [u8],
}

impl fmt::Display for Numbered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, Words(self.value))
    }
}

struct Address(LeasedAddress);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LeasedAddress { address, preferred, valid } = self.0;
        write!(f, "{address} preferred {preferred} s, valid {valid} s")
    }
}

struct Prefix(DelegatedPrefix);

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DelegatedPrefix { preferred, valid, length, prefix } = self.0;
        write!(f, "{prefix}/{length} preferred {preferred} s, valid {valid} s")
    }
}

fn duid(duid: &Duid, note: &mut Note) -> fmt::Result {
    let kind = match duid.parts() {
        DuidParts::LinkLayerTime { .. } => " (link-layer address and time)",
        DuidParts::Enterprise { .. } => " (enterprise number)",
        DuidParts::LinkLayer { .. } => " (link-layer address)",
        DuidParts::Uuid(_) => " (UUID)",
        DuidParts::Opaque { .. } => "",
    };
    write!(note, "{duid}{kind}")
}

/// What stands in an identity association. What is in there of other kinds is left out.
fn held(options: &Options, note: &mut Note) -> fmt::Result {
    for (code, value) in options.iter() {
        match code {
            OptionCode::IA_ADDRESS => {
                if let Ok(leased) = LeasedAddress::decode(value) {
                    write!(note, "; {}", Address(leased))?;
                }
            }
            OptionCode::IA_PREFIX => {
                if let Ok(delegated) = DelegatedPrefix::decode(value) {
                    write!(note, "; {}", Prefix(delegated))?;
                }
            }
            OptionCode::STATUS_CODE => {
                if let Ok(said) = Status::decode(value) {
                    note.write_str("; ")?;
                    status(&said, note)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn status(Status { code, text }: &Status, note: &mut Note) -> fmt::Result {
    if text.is_empty() { write!(note, "{code}") } else { write!(note, "{code} {}", Words(text.as_bytes())) }
}

fn words(classes: &[Vec<u8>], framing: ClassFraming, note: &mut Note) -> fmt::Result {
    list(classes.iter().map(|class| Words(class)), note)?;
    match framing {
        ClassFraming::Rfc8415 => Ok(()),
        ClassFraming::Unframed => note.write_str(" (without RFC 8415's lengths)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(number: u16, value: &[u8]) -> String {
        describe(OptionCode(number), value)
    }

    #[test]
    fn values_are_shown_in_words() {
        for (number, value, expected) in [
            (1, &b"\x00\x03\x00\x01\x02\0\0\0\0\x07"[..], "00:03:00:01:02:00:00:00:00:07 (link-layer address)"),
            (2, b"\x00\x09\x01", "00:09:01"),
            (4, b"\0\0\0\x02", "IAID 2"),
            (6, b"\x00\x17\x00\x88\x0f\xa0", "23 dns-servers, 136 v6-sztp-redirect, 4000"),
            (8, b"\x00\x64", "100"),
            (13, b"\x00\x02none left", "NoAddrsAvail \"none left\""),
            (13, b"\x00\x00", "Success"),
            (14, b"", "present"),
            (15, b"iPXE", "\"iPXE\" (without RFC 8415's lengths)"),
            (16, b"\x00\x00\x01\x57\x00\x03PXE", "enterprise 343: \"PXE\""),
            (17, b"\x00\x00\xa6\x7f\x00\x01\x00\x03url", "enterprise 42623: 1: \"url\""),
            (18, b"eth0", "\"eth0\""),
            (37, b"\x00\x00\x00\x09\x01", "enterprise 9: 01"),
            (59, b"http://a/b", "\"http://a/b\""),
            (60, b"\x00\x02ro", "\"ro\""),
            (61, b"\x00\x07", "7 (x86-64 UEFI)"),
            (62, b"\x01\x03\x10", "type 1, version 3.16"),
            (79, b"\x00\x01\x02\0\0\0\0\x07", "hardware type 1, 02:00:00:00:00:07"),
            (136, b"\x00\x0chttps://a.bc", "https://a.bc"),
        ] {
            assert_eq!(shown(number, value), expected, "option {number}");
        }
    }

    #[test]
    fn an_association_shows_what_it_holds() {
        let leased = LeasedAddress { address: "2001:db8::5".parse().unwrap(), preferred: 300, valid: 600 };
        let prefix =
            DelegatedPrefix { preferred: 1, valid: 2, length: 56, prefix: "2001:db8:0:100::".parse().unwrap() };
        let mut association = IdentityAssociation::new(7);
        association.options.add(OptionCode::IA_ADDRESS, leased.encode()).unwrap();
        association.options.add(OptionCode::IA_PREFIX, prefix.encode()).unwrap();
        association.options.add(OptionCode::STATUS_CODE, *b"\x00\x06").unwrap();
        assert_eq!(
            shown(3, &association.encode()),
            "IAID 7, T1 0 s, T2 0 s; 2001:db8::5 preferred 300 s, valid 600 s; \
             2001:db8:0:100::/56 preferred 1 s, valid 2 s; NoPrefixAvail"
        );
        assert_eq!(shown(5, &leased.encode()), "2001:db8::5 preferred 300 s, valid 600 s");
    }

    #[test]
    fn what_is_broken_is_shown_all_the_same() {
        for number in [1, 3, 4, 5, 6, 13, 16, 17, 26, 37, 61, 62, 79] {
            assert_eq!(shown(number, &[7]), "07", "option {number}");
        }
        assert_eq!(shown(13, b"\x00\x01\xff"), "00:01:ff");
    }

    #[test]
    fn text_of_the_network_cannot_drive_a_terminal() {
        for number in [13, 15, 16, 17, 18, 37, 38, 59, 60, 103] {
            for value in [&b"\x1b]0;owned\x07"[..], "\u{202e}abc".as_bytes(), b"\x00\x01\x1b[2J\x00\x01\x00\x03\x1b[J"]
            {
                let text = shown(number, value);
                assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')), "option {number}: {text:?}");
            }
        }
    }
}
