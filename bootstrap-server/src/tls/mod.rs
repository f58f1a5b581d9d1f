//! The device listener's TLS: who may connect, and who it is.

mod client_verifier;
mod config;
mod identities;
mod listener;

pub(crate) use client_verifier::refusal_in;
pub(crate) use config::{TlsError, server_config};
pub(crate) use identities::{DeviceIdentity, Identities};
pub(crate) use listener::{Connection, Limits, Listener, Rejected};
