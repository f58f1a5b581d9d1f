//! Writing a backup: rows in, octets out.

use std::collections::BTreeMap;

use audit_log::{Origin, RootHash, TreeHead, TreeSize, VerifierKey};
use pki::digest::{Digest, Sha256};

use super::line::{Header, Trailer, encode, encode_row};
use crate::{
    audit::{CheckpointKey, CheckpointKeyError},
    store::ExportedRow,
};

/// A backup that is being written. It holds counts and a digest, and no row.
pub struct Writer {
    rows: BTreeMap<String, u64>,
    digest: Sha256,
}

impl Writer {
    /// Begins; gives the first octets.
    #[must_use]
    pub fn begin(header: &Header) -> (Self, Vec<u8>) {
        let mut writer = Self { rows: BTreeMap::new(), digest: Sha256::new() };
        let line = encode(header);
        writer.digest.update(&line);
        (writer, line)
    }

    /// The octets of rows, in the order of the export.
    pub fn rows(&mut self, rows: &[ExportedRow]) -> Vec<u8> {
        let mut octets = Vec::new();
        for row in rows {
            let count = self.rows.entry(row.table.clone()).or_default();
            *count = count.saturating_add(1);
            let mut line = encode_row(row);
            self.digest.update(&line);
            line.extend(check(&self.digest).bytes());
            line.push(b'\n');
            // The check is part of what the next one is of.
            self.digest.update(line.get(line.len().saturating_sub(CHECK)..).unwrap_or_default());
            octets.append(&mut line);
        }
        octets
    }

    /// Ends; gives the last octets, and the digest of all before them, by which the backup is known in the audit log.
    ///
    /// # Errors
    /// [`CheckpointKeyError`] when the key does not sign.
    pub fn finish(self, key: &CheckpointKey) -> Result<(Vec<u8>, Digest), CheckpointKeyError> {
        let digest = self.digest.finish();
        let mut trailer = Trailer { rows: self.rows, sha256: digest.to_string(), seal: String::new() };
        let head = sealed(trailer.total(), digest);
        key.sign(&seal_origin(key.verifier())?, head)?.signed_note().clone_into(&mut trailer.seal);
        Ok((encode(&trailer), digest))
    }
}

/// Octets of a check, with the blank before it left to the row and the end of the line included.
const CHECK: usize = 9;

/// What stands behind each row: the beginning of the digest of everything before. It says on which line a backup was
/// altered, where the digest of the whole only says that it was.
pub(super) fn check(so_far: &Sha256) -> String {
    so_far.clone().finish().to_string().chars().take(8).collect()
}

/// What the seal says: how many rows, and the digest of all lines before.
pub(super) const fn sealed(rows: u64, digest: Digest) -> TreeHead {
    TreeHead { size: TreeSize(rows), root: RootHash(digest.0) }
}

/// The origin of seals. No log has it: those of a key have its name, or that and a number.
pub(super) fn seal_origin(key: &VerifierKey) -> Result<Origin, CheckpointKeyError> {
    Origin::new(format!("{}/backup", key.name())).ok_or(CheckpointKeyError::Name(audit_log::KeyNameInvalid))
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("rows", &self.rows).finish_non_exhaustive()
    }
}
