//! Documents, messages and artifacts, and what a device concludes from them.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod acceptances;
mod cms;
mod information;
mod properties;
mod refusals;
mod revocation;
mod rpc;
mod support;
mod voucher;
