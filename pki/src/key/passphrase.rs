//! Secrets that open other secrets: passphrases and PINs, from files.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use zeroize::Zeroizing;

use super::exposure::{Exposure, FileExposed};

/// Longest passphrase or PIN, in octets.
const MAX: usize = 1024;

/// A passphrase or a PIN, wiped when it is dropped and never shown.
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// Takes the octets as they are.
    ///
    /// # Errors
    /// [`PassphraseInvalid`] when there are none, or more than 1024.
    pub fn new(octets: Zeroizing<Vec<u8>>) -> Result<Self, PassphraseInvalid> {
        match octets.len() {
            0 => Err(PassphraseInvalid::Empty),
            1..=MAX => Ok(Self(octets)),
            _ => Err(PassphraseInvalid::TooLong),
        }
    }

    /// Reads the first line of a file that only its owner may read. What is behind the first line is a mistake of some
    /// kind, and refused.
    ///
    /// # Errors
    /// [`PassphraseFileError`].
    pub fn from_file(path: &Path) -> Result<Self, PassphraseFileError> {
        let mut file = File::open(path)?;
        Exposure::OwnerOnly.check(&file.metadata()?)?;
        let mut octets = Zeroizing::new(Vec::with_capacity(MAX.saturating_add(3)));
        // One more than any passphrase with its line's end.
        file.by_ref().take(1024 + 3).read_to_end(&mut octets)?;
        if octets.last() == Some(&b'\n') {
            octets.pop();
            if octets.last() == Some(&b'\r') {
                octets.pop();
            }
        }
        if octets.contains(&b'\n') {
            return Err(PassphraseInvalid::Lines.into());
        }
        Ok(Self::new(octets)?)
    }

    /// The octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// Not a passphrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PassphraseInvalid {
    /// Nothing.
    #[error("it is empty")]
    Empty,
    /// Far longer than any.
    #[error("it is longer than {MAX} octets")]
    TooLong,
    /// More than one line.
    #[error("it has more than one line; only the line's end of the first is left away")]
    Lines,
}

/// A file gives no passphrase.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PassphraseFileError {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    /// Others may read it.
    #[error(transparent)]
    Exposed(#[from] FileExposed),
    /// What is in it is none.
    #[error(transparent)]
    Invalid(#[from] PassphraseInvalid),
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn sec_15_a_passphrase_is_one_line_that_nobody_else_may_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passphrase");
        let read = |octets: &[u8], mode: u32| {
            fs::write(&path, octets).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            Passphrase::from_file(&path)
        };
        for written in [&b"correct horse"[..], b"correct horse\n", b"correct horse\r\n"] {
            assert_eq!(read(written, 0o600).unwrap().octets(), b"correct horse");
        }
        assert_eq!(read(b" a \n", 0o400).unwrap().octets(), b" a ");
        assert_eq!(read(&[b'a'; MAX], 0o600).unwrap().octets().len(), MAX);
        let refused = |octets: &[u8]| match read(octets, 0o600) {
            Err(PassphraseFileError::Invalid(why)) => Some(why),
            _ => None,
        };
        assert_eq!(refused(b"\n"), Some(PassphraseInvalid::Empty));
        assert_eq!(refused(b"a\nb\n"), Some(PassphraseInvalid::Lines));
        assert_eq!(refused(&[b'a'; 5000]), Some(PassphraseInvalid::TooLong));
        for mode in [0o640, 0o604, 0o622] {
            assert!(
                matches!(read(b"a", mode), Err(PassphraseFileError::Exposed(FileExposed { mode: found })) if found == mode)
            );
        }
        assert_eq!(format!("{:?}", read(b"secret", 0o600).unwrap()), "Passphrase(..)");
    }
}
