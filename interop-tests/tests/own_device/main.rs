//! Our device and our server on networks of their own: from a bare interface, by DHCP, to `bootstrapped`.
//!
//! The same `sztp serve` gives the address, names the bootstrap server and is it. Nothing else tells the device where to go, and nothing
//! but its maker's voucher whom to believe.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test fails by panicking")]

mod bench;
mod moved;
mod onboarding;
