//! What happens under production orders, as events.

use audit_log::Kind;
use pki::{
    digest::{Digest, sha256},
    identity::SerialNumber,
};
use serde_json::{Value, json};

use crate::domain::{
    factory::{Enrolment, OrderName, ProductionOrder, ProductionUnit},
    ledger::hex,
};

/// Something that happened under a production order. Kinds 42 to 49.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FactoryEvent {
    /// An order was made.
    OrderMade {
        /// The order.
        order: Box<ProductionOrder>,
        /// Its units.
        units: Vec<ProductionUnit>,
    },
    /// Nothing is issued under an order any more.
    OrderClosed {
        /// Which.
        order: OrderName,
        /// SHA-256 of what it says.
        document: Digest,
        /// Why, in that person's words.
        because: String,
    },
    /// A unit may have one more certificate.
    ReworkAllowed {
        /// Of which order.
        order: OrderName,
        /// Which unit.
        serial_number: SerialNumber,
        /// The serial number of the certificate that it has, if it has one.
        certificate: Option<Vec<u8>>,
        /// Why, in that person's words.
        because: String,
    },
    /// A unit got a certificate. That it was issued is an event of its own, in the same batch.
    UnitEnrolled(Box<Enrolment>),
}

impl FactoryEvent {
    /// The number that stands in the leaf.
    pub(super) const fn kind(&self) -> Kind {
        Kind(match self {
            Self::OrderMade { .. } => 42,
            Self::OrderClosed { .. } => 43,
            Self::ReworkAllowed { .. } => 44,
            Self::UnitEnrolled(_) => 45,
        })
    }

    /// Its name, as its body has it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::OrderMade { .. } => "production-order-made",
            Self::OrderClosed { .. } => "production-order-closed",
            Self::ReworkAllowed { .. } => "rework-allowed",
            Self::UnitEnrolled(_) => "unit-enrolled",
        }
    }

    /// What the leaf commits to, but for what all bodies have.
    pub(super) fn body(&self) -> Value {
        match self {
            Self::OrderMade { order, .. } => {
                let terms = order.terms();
                json!({"order": order.name().as_str(), "document": sha256(order.document().as_bytes()).to_string(),
                       "authority": terms.authority.as_str(), "profile": terms.profile.as_str(),
                       "units": order.units(), "expires": terms.expires.to_string()})
            }
            Self::OrderClosed { order, document, because } => {
                json!({"order": order.as_str(), "document": document.to_string(), "because": because})
            }
            Self::ReworkAllowed { order, serial_number, certificate, because } => {
                json!({"order": order.as_str(), "made": serial_number.as_str(), "because": because,
                       "serial": certificate.as_deref().map(hex)})
            }
            Self::UnitEnrolled(enrolment) => {
                json!({"order": enrolment.order().as_str(), "made": enrolment.serial_number().as_str(),
                       "station": enrolment.station(), "serial": hex(enrolment.certificate()),
                       "endorsement-key": enrolment.endorsement_key().map(|digest| digest.to_string())})
            }
        }
    }
}
