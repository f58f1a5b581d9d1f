//! Records of the audit log, as people read them.

use operator_api::{AuditRecord, client::DeviceKey};
use serde_json::Value;

use crate::show::plain;

/// Members of a body that stand elsewhere in the line, or say nothing to people.
const ELSEWHERE: [&str; 5] = ["event", "device", "by", "certificate", "keys"];

/// The record on one line: position, time, device, what happened, and by whom.
pub(crate) fn line(record: &AuditRecord) -> String {
    let subject = device(record).map(|(manufacturer, serial)| format!("  {manufacturer}/{serial}")).unwrap_or_default();
    plain(&format!("{:>6}  {}{subject}  {}", record.leaf, record.at, what(record)))
}

/// What happened.
pub(crate) fn what(record: &AuditRecord) -> String {
    let Some(Value::Object(body)) = &record.body else { return "erased".to_owned() };
    let mut text = body.get("event").and_then(Value::as_str).unwrap_or("unknown").to_owned();
    for (name, value) in body {
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
    fn digests_are_cut_and_persons_are_named() {
        let body =
            json!({"event": "answered", "answer": {"redirect": "ab".repeat(32)}, "by": {"user": "anna", "token": "t"}});
        assert_eq!(what(&record(Some(body))), "answered  answer=redirect:abababababab…  by anna");
        assert_eq!(what(&record(None)), "erased");
        assert!(!is_about_a_device(&record(None)));
    }
}
