//! What a machine was told, kept in a file, and the same machine run again on what the file says.
//!
//! The machine is pure: from the same policy, the same situation and the same events at the same moments it makes the same
//! decisions. So a failure in the field can be looked at on a desk, decision by decision, without the device, its network or
//! its servers: [`Device::captured_to`](crate::Device::captured_to) writes a capture, [`replay()`] runs it.
//!
//! A capture is text, one JSON object a line: a header, the policy, then for each attempt its situation, what was decided, what
//! the machine was told, what was decided then, and so on. It holds the owner's documents as they came, and is as secret as
//! they are. The device's private key is not in it, nor is what scripts and other programs printed (SEC-13), nor a boot image.

mod describe;
mod event;
mod line;
mod names;
mod policy;
mod replay;
mod writer;

pub use policy::MemberInvalid;
pub use replay::{Changes, End, ReplayError, Replayed, replay};
pub(crate) use writer::CaptureWriter;

/// The version of the format that is written, and the only one that is read.
const VERSION: u32 = 1;

/// Largest capture that is written. What comes after is left out, and a last line says so.
const MAX_WRITTEN: u64 = 16 * 1024 * 1024;

/// Largest capture that is read.
const MAX_READ: u64 = 2 * MAX_WRITTEN;

/// Longest line that is read: an answer of the largest size, in base64, with room for the rest.
const MAX_LINE: u64 = 4 * 1024 * 1024;
