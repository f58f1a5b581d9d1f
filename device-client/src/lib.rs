//! The device's side of secure zero-touch provisioning (RFC 8572): it finds bootstrapping data, verifies it, applies it
//! and reports.
//!
//! * [`machine`] decides. It is a state machine without sockets, files, clock or randomness: events go in, exactly one
//!   [`machine::Action`] at a time comes out, together with the [`Record`]s that say why.
//! * [`mod@env`] acts. [`env::Environment`] is what the machine needs from the world, [`env::drive`] connects the two;
//!   [`env::linux`] is a real device, [`env::sim`] a scripted one for tests.
//! * [`http`], [`tls`] and [`dns`] are the small clients that the real environment speaks with, [`sources`] finds bootstrap
//!   servers, [`apply`] installs images, runs scripts and commits configurations, [`journal`] remembers work done.
//! * [`capture`] keeps what a machine was told, and runs it again elsewhere; [`retry`] says when to try again.
//! * [`identity`] is who the device is: key and certificate in files or in its TPM, made in the factory, checked before use.
//! * On a platform of one's own, [`machine`] and an [`env::Environment`] are all there is to it: see `examples/embedded`.
//! * [`Device`] puts it together from a [`config::Config`] and a folder.
//!
//! Nothing is believed because it was believed before: the journal keeps work, never trust, and after every restart data
//! is fetched and verified afresh.

#![warn(clippy::indexing_slicing)]

pub mod apply;
pub mod capture;
pub mod config;
mod credentials;
mod device;
pub mod dns;
pub mod doctor;
pub mod env;
pub mod http;
pub mod identity;
pub mod journal;
pub mod last_attempt;
mod link;
pub mod machine;
mod outcome;
mod place;
mod record;
pub mod retry;
mod server;
pub mod sources;
pub mod state;
pub mod storage;
pub mod switch;
pub mod tls;
mod tls_key;
mod voucher_memory;

pub use credentials::{BasicCredentials, CredentialsInvalid};
pub use device::{Device, OpenError};
pub use outcome::{Outcome, OutcomeState, PassedOver};
pub use place::Place;
pub use record::{Decision, Record};
pub use server::Server;
