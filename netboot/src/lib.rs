//! DHCP and boot protocols as machines without sockets, and the sockets that drive them.
//!
//! A machine takes the present moment and one datagram and answers with actions; it reads no clock, draws no randomness
//! and opens nothing. What it answers is decided by a policy that was checked when it was loaded.
//!
//! * [`client`]: who asks, the same for DHCPv4 and DHCPv6.
//! * [`policy`]: who gets what; reads from TOML.
//! * [`lease`]: who has which address, and where that survives.
//! * [`action`], [`note`]: what a machine wants done, and what it tells.
//! * [`dhcp4`]: the DHCPv4 server of RFC 2131, which gives devices their address and option 143 (RFC 8572 §8.1).
//! * [`io`]: the sockets, and what drives a machine.

#![warn(clippy::indexing_slicing)]
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub mod action;
pub mod client;
pub mod dhcp4;
pub mod io;
pub mod lease;
pub mod moment;
pub mod note;
pub mod policy;
