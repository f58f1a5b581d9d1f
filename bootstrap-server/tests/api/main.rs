//! The operator API on the wire: a running server, its own listener, tokens of three users.

mod access;
mod devices;
mod document;
mod events;
mod hostile;
mod import;
mod operators;
mod repeated;
#[path = "../support/mod.rs"]
mod support;
mod world;
