//! Boot firmware and other clients as they were captured, and what they are told: by a proxy, by a boot server, by a server.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod boot_server;
mod clients;
mod field_devices;
mod hostile;
mod page;
mod proxy;
mod server;
mod stage;
