//! Whether a backup is what it says: every leaf under its checkpoint, every record under its leaf, every row as the log
//! has it. Nothing is written.

use std::{collections::BTreeMap, io::BufRead, mem};

use audit_log::{Leaf, LogIndex, Opening, Reason as _, Record, Salt, UnverifiedCheckpoint, Verifier, VerifierKey};
use verdict::{ReasonCode, Refusal};

use super::{BackupFault, BackupInvalid, Reader, derived::Derived};
use crate::{
    audit::{Account, origin_of},
    store::{ExportedRow, ExportedValue},
};

/// What is in a backup that was found good.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Contents {
    /// When it was taken, RFC 3339.
    pub taken: String,
    /// The log's public key, which the backup is sealed with.
    pub key: VerifierKey,
    /// The newest checkpoint of the backup, as published.
    pub checkpoint: String,
    /// How many rows each table has.
    pub rows: BTreeMap<String, u64>,
    /// How many leaves were checked, those of archived logs included.
    pub leaves: u64,
    /// How many of them have no body any more.
    pub erased: u64,
}

/// Checks a whole backup: the digest of every line, the seal, every record, every leaf, every row that the log speaks of.
///
/// Rows come before the log that explains them, so something of each is kept in memory: some 600 octets for a device with its
/// voucher and a few reports, 600 MB for a million of them.
///
/// # Errors
/// [`BackupInvalid`] names the first line that is wrong, and why.
pub fn verify<R: BufRead>(source: R, expected: Option<&VerifierKey>) -> Result<Contents, BackupInvalid> {
    let mut reader = Reader::open(source, expected)?;
    let mut check = Check::new(reader.key().clone(), reader.header().checkpoint().to_owned());
    while let Some(row) = reader.row()? {
        let line = reader.line();
        check.take(line, &row).map_err(|fault| fault.at(line))?;
    }
    let end = reader.line();
    let (leaves, erased) = check.finish(end)?;
    Ok(Contents {
        taken: reader.header().taken().to_owned(),
        key: reader.key().clone(),
        checkpoint: reader.header().checkpoint().to_owned(),
        rows: reader.rows().clone(),
        leaves,
        erased,
    })
}

/// The tables in the order in which they come, and how many columns each has.
const TABLES: &[(&str, usize)] = &[
    ("manufacturer", 5),
    ("revocation_list", 3),
    ("profile", 2),
    ("operator", 2),
    ("token", 5),
    ("device", 22),
    ("voucher", 10),
    ("progress_report", 7),
    ("reported_key", 5),
    ("device_event", 4),
    ("policy", 2),
    ("delivery", 3),
    ("certificate", 11),
    ("revocation", 5),
    ("masa_owner", 4),
    ("masa_line", 2),
    ("made_device", 6),
    ("made_device_deed", 6),
    ("issued_voucher", 14),
    ("voucher_claim", 8),
    ("production_order", 3),
    ("production_unit", 6),
    ("archived_log", 2),
    ("archived_leaf", 5),
    ("checkpoint", 4),
    ("leaf", 4),
];

struct Check {
    key: VerifierKey,
    /// The checkpoint of the first line.
    newest: String,
    /// The place in [`TABLES`] of the row before.
    table: usize,
    /// The logs that are still to come, oldest first: which, and its last checkpoint.
    logs: Vec<(i64, String)>,
    /// The log whose leaves come.
    log: Option<Log>,
    derived: Derived,
    account: Account,
    leaves: u64,
    erased: u64,
}

struct Log {
    number: i64,
    next: u64,
    verifier: Verifier,
}

impl Check {
    fn new(key: VerifierKey, newest: String) -> Self {
        let (derived, account) = (Derived::default(), Account::default());
        Self { key, newest, table: 0, logs: Vec::new(), log: None, derived, account, leaves: 0, erased: 0 }
    }

    fn take(&mut self, line: u64, row: &ExportedRow) -> Result<(), BackupFault> {
        let unfit = || BackupFault::Row { table: row.table.clone() };
        let known = TABLES.iter().position(|(name, columns)| *name == row.table && *columns == row.values.len());
        let table = known.ok_or_else(unfit)?;
        if table < self.table {
            return Err(BackupFault::Order { table: row.table.clone() });
        }
        self.table = table;
        match (row.table.as_str(), row.values.as_slice()) {
            ("archived_log", [ExportedValue::Integer(log), ExportedValue::Text(note)]) => {
                self.logs.push((*log, note.clone()));
                Ok(())
            }
            ("checkpoint", [_, _, _, ExportedValue::Text(note)]) => {
                if *note != self.newest {
                    return Err(BackupFault::OtherCheckpoint);
                }
                let number = self.logs.last().map_or(0, |(log, _)| log.saturating_add(1));
                let number = self.log.as_ref().map_or(number, |log| number.max(log.number.saturating_add(1)));
                self.logs.push((number, note.clone()));
                Ok(())
            }
            ("archived_leaf", [ExportedValue::Integer(log), leaf @ ..]) => self.leaf(*log, leaf).ok_or_else(unfit)?,
            ("leaf", leaf) => {
                let log = self.logs.last().map(|(log, _)| *log);
                let log = log.or_else(|| self.log.as_ref().map(|log| log.number)).ok_or(BackupFault::NoLog)?;
                self.leaf(log, leaf).ok_or_else(unfit)?
            }
            ("archived_log" | "checkpoint" | "archived_leaf", _) => Err(unfit()),
            (name, values) => self.derived.row(line, name, values).ok_or_else(unfit),
        }
    }

    /// One leaf of one log; `None` when it has not the shape of one.
    fn leaf(&mut self, log: i64, columns: &[ExportedValue]) -> Option<Result<(), BackupFault>> {
        let [ExportedValue::Integer(position), ExportedValue::Octets(leaf), salt, body] = columns else { return None };
        let position = u64::try_from(*position).ok()?;
        let salt = match salt {
            ExportedValue::Nothing => None,
            ExportedValue::Octets(salt) => Some(Salt::new(salt.as_slice().try_into().ok()?)),
            _ => return None,
        };
        let opening = match (&salt, body) {
            (None, ExportedValue::Nothing) => None,
            (Some(salt), ExportedValue::Octets(body)) => Some(Opening { salt, body }),
            _ => return None,
        };
        Some(self.record(log, LogIndex(position), leaf, opening))
    }

    fn record(
        &mut self,
        number: i64,
        at: LogIndex,
        leaf: &[u8],
        opening: Option<Opening<'_>>,
    ) -> Result<(), BackupFault> {
        if self.log.as_ref().is_none_or(|log| log.number != number) {
            self.end_log()?;
            self.log = Some(self.begin_log(number)?);
        }
        let Some(log) = self.log.as_mut() else { return Err(BackupFault::NoLog) };
        if at.0 != log.next {
            let detail = format!("leaf {} is missing, leaf {at} comes in its place", LogIndex(log.next));
            return Err(BackupFault::Log(Refusal::new(ReasonCode::LogTruncated, detail)));
        }
        log.next = log.next.saturating_add(1);
        let body = opening.map(|opening| opening.body);
        let fresh = Verifier::new([]);
        log.verifier =
            mem::replace(&mut log.verifier, fresh).feed(Record { leaf, opening }).map_err(BackupFault::Log)?;
        if let Ok(leaf) = Leaf::decode(leaf) {
            self.account.note(&leaf, body);
            self.derived.record(number, at, &leaf, body)?;
        }
        Ok(())
    }

    fn begin_log(&mut self, number: i64) -> Result<Log, BackupFault> {
        let place = self.logs.iter().position(|(log, _)| *log == number).ok_or(BackupFault::NoLog)?;
        let (_, note) = self.logs.remove(place);
        // Logs of one database have one key; after a restoration the origin has a number behind the key's name.
        let origin = origin_of(&note, &self.key).ok_or(BackupFault::OtherCheckpoint)?;
        let checkpoint =
            UnverifiedCheckpoint::parse(note.as_bytes()).map_err(|error| BackupFault::Log(error.refusal()))?;
        let checkpoint = checkpoint.verify_of(&origin, &self.key).map_err(BackupFault::Log)?;
        Ok(Log { number, next: 0, verifier: Verifier::new([checkpoint]) })
    }

    fn end_log(&mut self) -> Result<(), BackupFault> {
        let Some(log) = self.log.take() else { return Ok(()) };
        let report = log.verifier.finish().map_err(BackupFault::Log)?;
        if report.unvouched > 0 {
            let detail = format!("the last {} leaves are covered by no checkpoint", report.unvouched);
            return Err(BackupFault::Log(Refusal::new(ReasonCode::LogRootMismatch, detail)));
        }
        self.leaves = self.leaves.saturating_add(report.leaves);
        self.erased = self.erased.saturating_add(report.erased);
        Ok(())
    }

    fn finish(mut self, end: u64) -> Result<(u64, u64), BackupInvalid> {
        self.end_log().map_err(|fault| fault.at(end))?;
        // A checkpoint without leaves is that of a log that was cut out whole.
        if self.leaves == 0 || !self.logs.is_empty() {
            return Err(BackupFault::NoLog.at(end));
        }
        self.account.close().map_err(|unaccounted| BackupFault::from(unaccounted).at(end))?;
        self.derived.finish(end)?;
        Ok((self.leaves, self.erased))
    }
}
