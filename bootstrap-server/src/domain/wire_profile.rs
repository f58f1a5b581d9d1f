//! How a class of devices departs from the RFCs on the wire. The default does not; nothing departs silently.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A named way of speaking with devices that cannot do what the RFCs say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WireProfile {
    /// RFC 8572, RFC 8040 and RFC 9646 to the letter.
    #[default]
    Rfc8572,
    /// The OPI agent: lax input, unsigned bare JSON without any optional member.
    OpiAgent,
    /// Cisco IOS XE: always signed JSON inside, whatever the encoding outside.
    CiscoIosXe,
    /// Signed artifacts with `id-data` as their content type, which most third-party readers expect.
    IdData,
}

impl WireProfile {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Rfc8572, Self::OpiAgent, Self::CiscoIosXe, Self::IdData];

    /// Its name, as profiles have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rfc8572 => "rfc8572",
            Self::OpiAgent => "opi-agent",
            Self::CiscoIosXe => "cisco-ios-xe",
            Self::IdData => "id-data",
        }
    }
}

impl fmt::Display for WireProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for WireProfile {
    type Err = WireProfileUnknown;

    fn from_str(text: &str) -> Result<Self, WireProfileUnknown> {
        Self::ALL.iter().copied().find(|profile| profile.as_str() == text).ok_or(WireProfileUnknown)
    }
}

/// The text is not the name of a wire profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such wire profile")]
pub struct WireProfileUnknown;

/// How a device of a profile shows who it is (RFC 8040 §2.5; RCF-03).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authentication {
    /// By its certificate.
    #[default]
    Certificate,
    /// By its certificate and by HTTP Basic; both must name the same serial number (RFC 8572 §5.3; RCF-04).
    CertificateAndBasic,
    /// By HTTP Basic alone, for devices without an IDevID.
    Basic,
}

impl Authentication {
    /// Its name, as profiles have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::CertificateAndBasic => "certificate-and-basic",
            Self::Basic => "basic",
        }
    }
}

/// What is kept of an activation code: enough to check one, not enough to use it.
#[derive(Clone, PartialEq, Eq)]
pub struct ActivationCode {
    /// Random.
    pub salt: [u8; 16],
    /// PBKDF2-HMAC-SHA256 of the code over the salt.
    pub hash: [u8; 32],
}

impl fmt::Debug for ActivationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ActivationCode")
    }
}
