//! `sztp dhcp` beside the DHCP servers that sites keep: what it writes is sent as it says, what it finds fault with is wrong on
//! the wire too.
//!
//! Kea, dnsmasq and ISC dhcpd run in a network of their own with minimal configurations, and clients of others read the option.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test fails by panicking")]

mod bench;
mod clients;
mod command;
mod faults;
mod server;
mod snippets;
