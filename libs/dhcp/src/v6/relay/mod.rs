//! Relay agents: their messages around a client's or a server's (RFC 8415 §9), and the way back through them (§19).

mod identity;
mod message;
mod received;

pub use identity::{ClientLinkLayerAddress, RemoteId};
pub use message::{Datagram, RelayDirection, RelayMessage};
pub use received::{Received, RelayLayer};
