//! DHCP and boot protocols as machines without sockets, and the sockets that drive them.
//!
//! A machine takes the present moment and one datagram and answers with actions; it reads no clock, draws no randomness
//! and opens nothing. What it answers is decided by a policy that was checked when it was loaded.
//!
//! * [`policy`]: who gets what; reads from TOML.
//! * [`lease`]: who has which address, and where that survives.
//! * [`dhcp4`]: the DHCPv4 server of RFC 2131, which gives devices their address and option 143 (RFC 8572 §8.1).
//! * [`explain`]: what a client would be answered, and why.
//! * [`io`]: the sockets.

#![warn(clippy::indexing_slicing)]
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub mod dhcp4;

//IO
pub mod action;
pub mod client;
pub mod explain;
pub mod lease;
pub mod moment;
pub mod note;
pub mod policy;
