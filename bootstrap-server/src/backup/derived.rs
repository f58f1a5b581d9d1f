//! Whether rows are what the audit log says. The log holds digests and names, not contents, so what it can speak of is:
//! which manufacturers, profiles, vouchers, users and tokens there are, with which content and role; what became of each
//! device; and what was reported.
//!
//! Once records were erased the log is silent about what they were about; rows that only an erased record could explain are
//! let pass then. Everything else is under the backup's seal alone.

use std::collections::{HashMap, HashSet, VecDeque};

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
    /// Kinds of records that were erased.
    erased: HashSet<u16>,
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
            ("policy", [_, document]) => (("policy", String::new()), sha256(text(document)?.as_bytes())),
            ("reported_key" | "device_event" | "delivery", _) => return Some(()),
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
            self.erased.insert(leaf.kind().0);
            self.report(log, at, None)?;
            return Ok(());
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
            ("policies-applied", _) => {
                let policies = body.get("policies").map(|policies| sha256(policies.to_string().as_bytes()));
                self.says("policy", Some(""), policies);
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
        let kinds = &self.erased;
        let rows = self.subjects.into_iter().filter_map(|((table, key), known)| {
            let line = match (known.row, known.log) {
                (Some((line, row)), log) if log != Some(row) => line,
                // The log has it, and the rows have not: it stands nowhere, and is missing at the end.
                (None, Some(_)) => end,
                _ => return None,
            };
            (!about(table).iter().any(|kind| kinds.contains(kind))).then(|| (line, format!("{table} {key}")))
        });
        // An erased record may have been about any device, and made it anything.
        let spoken = !DEVICE_KINDS.iter().any(|kind| kinds.contains(kind));
        let devices = self.devices.differing(end).filter(|_| spoken);
        match reports.chain(rows).chain(devices).min() {
            None => Ok(()),
            Some((line, what)) => Err(BackupFault::NotDerived { what }.at(line)),
        }
    }
}

/// The kinds of records that make a device what it is.
const DEVICE_KINDS: &[u16] = &[4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 17];

/// The kinds of records that speak of a table.
fn about(table: &str) -> &'static [u16] {
    match table {
        "manufacturer" => &[2],
        "profile" => &[3, 18],
        "operator" => &[19, 20],
        "token" => &[20, 21, 22],
        "voucher" => &[5],
        "policy" => &[27],
        _ => &[],
    }
}

pub(super) fn device_key(manufacturer: &str, serial_number: &str) -> String {
    format!("{manufacturer}/{serial_number}")
}
