//! Who may read a file that holds a secret (RFC 8572 §9.3; SEC-14).

use std::{fs::Metadata, os::unix::fs::PermissionsExt};

/// Who may read or write a file that holds a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exposure {
    /// Its owner and nobody else.
    #[default]
    OwnerOnly,
    /// A group too, which may have been given it on purpose: on a device, the agent's.
    OwnerAndGroup,
}

impl Exposure {
    /// Refuses a file that more people may read or write.
    ///
    /// What is no regular file, such as a pipe, is let be: who may open it is settled by then.
    ///
    /// # Errors
    /// [`FileExposed`].
    pub fn check(self, metadata: &Metadata) -> Result<(), FileExposed> {
        let others = match self {
            Self::OwnerOnly => 0o077,
            Self::OwnerAndGroup => 0o007,
        };
        let mode = metadata.permissions().mode() & 0o777;
        if metadata.is_file() && mode & others != 0 { Err(FileExposed { mode }) } else { Ok(()) }
    }
}

/// More people may read or write a file than may know its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "others may read this secret (mode {mode:03o}): run `chmod 600` on it, and consider whether it is known already"
)]
pub struct FileExposed {
    /// Its permission bits.
    pub mode: u32,
}
