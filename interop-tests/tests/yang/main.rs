//! What we write conforms to the published YANG modules, and what they do not allow we refuse, judged by yanglint.
//!
//! The modules are found in the folder that `SZTP_YANG_DIR` names; the project holds no copy.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod emitted;
mod judged;
mod modules;
