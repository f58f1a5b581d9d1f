//! Files of artifacts, certificates and keys: read in any armour, written whole or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use conveyed_info::voucher::ForeignForm;
use pki::{
    certificate::Certificate,
    key::{Access, KeyError, Locator, OpenError, OpenKey, PassphraseFileError, Pkcs11Error},
    revocation::{Crl, Evidence, EvidenceError, OcspResponse},
};

use crate::explain::{Armour, pieces};

/// Longest file that is read, in octets: artifacts are far smaller, boot images are no matter of these commands.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// Reads a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let wrap = |source| FileError::Read { path: path.to_owned(), source };
    let mut octets = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut octets)).map_err(wrap)?;
    if u64::try_from(octets.len()).unwrap_or(u64::MAX) > MAX_FILE {
        return Err(FileError::TooLarge { path: path.to_owned() });
    }
    Ok(octets)
}

/// Reads an artifact or another structure in DER, or in DER within PEM or base64.
pub(crate) fn read_artifact(path: &Path) -> Result<Vec<u8>, FileError> {
    let octets = read(path)?;
    if ForeignForm::detect(&octets).is_some() {
        // Verifying refuses it by its name.
        return Ok(octets);
    }
    let mut pieces = pieces(&octets);
    let (count, first) = (pieces.len(), pieces.pop());
    match first {
        Some(piece)
            if count == 1
                && !piece.is_torn
                && matches!(piece.armour, Armour::Binary | Armour::Pem | Armour::Base64) =>
        {
            Ok(piece.octets.into_owned())
        }
        _ => Err(FileError::Unexpected {
            path: path.to_owned(),
            expected: "one structure, as DER, PEM or base64",
            why: match first_armour(&octets) {
                Some(Armour::Text) => {
                    "it is a document; `sztp artifact make --document` makes an artifact of it".to_owned()
                }
                _ => format!("it holds {count} of them or a damaged one; `sztp artifact inspect` explains it"),
            },
        }),
    }
}

fn first_armour(octets: &[u8]) -> Option<Armour> {
    pieces(octets).first().map(|piece| piece.armour)
}

/// Reads one or more certificates, PEM or DER.
pub(crate) fn read_certificates(path: &Path) -> Result<Vec<Certificate>, FileError> {
    Certificate::chain_from_file(&read(path)?).map_err(|error| FileError::Unexpected {
        path: path.to_owned(),
        expected: "certificates, as PEM or DER",
        why: error.to_string(),
    })
}

/// Reads the certificates of several files.
pub(crate) fn read_all_certificates(paths: &[PathBuf]) -> Result<Vec<Certificate>, FileError> {
    let chains = paths.iter().map(|path| read_certificates(path)).collect::<Result<Vec<_>, _>>()?;
    Ok(chains.into_iter().flatten().collect())
}

/// Reads the revocation lists of several files, of which each may hold several.
pub(crate) fn read_revocation_lists(paths: &[PathBuf]) -> Result<Vec<Crl>, FileError> {
    let mut lists = Vec::new();
    for path in paths {
        let octets = read(path)?;
        let found = match Crl::all_from_pem(&octets) {
            Err(EvidenceError::Pem) => Crl::from_der(&octets).map(|list| vec![list]),
            read => read,
        };
        let expected = "revocation lists, as PEM or DER";
        lists.extend(found.map_err(|error| FileError::Unexpected {
            path: path.clone(),
            expected,
            why: error.to_string(),
        })?);
    }
    Ok(lists)
}

/// Reads revocation lists and OCSP responses.
pub(crate) fn read_evidence(crls: &[PathBuf], ocsp_responses: &[PathBuf]) -> Result<Evidence, FileError> {
    let mut evidence = Evidence::new();
    let wrap = |path: &Path, expected| {
        let path = path.to_owned();
        move |error: EvidenceError| FileError::Unexpected { path, expected, why: error.to_string() }
    };
    for path in crls {
        let crl = Crl::from_der(&read_artifact(path)?);
        evidence.add_crl(crl.map_err(wrap(path, "a certificate revocation list, as PEM or DER"))?);
    }
    for path in ocsp_responses {
        let response = OcspResponse::from_der(&read_artifact(path)?);
        evidence.add_ocsp_response(response.map_err(wrap(path, "an OCSP response, as DER"))?);
    }
    Ok(evidence)
}

/// Opens a private key: of a file, provided that nobody else may read it, or of a token.
pub(crate) fn open_key(place: &Locator, passphrase_file: Option<&PathBuf>) -> Result<OpenKey, FileError> {
    Ok(place.open(&Access::with_passphrase_file(passphrase_file.cloned()))?)
}

/// Who may read a file that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// Whoever the umask lets.
    Public,
    /// Only who writes it.
    Private,
}

/// Refuses an output that is one of the command's own inputs.
pub(crate) fn check_output(path: &Path, inputs: &[&Path]) -> Result<(), FileError> {
    let same = |input: &&Path| fs::canonicalize(input).ok().is_some_and(|it| fs::canonicalize(path).ok() == Some(it));
    if inputs.iter().any(same) {
        return Err(FileError::IsInput { path: path.to_owned() });
    }
    Ok(())
}

/// Writes a file so that it is there whole or not at all.
pub(crate) fn write(path: &Path, octets: &[u8], secrecy: Secrecy) -> Result<(), FileError> {
    write_whole(path, octets, secrecy).map_err(|source| FileError::Write { path: path.to_owned(), source })
}

fn write_whole(path: &Path, octets: &[u8], secrecy: Secrecy) -> io::Result<()> {
    // A device or a pipe is written to as it is.
    if fs::metadata(path).is_ok_and(|it| !it.is_file()) {
        return fs::write(path, octets);
    }
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::IsADirectory))?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(beside);
    let mode = match secrecy {
        Secrecy::Public => 0o666,
        Secrecy::Private => 0o600,
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
    let written = file.write_all(octets).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _gone = fs::remove_file(&beside);
    }
    written
}

/// A place for what exists once and must not be lost: taken before it is made, so that no secret is made that cannot be kept.
/// Given back when nothing came of it.
#[derive(Debug)]
pub(crate) struct Reserved {
    path: PathBuf,
    file: File,
    filled: bool,
}

impl Reserved {
    /// Takes a place where nothing is yet, for nobody else to read.
    pub(crate) fn take(path: &Path) -> Result<Self, FileError> {
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = opened.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => FileError::IsThere { path: path.to_owned() },
            _ => FileError::Write { path: path.to_owned(), source },
        })?;
        Ok(Self { path: path.to_owned(), file, filled: false })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts into it what it was taken for.
    pub(crate) fn fill(mut self, octets: &[u8]) -> Result<(), FileError> {
        let written = self.file.write_all(octets).and_then(|()| self.file.sync_all());
        self.filled = written.is_ok();
        written.map_err(|source| FileError::Write { path: self.path.clone(), source })
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !self.filled {
            let _gone = fs::remove_file(&self.path);
        }
    }
}

/// A file is not what a command needs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum FileError {
    /// It cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It would be replaced.
    #[error("{} is there already: name a new file", path.display())]
    IsThere {
        /// Which.
        path: PathBuf,
    },
    /// It is far larger than any artifact.
    #[error("{} has more than {MAX_FILE} octets: no artifact, certificate or key has", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// It holds something else.
    #[error("{}: expected {expected}; {why}", path.display())]
    Unexpected {
        /// Which.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// What is wrong.
        why: String,
    },
    /// A private key cannot be had.
    #[error(transparent)]
    Key(#[from] OpenError),
    /// No private key comes about.
    #[error("no key was made: {0}")]
    KeyNotMade(KeyError),
    /// A passphrase cannot be had.
    #[error("the passphrase in {}: {source}", path.display())]
    Passphrase {
        /// In which file.
        path: PathBuf,
        /// Why.
        source: PassphraseFileError,
    },
    /// A token does not do it.
    #[error("{token}: {source}")]
    Token {
        /// Which, or which key in it.
        token: String,
        /// Why.
        source: Box<Pkcs11Error>,
    },
    /// The output is one of the inputs.
    #[error("{} is an input of this command and would be lost: give --out another name", path.display())]
    IsInput {
        /// Which.
        path: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("sztp-files-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn an_input_is_never_overwritten_under_any_name() {
        let folder = folder("input");
        let input = folder.join("a");
        write(&input, b"old", Secrecy::Public).unwrap();
        let other_name = folder.join(".").join("a");
        assert!(matches!(check_output(&other_name, &[&input]), Err(FileError::IsInput { .. })));
        let output = folder.join("b");
        check_output(&output, &[&input]).unwrap();
        write(&output, b"new", Secrecy::Private).unwrap();
        assert_eq!(fs::metadata(&output).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "no half-written file is left");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_place_is_taken_before_it_is_needed_and_given_back_when_it_was_not() {
        let folder = folder("reserved");
        let path = folder.join("token");
        drop(Reserved::take(&path).unwrap());
        assert!(!path.exists());
        let place = Reserved::take(&path).unwrap();
        assert!(matches!(Reserved::take(&path), Err(FileError::IsThere { .. })));
        place.fill(b"secret").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"secret");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(Reserved::take(&folder.join("none").join("token")), Err(FileError::Write { .. })));
        fs::remove_dir_all(folder).unwrap();
    }
}
