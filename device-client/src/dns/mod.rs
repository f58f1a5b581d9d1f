//! A small DNS client: what a device without a resolver of its own needs to find its data and its servers.
//!
//! * [`question`] is what is asked, [`message`] what is answered, [`resolver`] whom a device asks. None of them does I/O.
//! * [`unicast`] asks name servers over UDP, and over TCP what does not fit (RFC 1035 §4.2, RFC 6891).
//! * [`multicast`] asks everybody on the link (RFC 6762 §5.1, §5.4, §6.7).
//! * [`lookup`] finds the addresses of a host.
//!
//! Nothing here is believed by anybody, DNSSEC or not (RFC 8572 §4.2; DNS-01): whether an answer counts is decided by the
//! signatures in it and by the certificates of the servers that it names.

mod error;
pub mod lookup;
pub mod message;
pub mod multicast;
pub mod question;
mod reader;
pub mod resolver;
#[cfg(test)]
pub(crate) mod testing;
pub mod unicast;

pub use error::MessageError;
