//! The values that profiles are made of.

use std::{fmt, num::NonZeroU16};

use const_oid::{ObjectIdentifier, db::rfc4519 as oid};
use pki::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A day, in seconds.
const DAY: i64 = 24 * 60 * 60;

/// How long a certificate lives. In configuration a number of days, or `"unlimited"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Lifetime {
    /// This many days, from the moment it is issued.
    Days(u32),
    /// Without a well-defined end: notAfter is 9999-12-31T23:59:59Z (RFC 5280 §4.1.2.5).
    #[serde(with = "unlimited")]
    Unlimited,
}

/// `"unlimited"`, the one word that stands for a lifetime.
mod unlimited {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("unlimited")
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "unlimited" => Ok(()),
            _ => Err(D::Error::custom("expected a number of days, or \"unlimited\"")),
        }
    }
}

impl Lifetime {
    /// The last moment of a certificate that is issued `now`.
    #[must_use]
    pub fn end(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Days(days) => now.plus_seconds(i64::from(days).saturating_mul(DAY)),
            Self::Unlimited => Timestamp::INFINITY,
        }
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days(days) => write!(f, "{days} days"),
            Self::Unlimited => f.write_str("unlimited"),
        }
    }
}

/// What becomes of alternative names in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestedNames {
    /// They are taken into the certificate, when they are of a kind that it may have.
    Take,
    /// A request that has any is refused. (A device's own hardwareModuleName is no request: the profile says it.)
    Refuse,
}

/// The attributes that subjects are made of here, in the order in which they stand in a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SubjectAttribute {
    /// countryName: two letters of ISO 3166.
    #[serde(rename = "C")]
    Country,
    /// stateOrProvinceName.
    #[serde(rename = "ST")]
    State,
    /// localityName.
    #[serde(rename = "L")]
    Locality,
    /// organizationName.
    #[serde(rename = "O")]
    Organization,
    /// organizationalUnitName.
    #[serde(rename = "OU")]
    OrganizationalUnit,
    /// commonName.
    #[serde(rename = "CN")]
    CommonName,
    /// serialNumber: the device's, not the certificate's.
    #[serde(rename = "serialNumber")]
    SerialNumber,
}

impl SubjectAttribute {
    /// All of them, in order.
    pub const ALL: [Self; 7] = [
        Self::Country,
        Self::State,
        Self::Locality,
        Self::Organization,
        Self::OrganizationalUnit,
        Self::CommonName,
        Self::SerialNumber,
    ];

    /// Its type.
    #[must_use]
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Country => oid::COUNTRY_NAME,
            Self::State => oid::ST,
            Self::Locality => oid::LOCALITY_NAME,
            Self::Organization => oid::ORGANIZATION_NAME,
            Self::OrganizationalUnit => oid::ORGANIZATIONAL_UNIT_NAME,
            Self::CommonName => oid::COMMON_NAME,
            Self::SerialNumber => oid::SERIAL_NUMBER,
        }
    }

    /// Which attribute has this type.
    #[must_use]
    pub fn from_oid(oid: ObjectIdentifier) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.oid() == oid)
    }

    /// Its name, as it stands in configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Country => "C",
            Self::State => "ST",
            Self::Locality => "L",
            Self::Organization => "O",
            Self::OrganizationalUnit => "OU",
            Self::CommonName => "CN",
            Self::SerialNumber => "serialNumber",
        }
    }
}

impl fmt::Display for SubjectAttribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Into how many revocation lists a CA's certificates are spread, so that each stays small enough for devices.
///
/// Which list a certificate is on follows from its own serial number, so that whoever revokes, asks or publishes needs to
/// look nothing up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shards(NonZeroU16);

impl Shards {
    /// One list for all.
    pub const ONE: Self = Self(NonZeroU16::MIN);

    /// This many lists; `None` for zero.
    #[must_use]
    pub const fn new(count: u16) -> Option<Self> {
        match NonZeroU16::new(count) {
            Some(count) => Some(Self(count)),
            None => None,
        }
    }

    /// How many there are.
    #[must_use]
    pub const fn count(self) -> u16 {
        self.0.get()
    }

    /// The number of the list on which the certificate with this serial number is, from 0: its last eight octets, as a number,
    /// modulo the count.
    #[must_use]
    pub fn of(self, serial: &[u8]) -> u16 {
        let last = serial.iter().rev().take(8).rev();
        let value = last.fold(0_u64, |value, octet| value << 8 | u64::from(*octet));
        u16::try_from(value % u64::from(self.count())).unwrap_or_default()
    }
}
