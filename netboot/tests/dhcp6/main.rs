//! The DHCPv6 server on networks of its own, with clients and relay agents that were not written here.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test fails by panicking")]

mod bench;
mod clients;
mod load;
mod networkd;
mod networks;
mod relays;
mod socket;
