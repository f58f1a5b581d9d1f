//! The DHCPv4 machine, without a socket.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bench;
mod clock;
mod durable;
mod messages;
