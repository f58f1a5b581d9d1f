//! Clients and relay agents that others wrote, against our DHCPv4 server, on networks of their own.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test fails by panicking")]

mod bench;
mod conflicts;
mod leases;
mod load;
mod relays;
