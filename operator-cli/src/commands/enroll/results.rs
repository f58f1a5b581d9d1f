//! The file of results of `sztp enroll bulk`: one JSON document a line, from which it goes on where it ended.

use std::{
    collections::HashSet,
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use operator_api::{CertificateOutcome, NewCertificate};
use pki::digest::sha256;
use serde::{Deserialize, Serialize};

/// A result, and which row it is of.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    /// SHA-256 of what the row asked for.
    row: String,
    #[serde(flatten)]
    outcome: CertificateOutcome,
}

/// The file.
#[derive(Debug)]
pub(super) struct Results {
    file: File,
    /// The rows that have a certificate.
    taken: HashSet<String>,
}

impl Results {
    /// Opens the file, or makes it. A last line that was cut off in the middle is taken away: its row has no result.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).read(true).append(true).mode(0o644).open(path)?;
        let mut taken = HashSet::new();
        let mut whole = 0_u64;
        let mut reader = BufReader::new(&file);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            if line.ends_with(b"\n") {
                whole = whole.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
                let read = serde_json::from_slice::<Line>(&line).map_err(|_| {
                    io::Error::new(io::ErrorKind::InvalidData, "is no file of results: name another with --results")
                })?;
                if read.outcome.outcome != "refused" {
                    taken.insert(read.row);
                }
            }
            line.clear();
        }
        file.set_len(whole)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self { file, taken })
    }

    /// Whether this row has its certificate.
    pub(super) fn has(&self, row: &str) -> bool {
        self.taken.contains(row)
    }

    /// Writes results, durably: what they say is so already.
    pub(super) fn note(&mut self, results: Vec<(String, CertificateOutcome)>) -> io::Result<()> {
        let mut lines = Vec::new();
        for (row, outcome) in results {
            serde_json::to_writer(&mut lines, &Line { row, outcome })?;
            lines.push(b'\n');
        }
        self.file.write_all(&lines)?;
        self.file.sync_data()
    }
}

/// Names a row by what it asks for.
pub(super) fn name(wanted: &NewCertificate) -> String {
    sha256(&serde_json::to_vec(wanted).unwrap_or_default()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(outcome: &str) -> CertificateOutcome {
        CertificateOutcome {
            line: 1,
            outcome: outcome.to_owned(),
            serial_number: None,
            authority: None,
            serial: None,
            pem: None,
            reason: None,
            detail: None,
            remedy: None,
        }
    }

    #[test]
    fn a_file_of_results_goes_on_where_it_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results");
        let mut results = Results::open(&path).unwrap();
        results.note(vec![("a".into(), outcome("issued")), ("b".into(), outcome("refused"))]).unwrap();
        results.file.write_all(br#"{"row":"c","line":3,"outcome":"issued","#).unwrap();
        drop(results);
        let mut results = Results::open(&path).unwrap();
        assert!(results.has("a") && !results.has("b") && !results.has("c"));
        results.note(vec![("c".into(), outcome("known"))]).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3);
        assert!(Results::open(&path).unwrap().has("c"));
        std::fs::write(&path, "something precious\n").unwrap();
        assert!(Results::open(&path).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "something precious\n");
    }
}
