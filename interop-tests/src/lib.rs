//! Everything proved against programs that were not written here.
//!
//! The proofs are the integration tests of this crate; the library holds what they share. A test begins by asking for
//! the programs it needs with [`need!`]. When one is not installed, the test says `SKIPPED` with its name and the
//! reason, leaves a note that `cargo xtask test` counts, and ends: what was not proved is never reported as proved.
//!
//! All keys and certificates are made while a test runs, none is stored.

pub mod enrolling;
pub mod fleet;
pub mod issued;
pub mod lab;
pub mod matrix;
pub mod openssl;
pub mod parties;
pub mod playbook;
pub mod postgres;
#[path = "../../bootstrap-server/tests/support/mod.rs"]
pub mod site;
pub mod swtpm;
pub mod tinyproxy;
pub mod token;
pub mod wire;

pub use peers::{need, peer, skip};
