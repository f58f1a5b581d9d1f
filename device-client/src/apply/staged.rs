//! The staged file of one download.

use std::io;

use pki::digest::Sha256;
use verdict::Digest;

use crate::storage::{self, DiskFile};

/// An image on its way to the device: what is there is hashed as it comes.
#[derive(Debug)]
pub struct Staged {
    file: Box<dyn DiskFile>,
    hash: Sha256,
    length: u64,
    resumed_from: u64,
}

impl Staged {
    /// What the file holds already, hashed.
    pub(super) fn new(file: Box<dyn DiskFile>) -> io::Result<Self> {
        let mut hash = Sha256::new();
        let mut length = 0_u64;
        storage::for_each_piece(file.as_ref(), &mut |piece| {
            hash.update(piece);
            length = length.saturating_add(storage::octets(piece));
            Ok(())
        })?;
        Ok(Self { file, hash, length, resumed_from: length })
    }

    /// Octets in the file.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// How many of them an earlier download had left.
    #[must_use]
    pub const fn resumed_from(&self) -> u64 {
        self.resumed_from
    }

    /// How many more octets there is room for; `None` where nobody knows.
    ///
    /// # Errors
    /// As the file system says.
    pub fn room(&self) -> io::Result<Option<u64>> {
        self.file.room()
    }

    /// SHA-256 over what is there so far.
    #[must_use]
    pub fn sha256(&self) -> Digest {
        self.hash.clone().finish()
    }

    /// Appends octets, hashing them on the way.
    ///
    /// # Errors
    /// As the file system says.
    pub fn append(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.append(piece)?;
        self.hash.update(piece);
        self.length = self.length.saturating_add(storage::octets(piece));
        Ok(())
    }

    /// Drops what is there: the server does not go on where the earlier download stopped.
    ///
    /// # Errors
    /// As the file system says.
    pub fn restart(&mut self) -> io::Result<()> {
        self.file.truncate(0)?;
        self.hash = Sha256::new();
        self.length = 0;
        self.resumed_from = 0;
        Ok(())
    }

    /// The download is complete: makes its octets durable.
    ///
    /// # Errors
    /// As the file system says.
    pub fn complete(&mut self) -> io::Result<()> {
        self.file.sync()
    }
}
