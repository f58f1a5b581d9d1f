//! Production orders: which units a factory makes, and which of them have their certificate.
//!
//! What a unit has to prove is the crate `authority`'s part; what may be done under an order is decided here, and asked again inside
//! the transaction that writes it down, so that two stations, or two servers, never certify one unit twice.

mod order;
mod rules;

pub use super::identifiers::OrderName;
pub(crate) use order::UnitsHash;
pub use order::{Enrolment, MAX_UNITS, NewUnit, OrderInvalid, OrderTerms, ProductionOrder, ProductionUnit};
pub use rules::ProductionRefused;
pub(crate) use rules::{allows, may_close, may_create, may_enrol, may_rework, open_to};
