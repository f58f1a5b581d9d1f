//! Certificates, requests, lists and OCSP responses: what is issued, and what is refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod lists;
mod profiles;
mod requests;
mod responder;
mod support;
