//! One line of a backup, written and read.

use std::collections::BTreeMap;

use audit_log::VerifierKey;
use base64::{Engine, prelude::BASE64_STANDARD};
use pki::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::BackupFault;
use crate::store::{ExportedRow, ExportedValue, SCHEMA_VERSION};

/// The number of the form that is written and read here.
pub(super) const FORM: u32 = 1;

/// Longest line, in octets: far longer than a row can be, and short enough to hold.
pub const MAX_LINE: u64 = 64 * 1024 * 1024;

/// The first line: what the backup is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Header {
    /// The form of the backup.
    #[serde(rename = "sztp-backup")]
    form: u32,
    /// The schema of the rows.
    schema: u32,
    /// The release that wrote it.
    server: String,
    /// When, RFC 3339.
    taken: String,
    /// The public key of the audit log, which also checks the seal.
    key: String,
    /// The newest checkpoint, as published.
    checkpoint: String,
}

impl Header {
    /// What a backup begins with that is taken at `now` of a database whose log is signed by `key`.
    #[must_use]
    pub fn new(now: Timestamp, key: &VerifierKey, checkpoint: &str) -> Self {
        Self {
            form: FORM,
            schema: SCHEMA_VERSION,
            server: env!("CARGO_PKG_VERSION").to_owned(),
            taken: now.to_string(),
            key: key.to_string(),
            checkpoint: checkpoint.to_owned(),
        }
    }

    /// When it was taken, RFC 3339.
    #[must_use]
    pub fn taken(&self) -> &str {
        &self.taken
    }

    /// The newest checkpoint of that moment, as published.
    #[must_use]
    pub fn checkpoint(&self) -> &str {
        &self.checkpoint
    }

    pub(super) fn key(&self) -> Result<VerifierKey, BackupFault> {
        self.key.parse().map_err(|_| BackupFault::Malformed)
    }

    pub(super) fn decode(line: &[u8]) -> Result<Self, BackupFault> {
        // Whatever the rest is, who finds a number it does not know must say so.
        let value: Value = serde_json::from_slice(line).map_err(|_| BackupFault::NoBackup)?;
        let number = |name| value.get(name).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
        let found = number("sztp-backup").ok_or(BackupFault::NoBackup)?;
        let schema = number("schema").ok_or(BackupFault::NoBackup)?;
        if found != FORM || schema > SCHEMA_VERSION {
            let server = value.get("server").and_then(Value::as_str).unwrap_or("unknown").to_owned();
            return Err(BackupFault::TooNew { found, schema, server });
        }
        let header: Self = serde_json::from_value(value).map_err(|_| BackupFault::Malformed)?;
        header.key()?;
        Ok(header)
    }
}

/// The last line: what was before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Trailer {
    /// How many rows each table has.
    pub rows: BTreeMap<String, u64>,
    /// SHA-256 of every octet before this line, in hex.
    pub sha256: String,
    /// Number of rows and digest, signed by the log's key: a note of the form of a checkpoint, with an origin of its own.
    pub seal: String,
}

impl Trailer {
    pub(super) fn total(&self) -> u64 {
        self.rows.values().fold(0, |sum, rows| sum.saturating_add(*rows))
    }
}

/// JSON that does not fail: maps of texts and numbers.
pub(super) fn encode(line: &impl Serialize) -> Vec<u8> {
    let mut octets = serde_json::to_vec(line).unwrap_or_default();
    octets.push(b'\n');
    octets
}

/// The row, with the blank that parts it from its check.
pub(super) fn encode_row(row: &ExportedRow) -> Vec<u8> {
    let values = row.values.iter().map(|value| match value {
        ExportedValue::Nothing => Value::Null,
        ExportedValue::Integer(number) => json!(number),
        ExportedValue::Text(text) => json!(text),
        ExportedValue::Octets(octets) => json!({ "b": BASE64_STANDARD.encode(octets) }),
    });
    let mut octets = encode(&std::iter::once(json!(row.table)).chain(values).collect::<Vec<_>>());
    octets.pop();
    octets.push(b' ');
    octets
}

pub(super) fn decode_row(line: &[u8]) -> Option<ExportedRow> {
    let mut values = serde_json::from_slice::<Vec<Value>>(line).ok()?.into_iter();
    let Some(Value::String(table)) = values.next() else { return None };
    let values = values.map(|value| match value {
        Value::Null => Some(ExportedValue::Nothing),
        Value::Number(number) => number.as_i64().map(ExportedValue::Integer),
        Value::String(text) => Some(ExportedValue::Text(text)),
        Value::Object(mut members) if members.len() == 1 => match members.remove("b") {
            Some(Value::String(text)) => BASE64_STANDARD.decode(text).ok().map(ExportedValue::Octets),
            _ => None,
        },
        _ => None,
    });
    Some(ExportedRow { table, values: values.collect::<Option<_>>()? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = ExportedValue> {
        prop_oneof![
            Just(ExportedValue::Nothing),
            any::<i64>().prop_map(ExportedValue::Integer),
            any::<String>().prop_map(ExportedValue::Text),
            any::<Vec<u8>>().prop_map(ExportedValue::Octets),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever a database holds comes back as it was, on one line.
        #[test]
        fn a_row_is_read_as_it_was_written(table: String, values in prop::collection::vec(value(), 0..6)) {
            let row = ExportedRow { table, values };
            let line = encode_row(&row);
            prop_assert!(!line.contains(&b'\n'));
            prop_assert_eq!(decode_row(&line), Some(row));
        }
    }

    #[test]
    fn a_form_of_the_future_is_told_from_what_is_no_backup() {
        let decode = |text: &str| Header::decode(text.as_bytes()).unwrap_err();
        assert!(matches!(decode("PRAGMA"), BackupFault::NoBackup));
        assert!(matches!(decode("{}"), BackupFault::NoBackup));
        let newer = decode(r#"{"sztp-backup":2,"schema":9,"server":"7.0.0","more":1}"#);
        assert!(newer.to_string().contains("made by release 7.0.0"), "{newer}");
        assert!(matches!(decode(r#"{"sztp-backup":1,"schema":99,"server":"7.0.0"}"#), BackupFault::TooNew { .. }));
    }
}
