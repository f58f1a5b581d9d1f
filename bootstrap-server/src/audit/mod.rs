//! What goes into the audit log, and how the log is signed and checked.

mod answer;
mod body;
mod erasure;
mod event;
mod factory;
mod leases;
mod ledger;
mod masa;
mod refusals;
mod signing;
mod verify;

pub use answer::{Answer, Basis};
pub(crate) use body::about_identity;
pub(crate) use erasure::Account;
pub use erasure::{Erasure, Unaccounted};
pub use event::{Event, Fetched, MAX_MESSAGE, OtherServer, ReportedKey};
pub use factory::FactoryEvent;
pub use leases::LeaseEvent;
pub use ledger::LedgerEvent;
pub use masa::MasaEvent;
pub use refusals::RefusalLedger;
pub(crate) use signing::origin_of;
pub use signing::{CheckpointKey, CheckpointKeyError};
pub use verify::{AuditError, verify};
