//! The sockets on networks of their own: `veth0` here, `veth1` in the namespace `other`, a second cable where it is needed.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test fails by panicking")]

mod bench;
mod interfaces;
mod probe;
mod udp4;
mod udp6;
mod unnumbered;
