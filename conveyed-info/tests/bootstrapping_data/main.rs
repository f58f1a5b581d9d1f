//! Documents, messages and artifacts, and what a device concludes from them.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod acceptances;
mod cms;
mod csr;
mod csr_forms;
mod encryption;
mod errors;
mod golden;
mod holder;
mod information;
mod profiles;
mod properties;
mod refusals;
mod revocation;
mod rpc;
mod support;
mod voucher;
