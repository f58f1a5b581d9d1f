//! Reading a backup, row by row, with everything checked that can be without knowing what the rows mean.

use std::{
    collections::BTreeMap,
    io::{BufRead, Read},
};

use audit_log::{UnverifiedCheckpoint, VerifierKey};
use pki::digest::Sha256;

use super::{
    BackupFault, BackupInvalid, MAX_LINE,
    line::{Header, Trailer, decode_row},
    write::{check, seal_origin, sealed},
};
use crate::store::ExportedRow;

/// A backup that is being read. Rows are to be believed only when [`Reader::row`] has given `None`: the end checks the whole.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    header: Header,
    key: VerifierKey,
    line: u64,
    rows: BTreeMap<String, u64>,
    digest: Digesting,
    ended: bool,
}

/// A digest under way, which has nothing to show.
struct Digesting(Sha256);

impl std::fmt::Debug for Digesting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digesting")
    }
}

impl<R: BufRead> Reader<R> {
    /// Reads the first line. `expected` is the key that the seal must be of; without it the backup's own is taken, which
    /// shows that the backup is whole, and not whose it is.
    ///
    /// # Errors
    /// [`BackupInvalid`] when it is no backup, or of another log.
    pub fn open(mut source: R, expected: Option<&VerifierKey>) -> Result<Self, BackupInvalid> {
        let mut digest = Sha256::new();
        let line = read_line(&mut source).map_err(|fault| fault.at(1))?.ok_or_else(|| BackupFault::NoBackup.at(1))?;
        let header = Header::decode(&line).map_err(|fault| fault.at(1))?;
        let key = header.key().map_err(|fault| fault.at(1))?;
        if let Some(expected) = expected.filter(|expected| **expected != key) {
            return Err(BackupFault::OtherKey { found: key.id(), expected: expected.id() }.at(1));
        }
        digest.update(&line);
        Ok(Self { source, header, key, line: 1, rows: BTreeMap::new(), digest: Digesting(digest), ended: false })
    }

    /// What the first line says.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The log's key.
    pub const fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// The line that was read last.
    pub const fn line(&self) -> u64 {
        self.line
    }

    /// How many rows of each table were read.
    pub const fn rows(&self) -> &BTreeMap<String, u64> {
        &self.rows
    }

    /// The next row; `None` when there is none any more and the whole is as it was written.
    ///
    /// # Errors
    /// [`BackupInvalid`] names the line. After an error there is no reading on.
    pub fn row(&mut self) -> Result<Option<ExportedRow>, BackupInvalid> {
        if self.ended {
            return Ok(None);
        }
        self.line = self.line.saturating_add(1);
        let row = self.next();
        self.ended = !matches!(row, Ok(Some(_)));
        row.map_err(|fault| fault.at(self.line))
    }

    fn next(&mut self) -> Result<Option<ExportedRow>, BackupFault> {
        let line = read_line(&mut self.source)?.ok_or(BackupFault::Truncated)?;
        if line.first() == Some(&b'{') {
            return self.end(&line).map(|()| None);
        }
        // The row, a blank, eight digits of the check, and the end of the line.
        let (row, behind) = line.split_at_checked(line.len().saturating_sub(9)).ok_or(BackupFault::Malformed)?;
        self.digest.0.update(row);
        if behind.trim_ascii_end() != check(&self.digest.0).as_bytes() {
            return Err(BackupFault::Malformed);
        }
        self.digest.0.update(behind);
        let row = decode_row(row).ok_or(BackupFault::Malformed)?.brought_forward();
        let count = self.rows.entry(row.table.clone()).or_default();
        *count = count.saturating_add(1);
        Ok(Some(row))
    }

    fn end(&mut self, line: &[u8]) -> Result<(), BackupFault> {
        let trailer: Trailer = serde_json::from_slice(line).map_err(|_| BackupFault::Malformed)?;
        let counted = |rows: &BTreeMap<String, u64>, table: &String| rows.get(table).copied().unwrap_or_default();
        for table in self.rows.keys().chain(trailer.rows.keys()) {
            let (found, written) = (counted(&self.rows, table), counted(&trailer.rows, table));
            if found != written {
                return Err(BackupFault::Count { table: table.clone(), found, written });
            }
        }
        let digest = self.digest.0.clone().finish();
        if trailer.sha256 != digest.to_string() {
            return Err(BackupFault::Digest);
        }
        let seal = UnverifiedCheckpoint::parse(trailer.seal.as_bytes()).map_err(|_| BackupFault::Malformed)?;
        let origin = seal_origin(&self.key).map_err(|_| BackupFault::Malformed)?;
        let seal = seal.verify_of(&origin, &self.key).map_err(BackupFault::Seal)?;
        if *seal.head() != sealed(trailer.total(), digest) {
            return Err(BackupFault::Digest);
        }
        if read_line(&mut self.source)?.is_some() {
            return Err(BackupFault::Trailing);
        }
        Ok(())
    }
}

/// One line with its end; `None` at the end of the file. A line without an end was cut off.
fn read_line(source: &mut impl BufRead) -> Result<Option<Vec<u8>>, BackupFault> {
    let mut line = Vec::new();
    source.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
    match line.last() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) if u64::try_from(line.len()).is_ok_and(|length| length >= MAX_LINE) => Err(BackupFault::TooLong),
        Some(_) => Err(BackupFault::Truncated),
    }
}
