//! Whether rows are what the audit log says. The log holds digests and names, not contents, so what it can speak of is:
//! which manufacturers, profiles, vouchers, users and tokens there are, with which content and role; what became of each
//! device; and what was reported.
//!
//! What was erased is no exception: an erasure takes everything about a device, rows and records, so that what is left
//! explains what is left. Everything else is under the backup's seal alone.

use std::collections::{HashMap, VecDeque};

use audit_log::{Leaf, LogIndex};
use pki::{
    certificate::Certificate,
    digest::{Digest, sha256},
};
use serde_json::Value;

use super::{BackupFault, BackupInvalid, replayed::Devices};
use crate::{domain::parse_sha256, store::ExportedValue};

/// A table and a key in it.
type Subject = (&'static str, String);

/// Rows that were seen, and what the log has said about them so far.
#[derive(Default)]
pub(super) struct Derived {
    subjects: HashMap<Subject, Known>,
    devices: Devices,
    /// Reports: log, leaf, line, and the digest of device and type, in order.
    reports: VecDeque<(i64, u64, u64, Digest)>,
}

/// What is known of one subject.
#[derive(Default)]
struct Known {
    /// The row: where, and a digest of what it says.
    row: Option<(u64, Digest)>,
    /// What the log says it must be; None when the log says that there is no such row, or nothing.
    log: Option<Digest>,
}

/// A column that is a text.
fn text(value: &ExportedValue) -> Option<&str> {
    match value {
        ExportedValue::Text(text) => Some(text),
        _ => None,
    }
}

/// The value of several texts, without two ways to read it.
fn joined<'a>(texts: impl IntoIterator<Item = &'a str>) -> Digest {
    sha256(serde_json::json!(texts.into_iter().collect::<Vec<_>>()).to_string().as_bytes())
}

impl Derived {
    /// Takes a row; `None` when it has not the shape that its table asks for.
    pub(super) fn row(&mut self, line: u64, table: &str, values: &[ExportedValue]) -> Option<()> {
        let (subject, says) = match (table, values) {
            ("manufacturer", [name, anchors, ..]) => {
                let anchors = Certificate::chain_from_pem(text(anchors)?.as_bytes()).ok()?;
                let anchors: Vec<_> = anchors.iter().map(|it| it.sha256().to_string()).collect();
                (("manufacturer", text(name)?.to_owned()), joined(anchors.iter().map(String::as_str)))
            }
            ("profile", [name, document]) => (("profile", text(name)?.to_owned()), sha256(text(document)?.as_bytes())),
            ("operator", [name, role]) => (("operator", text(name)?.to_owned()), joined([text(role)?])),
            ("token", [id, operator, ..]) => (("token", text(id)?.to_owned()), joined([text(operator)?])),
            ("voucher", [manufacturer, serial_number, ExportedValue::Octets(artifact)]) => {
                (("voucher", device_key(text(manufacturer)?, text(serial_number)?)), sha256(artifact))
            }
            ("device", [manufacturer, serial_number, ..]) => {
                return self.devices.row(line, text(manufacturer)?, text(serial_number)?, values);
            }
            (
                "progress_report",
                [ExportedValue::Integer(log), ExportedValue::Integer(leaf), maker, serial, _, kind, _],
            ) => {
                let says = joined([text(maker)?, text(serial)?, text(kind)?]);
                self.reports.push_back((*log, u64::try_from(*leaf).ok()?, line, says));
                return Some(());
            }
            ("reported_key" | "device_event", _) => return Some(()),
            _ => return None,
        };
        self.subjects.entry(subject).or_default().row = Some((line, says));
        Some(())
    }

    /// Takes a record of the log, after all rows.
    pub(super) fn record(
        &mut self,
        log: i64,
        at: LogIndex,
        leaf: &Leaf,
        body: Option<&[u8]>,
    ) -> Result<(), BackupFault> {
        let Some(octets) = body else {
            return self.report(log, at, None);
        };
        // Bodies are covered by their leaves: one that is not what a server writes was written by another program.
        let Ok(body) = serde_json::from_slice::<Value>(octets) else { return Ok(()) };
        let member = |name: &str| body.get(name).and_then(Value::as_str);
        let about = body.get("device").and_then(|about| {
            let part = |name| about.get(name).and_then(Value::as_str);
            Some((part("manufacturer")?, part("serial-number")?))
        });
        if let Some(device) = about {
            self.devices.record(device, octets, leaf.time(), at);
        }
        match (member("event").unwrap_or_default(), about) {
            ("manufacturer-added", _) => {
                let anchors = body.get("anchors").and_then(Value::as_array).into_iter().flatten();
                let anchors = joined(anchors.filter_map(Value::as_str));
                self.says("manufacturer", member("manufacturer"), Some(anchors));
            }
            ("profile-applied", _) => {
                let digest = member("document").and_then(parse_sha256);
                self.says("profile", member("profile"), digest);
            }
            ("profile-removed", _) => self.says("profile", member("profile"), None),
            ("user-changed", _) => self.says("operator", member("user"), member("role").map(|role| joined([role]))),
            ("user-removed", _) => {
                self.says("operator", member("user"), None);
                // Its tokens go with it.
                let owned = joined(member("user"));
                let tokens = self.subjects.iter_mut().filter(|((table, _), _)| *table == "token");
                tokens.filter(|(_, token)| token.log == Some(owned)).for_each(|(_, token)| token.log = None);
            }
            ("token-created", _) => self.says("token", member("token"), member("user").map(|user| joined([user]))),
            ("token-revoked", _) => self.says("token", member("token"), None),
            ("voucher-stored", Some(device)) => {
                let device = device_key(device.0, device.1);
                self.says("voucher", Some(&device), member("voucher").and_then(parse_sha256));
            }
            ("device-erased", Some(device)) => self.says("voucher", Some(&device_key(device.0, device.1)), None),
            ("progress-reported", _) => {
                let says =
                    about.zip(member("progress-type")).map(|((maker, serial), kind)| joined([maker, serial, kind]));
                self.report(log, at, says)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn says(&mut self, table: &'static str, key: Option<&str>, what: Option<Digest>) {
        let Some(key) = key else { return };
        self.subjects.entry((table, key.to_owned())).or_default().log = what;
    }

    /// A report's row names its leaf; both come in the order of the log.
    fn report(&mut self, log: i64, at: LogIndex, says: Option<Digest>) -> Result<(), BackupFault> {
        let Some(front) = self.reports.front() else { return Ok(()) };
        if (front.0, front.1) < (log, at.0)
            || ((front.0, front.1) == (log, at.0) && says.is_some_and(|it| it != front.3))
        {
            return Err(BackupFault::NotDerived { what: format!("the report on line {}", front.2) });
        }
        if (front.0, front.1) == (log, at.0) {
            self.reports.pop_front();
        }
        Ok(())
    }

    /// Compares, after the last record.
    pub(super) fn finish(self, end: u64) -> Result<(), BackupInvalid> {
        let reports = self.reports.into_iter().map(|(_, _, line, _)| (line, "a report".to_owned()));
        let rows = self.subjects.into_iter().filter_map(|((table, key), known)| {
            let line = match (known.row, known.log) {
                (Some((line, row)), log) if log != Some(row) => line,
                // The log has it, and the rows have not: it stands nowhere, and is missing at the end.
                (None, Some(_)) => end,
                _ => return None,
            };
            Some((line, format!("{table} {key}")))
        });
        let devices = self.devices.differing(end);
        match reports.chain(rows).chain(devices).min() {
            None => Ok(()),
            Some((line, what)) => Err(BackupFault::NotDerived { what }.at(line)),
        }
    }
}

pub(super) fn device_key(manufacturer: &str, serial_number: &str) -> String {
    format!("{manufacturer}/{serial_number}")
}
