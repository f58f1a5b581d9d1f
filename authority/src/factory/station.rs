//! Which station is at the other end.

use const_oid::db::rfc4519::COMMON_NAME;
use pki::{
    certificate::{Certificate, CertificateError},
    path::{self, PathError, Policy, Purpose},
    time::{Clock, Timestamp},
};
use verdict::ReasonCode;

use crate::subject::text_of;

/// A station of a factory line, by the common name of its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Station {
    name: String,
    certificate: Certificate,
}

impl Station {
    /// Judges the certificates that were shown, end entity first: their path to one of `anchors`, and that they name a station.
    ///
    /// # Errors
    /// [`StationRefused`].
    pub fn judge<T: AsRef<[u8]>>(chain: &[T], anchors: &[Certificate], now: Timestamp) -> Result<Self, StationRefused> {
        let chain = chain.iter().map(|der| Certificate::from_der(der.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let (own, between) = chain.split_first().ok_or(StationRefused::NotShown)?;
        // A station proves itself by TLS, as a device does; an anchor's own certificate is no station's.
        let policy = Policy::new(Clock::Trusted(now), Purpose::DeviceIdentity);
        path::validate(own, between, anchors, &policy).map_err(StationRefused::Path)?;
        if own.extensions().is_ca() {
            return Err(StationRefused::Authority);
        }
        let mut names = own.subject().iter().filter(|it| it.oid == COMMON_NAME).filter_map(|it| text_of(&it.value));
        let name = names.next().filter(|name| is_name(name)).ok_or(StationRefused::Nameless)?.to_owned();
        if names.next().is_some() {
            return Err(StationRefused::Nameless);
        }
        Ok(Self { name, certificate: own.clone() })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its certificate.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }
}

/// A name that can stand in an order: 1 to 64 letters, digits, dots, hyphens and underscores.
fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|it| it.is_ascii_alphanumeric() || b".-_".contains(&it))
}

/// Nobody who may enrol units is at the other end.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StationRefused {
    /// No certificate was shown.
    #[error("no certificate was shown in TLS")]
    NotShown,
    /// A certificate cannot be read.
    #[error("the station's certificate: {0}")]
    Unreadable(#[from] CertificateError),
    /// It leads to none of the anchors.
    #[error("the station's certificate: {0}")]
    Path(PathError),
    /// It is a CA's.
    #[error("the certificate is that of an authority, and no station's")]
    Authority,
    /// It does not name a station.
    #[error("the certificate has no common name of 1 to 64 letters, digits, dots, hyphens and underscores, or several")]
    Nameless,
    /// It was revoked by the authority that issued it.
    #[error("the station's certificate was revoked")]
    Revoked,
}

impl StationRefused {
    /// The reason code, with what to do about it.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        ReasonCode::StationUnknown
    }
}
