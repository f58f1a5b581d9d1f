//! The factory line: what a unit has to prove before it gets its IDevID, and which station may ask for it.
//!
//! A production order names serial numbers. What it demands of a unit is a [`Demand`]; [`Unit::entrance`] gives what satisfies it,
//! and the two ways are two types: an [`OpenUnit`] is entitled by its request alone, a [`GuardedUnit`] by nothing but a
//! [`ProvedInTpm`](pki::tpm::attestation::ProvedInTpm). Both end in [`Entitled`], which nothing else makes, and a certificate under
//! an order is made from that alone.
//!
//! | question | type |
//! |---|---|
//! | which station asks | [`Station`] |
//! | what does the order want to see | [`Demand`], [`Unit`] |
//! | may this request have its certificate | [`Entitled`], or [`FactoryRefused`] |

mod endorsement;
mod refused;
mod station;
mod unit;

pub use endorsement::Endorsement;
pub use refused::FactoryRefused;
pub use station::{Station, StationRefused};
pub use unit::{Demand, Entitled, Entrance, GuardedUnit, OpenUnit, Unit};
