//! How a class of devices departs from the RFCs on the wire. The default does not; nothing departs silently.

use std::{fmt, num::NonZeroU32, str::FromStr};

use conveyed_info::profile::Leniency;
use ring::pbkdf2;
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

    /// Whether its devices read signed data at all.
    #[must_use]
    pub const fn reads_signed_data(self) -> bool {
        !matches!(self, Self::OpiAgent)
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

impl ActivationCode {
    /// What slows down whoever guesses codes from a stolen database: some twenty milliseconds for each try, and as much for
    /// the server, once for each device.
    const ITERATIONS: NonZeroU32 = NonZeroU32::MIN.saturating_add(99_999);

    /// What is to be kept of `code`. The salt is random, and another for each device.
    #[must_use]
    pub fn of(code: &str, salt: [u8; 16]) -> Self {
        let mut hash = [0; 32];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, Self::ITERATIONS, &salt, code.as_bytes(), &mut hash);
        Self { salt, hash }
    }

    /// Whether this is the code. Slow on purpose, and as slow for a wrong one.
    #[must_use]
    pub fn is(&self, code: &str) -> bool {
        let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
        pbkdf2::verify(algorithm, Self::ITERATIONS, &self.salt, code.as_bytes(), &self.hash).is_ok()
    }
}

impl fmt::Debug for ActivationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ActivationCode")
    }
}

/// In what an exchange with a device departed from the default: the RFCs to the letter, authenticated by certificate. It goes
/// into the log with the exchange, because no departure is silent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Departures {
    /// How it was spoken with.
    pub wire_profile: WireProfile,
    /// How it showed who it is.
    pub authentication: Authentication,
    /// What was passed over in what it sent.
    pub leniencies: Vec<Leniency>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_profiles_are_found_by_name() {
        for profile in WireProfile::ALL {
            assert_eq!(profile.to_string().parse(), Ok(*profile));
        }
        assert_eq!("cisco".parse::<WireProfile>(), Err(WireProfileUnknown));
    }

    #[test]
    fn an_activation_code_is_known_again_and_no_other() {
        let code = ActivationCode::of("correct horse", [7; 16]);
        assert!(code.is("correct horse") && !code.is("correct horsf") && !code.is(""));
        let salted = ActivationCode::of("correct horse", [8; 16]);
        assert_ne!(code.hash, salted.hash);
        assert!(!ActivationCode { salt: [8; 16], hash: code.hash }.is("correct horse"));
        assert_eq!(format!("{code:?}"), "ActivationCode");
    }
}
