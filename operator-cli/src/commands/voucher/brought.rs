//! The vouchers in files and folders, one after the other: however many there are, one file is in memory at a time, and of a long
//! bundle one voucher.

use std::{
    borrow::Cow,
    collections::{HashSet, VecDeque},
    fs::{self, File},
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use pki::digest::sha256;

use crate::{
    explain::{Armour, pieces},
    files::{self, FileError},
};

/// Longest PEM block of a bundle, in octets: an artifact of the longest that a server takes.
const MAX_BLOCK: usize = 1024 * 1024;

/// A voucher that was found, or a file that is none.
pub(super) enum Brought {
    /// A voucher: what it is called, and its octets.
    Voucher {
        /// The file, with a number behind it when there are several in it.
        name: String,
        /// DER.
        octets: Vec<u8>,
    },
    /// Something that is no voucher.
    Fault {
        /// Where.
        name: String,
        /// What is wrong.
        why: String,
    },
}

/// Finds vouchers.
pub(super) struct Files {
    /// What is still to be looked at.
    paths: VecDeque<PathBuf>,
    /// What was found in the file before.
    found: VecDeque<Brought>,
    bundle: Option<Bundle>,
    /// SHA-256 of those that were taken before.
    taken: HashSet<String>,
    passed_over: u64,
}

/// A long file of PEM blocks.
struct Bundle {
    path: PathBuf,
    lines: BufReader<File>,
    count: usize,
}

impl Files {
    /// Vouchers in these files, and in the files of these folders; those with a digest of `taken` are passed over.
    pub(super) fn new(paths: &[PathBuf], taken: HashSet<String>) -> Self {
        let paths = paths.iter().cloned().collect();
        Self { paths, found: VecDeque::new(), bundle: None, taken, passed_over: 0 }
    }

    /// How many were passed over.
    pub(super) const fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// How many files there are, as far as is known without reading folders.
    fn find(&mut self) -> Option<Brought> {
        loop {
            if let Some(found) = self.found.pop_front() {
                return Some(found);
            }
            if let Some(bundle) = &mut self.bundle {
                match bundle.next() {
                    Some(found) => return Some(found),
                    None => self.bundle = None,
                }
                continue;
            }
            let path = self.paths.pop_front()?;
            if let Err(why) = self.open(&path) {
                return Some(Brought::Fault { name: path.display().to_string(), why });
            }
        }
    }

    fn open(&mut self, path: &Path) -> Result<(), String> {
        let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
        if metadata.is_dir() {
            let entries = fs::read_dir(path).map_err(|error| error.to_string())?;
            let mut inside = entries.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
            inside.sort_by_key(fs::DirEntry::file_name);
            let hidden = |entry: &fs::DirEntry| entry.file_name().as_encoded_bytes().starts_with(b".");
            // Before what comes after the folder; last to first, since each goes to the front.
            for entry in inside.iter().rev().filter(|entry| !hidden(entry)) {
                self.paths.push_front(entry.path());
            }
            return Ok(());
        }
        match files::read(path) {
            Ok(octets) => self.found.extend(in_file(path, &octets)),
            Err(FileError::TooLarge { .. }) => {
                let file = File::open(path).map_err(|error| error.to_string())?;
                self.bundle = Some(Bundle { path: path.to_owned(), lines: BufReader::new(file), count: 0 });
            }
            Err(error) => return Err(error.to_string()),
        }
        Ok(())
    }
}

impl Iterator for Files {
    type Item = Brought;

    fn next(&mut self) -> Option<Brought> {
        loop {
            let found = self.find()?;
            let known = match &found {
                Brought::Voucher { octets, .. } => {
                    !self.taken.is_empty() && self.taken.contains(&sha256(octets).to_string())
                }
                Brought::Fault { .. } => false,
            };
            if !known {
                return Some(found);
            }
            self.passed_over = self.passed_over.saturating_add(1);
        }
    }
}

/// The vouchers in one file: DER, base64, or any number of PEM blocks.
fn in_file(path: &Path, octets: &[u8]) -> Vec<Brought> {
    let name = path.display().to_string();
    // A byte order mark, as editors leave it before base64 and PEM.
    let octets = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets);
    let pieces = pieces(octets);
    let several = pieces.len() > 1;
    if pieces.is_empty() {
        return vec![Brought::Fault { name, why: "the file is empty".to_owned() }];
    }
    let named = |number: usize| if several { format!("{name}#{number}") } else { name.clone() };
    let found = (1..).zip(pieces).map(|(number, piece)| {
        let (name, label) = (named(number), piece.label.as_deref().unwrap_or_default());
        match piece.armour {
            _ if piece.is_torn => Brought::Fault { name, why: "the PEM block is damaged".to_owned() },
            _ if label.ends_with("CERTIFICATE") || label.ends_with("KEY") => {
                Brought::Fault { name, why: format!("this is a {}, no voucher", label.to_lowercase()) }
            }
            // A JWS is text: the server tells it by its name (BIS-09).
            Armour::Text | Armour::Binary | Armour::Pem | Armour::Base64 => {
                Brought::Voucher { name, octets: piece.octets.into_owned() }
            }
        }
    });
    found.collect()
}

impl Bundle {
    fn next(&mut self) -> Option<Brought> {
        let mut block = String::new();
        loop {
            let mut line = String::new();
            let room = u64::try_from(MAX_BLOCK.saturating_sub(block.len())).unwrap_or_default();
            let read = self.lines.by_ref().take(room).read_line(&mut line);
            let name = format!("{}#{}", self.path.display(), self.count.saturating_add(1));
            let fault = |why: String| Some(Brought::Fault { name, why });
            match read {
                Ok(0) if room == 0 => {
                    let why = "a PEM block is too long; the rest of the file was not looked at".to_owned();
                    let fault = fault(why);
                    self.lines = BufReader::new(empty()?);
                    return fault;
                }
                Ok(0) if block.is_empty() && self.count == 0 => {
                    self.count = 1;
                    return fault("files as long as this are taken as PEM, and there is no PEM block in it".to_owned());
                }
                Ok(0) if block.is_empty() => return None,
                Ok(0) => {
                    return fault("the file ends inside a PEM block".to_owned());
                }
                Err(error) => {
                    let fault = fault(format!("{error}; the rest of the file was not looked at"));
                    self.lines = BufReader::new(empty()?);
                    return fault;
                }
                Ok(_) => {}
            }
            let begins = line.trim_start_matches('\u{feff}').starts_with("-----BEGIN ");
            if block.is_empty() && !begins {
                continue;
            }
            block.push_str(&line);
            if line.starts_with("-----END ") {
                self.count = self.count.saturating_add(1);
                let name = PathBuf::from(format!("{}#{}", self.path.display(), self.count));
                return in_file(&name, block.as_bytes()).into_iter().next();
            }
        }
    }
}

/// A file without anything in it, in the place of one that is not read on.
fn empty() -> Option<File> {
    File::open("/dev/null").ok()
}

/// The line of a request for a voucher.
pub(super) fn line(name: &str, manufacturer: Option<&str>, octets: &[u8]) -> Vec<u8> {
    let brought = operator_api::BroughtVoucher {
        name: Some(name.chars().take(255).collect()),
        manufacturer: manufacturer.map(str::to_owned),
        voucher: BASE64_STANDARD.encode(octets),
    };
    let mut line = serde_json::to_vec(&brought).unwrap_or_default();
    line.push(b'\n');
    line
}

/// The name without what moves the cursor, for people.
pub(super) fn plain(name: &str) -> Cow<'_, str> {
    Cow::Owned(crate::show::plain(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(paths: &[PathBuf]) -> Vec<Result<(String, Vec<u8>), String>> {
        let files = Files::new(paths, HashSet::new());
        let found = files.map(|brought| match brought {
            Brought::Voucher { name, octets } => Ok((name.rsplit('/').next().unwrap().to_owned(), octets)),
            Brought::Fault { why, .. } => Err(why),
        });
        found.collect()
    }

    #[test]
    fn vouchers_are_found_in_every_form_and_in_folders() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, octets: &[u8]| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, octets).unwrap();
        };
        write("a.vcj", &[0x30, 1, 1]);
        write("b.b64", b"\xef\xbb\xbfMAEB\r\n");
        write("c.pem", b"\xef\xbb\xbf-----BEGIN CMS-----\r\nMAEB\r\n-----END CMS-----\r\n-----BEGIN PKCS7-----\nMAEC\n-----END PKCS7-----\n");
        write("d/e.vcj", &[0x30, 1, 3]);
        write("d/.hidden", b"x");
        write("f.pem", b"-----BEGIN CERTIFICATE-----\nMAEB\n-----END CERTIFICATE-----\n");
        write("g.vcj", b"");
        let all = found(&[folder.path().to_owned()]);
        let names: Vec<_> = all.iter().flatten().map(|(name, octets)| (name.as_str(), octets[2])).collect();
        assert_eq!(names, [("a.vcj", 1), ("b.b64", 1), ("c.pem#1", 1), ("c.pem#2", 2), ("e.vcj", 3)]);
        let faults: Vec<_> = all.into_iter().filter_map(Result::err).collect();
        assert_eq!(faults, ["this is a certificate, no voucher", "the file is empty"]);
        let gone = found(&[folder.path().join("nothing")]);
        assert!(gone[0].as_ref().unwrap_err().contains("No such file"));
    }

    #[test]
    fn of_a_long_bundle_one_block_is_read_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all.pem");
        let block = "somebody's comment\n-----BEGIN CMS-----\nMAEB\n-----END CMS-----\n";
        fs::write(&path, format!("{}-----BEGIN CMS-----\nMAEB\n", block.repeat(3))).unwrap();
        let lines = BufReader::new(File::open(&path).unwrap());
        let mut bundle = Bundle { path, lines, count: 0 };
        for number in 1..=3 {
            let Some(Brought::Voucher { name, octets }) = bundle.next() else { panic!("{number}") };
            assert!(name.ends_with(&format!("all.pem#{number}")) && octets == [0x30, 1, 1], "{name}");
        }
        assert!(matches!(bundle.next(), Some(Brought::Fault { why, .. }) if why.contains("ends inside")));
        assert!(bundle.next().is_none());
    }

    #[test]
    fn what_was_taken_before_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.vcj");
        fs::write(&path, [0x30, 1, 1]).unwrap();
        let mut files = Files::new(&[path], HashSet::from([sha256(&[0x30, 1, 1]).to_string()]));
        assert!(files.next().is_none());
        assert_eq!(files.passed_over(), 1);
    }
}
