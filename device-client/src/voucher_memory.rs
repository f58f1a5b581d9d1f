//! The newest voucher that was accepted, in a file of its own beside the journal. Back to factory state does not remove it:
//! it is no trust, but a bound on it (SEC-03).

use std::{io, path::Path};

use conveyed_info::verify::VoucherFacts;
use pki::time::Timestamp;
use serde::{Deserialize, Serialize};
use verdict::Digest;

use crate::storage::Disk;

/// Name of the file.
pub(crate) const FILE: &str = "vouchers.seen";

const MAX_SIZE: u64 = 4096;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Line {
    created_on: String,
    owner: String,
}

/// What `folder` remembers. A file that cannot be understood remembers nothing.
///
/// # Errors
/// As the file system says.
pub(crate) fn read(disk: &dyn Disk, folder: &Path) -> io::Result<Option<VoucherFacts>> {
    let bytes = match disk.read_bounded(&folder.join(FILE), MAX_SIZE) {
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => None,
        result => result?,
    };
    Ok(bytes.and_then(|bytes| parse(&bytes)))
}

fn parse(bytes: &[u8]) -> Option<VoucherFacts> {
    let line: Line = serde_json::from_slice(bytes).ok()?;
    let created_on = Timestamp::parse_rfc3339(&line.created_on)?;
    if line.owner.len() != 64 || !line.owner.is_ascii() {
        return None;
    }
    let mut owner = [0; 32];
    for (octet, place) in owner.iter_mut().zip((0_usize..).step_by(2)) {
        *octet = u8::from_str_radix(line.owner.get(place..place.saturating_add(2))?, 16).ok()?;
    }
    Some(VoucherFacts { created_on: Some(created_on), owner: Digest(owner) })
}

/// Remembers `voucher`, durably, in place of what was remembered. One that says not when it was created is no bound.
///
/// # Errors
/// As the file system says; what was remembered before still is, then.
pub(crate) fn write(disk: &dyn Disk, folder: &Path, voucher: VoucherFacts) -> io::Result<()> {
    let Some(created_on) = voucher.created_on else { return Ok(()) };
    let line = Line { created_on: created_on.to_string(), owner: voucher.owner.to_string() };
    let mut bytes = serde_json::to_vec(&line)?;
    bytes.push(b'\n');
    disk.replace(&folder.join(FILE), &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::LinuxDisk;

    #[test]
    fn sec_03_what_is_remembered_comes_back_and_what_is_damaged_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(&LinuxDisk, folder.path()).unwrap(), None);
        let voucher = VoucherFacts { created_on: Some(Timestamp::from_unix(1_800_000_000)), owner: Digest([0xa5; 32]) };
        write(&LinuxDisk, folder.path(), voucher).unwrap();
        assert_eq!(read(&LinuxDisk, folder.path()).unwrap(), Some(voucher));
        write(&LinuxDisk, folder.path(), VoucherFacts { created_on: None, ..voucher }).unwrap();
        assert_eq!(read(&LinuxDisk, folder.path()).unwrap(), Some(voucher));
        for damaged in ["", "{}", "{\"created-on\":\"2026\",\"owner\":\"\"}", &"x".repeat(5000)] {
            std::fs::write(folder.path().join(FILE), damaged).unwrap();
            assert_eq!(read(&LinuxDisk, folder.path()).unwrap(), None, "{damaged:.20}");
        }
        // A factory reset leaves it alone.
        write(&LinuxDisk, folder.path(), voucher).unwrap();
        crate::state::reset(folder.path()).unwrap();
        assert_eq!(read(&LinuxDisk, folder.path()).unwrap(), Some(voucher));
    }
}
