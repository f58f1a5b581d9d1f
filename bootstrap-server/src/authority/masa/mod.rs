//! The MASA of a server: it answers registrars (RFC 8995 §5.5, §5.8), and people who have its key at hand.
//!
//! | module | what |
//! |---|---|
//! | `office` | one registrar's request, from its octets to a voucher that is on record |
//! | `press` | vouchers for a list of serial numbers, by the word of a person |
//! | `service` | HTTP |
//! | `registers` | the owners, built once and again when one is recorded |

mod fault;
mod office;
mod press;
mod registers;
pub(crate) mod service;

pub use press::{Found, Order, OrderFault, Ordered};

use authority::{Masa, masa::MasaPolicy};
use conveyed_info::verify::RegistrarUsage;
use pki::{
    certificate::Certificate,
    revocation::{Demand, Evidence},
};

/// A MASA's key and its rules.
#[derive(Debug)]
pub struct Office {
    /// What signs.
    pub masa: Masa,
    /// Who may have what.
    pub policy: MasaPolicy,
    /// What the devices' IDevIDs chain to.
    pub device_anchors: Vec<Certificate>,
    /// Whether registrars must say that they are.
    pub usage: RegistrarUsage,
    /// Revocation lists of owners' authorities.
    pub revocation: Evidence,
    /// How much must be known of revocation.
    pub demand: Demand,
}
