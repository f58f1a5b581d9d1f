//! The DHCPv4 server of RFC 2131, without sockets or clock.
//!
//! [`Dhcp4Machine::on_datagram`] takes the present moment and one datagram and returns what to send, what to make durable first, and what to
//! tell the operator. Its memory is bounded by the size of the pools.
//!
//! A lease is written before its client hears of it ([`crate::action::Pending`]). An offer is not: whoever restarts forgets it, and the
//! client's request is then judged like that of any client that comes with an address.

mod compose;
mod decide;
mod destination;
mod machine;
mod request;

pub use machine::{Datagram, Dhcp4Machine};
