//! The operator API on the wire: a running server, its own listener, tokens of three users.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod access;
mod certificates;
mod devices;
mod dhcp;
mod document;
mod erasing;
mod events;
mod hostile;
mod import;
mod leases;
mod manufacturers;
mod operators;
mod policies;
mod repeated;
#[path = "../support/mod.rs"]
mod support;
mod vouchers;
mod world;
