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
use crate::{
    domain::DeviceId,
    store::{Place, Store, StoreError, StoredRecord},
};

/// Records read at a time.
const PIECE: u32 = 64;
/// Octets of bodies after which a page ends: devices may write long messages into their reports.
const PAGE_OCTETS: usize = 1024 * 1024;

/// List records of the audit log
///
/// All of them, or those about one device, oldest first. A page has fewer than were asked for when they are large.
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
    let device = match (query.manufacturer, query.serial_number) {
        (None, None) => None,
        (Some(manufacturer), Some(serial_number)) => {
            Some(particulars::device(manufacturer, serial_number).map_err(|fault| Fault::query(fault.detail_text()))?)
        }
        _ => return Err(Fault::query("manufacturer and serial-number go together")),
    };
    let (stored, more) = page(api.store.as_ref(), device.as_ref(), first, limit).await?;
    let next = stored.last().filter(|_| more).map(|record| record.position.0);
    let records = stored.iter().filter_map(view::record).collect();
    Ok(answer::json(StatusCode::OK, &AuditRecords { records, next }))
}

/// Records from `first` on, as many as are asked for unless they are large, and whether there are more.
async fn page(
    store: &dyn Store,
    device: Option<&DeviceId>,
    mut first: LogIndex,
    limit: u32,
) -> Result<(Vec<StoredRecord>, bool), StoreError> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut records, mut octets) = (Vec::new(), 0_usize);
    loop {
        let piece = match device {
            None => store.records(first, PIECE).await?,
            Some(device) => store.history(device, Place { log: store.log(), position: first }, PIECE).await?,
        };
        let whole = u32::try_from(piece.len()).is_ok_and(|length| length >= PIECE);
        for record in piece {
            if records.len() >= most || octets >= PAGE_OCTETS {
                return Ok((records, true));
            }
            octets = octets.saturating_add(record.opening.as_ref().map_or(0, |(_, body)| body.len()));
            first = LogIndex(record.position.0.saturating_add(1));
            records.push(record);
        }
        if !whole {
            return Ok((records, false));
        }
    }
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
