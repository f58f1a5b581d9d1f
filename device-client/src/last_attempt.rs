//! How the last attempt to bootstrap ended, kept for `sztp-device status`.

use std::{io, path::Path, time::SystemTime};

use pki::time::Timestamp;
use serde_json::{Value, json};

use crate::{
    Outcome, OutcomeState,
    storage::{Disk, LinuxDisk},
};

/// Name of the file in the device's folder.
pub(crate) const FILE: &str = "last-attempt.json";

/// Longest file that is read.
const MAX_OCTETS: u64 = 256 * 1024;

/// Places that are named, the last ones.
const MAX_PLACES: usize = 32;

/// Keeps how an attempt ended, as a JSON object that replaces the one before as a whole. It holds what the trace says: no
/// content of a document, and nothing that a program printed (SEC-13). When nothing was attempted, nothing is kept.
///
/// # Errors
/// As the file system says.
pub fn keep(root: &Path, outcome: &Outcome) -> io::Result<()> {
    if matches!(outcome.state, OutcomeState::AlreadyDone | OutcomeState::SwitchedOff) {
        return Ok(());
    }
    let surplus = outcome.passed_over.len().saturating_sub(MAX_PLACES);
    let passed_over = outcome.passed_over.iter().skip(surplus);
    let kept = json!({
        "when": Timestamp::from_system(SystemTime::now()).to_string(),
        "state": outcome.state,
        "reason": outcome.reason,
        "section": outcome.reason.map(verdict::ReasonCode::section),
        "remedy": outcome.reason.map(verdict::ReasonCode::remedy),
        "detail": outcome.detail,
        "passed-over": passed_over.collect::<Vec<_>>(),
    });
    LinuxDisk.replace(&root.join(FILE), format!("{kept:#}\n").as_bytes())
}

/// What was kept, if anything was. A file that cannot be read is `null`.
///
/// # Errors
/// As the file system says.
pub(crate) fn read(root: &Path) -> io::Result<Option<Value>> {
    let bytes = LinuxDisk.read_bounded(&root.join(FILE), MAX_OCTETS)?;
    Ok(bytes.map(|bytes| serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
}

#[cfg(test)]
mod tests {
    use verdict::ReasonCode;

    use super::*;
    use crate::{PassedOver, Server};

    #[test]
    fn sec_19_the_last_attempt_is_kept_with_reason_section_and_remedy_and_bounded() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap(), None);
        let mut outcome = Outcome::new(OutcomeState::Refused, "a:1: late");
        outcome.reason = Some(ReasonCode::VoucherExpired);
        let passed = |port| PassedOver {
            place: Server::new("a", port).into(),
            reason: ReasonCode::VoucherExpired,
            detail: "x".repeat(1024),
        };
        outcome.passed_over = (0..10_000).map(passed).collect();
        keep(folder.path(), &outcome).unwrap();
        let kept = read(folder.path()).unwrap().unwrap();
        assert_eq!((&kept["state"], &kept["reason"]), (&json!("refused"), &json!("voucher-expired")));
        assert_eq!(kept["remedy"], ReasonCode::VoucherExpired.remedy());
        assert_eq!(kept["passed-over"][MAX_PLACES - 1]["place"], "a:9999");
        // A start that had nothing to do does not hide why the one before failed.
        keep(folder.path(), &Outcome::new(OutcomeState::SwitchedOff, "")).unwrap();
        assert_eq!(read(folder.path()).unwrap().unwrap(), kept);
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        assert_eq!(read(folder.path()).unwrap(), Some(Value::Null));
    }
}
