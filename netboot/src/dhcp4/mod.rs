//! The DHCPv4 server of RFC 2131, without sockets or clock.
//!
//! [`Dhcp4Machine::on_datagram`] takes the present moment and one datagram and returns what to send and what to tell
//! the operator. Its memory is bounded by the size of the pool.
//!
//! Leases live in memory only. A server that was restarted knows none, but a client that renews is believed as long as
//! nobody else has its address, so restarts go unnoticed by running clients. Durable leases come later.
//!
//! Replies to a client without address are broadcast: unicast to an address the client does not have yet needs a raw
//! socket, and RFC 2131 §4.1 permits broadcast in its place.

mod compose;
mod leases;
mod machine;
mod note;
mod request;

pub use leases::{ClientKey, Leases, Lent, Moment};
pub use machine::{Action, Datagram, Dhcp4Machine};
pub use note::{Event, Ignored, Note};
