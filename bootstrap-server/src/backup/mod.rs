//! Backups: everything that a database holds, in one file that any kind of database can be restored from.
//!
//! A backup is text, one JSON value in each line, so that it can be looked at in twenty years without this program:
//!
//! ```text
//! {"sztp-backup":1,"schema":2,"server":"0.1.0","taken":"2026-01-01T00:00:00Z","key":"…","checkpoint":"…"}
//! ["manufacturer","maker","-----BEGIN CERTIFICATE-----…","","attribute"] 3f2a91c0
//! ["leaf",0,{"b":"AQAAAZ…"},{"b":"…"},{"b":"…"}] 90ab12fe
//! …
//! {"rows":{"manufacturer":1,"leaf":1},"sha256":"…","seal":"…"}
//! ```
//!
//! - The first line says what it is, and names the log's public key and the newest checkpoint.
//! - Each row is its table's name and its columns: numbers, texts, `null`, and octets as `{"b": base64}`. Tables come one
//!   after another, the checkpoint before the leaves that it covers, all as they were at one moment.
//! - Behind each row stands the beginning of the digest of everything before it, which finds the line that was altered.
//! - The last line counts the rows and holds the digest of every line before it, and a seal: size and digest signed by the
//!   log's key. What was altered by somebody without that key does not verify, were it a role of a user.
//!
//! Keys and `sztp.toml` are not in it, on purpose: who steals a backup can be nobody. They are to be kept elsewhere.

mod derived;
mod error;
mod line;
mod masa;
mod read;
mod replayed;
mod restore;
mod short;
mod take;
mod verify;
mod vouchers;
mod write;

pub use error::{BackupFault, BackupInvalid};
pub use line::{Header, MAX_LINE, Trailer};
pub use read::Reader;
pub use restore::{Restorable, RestoreError};
pub use take::{TakeError, Taking};
pub use verify::{Contents, verify};
pub use write::Writer;
