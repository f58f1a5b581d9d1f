//! The DHCPv6 server of RFC 8415, without sockets or clock.
//!
//! [`Dhcp6Machine::on_datagram`] takes the present moment and one datagram and returns what to send, what to make durable first, and what to
//! tell the operator. It answers clients on its own links and, through relay agents, on others; it gives addresses, no prefixes and no temporary
//! addresses, and it never allows clients to write to its own address (RFC 8415 §18.4).
//!
//! A lease is written before its client hears of it ([`crate::action::Pending`]). What is advertised is not: whoever restarts forgets it, and
//! the client's request is then judged like that of any client that comes with an address.

mod association;
mod bindings;
mod case;
mod compose;
mod machine;
mod request;

pub use machine::{Datagram, Dhcp6Machine, ReachedBy};
