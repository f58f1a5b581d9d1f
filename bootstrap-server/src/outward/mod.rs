//! Telling others of events: each webhook in `sztp.toml` gets the events it chose, as they stand in the audit log, signed, in
//! order and at least once (RFC 8572 Appendix C.3; SRV-18).
//!
//! A webhook follows the log by itself and never makes a device wait: what is in the log is durable, so nothing is kept in
//! memory for a receiver that is down.

mod follower;
pub mod http;
mod masa;
mod message;
mod post;
mod settings;
mod standing;

pub(crate) use follower::Follower;
pub(crate) use masa::MasaClient;
pub use message::PREFIX;
pub use settings::{Webhook, WebhookInvalid, WebhookSection};
pub(crate) use standing::Standing;
