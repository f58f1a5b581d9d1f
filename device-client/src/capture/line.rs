//! The lines of a capture.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use pki::{
    certificate::Certificate,
    time::{Clock, Timestamp},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::Value;

use super::{event::EventLine, policy::PolicyLine, policy::SituationLine};
use crate::machine::Moment;

/// What the first line says to whoever opens the file.
pub(super) const NOTICE: &str = "This file holds the documents that the device was given: keep it as secret as they are. \
                                 `sztp-device replay` runs it.";

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "kebab-case")]
pub(super) enum Line {
    /// The first.
    Header {
        /// Of the format.
        version: u32,
        /// For people.
        notice: String,
        /// The program that wrote it.
        agent: String,
    },
    /// What does not change from one attempt to the next.
    Policy(Box<PolicyLine>),
    /// An attempt begins.
    Attempt(SituationLine),
    /// What the machine is told, and when.
    Told {
        /// What time it is.
        now: MomentLine,
        /// The event; none when it is started.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        event: Option<EventLine>,
    },
    /// What it decided then.
    Decided {
        /// The lines of the decision trace.
        records: Vec<Value>,
        /// What it wants done.
        action: String,
    },
    /// Nothing follows although there was more.
    Cut {
        /// Why.
        why: String,
    },
}

/// A moment.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct MomentLine {
    /// What the clock says, in seconds since 1970, when it is believed; else since when it must be.
    clock: i64,
    trusted: bool,
    nanoseconds: u64,
}

impl From<Moment> for MomentLine {
    fn from(moment: Moment) -> Self {
        let (clock, trusted) = match moment.clock {
            Clock::Trusted(now) => (now.unix(), true),
            Clock::Untrusted { at_least } => (at_least.unix(), false),
        };
        Self { clock, trusted, nanoseconds: u64::try_from(moment.monotonic.as_nanos()).unwrap_or(u64::MAX) }
    }
}

impl From<MomentLine> for Moment {
    fn from(line: MomentLine) -> Self {
        let time = Timestamp::from_unix(line.clock);
        let clock = if line.trusted { Clock::Trusted(time) } else { Clock::Untrusted { at_least: time } };
        Self { clock, monotonic: Duration::from_nanos(line.nanoseconds) }
    }
}

/// Octets, as base64.
#[derive(Clone, Debug)]
pub(super) struct Octets(pub(super) Vec<u8>);

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

/// A certificate, as the base64 of its DER.
#[derive(Clone, Debug)]
pub(super) struct CertificateText(pub(super) Certificate);

impl CertificateText {
    pub(super) fn all_of(certificates: &[Certificate]) -> Vec<Self> {
        certificates.iter().cloned().map(Self).collect()
    }

    pub(super) fn into_all(texts: Vec<Self>) -> Vec<Certificate> {
        texts.into_iter().map(|it| it.0).collect()
    }
}

impl Serialize for CertificateText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Octets(self.0.der().to_vec()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CertificateText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Certificate::from_der(&Octets::deserialize(deserializer)?.0).map(Self).map_err(D::Error::custom)
    }
}
