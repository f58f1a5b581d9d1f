//! Checking the whole log: every record against its leaf, every leaf against the signed checkpoints.

use audit_log::{LogIndex, Opening, Reason as _, Record, Report, UnverifiedCheckpoint, Verifier, VerifierKey};
use verdict::{ReasonCode, Refusal};

use crate::store::{Store, StoreError};

/// Records read at a time.
const PAGE: u32 = 4096;

/// Verifies the log in `store` against its own latest checkpoint and against `kept`: checkpoints that somebody kept
/// elsewhere, without which a log that was cut off at its end, together with its checkpoint, looks whole.
///
/// # Errors
/// [`AuditError::Refused`] names the first record or checkpoint that does not fit.
pub async fn verify(store: &dyn Store, key: &VerifierKey, kept: &[Vec<u8>]) -> Result<Report, AuditError> {
    // One moment's checkpoint and leaves: the server may be writing, and each commit brings new ones of both.
    let mut log = store.log_snapshot().await?;
    let own = log.checkpoint().map(str::as_bytes);
    let notes = kept.iter().map(Vec::as_slice).chain(own);
    let checkpoints = notes.map(|note| UnverifiedCheckpoint::parse(note).map_err(|error| error.refusal())?.verify(key));
    let mut verifier = Verifier::new(checkpoints.collect::<Result<Vec<_>, Refusal>>()?);
    let mut next = LogIndex(0);
    loop {
        let page = log.records(next, PAGE).await?;
        if page.is_empty() {
            let report = verifier.finish()?;
            // The server signs in the transaction that appends: what no checkpoint covers, it did not write.
            if report.unvouched > 0 {
                let detail = format!("the last {} leaves are covered by no checkpoint", report.unvouched);
                return Err(Refusal::new(ReasonCode::LogRootMismatch, detail).into());
            }
            return Ok(report);
        }
        for record in &page {
            let index = record.position;
            if index != next {
                let detail = format!("leaf {next} is missing, leaf {index} comes after it");
                return Err(Refusal::new(ReasonCode::LogTruncated, detail).into());
            }
            if let Some(damage) = record.damage {
                let detail = format!("leaf {index}: {damage}");
                return Err(Refusal::new(ReasonCode::LogLeafMismatch, detail).into());
            }
            let opening = record.opening.as_ref().map(|(salt, body)| Opening { salt, body });
            verifier = verifier.feed(Record { leaf: &record.leaf, opening })?;
            next = LogIndex(next.0.saturating_add(1));
        }
    }
}

/// The log could not be verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The log is not what was signed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
