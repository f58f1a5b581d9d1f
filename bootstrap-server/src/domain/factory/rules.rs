//! What may be done under a production order. Pure; the store asks inside its transaction.

use pki::{digest::Digest, identity::SerialNumber, time::Timestamp};
use verdict::ReasonCode;

use super::{Enrolment, OrderName, ProductionOrder, ProductionUnit};

/// Whether an order of this name can be made.
pub(crate) fn may_create(name: &OrderName, known: Option<&ProductionOrder>) -> Result<(), ProductionRefused> {
    known.map_or(Ok(()), |_| Err(ProductionRefused::OrderThere(name.clone())))
}

/// Whether the order with this document can be closed.
pub(crate) fn may_close(
    name: &OrderName,
    document: Digest,
    known: Option<&ProductionOrder>,
) -> Result<ProductionOrder, ProductionRefused> {
    let order = known.ok_or_else(|| ProductionRefused::NoOrder(name.clone()))?;
    if pki::digest::sha256(order.document().as_bytes()) != document {
        return Err(ProductionRefused::NoOrder(name.clone()));
    }
    is_open(order)?;
    Ok(order.clone())
}

/// Whether a station may enrol anything under an order at this moment.
pub(crate) fn open_to(order: &ProductionOrder, station: &str, now: Timestamp) -> Result<(), ProductionRefused> {
    allows(order, station)?;
    is_open(order)?;
    let expires = order.terms().expires;
    if now >= expires {
        return Err(ProductionRefused::Expired { order: order.name().clone(), expires });
    }
    Ok(())
}

/// Whether an order lets a station enrol its units.
pub(crate) fn allows(order: &ProductionOrder, station: &str) -> Result<(), ProductionRefused> {
    let stations = &order.terms().stations;
    if stations.is_empty() || stations.iter().any(|allowed| allowed == station) {
        return Ok(());
    }
    Err(ProductionRefused::StationNotAllowed { order: order.name().clone(), station: station.to_owned() })
}

fn is_open(order: &ProductionOrder) -> Result<(), ProductionRefused> {
    let closed = |because: &str| ProductionRefused::Closed { order: order.name().clone(), because: because.to_owned() };
    order.closed().map_or(Ok(()), |because| Err(closed(because)))
}

/// Whether a unit may have the certificate of this enrolment, and what it is afterwards.
pub(crate) fn may_enrol(
    enrolment: &Enrolment,
    order: Option<&ProductionOrder>,
    unit: Option<&ProductionUnit>,
    now: Timestamp,
) -> Result<ProductionUnit, ProductionRefused> {
    let name = enrolment.order();
    let order = order.ok_or_else(|| ProductionRefused::NoOrder(name.clone()))?;
    open_to(order, enrolment.station(), now)?;
    let unit = unit.ok_or_else(|| ProductionRefused::not_ordered(name, enrolment.serial_number()))?;
    // What entitles was judged outside of the transaction; that it is what the order demands is seen again.
    let is_proved = match (unit.endorsement_key, order.terms().endorsement_anchors.is_empty()) {
        (Some(demanded), _) => enrolment.endorsement_key() == Some(demanded),
        (None, false) => enrolment.endorsement_key().is_some(),
        (None, true) => true,
    };
    if !is_proved {
        return Err(ProductionRefused::Unproved { serial_number: unit.serial_number.clone() });
    }
    may_have(unit)?;
    Ok(ProductionUnit {
        certificate: Some(enrolment.certificate().to_vec()),
        station: Some(enrolment.station().to_owned()),
        rework: None,
        ..unit.clone()
    })
}

/// One certificate for each unit; another one for a reason that somebody gave.
fn may_have(unit: &ProductionUnit) -> Result<(), ProductionRefused> {
    match (&unit.certificate, &unit.rework) {
        (None, _) | (Some(_), Some(_)) => Ok(()),
        (Some(_), None) => Err(ProductionRefused::Certified {
            serial_number: unit.serial_number.clone(),
            station: unit.station.clone().unwrap_or_default(),
        }),
    }
}

/// Whether one more certificate may be allowed, and what the unit is afterwards.
pub(crate) fn may_rework(
    (order, serial_number): (&OrderName, &SerialNumber),
    because: &str,
    known: Option<&ProductionOrder>,
    unit: Option<&ProductionUnit>,
) -> Result<ProductionUnit, ProductionRefused> {
    is_open(known.ok_or_else(|| ProductionRefused::NoOrder(order.clone()))?)?;
    let unit = unit.ok_or_else(|| ProductionRefused::not_ordered(order, serial_number))?;
    if unit.rework.is_some() {
        return Err(ProductionRefused::ReworkPending { serial_number: serial_number.clone() });
    }
    Ok(ProductionUnit { rework: Some(because.to_owned()), ..unit.clone() })
}

/// A production order forbids it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProductionRefused {
    /// There is no such order.
    #[error("no production order {0}")]
    NoOrder(OrderName),
    /// There is one of that name.
    #[error("there is a production order {0}: orders are not changed, make one with another name")]
    OrderThere(OrderName),
    /// It was closed.
    #[error("the production order {order} was closed: {because}")]
    Closed {
        /// Which.
        order: OrderName,
        /// Why.
        because: String,
    },
    /// It has expired.
    #[error("the production order {order} expired on {expires}")]
    Expired {
        /// Which.
        order: OrderName,
        /// When.
        expires: Timestamp,
    },
    /// It is for other stations.
    #[error("the production order {order} is not for the station {station}")]
    StationNotAllowed {
        /// Which order.
        order: OrderName,
        /// Which station.
        station: String,
    },
    /// It has no such unit.
    #[error("the production order {order} has no unit {serial_number}")]
    NotOrdered {
        /// Which order.
        order: OrderName,
        /// Which serial number.
        serial_number: SerialNumber,
    },
    /// The unit has its certificate.
    #[error("the unit {serial_number} got its certificate at the station {station}")]
    Certified {
        /// Which unit.
        serial_number: SerialNumber,
        /// Where.
        station: String,
    },
    /// One more is allowed already.
    #[error("one more certificate is allowed for the unit {serial_number} already")]
    ReworkPending {
        /// Which unit.
        serial_number: SerialNumber,
    },
    /// Nothing, or something else, was proved of its TPM than the order demands.
    #[error("what the order demands of the TPM of the unit {serial_number} was not proved")]
    Unproved {
        /// Which unit.
        serial_number: SerialNumber,
    },
}

impl ProductionRefused {
    pub(crate) fn not_ordered(order: &OrderName, serial_number: &SerialNumber) -> Self {
        Self::NotOrdered { order: order.clone(), serial_number: serial_number.clone() }
    }

    /// The reason code, with what to do about it.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        match self {
            Self::NoOrder(_) => ReasonCode::OrderUnknown,
            Self::OrderThere(_) => ReasonCode::AlreadyThere,
            Self::Closed { .. } => ReasonCode::OrderClosed,
            Self::Expired { .. } => ReasonCode::OrderExpired,
            Self::StationNotAllowed { .. } => ReasonCode::StationNotAllowed,
            Self::NotOrdered { .. } => ReasonCode::UnitNotOrdered,
            Self::Certified { .. } => ReasonCode::UnitCertified,
            Self::ReworkPending { .. } => ReasonCode::ReworkPending,
            Self::Unproved { .. } => ReasonCode::TpmProofMissing,
        }
    }
}
