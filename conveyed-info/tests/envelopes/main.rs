//! Encrypted artifacts: what is sealed and what is opened (RFC 8572 §3.4).
//!
//! RSA keys take long to make, so that those that really decrypt are in `interop-tests`; here stands a key that lives
//! elsewhere, and the test says what it answers.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod handmade;
mod opening;
mod properties;
mod sealing;
mod support;
mod uniform;
mod zero_keys;
