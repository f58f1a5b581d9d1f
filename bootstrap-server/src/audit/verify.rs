//! Checking the logs: every record against its leaf, every leaf against the signed checkpoints.

use audit_log::{
    Checkpoint, LogIndex, Opening, Origin, Reason as _, Record, Report, UnverifiedCheckpoint, Verifier, VerifierKey,
};
use verdict::{ReasonCode, Refusal};

use super::{Account, signing::origin_of};
use crate::store::{ArchivedLog, LogNumber, LogSnapshot, Store, StoreError, StoredRecord};

/// Records read at a time.
const PAGE: u32 = 4096;

/// Verifies the log in `store` against its own latest checkpoint and against `kept`: checkpoints that somebody kept
/// elsewhere, without which a log that was cut off at its end, together with its checkpoint, looks whole.
///
/// Logs that ended when the database was restored are verified first, each against its own last checkpoint and those of
/// `kept` that are of its origin. One of these may be newer than the log, as far as the restoration admits it: the first
/// leaf of the next log names the newest checkpoint that was known then. The report is that of the log which is written.
///
/// Records without a body must be as many as the events of all logs say were erased.
///
/// # Errors
/// [`AuditError::Refused`] names the first record or checkpoint that does not fit.
pub async fn verify(store: &dyn Store, key: &VerifierKey, kept: &[Vec<u8>]) -> Result<Report, AuditError> {
    // One moment for all of it: the server may be writing. Each commit brings new checkpoints and leaves, and an erasure
    // takes from one log what it counts in another.
    let mut logs = store.log_snapshot().await?;
    let mut kept: Vec<&[u8]> = kept.iter().map(Vec::as_slice).collect();
    let (archived, mut account) = (logs.archived().to_vec(), Account::default());
    let following = archived.iter().skip(1).map(|log| Some(log.log)).chain([None]);
    for (ArchivedLog { log, origin, checkpoint }, next) in archived.iter().zip(following) {
        let admitted = admitted(&page(logs.as_mut(), next, LogIndex(0)).await?, origin, key);
        let own: Vec<_> = kept.extract_if(.., |note| origin_in(note, key).as_ref() == Some(origin)).collect();
        let own = checkpoints(own, origin, key)?;
        let mut last = checkpoints(vec![checkpoint.as_bytes()], origin, key)?;
        let end = last.first().map_or(0, |last| last.head().size.0);
        let (within, beyond): (Vec<_>, Vec<_>) = own.into_iter().partition(|note| note.head().size.0 <= end);
        last.extend(within);
        one_log(logs.as_mut(), Some(*log), last, &mut account).await?;
        if let Some(note) = beyond.iter().find(|note| note.head().size.0 > admitted) {
            let detail = format!(
                "the log {origin} was restored with {end} leaves, and a checkpoint of it covers {}, which the \
                 restoration does not name",
                note.head().size
            );
            return Err(Refusal::new(ReasonCode::LogTruncated, detail).into());
        }
    }
    let origin = logs.checkpoint().and_then(|note| origin_of(note, key));
    let origin = origin.unwrap_or_else(|| Origin::from(key.name()));
    kept.extend(logs.checkpoint().map(str::as_bytes));
    let kept = checkpoints(kept, &origin, key)?;
    let report = one_log(logs.as_mut(), None, kept, &mut account).await?;
    // SEC-22: a record is erased by an event of the log, whichever log that is, or it was taken out.
    account.close().map_err(Refusal::from)?;
    Ok(report)
}

fn origin_in(note: &[u8], key: &VerifierKey) -> Option<Origin> {
    origin_of(std::str::from_utf8(note).ok()?, key)
}

fn checkpoints(notes: Vec<&[u8]>, origin: &Origin, key: &VerifierKey) -> Result<Vec<Checkpoint>, Refusal> {
    let verified = notes
        .into_iter()
        .map(|note| UnverifiedCheckpoint::parse(note).map_err(|error| error.refusal())?.verify_of(origin, key));
    verified.collect()
}

/// Records of one log, the one that is written unless another is named.
async fn page(
    logs: &mut dyn LogSnapshot,
    log: Option<LogNumber>,
    first: LogIndex,
) -> Result<Vec<StoredRecord>, StoreError> {
    match log {
        Some(log) => logs.archived_records(log, first, PAGE).await,
        None => logs.records(first, PAGE).await,
    }
}

/// How many leaves the log `origin` is known to have had, as the first leaf of the log after it says.
fn admitted(next: &[StoredRecord], origin: &Origin, key: &VerifierKey) -> u64 {
    let body = next.first().and_then(|record| record.opening.as_ref()).map(|(_, body)| body.as_slice());
    // A leaf that was erased, or is another one, admits nothing.
    let body: serde_json::Value = serde_json::from_slice(body.unwrap_or_default()).unwrap_or_default();
    let note = body["checkpoint"].as_str().unwrap_or_default().as_bytes();
    let checkpoint = UnverifiedCheckpoint::parse(note).ok().and_then(|note| note.verify_of(origin, key).ok());
    checkpoint.map_or(0, |checkpoint| checkpoint.head().size.0)
}

/// Verifies one log against checkpoints, of which its own last one is one.
async fn one_log(
    logs: &mut dyn LogSnapshot,
    log: Option<LogNumber>,
    checkpoints: Vec<Checkpoint>,
    account: &mut Account,
) -> Result<Report, AuditError> {
    let mut verifier = Verifier::new(checkpoints);
    let mut next = LogIndex(0);
    loop {
        let page = page(logs, log, next).await?;
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
            if let Some(leaf) = record.leaf() {
                account.note(&leaf, opening.map(|opening| opening.body));
            }
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
