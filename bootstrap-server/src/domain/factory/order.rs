//! A production order and its units.

use std::collections::BTreeMap;

use authority::factory::{Demand, Entitled, Station, Unit};
use pki::{
    certificate::Certificate,
    digest::{Digest, Sha256},
    identity::SerialNumber,
    time::Timestamp,
};
use serde_json::{Value, json};

use super::{
    super::{AuthorityName, CertificateProfile},
    OrderName,
};

/// Most units of one order: it is written in one transaction.
pub const MAX_UNITS: usize = 10_000;

/// Most stations, and most anchors of TPM makers, that one order names.
const MAX_LIST: usize = 64;

/// What an order says, units aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderTerms {
    /// Its name.
    pub name: OrderName,
    /// Who issues.
    pub authority: AuthorityName,
    /// As what.
    pub profile: CertificateProfile,
    /// What is made, for people.
    pub model: Option<String>,
    /// The stations that may enrol units; each that the server trusts where none is named.
    pub stations: Vec<String>,
    /// From when on nothing is issued under it.
    pub expires: Timestamp,
    /// Makers of TPMs: a unit without a digest of its own has to have an endorsement key that one of them certified.
    pub endorsement_anchors: Vec<Certificate>,
}

/// A unit of a new order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUnit {
    /// Its serial number.
    pub serial_number: SerialNumber,
    /// SHA-256 of its endorsement key's SubjectPublicKeyInfo, if it is to prove that.
    pub endorsement_key: Option<Digest>,
}

/// A production order. What it says never changes; it can be closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductionOrder {
    terms: OrderTerms,
    units: u64,
    units_digest: Digest,
    closed: Option<String>,
}

impl ProductionOrder {
    /// A new order, and its units in order of serial number.
    ///
    /// # Errors
    /// [`OrderInvalid`].
    pub fn new(mut terms: OrderTerms, units: Vec<NewUnit>) -> Result<(Self, Vec<ProductionUnit>), OrderInvalid> {
        if units.is_empty() || units.len() > MAX_UNITS {
            return Err(OrderInvalid::Units { found: units.len() });
        }
        if terms.stations.len() > MAX_LIST || terms.endorsement_anchors.len() > MAX_LIST {
            return Err(OrderInvalid::TooMany);
        }
        if let Some(station) = terms.stations.iter().find(|station| AuthorityName::new(station.as_str()).is_err()) {
            return Err(OrderInvalid::Station { name: station.clone() });
        }
        terms.stations.sort();
        terms.stations.dedup();
        let readable = |text: &String| (1..=256).contains(&text.len()) && !text.chars().any(char::is_control);
        if terms.model.as_ref().is_some_and(|model| !readable(model)) {
            return Err(OrderInvalid::Model);
        }
        let mut sorted = BTreeMap::new();
        for unit in units {
            if let Some(before) = sorted.insert(unit.serial_number, unit.endorsement_key) {
                let _endorsement_key = before;
                return Err(OrderInvalid::Twice);
            }
        }
        let mut hash = UnitsHash::default();
        sorted
            .iter()
            .for_each(|(serial_number, key)| hash.add(serial_number.as_str(), key.as_ref().map(|it| &it.0[..])));
        let units = sorted.into_iter().map(|(serial_number, endorsement_key)| ProductionUnit {
            order: terms.name.clone(),
            serial_number,
            endorsement_key,
            certificate: None,
            station: None,
            rework: None,
        });
        let units: Vec<_> = units.collect();
        let count = u64::try_from(units.len()).unwrap_or(u64::MAX);
        Ok((Self { terms, units: count, units_digest: hash.finish(), closed: None }, units))
    }

    /// What it says.
    #[must_use]
    pub const fn terms(&self) -> &OrderTerms {
        &self.terms
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &OrderName {
        &self.terms.name
    }

    /// How many units it has.
    #[must_use]
    pub const fn units(&self) -> u64 {
        self.units
    }

    /// The digest over its units, in order of serial number.
    #[must_use]
    pub(crate) const fn units_digest(&self) -> Digest {
        self.units_digest
    }

    /// Why it was closed, if it was.
    #[must_use]
    pub fn closed(&self) -> Option<&str> {
        self.closed.as_deref()
    }

    /// The same order, closed.
    #[must_use]
    pub(crate) fn close(mut self, because: String) -> Self {
        self.closed = Some(because);
        self
    }

    /// What it says, in the form that is stored and whose digest is on record: one JSON object with its members in order.
    #[must_use]
    pub fn document(&self) -> String {
        let OrderTerms { name, authority, profile, model, stations, expires, endorsement_anchors } = &self.terms;
        let anchors: String = endorsement_anchors.iter().map(Certificate::to_pem).collect();
        json!({
            "name": name.as_str(), "authority": authority.as_str(), "profile": profile.as_str(), "model": model,
            "stations": stations, "expires": expires.unix(), "endorsement-anchors": anchors, "units": self.units,
            "units-sha256": self.units_digest.to_string(),
        })
        .to_string()
    }

    /// Reads what [`ProductionOrder::document`] wrote.
    pub(crate) fn read(document: &str, closed: Option<String>) -> Option<Self> {
        let value: Value = serde_json::from_str(document).ok()?;
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let anchors = match text("endorsement-anchors")? {
            "" => Vec::new(),
            pem => Certificate::chain_from_pem(pem.as_bytes()).ok()?,
        };
        let stations = value.get("stations")?.as_array()?.iter().map(|it| it.as_str().map(str::to_owned));
        let terms = OrderTerms {
            name: OrderName::new(text("name")?).ok()?,
            authority: AuthorityName::new(text("authority")?).ok()?,
            profile: CertificateProfile::new(text("profile")?).ok()?,
            model: text("model").map(str::to_owned),
            stations: stations.collect::<Option<_>>()?,
            expires: Timestamp::from_unix(value.get("expires")?.as_i64()?),
            endorsement_anchors: anchors,
        };
        let units_digest = super::super::parse_sha256(text("units-sha256")?)?;
        Some(Self { terms, units: value.get("units")?.as_u64()?, units_digest, closed })
    }

    /// What a unit of this order has to show.
    #[must_use]
    pub fn unit(&self, unit: &ProductionUnit) -> Unit {
        let demand = match (unit.endorsement_key, self.terms.endorsement_anchors.as_slice()) {
            (Some(digest), _) => Demand::Key(digest),
            (None, []) => Demand::Nothing,
            (None, anchors) => Demand::Maker(anchors.to_vec()),
        };
        Unit { serial_number: unit.serial_number.clone(), model: self.terms.model.clone(), demand }
    }
}

/// The digest over an order's units, which must come in order of serial number.
#[derive(Default)]
pub(crate) struct UnitsHash(Sha256);

impl UnitsHash {
    /// Takes the next unit.
    pub(crate) fn add(&mut self, serial_number: &str, endorsement_key: Option<&[u8]>) {
        for part in [serial_number.as_bytes(), endorsement_key.unwrap_or_default()] {
            self.0.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            self.0.update(part);
        }
    }

    /// The digest.
    pub(crate) fn finish(self) -> Digest {
        self.0.finish()
    }
}

/// A unit of an order, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductionUnit {
    /// Of which order.
    pub order: OrderName,
    /// Its serial number.
    pub serial_number: SerialNumber,
    /// SHA-256 of its endorsement key's SubjectPublicKeyInfo, if it has to prove that.
    pub endorsement_key: Option<Digest>,
    /// The serial number of the certificate that it got last under this order.
    pub certificate: Option<Vec<u8>>,
    /// The station that asked for it.
    pub station: Option<String>,
    /// Why it may have one more.
    pub rework: Option<String>,
}

/// That a unit gets a certificate: made of nothing but what entitles it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    order: OrderName,
    serial_number: SerialNumber,
    station: String,
    endorsement_key: Option<Digest>,
    certificate: Vec<u8>,
}

impl Enrolment {
    /// The unit that `entitled` speaks of gets `certificate` under an order, at a station.
    #[must_use]
    pub fn new(order: OrderName, station: &Station, entitled: &Entitled<'_>, certificate: &Certificate) -> Self {
        Self {
            order,
            serial_number: entitled.serial_number().clone(),
            station: station.name().to_owned(),
            endorsement_key: entitled.endorsement_key(),
            certificate: certificate.certificate_serial().to_vec(),
        }
    }

    /// Under which order.
    #[must_use]
    pub const fn order(&self) -> &OrderName {
        &self.order
    }

    /// Which unit.
    #[must_use]
    pub const fn serial_number(&self) -> &SerialNumber {
        &self.serial_number
    }

    /// At which station.
    #[must_use]
    pub fn station(&self) -> &str {
        &self.station
    }

    /// In which TPM the key is proved to be.
    #[must_use]
    pub const fn endorsement_key(&self) -> Option<Digest> {
        self.endorsement_key
    }

    /// The certificate's serial number.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }
}

/// An order cannot be made so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderInvalid {
    /// It has no units, or too many.
    #[error("an order has 1 to {MAX_UNITS} units, and this one has {found}: make several")]
    Units {
        /// How many.
        found: usize,
    },
    /// A serial number stands twice.
    #[error("a serial number stands twice among the units")]
    Twice,
    /// It names too many stations or anchors.
    #[error("an order names at most {MAX_LIST} stations and {MAX_LIST} anchors")]
    TooMany,
    /// A station cannot have this name.
    #[error("{name:?} cannot be a station's name: it is the common name in the station's certificate")]
    Station {
        /// Which.
        name: String,
    },
    /// The model is empty, too long, or not readable.
    #[error("a model is a text of 1 to 256 octets without control characters")]
    Model,
}
