//! The DHCPv4 server of RFC 2131, without sockets or clock.
//!
//! [`Dhcp4Machine::on_datagram`] takes the present moment and one datagram and returns what to send, what to make durable first, and what to
//! tell the operator. Its memory is bounded by the size of the pools.
//!
//! Firmware hears what to boot from a server like this one, or from one that gives no addresses, beside the site's own
//! ([`crate::policy::Mode::Proxy`]); [`BootServer`] is that of PXE 2.1 at port 4011.
//!
//! A lease is written before its client hears of it ([`crate::action::Pending`]). An offer is not: whoever restarts forgets it, and the
//! client's request is then judged like that of any client that comes with an address.

mod compose;
mod decide;
mod destination;
mod explain;
mod machine;
mod proxy;
mod request;

pub use explain::explain;
pub use machine::{Datagram, Dhcp4Machine};
pub use proxy::BootServer;
