//! The audit log, to be read in pages.

use std::sync::Arc;

use audit_log::LogIndex;
use axum::{extract::State, http::StatusCode, response::Response};
use operator_api::{AuditRecords, CheckpointNote, RecordQuery, paths};

use super::{
    Api, answer,
    devices::page_size,
    fault::Fault,
    particulars,
    request::{NoParameters, Parameters},
    view,
};

/// List records of the audit log
///
/// All of them, or those about one device, oldest first.
#[utoipa::path(get, path = paths::RECORDS, tag = "audit", params(RecordQuery),
    responses((status = 200, description = "A page of records.", body = AuditRecords)))]
pub(super) async fn records(
    State(api): State<Arc<Api>>,
    Parameters(query): Parameters<RecordQuery>,
) -> Result<Response, Fault> {
    let limit = page_size(query.limit)?;
    let first = match query.after {
        Some(after) => behind(after).ok_or_else(|| Fault::query("after: no log is that long"))?,
        None => LogIndex(0),
    };
    let wanted = limit.saturating_add(1);
    let mut stored = match (query.manufacturer, query.serial_number) {
        (None, None) => api.store.records(first, wanted).await?,
        (Some(manufacturer), Some(serial_number)) => {
            let device =
                particulars::device(manufacturer, serial_number).map_err(|fault| Fault::query(fault.detail_text()))?;
            api.store.history(&device, crate::store::Place { log: api.store.log(), position: first }, wanted).await?
        }
        _ => return Err(Fault::query("manufacturer and serial-number go together")),
    };
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = stored.len() > most;
    stored.truncate(most);
    let next = stored.last().filter(|_| more).map(|record| record.position.0);
    let records = stored.iter().filter_map(view::record).collect();
    Ok(answer::json(StatusCode::OK, &AuditRecords { records, next }))
}

/// The position behind this one, if a log can be so long.
pub(super) fn behind(position: u64) -> Option<LogIndex> {
    let next = position.checked_add(1)?;
    i64::try_from(next).is_ok().then_some(LogIndex(next))
}

/// Show the latest signed checkpoint
#[utoipa::path(get, path = paths::CHECKPOINT, tag = "audit",
    responses((status = 200, description = "The checkpoint, and the key that verifies it.", body = CheckpointNote)))]
pub(super) async fn checkpoint(
    State(api): State<Arc<Api>>,
    Parameters(NoParameters {}): Parameters<NoParameters>,
) -> Result<Response, Fault> {
    let checkpoint = api.store.checkpoint().await?;
    let checkpoint = checkpoint.ok_or_else(|| Fault::not_found().detail("the log is empty"))?;
    let key = api.checkpoint_key.verifier().to_string();
    Ok(answer::json(StatusCode::OK, &CheckpointNote { checkpoint, key }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_position_is_beyond_what_a_database_can_count() {
        assert_eq!(behind(0), Some(LogIndex(1)));
        for far in [u64::MAX, u64::MAX >> 1, (u64::MAX >> 1) + 1] {
            assert_eq!(behind(far), None);
        }
    }
}
