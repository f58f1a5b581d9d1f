//! The agent on networks with DHCP servers and clients that were not written here.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test fails by panicking")]

mod bench;
mod lease_files;
mod v4;
mod v6;
