//! The listeners: TLS, who may connect, who it is, and how long it may stay.

mod accept;
mod certificate;
mod client_verifier;
mod config;
mod identities;
mod judges;
mod listener;
mod patient;
mod possession;
mod rejections;
mod service;
mod serving;
mod signing_key;
mod watched;

use accept::{Reception, accept};
pub(crate) use certificate::ReloadableCertificate;
pub use config::PostQuantum;
pub(crate) use config::{Strictness, TlsError, provider, server_config};
pub(crate) use identities::{DeviceIdentity, Identities};
pub(crate) use judges::Judges;
pub(crate) use listener::{Connection, Door, Listener};
pub(crate) use rejections::{Rejected, RejectedQueue, Rejections};
pub(crate) use service::{Peer, PeerCertificates, ServiceListener, service_tls};
