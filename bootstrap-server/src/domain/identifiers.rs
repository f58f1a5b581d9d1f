//! Names, checked once.

use std::fmt;

use pki::identity::SerialNumber;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Takes a name of 1 to 64 letters, digits, dots, hyphens and underscores: it appears in paths and addresses.
            ///
            /// # Errors
            /// [`NameInvalid`] for anything else.
            pub fn new(text: impl Into<String>) -> Result<Self, NameInvalid> {
                let text = text.into();
                let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
                if (1..=64).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('.') {
                    Ok(Self(text))
                } else {
                    Err(NameInvalid { text })
                }
            }

            /// The name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A manufacturer's name.
    ManufacturerName
}
name! {
    /// An onboarding profile's name.
    ProfileName
}
name! {
    /// The name of a variant, in its profile.
    VariantName
}
name! {
    /// The name of an authority, as the configuration has it.
    AuthorityName
}
name! {
    /// The name of a production order.
    OrderName
}
name! {
    /// The name of a certificate profile: what a certificate is issued as.
    CertificateProfile
}

impl CertificateProfile {
    /// The profile by which owners' certificates for devices are issued, in onboardings (RFC 9646) and by EST.
    #[must_use]
    pub fn ldevid() -> Self {
        Self("ldevid".to_owned())
    }
}

name! {
    /// The name of somebody who uses the operator API.
    UserName
}
name! {
    /// The public name of a token.
    TokenId
}

/// A 48-bit hardware address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress(pub [u8; 6]);

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl std::str::FromStr for MacAddress {
    type Err = MacAddressInvalid;

    /// Takes six pairs of hex digits, joined by colons or hyphens, or by nothing.
    fn from_str(text: &str) -> Result<Self, MacAddressInvalid> {
        let digits: String = text.chars().filter(|character| !matches!(character, ':' | '-')).collect();
        if digits.len() != 12 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(MacAddressInvalid);
        }
        let mut octets = [0; 6];
        for (octet, pair) in octets.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| MacAddressInvalid)?;
            *octet = u8::from_str_radix(pair, 16).map_err(|_| MacAddressInvalid)?;
        }
        Ok(Self(octets))
    }
}

/// The text is no hardware address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a MAC address is six pairs of hex digits, such as 00:00:5e:00:53:01")]
pub struct MacAddressInvalid;

/// A UUID as the machine's firmware has it (SMBIOS, RFC 4578 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid([u8; 16]);

impl Uuid {
    /// Its octets, in the order in which it is written.
    #[must_use]
    pub const fn octets(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&netboot::policy::uuid_text(&self.0))
    }
}

impl std::str::FromStr for Uuid {
    type Err = UuidInvalid;

    /// Takes 32 hex digits in either case, with hyphens between them or not.
    fn from_str(text: &str) -> Result<Self, UuidInvalid> {
        let digits: String = text.chars().filter(|character| *character != '-').collect();
        let number = Some(digits).filter(|it| it.len() == 32 && it.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let number = number.and_then(|digits| u128::from_str_radix(&digits, 16).ok()).ok_or(UuidInvalid::Form)?;
        // DSP0134 §7.2.1: firmware says so that it has none. Every such board would pass for this one.
        if matches!(number, 0 | u128::MAX) {
            return Err(UuidInvalid::Unset);
        }
        Ok(Self(number.to_be_bytes()))
    }
}

/// The text is no UUID that tells one machine from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UuidInvalid {
    /// It is none at all.
    #[error("a UUID is 32 hex digits, such as 123e4567-e89b-12d3-a456-426614174000")]
    Form,
    /// All zeros or all ones.
    #[error("this UUID means that the firmware has none; leave it out")]
    Unset,
}

/// A device: its serial number is unique within its manufacturer only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId {
    /// Who made it.
    pub manufacturer: ManufacturerName,
    /// The serial number in its IDevID.
    pub serial_number: SerialNumber,
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.manufacturer, self.serial_number)
    }
}

/// The text cannot be a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} cannot be a name: use 1 to 64 letters, digits, dots, hyphens and underscores")]
pub struct NameInvalid {
    /// What was given.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_one_in_every_spelling() {
        let text = "123e4567-e89b-12d3-a456-426614174000";
        for spelling in [text.to_owned(), text.to_uppercase(), text.replace('-', "")] {
            assert_eq!(spelling.parse::<Uuid>().map(|uuid| uuid.to_string()), Ok(text.to_owned()));
        }
        for (bad, because) in [
            ("", UuidInvalid::Form),
            ("123e4567-e89b-12d3-a456-42661417400", UuidInvalid::Form),
            ("+23e4567-e89b-12d3-a456-426614174000", UuidInvalid::Form),
            ("00000000-0000-0000-0000-000000000000", UuidInvalid::Unset),
            ("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", UuidInvalid::Unset),
        ] {
            assert_eq!(bad.parse::<Uuid>(), Err(because), "{bad}");
        }
    }
}
