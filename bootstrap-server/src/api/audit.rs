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
    let first = LogIndex(query.after.map_or(0, |after| after.saturating_add(1)));
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
