//! What drives a machine: its clock, its store, and what it learns from others. Sockets are on the loopback interface, the store and the time
//! do as the test says.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod clients;
mod clock;
mod pages;
mod stage;
