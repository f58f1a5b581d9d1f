//! Why something was accepted, refused or left waiting.
//!
//! Every refusal in the system carries one [`ReasonCode`]: a stable kebab-case name, the section of the standard that
//! demands it, and a remedy in plain words. Every verification leaves a [`Trace`]: the checks made, in order, each with
//! the digests of what it looked at. Device, server log, operator API, command line and audit log all show the same two
//! things, so a person who has seen one has seen them all.

mod reason;
mod trace;

pub use reason::{ReasonCode, UnknownReason};
pub use trace::{Check, Digest, Input, Outcome, Refusal, Trace};
