//! The compiled agent in networks of its own, beside name servers and responders that others wrote (RFC 8572 §4.2).

#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod bus;
mod capture;
mod multicast;
mod responder;
mod site;
mod unicast;
