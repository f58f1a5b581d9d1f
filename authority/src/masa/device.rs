//! Devices as their manufacturer knows them.

use std::fmt;

use pki::identity::SerialNumber;

use super::ownership::Ownership;

/// A device that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDevice {
    /// The serial number.
    pub serial_number: SerialNumber,
    /// What it is one of.
    pub line: ProductLine,
    /// Whose it is.
    pub ownership: Ownership,
}

/// What a manufacturer calls a product line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineName(String);

impl LineName {
    /// Longest name, in octets.
    pub const MAX: usize = 128;

    /// Takes a name.
    ///
    /// # Errors
    /// [`LineNameError`] when it is empty, longer than [`LineName::MAX`], begins or ends with a blank, or holds control
    /// characters.
    pub fn new(text: impl Into<String>) -> Result<Self, LineNameError> {
        let text = text.into();
        let fits = !text.is_empty() && text.len() <= Self::MAX && text.trim() == text;
        if fits && !text.chars().any(char::is_control) { Ok(Self(text)) } else { Err(LineNameError) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text cannot be a product line's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a product line's name has 1 to {} octets, no blanks around it and no control characters", LineName::MAX)]
pub struct LineNameError;

/// What all devices of one kind have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductLine {
    /// What the manufacturer calls it.
    pub name: LineName,
    /// Whether the devices know what time it is.
    pub clock: DeviceClock,
    /// Whether a serial number alone names one of them.
    pub serial_numbers: SerialNumbers,
}

/// Whether devices of a line know what time it is, when they come out of their box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceClock {
    /// They keep a clock that may be believed.
    #[default]
    Kept,
    /// They do not, and no voucher may expire for them (RFC 8366 §7.1; VCH-23).
    Absent,
}

/// Whether other lines of the manufacturer use the same serial numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SerialNumbers {
    /// No other line does.
    #[default]
    Unique,
    /// Other lines do; the CA of the IDevIDs tells them apart (RFC 8366 §5.3; VCH-09).
    Shared {
        /// The content of the authority key identifier extension of this line's IDevIDs, as
        /// [`conveyed_info::voucher::idevid_issuer`] gives it.
        idevid_issuer: Vec<u8>,
    },
}

impl SerialNumbers {
    /// What a voucher says in `idevid-issuer`: nothing, unless it must (VCH-09, BIS-08).
    #[must_use]
    pub fn idevid_issuer(&self) -> Option<&[u8]> {
        match self {
            Self::Unique => None,
            Self::Shared { idevid_issuer } => Some(idevid_issuer),
        }
    }

    /// Whether a device of this line can be one whose issuer is called `named`. Makers write the extension's value, with its
    /// OCTET STRING or without, or the bare key identifier (VCH-11).
    #[must_use]
    pub fn fits(&self, named: &[u8]) -> bool {
        let Self::Shared { idevid_issuer: own } = self else { return true };
        let ends_with = |longer: &[u8], shorter: &[u8], header: &[u8]| {
            longer.strip_suffix(shorter).is_some_and(|before| before == header)
        };
        let octet_string = |inner: &[u8]| u8::try_from(inner.len()).ok().filter(|it| *it < 128).map(|it| [0x04, it]);
        // SEQUENCE { [0] keyIdentifier }.
        let key_identifier = |named: &[u8]| {
            let inner = u8::try_from(named.len()).ok().filter(|it| *it < 120)?;
            Some([0x30, inner.checked_add(2)?, 0x80, inner])
        };
        own == named
            || octet_string(own).is_some_and(|header| ends_with(named, own, &header))
            || (!named.is_empty() && key_identifier(named).is_some_and(|header| ends_with(own, named, &header)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vch_11_an_issuer_is_known_in_each_of_its_three_forms() {
        let own = [&[0x30, 0x16, 0x80, 0x14][..], &[7; 20]].concat();
        let shared = SerialNumbers::Shared { idevid_issuer: own.clone() };
        let wrapped = [&[0x04, 0x18][..], &own].concat();
        for (named, fits) in [
            (&own[..], true),
            (&[7; 20], true),
            (&wrapped, true),
            (&[7; 19], false),
            (&[8; 20], false),
            (&own[1..], false),
            (&wrapped[1..], false),
            (&[], false),
        ] {
            assert_eq!(shared.fits(named), fits, "{named:02x?}");
        }
        assert!(SerialNumbers::Unique.fits(&[8; 20]));
        assert_eq!((SerialNumbers::Unique.idevid_issuer(), shared.idevid_issuer()), (None, Some(&own[..])));
    }
}
