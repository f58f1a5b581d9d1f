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
