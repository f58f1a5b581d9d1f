//! Certificates made by another library (rcgen), and what is concluded from them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod device_identity;
mod hostile_bytes;
mod identity_rules;
mod locations;
mod maker_shapes;
mod name_constraints;
mod path_search;
mod path_validation;
mod policies;
mod revocation;
mod server_name;
mod strictness;
mod support;
