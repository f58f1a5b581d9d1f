//! For tests alone: programs that were not written here, and networks of their own to try them in.
//!
//! A test begins by asking for the programs it needs with [`need!`]. When one is not installed, the test says `SKIPPED` with
//! its name and the reason, leaves a note that `cargo xtask test` counts, and ends: what was not proved is never reported as
//! proved.

#![allow(clippy::panic, clippy::unwrap_used, reason = "test support")]

pub mod network;
pub mod peer;
pub mod stage;
