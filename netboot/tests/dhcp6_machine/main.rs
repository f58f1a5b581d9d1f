//! Every message of RFC 8415 against the machine, without a socket.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod addresses;
mod clients;
mod clock;
mod messages;
mod options;
mod properties;
mod relays;
mod rules;
mod world;
