//! Whether rows are what the audit log says. The log holds digests and names, not contents, so what it can speak of is:
//! which manufacturers, profiles, vouchers, users and tokens there are, with which content and role; what became of each
//! device; and what was reported.
//!
//! What was erased is no exception: an erasure takes everything about a device, rows and records, so that what is left
//! explains what is left. Everything else is under the backup's seal alone.

use std::collections::{BTreeMap, HashMap, VecDeque};

use audit_log::{Leaf, LogIndex};
use pki::{certificate::Certificate, digest::sha256};
use serde_json::Value;

use super::{
    BackupFault, BackupInvalid,
    masa::{self, MadeDevices},
    replayed::Devices,
    short::Short,
    vouchers::Vouchers,
};
use crate::{
    audit::about_identity,
    domain::{
        Manufacturer, ManufacturerName, ManufacturerTexts,
        factory::{ProductionOrder, UnitsHash},
        ledger::hex,
        parse_sha256,
    },
    store::ExportedValue,
};

/// Rows that were seen, and what the log has said about them so far.
#[derive(Default)]
pub(super) struct Derived {
    subjects: HashMap<(Table, Box<str>), Known>,
    devices: Devices,
    vouchers: Vouchers,
    made: MadeDevices,
    /// Production orders: where they stand, which digest of their units they name, and that of the units seen so far.
    production: BTreeMap<Box<str>, (u64, Short, UnitsHash)>,
    /// In order.
    reports: VecDeque<Report>,
    /// The line of the first of them.
    reports_begin: u64,
    /// How many were found in the log.
    reports_met: u64,
}

/// A table whose rows the log speaks of, each on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Table {
    Manufacturer,
    /// What a manufacturer's certificates are like: in the manufacturer's row.
    Identity,
    RevocationList,
    Profile,
    Operator,
    Token,
    Policy,
    Certificate,
    Revocation,
    Owner,
    Line,
    Made,
    Deed,
    IssuedVoucher,
    Claim,
    ProductionOrder,
    /// What became of a unit.
    ProductionUnit,
}

impl Table {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Manufacturer => "manufacturer",
            Self::Identity => "identity rules of manufacturer",
            Self::RevocationList => "revocation lists of manufacturer",
            Self::Profile => "profile",
            Self::Operator => "operator",
            Self::Token => "token",
            Self::Policy => "policy",
            Self::Certificate => "certificate",
            Self::Revocation => "revocation",
            Self::Owner => "owner",
            Self::Line => "product line",
            Self::Made => "device that was made",
            Self::Deed => "change of ownership",
            Self::IssuedVoucher => "issued voucher",
            Self::Claim => "claim of a voucher",
            Self::ProductionOrder => "production order",
            Self::ProductionUnit => "production unit",
        }
    }
}

/// The row of a report. There may be many.
struct Report {
    leaf: u64,
    log: u32,
    /// Device and type.
    says: Short,
}

/// What is known of one subject.
#[derive(Default)]
struct Known {
    /// The row: where, and a digest of what it says.
    row: Option<(u64, Short)>,
    /// What the log says it must be; None when the log says that there is no such row, or nothing.
    log: Option<Short>,
}

/// A column that is a text.
pub(super) fn text(value: &ExportedValue) -> Option<&str> {
    match value {
        ExportedValue::Text(text) => Some(text),
        _ => None,
    }
}

/// A column that is octets.
fn octets(value: &ExportedValue) -> Option<&[u8]> {
    match value {
        ExportedValue::Octets(octets) => Some(octets),
        _ => None,
    }
}

/// The value of several texts, without two ways to read it.
pub(super) fn joined<'a>(texts: impl IntoIterator<Item = &'a str>) -> Short {
    Short::of(serde_json::json!(texts.into_iter().collect::<Vec<_>>()).to_string().as_bytes())
}

impl Derived {
    /// Takes a row; `None` when it has not the shape that its table asks for.
    pub(super) fn row(&mut self, line: u64, table: &str, values: &[ExportedValue]) -> Option<()> {
        let (subject, says) = match (table, values) {
            ("manufacturer", [name, anchors, _, rules, identity]) => {
                let anchors = match text(anchors)? {
                    "" => Vec::new(),
                    pem => Certificate::chain_from_pem(pem.as_bytes()).ok()?,
                };
                let mut read = Manufacturer::new(ManufacturerName::new(text(name)?).ok()?, Vec::new());
                ManufacturerTexts::read(text(rules)?, text(identity)?)?.apply_to(&mut read).ok()?;
                let identity = Short::of(about_identity(&read).to_string().as_bytes());
                self.subjects.entry((Table::Identity, text(name)?.into())).or_default().row = Some((line, identity));
                let anchors: Vec<_> = anchors.iter().map(|it| it.sha256().to_string()).collect();
                ((Table::Manufacturer, text(name)?.into()), joined(anchors.iter().map(String::as_str)))
            }
            ("revocation_list", [manufacturer, ExportedValue::Octets(digest), lists]) => {
                // The digest is what the log has; that the lists are those which it is of is seen here.
                let whole = sha256(text(lists)?.as_bytes());
                (whole.0.as_slice() == digest.as_slice()).then_some(())?;
                ((Table::RevocationList, text(manufacturer)?.into()), Short::from(whole))
            }
            ("profile", [name, document]) => {
                ((Table::Profile, text(name)?.into()), Short::of(text(document)?.as_bytes()))
            }
            ("operator", [name, role]) => ((Table::Operator, text(name)?.into()), joined([text(role)?])),
            ("token", [id, operator, ..]) => ((Table::Token, text(id)?.into()), joined([text(operator)?])),
            (
                "voucher",
                [manufacturer, serial_number, ExportedValue::Octets(digest), ExportedValue::Octets(artifact), ..],
            ) => {
                let named = sha256(artifact);
                if named.0.as_slice() != digest {
                    return None;
                }
                let device = device_key(text(manufacturer)?, text(serial_number)?);
                self.vouchers.row(line, device, Short::from(named));
                return Some(());
            }
            ("device", [manufacturer, serial_number, ..]) => {
                return self.devices.row(line, text(manufacturer)?, text(serial_number)?, values);
            }
            (
                "progress_report",
                [ExportedValue::Integer(log), ExportedValue::Integer(leaf), maker, serial, _, kind, _],
            ) => {
                let says = joined([text(maker)?, text(serial)?, text(kind)?]);
                if self.reports.is_empty() {
                    self.reports_begin = line;
                }
                let (log, leaf) = (u32::try_from(*log).ok()?, u64::try_from(*leaf).ok()?);
                self.reports.push_back(Report { leaf, log, says });
                return Some(());
            }
            ("certificate", [authority, serial, .., ExportedValue::Octets(der)]) => {
                ((Table::Certificate, certificate_key(text(authority)?, octets(serial)?)), Short::of(der))
            }
            ("revocation", [authority, serial, _, reason, _]) => {
                let key = certificate_key(text(authority)?, octets(serial)?);
                ((Table::Revocation, key), joined([text(reason)?]))
            }
            ("masa_owner", [name, _, _, document]) => {
                ((Table::Owner, text(name)?.into()), Short::of(text(document)?.as_bytes()))
            }
            ("masa_line", [name, document]) => {
                ((Table::Line, text(name)?.into()), Short::of(text(document)?.as_bytes()))
            }
            ("made_device", [serial, line, ..]) => {
                ((Table::Made, masa::device_key(text(serial)?, text(line)?)), masa::made_row(values)?)
            }
            (
                "made_device_deed",
                [serial, line, ExportedValue::Integer(log), ExportedValue::Integer(leaf), _, deed],
            ) => {
                let key = masa::deed_key(text(serial)?, text(line)?, *log, *leaf);
                ((Table::Deed, key), Short::of(text(deed)?.as_bytes()))
            }
            ("issued_voucher", [serial, ExportedValue::Octets(digest), .., ExportedValue::Octets(artifact)]) => {
                let whole = sha256(artifact);
                (whole.0.as_slice() == digest.as_slice()).then_some(())?;
                (
                    (Table::IssuedVoucher, masa::voucher_key(text(serial)?, &whole.to_string())),
                    masa::voucher_row(values)?,
                )
            }
            ("voucher_claim", [ExportedValue::Octets(claim), .., approved_by, _]) => {
                ((Table::Claim, hex(claim).into()), joined([text(approved_by).unwrap_or_default()]))
            }
            ("production_order", [name, ExportedValue::Text(document), closed]) => {
                let order =
                    ProductionOrder::read(document, None).filter(|it| text(name) == Some(it.name().as_str()))?;
                let units = (line, Short::from(order.units_digest()), UnitsHash::default());
                self.production.insert(text(name)?.into(), units);
                let closed = text(closed).unwrap_or_default();
                let document = sha256(document.as_bytes()).to_string();
                ((Table::ProductionOrder, text(name)?.into()), joined([document.as_str(), closed]))
            }
            ("production_unit", [order, serial_number, key, certificate, _, rework]) => {
                let (order, serial_number) = (text(order)?, text(serial_number)?);
                self.production.get_mut(order)?.2.add(serial_number, octets(key));
                let certificate = octets(certificate).map(hex).unwrap_or_default();
                let rework = text(rework).unwrap_or_default();
                if certificate.is_empty() && rework.is_empty() {
                    return Some(());
                }
                let key = format!("{order}/{serial_number}").into();
                ((Table::ProductionUnit, key), joined([certificate.as_str(), rework]))
            }
            ("policy", [_, document]) => ((Table::Policy, Box::default()), Short::of(text(document)?.as_bytes())),
            ("reported_key" | "device_event" | "delivery" | "dhcp_lease" | "dhcp_lease_head", _) => return Some(()),
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
                self.says(Table::Manufacturer, member("manufacturer"), Some(anchors));
                let identity = body.get("identity").map(|identity| Short::of(identity.to_string().as_bytes()));
                self.says(Table::Identity, member("manufacturer"), identity);
            }
            ("revocation-lists-stored", _) => {
                let digest = member("digest").and_then(parse_sha256).map(Short::from);
                self.says(Table::RevocationList, member("manufacturer"), digest);
            }
            ("profile-applied", _) => {
                let digest = member("document").and_then(parse_sha256).map(Short::from);
                self.says(Table::Profile, member("profile"), digest);
            }
            ("policies-applied", _) => {
                let policies = body.get("policies").map(|policies| Short::of(policies.to_string().as_bytes()));
                self.says(Table::Policy, Some(""), policies);
            }
            ("certificate-issued", _) => {
                let key = member("authority").zip(member("serial")).map(|(name, serial)| format!("{name}/{serial}"));
                let certificate = member("certificate").and_then(parse_sha256).map(Short::from);
                self.says(Table::Certificate, key.as_deref(), certificate);
            }
            ("certificate-revoked", _) => {
                let key = member("authority").zip(member("serial")).map(|(name, serial)| format!("{name}/{serial}"));
                self.says(Table::Revocation, key.as_deref(), member("reason").map(|reason| joined([reason])));
            }
            ("owner-recorded", _) => {
                let digest = member("document").and_then(parse_sha256).map(Short::from);
                self.says(Table::Owner, member("owner"), digest);
            }
            ("line-recorded", _) => {
                let says = body.get("says").map(|says| Short::of(says.to_string().as_bytes()));
                self.says(Table::Line, member("line"), says);
            }
            ("device-made" | "ownership-changed", _) => {
                let Some((serial, line)) = member("serial-number").zip(member("line")) else { return Ok(()) };
                let key = masa::device_key(serial, line);
                let made = self.made.changed(&key, body.get("deed"), leaf.time());
                self.says(Table::Made, Some(&key), made);
                if let Some(deed) = body.get("deed") {
                    let key = masa::deed_key(serial, line, log, i64::try_from(at.0).unwrap_or(i64::MAX));
                    self.says(Table::Deed, Some(&key), Some(Short::of(deed.to_string().as_bytes())));
                }
            }
            ("voucher-issued", _) => {
                let key = member("serial-number").zip(member("voucher")).map(|(it, sha)| masa::voucher_key(it, sha));
                self.says(Table::IssuedVoucher, key.as_deref(), Some(masa::voucher_says(&body)));
            }
            ("voucher-claimed", _) => self.says(Table::Claim, member("claim"), Some(joined([""]))),
            ("claim-approved", _) => {
                self.says(Table::Claim, member("claim"), member("approved-by").map(|by| joined([by])));
            }
            ("production-order-made" | "production-order-closed", _) => {
                let says = member("document").map(|it| joined([it, member("because").unwrap_or_default()]));
                self.says(Table::ProductionOrder, member("order"), says);
            }
            ("rework-allowed" | "unit-enrolled", _) => {
                let key = member("order").zip(member("made")).map(|(order, serial)| format!("{order}/{serial}"));
                let says = [member("serial").unwrap_or_default(), member("because").unwrap_or_default()];
                self.says(Table::ProductionUnit, key.as_deref(), Some(joined(says)));
            }
            ("profile-removed", _) => self.says(Table::Profile, member("profile"), None),
            ("user-changed", _) => {
                self.says(Table::Operator, member("user"), member("role").map(|role| joined([role])))
            }
            ("user-removed", _) => {
                self.says(Table::Operator, member("user"), None);
                // Its tokens go with it.
                let owned = joined(member("user"));
                let tokens = self.subjects.iter_mut().filter(|((table, _), _)| *table == Table::Token);
                tokens.filter(|(_, token)| token.log == Some(owned)).for_each(|(_, token)| token.log = None);
            }
            ("token-created", _) => self.says(Table::Token, member("token"), member("user").map(|user| joined([user]))),
            ("token-revoked", _) => self.says(Table::Token, member("token"), None),
            ("voucher-stored", Some(device)) => {
                let says = member("voucher").and_then(parse_sha256).map(Short::from);
                self.vouchers.stored(device_key(device.0, device.1), says);
            }
            ("device-erased", Some(device)) => self.vouchers.erased(&device_key(device.0, device.1)),
            ("progress-reported", _) => {
                let says =
                    about.zip(member("progress-type")).map(|((maker, serial), kind)| joined([maker, serial, kind]));
                self.report(log, at, says)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn says(&mut self, table: Table, key: Option<&str>, what: Option<Short>) {
        let Some(key) = key else { return };
        self.subjects.entry((table, key.into())).or_default().log = what;
    }

    /// A report's row names its leaf; both come in the order of the log. Of a record that was erased there is no row.
    fn report(&mut self, log: i64, at: LogIndex, says: Option<Short>) -> Result<(), BackupFault> {
        let Some(front) = self.reports.front() else { return Ok(()) };
        let (next, here) = ((i64::from(front.log), front.leaf), (log, at.0));
        if next < here || (next == here && says != Some(front.says)) {
            let line = self.reports_begin.saturating_add(self.reports_met);
            return Err(BackupFault::NotDerived { what: format!("the report on line {line}") });
        }
        if next == here {
            self.reports.pop_front();
            self.reports_met = self.reports_met.saturating_add(1);
        }
        Ok(())
    }

    /// Compares, after the last record.
    pub(super) fn finish(self, end: u64) -> Result<(), BackupInvalid> {
        let left = self.reports_begin.saturating_add(self.reports_met);
        let reports = (left..).zip(self.reports).take(1).map(|(line, _)| (line, "a report".to_owned()));
        let rows = self.subjects.into_iter().filter_map(|((table, key), known)| {
            let line = match (known.row, known.log) {
                // Releases that did not keep it in the log said nothing.
                (Some(_), None) if table == Table::Identity => return None,
                (Some((line, row)), log) if log != Some(row) => line,
                // A release that did not keep the policies wrote the backup.
                (None, Some(_)) if table == Table::Policy => return None,
                // The log has it, and the rows have not: it stands nowhere, and is missing at the end.
                (None, Some(_)) => end,
                _ => return None,
            };
            Some((line, format!("{} {key}", table.as_str())))
        });
        let devices = self.devices.differing(end);
        let vouchers = self.vouchers.differing(end);
        let units = self.production.into_iter().filter_map(|(name, (line, says, hash))| {
            (Short::from(hash.finish()) != says).then(|| (line, format!("units of production order {name}")))
        });
        match reports.chain(units).chain(rows).chain(devices).chain(vouchers).min() {
            None => Ok(()),
            Some((line, what)) => Err(BackupFault::NotDerived { what }.at(line)),
        }
    }
}

fn certificate_key(authority: &str, serial: &[u8]) -> Box<str> {
    format!("{authority}/{}", hex(serial)).into()
}

pub(super) fn device_key(manufacturer: &str, serial_number: &str) -> Box<str> {
    format!("{manufacturer}/{serial_number}").into()
}
