//! Certificates made by another library (rcgen), and what is concluded from them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod device_identity;
mod hostile_bytes;
mod identity_rules;
mod locations;
mod maker_shapes;
mod path_search;
mod path_validation;
mod revocation;
mod server_name;
mod support;
