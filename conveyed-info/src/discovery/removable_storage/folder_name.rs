//! The name of a device's folder: its serial number, in characters that every file system takes.
//!
//! Sticks carry FAT, which does not tell `a` from `A`, drops dots and blanks at the end of a name and reserves the names
//! of old devices. Two serial numbers must never become one folder there, or one device would read what is another's. So:
//! upper-case letters, digits, `-` and `_` stand for themselves; every other octet, lower-case letters included, is `%`
//! and two hexadecimal digits; and a name that would be a reserved one has its first letter written so.

use pki::identity::SerialNumber;

/// The name of the folder of the device with this serial number, at most 192 characters.
///
/// Different serial numbers have different names, also to a file system that is blind to case.
///
/// ```
/// use conveyed_info::discovery::removable_storage::{folder_name, serial_number};
/// use pki::identity::SerialNumber;
///
/// assert_eq!(folder_name(&SerialNumber::new("SN-0001")?), "SN-0001");
/// assert_eq!(folder_name(&SerialNumber::new("PID:X sn.1")?), "PID%3AX%20%73%6E%2E1");
/// assert_eq!(folder_name(&SerialNumber::new("CON")?), "%43ON");
/// assert_eq!(serial_number("sn%2d0001").ok(), None); // nobody writes it so
/// assert_eq!(serial_number("SN-0001")?.as_str(), "SN-0001");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn folder_name(serial_number: &SerialNumber) -> String {
    let text = serial_number.as_str();
    let reserved = is_reserved(text);
    let mut name = String::new();
    for (index, octet) in text.bytes().enumerate() {
        if stands_for_itself(octet) && !(reserved && index == 0) {
            name.push(char::from(octet));
        } else {
            name.push_str(&format!("%{octet:02X}"));
        }
    }
    name
}

/// The serial number whose folder has this name, in whatever case a file system shows it.
///
/// # Errors
/// [`FolderNameInvalid`] when [`folder_name`] gives this name to no serial number.
pub fn serial_number(name: &str) -> Result<SerialNumber, FolderNameInvalid> {
    if name.len() > 3 * SerialNumber::MAX {
        return Err(FolderNameInvalid);
    }
    let octets = percent_decoded(&name.to_ascii_uppercase()).ok_or(FolderNameInvalid)?;
    let text = String::from_utf8(octets).map_err(|_| FolderNameInvalid)?;
    let serial_number = SerialNumber::new(text).map_err(|_| FolderNameInvalid)?;
    // Another spelling of the same number must not be a second folder of the same device.
    let is_its_name = folder_name(&serial_number).eq_ignore_ascii_case(name);
    is_its_name.then_some(serial_number).ok_or(FolderNameInvalid)
}

/// The folder belongs to no device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a device's folder")]
pub struct FolderNameInvalid;

/// Replaces each `%` and two hexadecimal digits by their octet (RFC 3986 §2.1); `None` for a `%` that stands otherwise.
pub(super) fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((octet, after)) = rest.split_first() {
        if *octet != b'%' {
            octets.push(*octet);
            rest = after;
            continue;
        }
        let (digits, after) = after.split_first_chunk::<2>()?;
        let digits = str::from_utf8(digits).ok().filter(|it| it.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        octets.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    Some(octets)
}

/// Characters that mean the same to every file system, of one case only.
pub(super) const fn stands_for_itself(octet: u8) -> bool {
    matches!(octet, b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_')
}

/// Names that some systems give to devices, in any folder and any case.
pub(super) fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let numbered = |prefix| {
        name.strip_prefix(prefix)
            .is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|digit| digit.is_ascii_digit()))
    };
    matches!(name.as_str(), "CON" | "PRN" | "AUX" | "NUL") || numbered("COM") || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn name(serial: &str) -> String {
        folder_name(&SerialNumber::new(serial).unwrap())
    }

    #[test]
    fn usb_05_names_are_safe_on_fat() {
        for (serial, expected) in [
            ("FOC1234X0AB", "FOC1234X0AB"),
            ("sn-1", "%73%6E-1"),
            ("..", "%2E%2E"),
            ("A/B\\C:D", "A%2FB%5CC%3AD"),
            ("SN1.", "SN1%2E"),
            (" SN1 ", "%20SN1%20"),
            ("A%41", "A%2541"),
            ("LONGSE~1", "LONGSE%7E1"),
            ("Ä", "%C3%84"),
            ("NUL", "%4EUL"),
            ("COM1", "%43OM1"),
            ("LPT0", "%4CPT0"),
            ("COM10", "COM10"),
            ("CONSOLE", "CONSOLE"),
            ("nul", "%6E%75%6C"),
        ] {
            assert_eq!(name(serial), expected);
            assert_eq!(serial_number(expected).unwrap().as_str(), serial);
            assert_eq!(serial_number(&expected.to_ascii_lowercase()).unwrap().as_str(), serial);
        }
    }

    /// Every serial number of up to two characters out of the awkward ones: all names differ, blind to case.
    #[test]
    fn usb_05_no_two_serial_numbers_share_a_folder() {
        let characters = ["a", "A", "b", "%", "4", "1", "6", ".", " ", "/", "~", "ä", "Ä", "-", "_", "é"];
        let mut seen: HashMap<String, String> = HashMap::new();
        let pairs = characters.iter().flat_map(|one| characters.iter().map(move |other| format!("{one}{other}")));
        let serials: Vec<String> = characters.iter().map(ToString::to_string).chain(pairs).collect();
        for serial in &serials {
            if let Some(other) = seen.insert(name(serial).to_lowercase(), serial.clone()) {
                panic!("{serial:?} and {other:?} share a folder");
            }
        }
    }

    #[test]
    fn other_spellings_are_nobodys_folder() {
        for bad in ["", ".", "..", "SN.1", "%53N", "SN%2", "SN%", "SN%ZZ", "SN%+1", "CON", "%FF", "%0A", "SN/1", "a b"]
        {
            assert_eq!(serial_number(bad), Err(FolderNameInvalid), "{bad:?}");
        }
        assert_eq!(name(&"ä".repeat(32)).len(), 192);
        assert!(serial_number(&"%C3%A4".repeat(32)).is_ok());
        assert_eq!(serial_number(&"%C3%A4".repeat(33)), Err(FolderNameInvalid));
    }
}
