//! The device listener's TLS: who may connect, and who it is.

mod client_verifier;
mod config;
mod identities;
mod limits;
mod listener;
mod rejections;

pub(crate) use client_verifier::refusal_in;
pub(crate) use config::{TlsError, server_config};
pub(crate) use identities::{DeviceIdentity, Identities};
pub use limits::Limits;
pub(crate) use listener::{Connection, Listener};
pub(crate) use rejections::{Rejected, RejectedQueue, Rejections};
