//! Records of the audit log, as people read them.

use std::collections::BTreeSet;

use operator_api::{AuditRecord, client::DeviceKey};
use pki::time::Timestamp;
use serde_json::Value;

use crate::{
    output,
    show::{Column, Form, Listing, column, plain},
};

/// Members of a body that stand elsewhere in the line, or say nothing to people.
const ELSEWHERE: [&str; 5] = ["event", "device", "by", "certificate", "keys"];

/// A record in a list.
pub(crate) const COLUMNS: &[Column] = &[
    column("leaf", "/leaf"),
    column("at", "/at"),
    column("event", "/body/event"),
    column("manufacturer", "/body/device/manufacturer"),
    column("serial-number", "/body/device/serial-number"),
    column("body", "/body"),
];

/// Records as they come. A stream has no end that could close a document: in JSON, each is one on a line of its own.
pub(crate) struct Stream {
    form: Form,
    listing: Listing,
}

impl Stream {
    pub(crate) fn new(form: Form) -> Self {
        Self { form, listing: Listing::new(form, COLUMNS) }
    }

    pub(crate) fn show(&mut self, record: &AuditRecord) {
        match self.form {
            Form::Table => output::line(&line(record)),
            Form::Json => output::line(&serde_json::to_string(record).unwrap_or_default()),
            Form::Yaml | Form::Csv => output::text(&self.listing.page(std::slice::from_ref(record))),
        }
    }
}

/// The record on one line: position, time, device, what happened, and by whom.
pub(crate) fn line(record: &AuditRecord) -> String {
    let subject = device(record).map(|(manufacturer, serial)| format!("  {manufacturer}/{serial}")).unwrap_or_default();
    plain(&format!("{:>6}  {}{subject}  {}", record.leaf, record.at, what(record)))
}

/// What happened.
pub(crate) fn what(record: &AuditRecord) -> String {
    let Some(Value::Object(body)) = &record.body else { return "erased".to_owned() };
    let mut text = body.get("event").and_then(Value::as_str).unwrap_or("unknown").to_owned();
    // Of two whole sets of policies, people want to know what differs.
    let compared = body.get("before").is_some_and(Value::is_object);
    if let (true, Some(before), Some(policies)) = (compared, body.get("before"), body.get("policies")) {
        changed("", before, policies, &mut text);
    }
    for (name, value) in body {
        if compared && ["before", "policies"].contains(&name.as_str()) {
            continue;
        }
        if name == "expires"
            && let Some(at) = value.as_i64()
        {
            text.push_str(&format!("  expires={}", Timestamp::from_unix(at / 1000)));
            continue;
        }
        if !ELSEWHERE.contains(&name.as_str()) && !is_empty(value) {
            text.push_str(&format!("  {name}={}", short(value)));
        }
    }
    match body.get("by") {
        Some(Value::String(by)) => text.push_str(&format!("  by {by}")),
        Some(by) => {
            if let Some(user) = by.pointer("/user").and_then(Value::as_str) {
                text.push_str(&format!("  by {user}"));
            }
        }
        None => {}
    }
    text
}

/// Whether the record is about this device.
pub(crate) fn is_about(record: &AuditRecord, key: &DeviceKey) -> bool {
    device(record) == Some((key.manufacturer.as_str(), key.serial_number.as_str()))
}

/// Whether the record is about any device.
pub(crate) fn is_about_a_device(record: &AuditRecord) -> bool {
    device(record).is_some()
}

fn device(record: &AuditRecord) -> Option<(&str, &str)> {
    let device = record.body.as_ref()?.get("device")?;
    Some((device.get("manufacturer")?.as_str()?, device.get("serial-number")?.as_str()?))
}

/// Appends each member that differs, with its path, as it was and as it is.
fn changed(path: &str, before: &Value, after: &Value, text: &mut String) {
    if before == after {
        return;
    }
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        let shown = |value: &Value| if value.is_null() { "nothing".to_owned() } else { short(value) };
        return text.push_str(&format!("  {path}={}→{}", shown(before), shown(after)));
    };
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    for name in names {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        changed(&path, old.get(name).unwrap_or(&Value::Null), new.get(name).unwrap_or(&Value::Null), text);
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A value for one line: digests are cut to what tells them apart.
fn short(value: &Value) -> String {
    match value {
        Value::String(text) if text.len() == 64 && text.bytes().all(|octet| octet.is_ascii_hexdigit()) => {
            format!("{}…", text.get(..12).unwrap_or_default())
        }
        Value::String(text) if !text.contains(char::is_whitespace) => text.clone(),
        Value::Object(members) => {
            let members = members.iter().filter(|(_, value)| !is_empty(value));
            members.map(|(name, value)| format!("{name}:{}", short(value))).collect::<Vec<_>>().join(",")
        }
        Value::Array(list) => list.iter().map(short).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(body: Option<Value>) -> AuditRecord {
        AuditRecord { leaf: 7, at: "2026-01-01T00:00:00.000Z".to_owned(), kind: 1, body }
    }

    #[test]
    fn a_record_is_one_line_whatever_its_device_wrote() {
        let record = record(Some(json!({
            "event": "progress-reported", "device": {"manufacturer": "m", "serial-number": "s"}, "source": "192.0.2.1",
            "message": "a b\n\u{1b}[2J", "keys": [], "progress-type": "boot-image-error",
        })));
        assert_eq!(
            line(&record),
            "     7  2026-01-01T00:00:00.000Z  m/s  progress-reported  message=\"a b\\n\\u001b[2J\"  \
             progress-type=boot-image-error  source=192.0.2.1"
        );
        let key = DeviceKey { manufacturer: "m".to_owned(), serial_number: "s".to_owned() };
        assert!(is_about(&record, &key));
    }

    #[test]
    fn srv_21_of_policies_what_changed_is_told() {
        let policies = |unregistered: Value, attempt: u64| json!({"roles": ["redirect-server"], "unregistered": unregistered, "deadlines": {"attempt": attempt, "seen": 9}});
        let body = json!({
            "event": "policies-applied", "before": policies(json!("hold"), 1), "policies": policies(json!({"admit": "b"}), 2),
        });
        assert_eq!(what(&record(Some(body))), "policies-applied  deadlines.attempt=1→2  unregistered=hold→admit:b");
        let first = what(&record(Some(json!({"event": "policies-applied", "before": null, "policies": {"a": 1}}))));
        assert_eq!(first, "policies-applied  policies=a:1");
    }

    #[test]
    fn digests_are_cut_and_persons_are_named() {
        let body =
            json!({"event": "answered", "answer": {"redirect": "ab".repeat(32)}, "by": {"user": "anna", "token": "t"}});
        assert_eq!(what(&record(Some(body))), "answered  answer=redirect:abababababab…  by anna");
        assert_eq!(what(&record(None)), "erased");
        let body = json!({"event": "token-created", "token": "t-1", "user": "anna", "expires": 1_795_364_739_460_u64});
        assert_eq!(what(&record(Some(body))), "token-created  expires=2026-11-22T16:25:39Z  token=t-1  user=anna");
        assert!(!is_about_a_device(&record(None)));
    }
}
