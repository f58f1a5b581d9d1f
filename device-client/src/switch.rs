//! The variable that says whether a device bootstraps (RFC 8572 §5.1).

use std::path::PathBuf;

use serde::Deserialize;
use verdict::{ReasonCode, Refusal};

use crate::{
    machine::SwitchPosition,
    storage::{self, Disk},
};

/// Largest file that is read for it.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// Where the variable is, in storage that the owner's configuration writes to: a JSON document and the place in it, or a file
/// with nothing else. It is a value and never a presence, so that a merge can turn it off (DEV-02).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SwitchPlace {
    /// The file.
    pub file: PathBuf,
    /// The value's place in a JSON document (RFC 6901), such as `/sztp/enabled`. Without one the file's whole text is the value.
    #[serde(default)]
    pub pointer: Option<String>,
}

impl SwitchPlace {
    /// How it stands. What is not there is on: that is the factory default (DEV-01).
    ///
    /// # Errors
    /// [`ReasonCode::StorageFailed`] when the file is there and is not what it must be. Whoever cannot tell goes on: a device
    /// that is never bootstrapped is of no use.
    pub fn read(&self, disk: &dyn Disk) -> Result<SwitchPosition, Refusal> {
        let read = disk.read_bounded(&self.file, MAX_FILE).map_err(|error| storage::refusal(&self.file, &error))?;
        let Some(bytes) = read else { return Ok(SwitchPosition::On) };
        let unclear = || {
            let place = self.pointer.as_ref().map(|pointer| format!(" at {pointer}")).unwrap_or_default();
            let detail = format!("{}{place}: neither true nor false", self.file.display());
            Refusal::new(ReasonCode::StorageFailed, detail)
        };
        let value = match &self.pointer {
            None => serde_json::from_slice(bytes.trim_ascii()).map_err(|_| unclear())?,
            Some(pointer) => {
                let document: serde_json::Value = serde_json::from_slice(&bytes).map_err(|_| unclear())?;
                document.pointer(pointer).cloned().unwrap_or(serde_json::Value::Bool(true))
            }
        };
        match value.as_bool() {
            Some(true) => Ok(SwitchPosition::On),
            Some(false) => Ok(SwitchPosition::Off),
            None => Err(unclear()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::LinuxDisk;

    #[test]
    fn dev_02_the_switch_is_a_value_that_a_merge_can_turn_off() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("running.json");
        let within = SwitchPlace { file: file.clone(), pointer: Some("/sztp/enabled".to_owned()) };
        let alone = SwitchPlace { file: file.clone(), pointer: None };
        // DEV-01: on by default.
        assert_eq!((within.read(&LinuxDisk), alone.read(&LinuxDisk)), (Ok(SwitchPosition::On), Ok(SwitchPosition::On)));
        for (text, expected) in [
            ("{}", SwitchPosition::On),
            ("{\"sztp\":{\"enabled\":true}}", SwitchPosition::On),
            ("{\"sztp\":{\"enabled\":false}}", SwitchPosition::Off),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(within.read(&LinuxDisk), Ok(expected), "{text}");
            assert_eq!(alone.read(&LinuxDisk).unwrap_err().reason, ReasonCode::StorageFailed);
        }
        std::fs::write(&file, "false\n").unwrap();
        assert_eq!(alone.read(&LinuxDisk), Ok(SwitchPosition::Off));
        std::fs::write(&file, "{\"sztp\":{\"enabled\":\"no\"}}").unwrap();
        assert!(within.read(&LinuxDisk).unwrap_err().detail.contains("/sztp/enabled"));
    }
}
