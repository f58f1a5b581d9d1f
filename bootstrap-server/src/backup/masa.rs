//! What the log says of a MASA's rows.

use std::collections::HashMap;

use audit_log::UnixMillis;
use authority::masa::{OwnerName, Ownership};
use pki::time::Timestamp;
use serde_json::Value;

use super::{
    derived::{joined, text},
    short::Short,
};
use crate::{domain::masa::read_deed, store::ExportedValue};

/// Whose each device is, by its deeds.
#[derive(Default)]
pub(super) struct MadeDevices(HashMap<Box<str>, Ownership>);

impl MadeDevices {
    /// What the row of a device says after one more deed, or when it was made; `None` for a deed that cannot be.
    pub(super) fn changed(&mut self, device: &str, deed: Option<&Value>, at: UnixMillis) -> Option<Short> {
        let ownership = match deed {
            None => Ownership::Unsold,
            Some(deed) => {
                let at = Timestamp::from_unix(i64::try_from(at.0 / 1000).unwrap_or(i64::MAX));
                self.0.get(device)?.after(&read_deed(deed)?, at).ok()?
            }
        };
        let (word, owner, recipient, since) = match &ownership {
            Ownership::Unsold => ("unsold", None, None, None),
            Ownership::Owned { by, since } => ("owned", Some(by), None, Some(since)),
            Ownership::Released { from, to, at } => ("released", Some(from), Some(to), Some(at)),
        };
        let name = |owner: Option<&OwnerName>| owner.map_or_else(String::new, ToString::to_string);
        let since = since.map_or_else(String::new, |since| since.unix().to_string());
        let says = joined([word, &name(owner), &name(recipient), &since]);
        self.0.insert(device.into(), ownership);
        Some(says)
    }
}

/// What the row of a device says; `None` when it has not the shape of one.
pub(super) fn made_row(values: &[ExportedValue]) -> Option<Short> {
    let [_, _, word, owner, recipient, since] = values else { return None };
    let since = match since {
        ExportedValue::Integer(since) => since.to_string(),
        _ => String::new(),
    };
    Some(joined([text(word)?, text(owner).unwrap_or_default(), text(recipient).unwrap_or_default(), &since]))
}

/// What the row of a voucher says beside the artifact, as far as somebody acts on it.
pub(super) fn voucher_row(values: &[ExportedValue]) -> Option<Short> {
    let [_, _, line, ExportedValue::Octets(claim), _, owner, _, _, nonce, assertion, ..] = values else { return None };
    let optional = |value| text(value).unwrap_or_default();
    let claim = crate::domain::ledger::hex(claim);
    Some(joined([optional(line), claim.as_str(), optional(owner), optional(nonce), text(assertion)?]))
}

/// The same, as the log has it.
pub(super) fn voucher_says(body: &Value) -> Short {
    let members = ["line", "claim", "owner", "nonce", "assertion"];
    joined(members.map(|member| body.get(member).and_then(Value::as_str).unwrap_or_default()))
}

pub(super) fn device_key(serial_number: &str, line: &str) -> Box<str> {
    serde_json::json!([serial_number, line]).to_string().into()
}

pub(super) fn deed_key(serial_number: &str, line: &str, log: i64, leaf: i64) -> Box<str> {
    serde_json::json!([serial_number, line, log, leaf]).to_string().into()
}

pub(super) fn voucher_key(serial_number: &str, sha256: &str) -> Box<str> {
    serde_json::json!([serial_number, sha256]).to_string().into()
}
