//! Who may come in, and when the others are to try again.
//!
//! What decides is pure: a moment and a number by chance come in, decisions go out. [`Places`], [`Turns`] and
//! [`guard`] are the edges, in the order in which a peer meets them:
//!
//! 1. A connection beyond its source's share is reset before anything is read from it; beyond the cap none is accepted.
//! 2. Handshakes wait for a place, source by source in turn; the longest line is cut first.
//! 3. A request is let in by what its device has come for, or told when to come again (503, Retry-After). A device without a
//!    certificate is known by the credentials that were found right before; until then it is anybody.
//! 4. What it adds to the database is counted against its device's day ([`Writes`]).

mod activity;
mod appointments;
mod bucket;
mod fair_queue;
mod familiar;
mod guard;
mod limits;
mod memory;
mod places;
mod requests;
mod shares;
mod source;
mod turns;
mod writes;

pub(crate) use activity::{Activity, Ended, Judgement, RequestEnd};
pub(crate) use familiar::Recognised;
pub(crate) use guard::{Guard, guard, measure};
pub use limits::Limits;
pub(crate) use places::{Place, Places};
pub(crate) use requests::Shed;
pub(crate) use source::Source;
#[cfg(test)]
pub(crate) use turns::Turn;
pub(crate) use turns::Turns;
pub(crate) use writes::Writes;
