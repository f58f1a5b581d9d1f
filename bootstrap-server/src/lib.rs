//! The owner's side of RFC 8572: RESTCONF for devices over mutual TLS, the store, the audit log.
//!
//! A request goes one way through the rooms: `tls` accepts the connection and learns which device it is, `restconf`
//! decodes and answers, [`domain`] decides, [`store`] makes the decision and its audit leaf durable together, and only
//! then does the answer leave. There is one write path, [`store::Store::commit`], and what it takes are audit events:
//! a change that leaves no leaf cannot be expressed.

mod admission;
pub mod api;
pub mod audit;
pub mod authority;
pub mod backup;
pub mod config;
pub mod dhcp;
pub mod doctor;
pub mod domain;
mod images;
pub mod import;
mod in_force;
mod metrics;
pub mod outward;
mod owner;
mod restconf;
pub mod retention;
mod serve;
pub mod store;
mod tls;

pub use metrics::Metrics;
pub use owner::{Owner, OwnerError};
pub use serve::{RunningServer, ServeError, start};
