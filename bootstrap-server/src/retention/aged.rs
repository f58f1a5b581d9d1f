//! What is older than the owner wants to keep: devices that were retired that long ago, and refusals of strangers.

use std::time::Duration;

use audit_log::{Kind, LogIndex, UnixMillis};

use super::erase::{commit, finish};
use crate::{
    audit::{Erasure, Event},
    domain::{Device, State},
    store::{Batch, DeviceFilter, LogNumber, LogSnapshot, Page, Place, Store, StoreError, StoredRecord},
};

/// Devices read at a time.
const DEVICES: u32 = 500;
/// Records read at a time.
const RECORDS: u32 = Erasure::MOST;
/// The kind of [`Event::ConnectionsRefused`]: addresses of whoever called, and what they sent.
const CONNECTIONS_REFUSED: Kind = Kind(9);
/// What the log says.
const BECAUSE: &str = "kept as long as [retention] says";

/// How far the logs were looked through: what was looked at once is not read again before the server is started again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Aged {
    next: Option<Place>,
}

/// Erases what is older than `records`: all about devices that were retired before, and refusals of peers that are no
/// devices. Says how many records that were.
///
/// # Errors
/// [`StoreError`] of the store; what was erased until then is erased.
pub async fn pass(store: &dyn Store, records: Duration, now: UnixMillis, aged: &mut Aged) -> Result<u64, StoreError> {
    let records = u64::try_from(records.as_millis()).unwrap_or(u64::MAX);
    let due = UnixMillis(now.0.saturating_sub(records));
    let devices = retired(store, due).await?;
    Ok(devices.saturating_add(refusals(store, (due, now), aged).await?))
}

async fn retired(store: &dyn Store, due: UnixMillis) -> Result<u64, StoreError> {
    let filter = DeviceFilter { state: Some(State::Retired.as_str().to_owned()), ..DeviceFilter::default() };
    let (mut after, mut erased) = (None, 0_u64);
    loop {
        let page = store.devices(&filter, Page { after: after.take(), limit: DEVICES }).await?;
        for device in page.iter().filter(|device| device.since.0 < due.0) {
            erased = erased.saturating_add(forget(store, device).await?);
        }
        match page.last() {
            Some(last) => after = Some(last.id.clone()),
            None => return Ok(erased),
        }
    }
}

async fn forget(store: &dyn Store, device: &Device) -> Result<u64, StoreError> {
    let event = Event::DeviceErased { device: device.id.clone(), because: BECAUSE.to_owned() };
    let batch = Batch::from(event).expecting(device.id.clone(), device.version).bulk();
    match store.commit(batch).await {
        Ok(LogIndex(position)) => {
            let end = Place { log: store.log(), position: LogIndex(position.saturating_add(1)) };
            finish(store, &device.id, end, BECAUSE, None).await
        }
        // Somebody took it back into service, or erased it.
        Err(StoreError::Changed(_) | StoreError::NoDevice(_) | StoreError::Refused { .. }) => Ok(0),
        Err(error) => Err(error),
    }
}

async fn refusals(store: &dyn Store, times: (UnixMillis, UnixMillis), aged: &mut Aged) -> Result<u64, StoreError> {
    let mut erased = 0_u64;
    let from = |log: LogNumber, aged: &Aged| match aged.next {
        Some(next) if next.log > log => None,
        Some(next) if next.log == log => Some(next.position),
        _ => Some(LogIndex(0)),
    };
    for log in store.archived_logs().await? {
        let Some(first) = from(log.log, aged) else { continue };
        let mut logs = store.log_snapshot().await?;
        let (count, next) = in_log(store, Some((logs.as_mut(), log.log)), first, times).await?;
        erased = erased.saturating_add(count);
        aged.next = Some(Place { log: log.log, position: next });
    }
    let first = from(store.log(), aged).unwrap_or(LogIndex(0));
    let (count, next) = in_log(store, None, first, times).await?;
    aged.next = Some(Place { log: store.log(), position: next });
    Ok(erased.saturating_add(count))
}

/// Goes through one log, the one that is written unless another is given, up to what is not due yet. Says how many records
/// were erased, and where to go on. What a clock that was ahead has dated later than `now` holds nothing up: it is passed
/// by, and found again when its time has come and the server is started.
async fn in_log(
    store: &dyn Store,
    mut archived: Option<(&mut dyn LogSnapshot, LogNumber)>,
    mut next: LogIndex,
    (due, now): (UnixMillis, UnixMillis),
) -> Result<(u64, LogIndex), StoreError> {
    let mut erased = 0_u64;
    loop {
        let mut page = match archived.as_mut() {
            Some((logs, log)) => logs.archived_records(*log, next, RECORDS).await?,
            None => store.records(next, RECORDS).await?,
        };
        let read = page.len();
        let is_due = |record: &StoredRecord| record.leaf().is_none_or(|leaf| leaf.time().0 < due.0);
        let is_ahead = |record: &StoredRecord| record.leaf().is_some_and(|leaf| leaf.time().0 > now.0);
        page.truncate(page.iter().take_while(|record| is_due(record) || is_ahead(record)).count());
        let Some(last) = page.last() else { return Ok((erased, next)) };
        let (whole, end) = (page.len() == read, LogIndex(last.position.0.saturating_add(1)));
        let refuses = |record: &StoredRecord| record.leaf().is_some_and(|leaf| leaf.kind() == CONNECTIONS_REFUSED);
        page.retain(|record| refuses(record) && is_due(record));
        if let Some(erasure) = Erasure::of(None, &page, BECAUSE) {
            match commit(store, erasure, None).await {
                Ok(records) => erased = erased.saturating_add(records),
                // Another server of this database was faster: the page is read again.
                Err(StoreError::ErasedBefore) if archived.is_none() => continue,
                Err(StoreError::ErasedBefore) => {}
                Err(error) => return Err(error),
            }
        }
        next = end;
        if !whole {
            return Ok((erased, next));
        }
    }
}
