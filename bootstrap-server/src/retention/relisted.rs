//! Devices that came onto the list again before their forgetting was finished.
//!
//! Whoever is on no list is found by [`unfinished`](super::unfinished). A device that is on one is not, and most of its records
//! are its present ones: only the log tells that there are older ones, by a `device-erased` that is there still. It is the last
//! of what is erased.

use std::time::Duration;

use audit_log::LogIndex;
use pki::identity::SerialNumber;

use super::erase::{DEVICE_ERASED, finish};
use crate::{
    domain::{DeviceId, ManufacturerName},
    store::{LogNumber, LogSnapshot, Place, Store, StoreError, StoredRecord},
};

/// Records read at a time.
const PAGE: u32 = 1024;
/// Nobody waits for this: readers are for others first.
const PAUSE: Duration = Duration::from_millis(20);

/// How far the logs were looked through: what was looked at once is not read again before the server is started again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Looked {
    next: Option<Place>,
}

/// Erases what was to be forgotten of devices before they came back. Says how many records that were.
///
/// # Errors
/// [`StoreError`] of the store; it goes on there the next time.
pub async fn relisted(store: &dyn Store, looked: &mut Looked) -> Result<u64, StoreError> {
    let mut erased = 0_u64;
    for log in store.archived_logs().await? {
        let mut logs = store.log_snapshot().await?;
        erased = erased.saturating_add(in_log(store, log.log, Some(logs.as_mut()), looked).await?);
    }
    Ok(erased.saturating_add(in_log(store, store.log(), None, looked).await?))
}

async fn in_log(
    store: &dyn Store,
    log: LogNumber,
    mut archived: Option<&mut dyn LogSnapshot>,
    looked: &mut Looked,
) -> Result<u64, StoreError> {
    let mut erased = 0_u64;
    let mut next = match looked.next {
        Some(next) if next.log > log => return Ok(0),
        Some(next) if next.log == log => next.position,
        _ => LogIndex(0),
    };
    loop {
        let page = match archived.as_mut() {
            Some(logs) => logs.archived_records(log, next, PAGE).await?,
            None => store.records(next, PAGE).await?,
        };
        let Some(last) = page.last() else { return Ok(erased) };
        next = behind(last).position;
        for record in &page {
            if let Some((device, because)) = to_be_forgotten(record) {
                erased = erased.saturating_add(finish(store, &device, behind(record), &because, None).await?);
            }
        }
        looked.next = Some(Place { log, position: next });
        tokio::time::sleep(PAUSE).await;
    }
}

const fn behind(record: &StoredRecord) -> Place {
    Place { log: record.log, position: LogIndex(record.position.0.saturating_add(1)) }
}

/// The device of a `device-erased` that is there still, and why it is to be forgotten.
fn to_be_forgotten(record: &StoredRecord) -> Option<(DeviceId, String)> {
    record.leaf().filter(|leaf| leaf.kind() == DEVICE_ERASED)?;
    let body: serde_json::Value = serde_json::from_slice(&record.opening.as_ref()?.1).ok()?;
    let device = body.get("device")?;
    let manufacturer = ManufacturerName::new(device.get("manufacturer")?.as_str()?).ok()?;
    let serial_number = SerialNumber::new(device.get("serial-number")?.as_str()?).ok()?;
    let because = body.get("because")?.as_str()?.to_owned();
    Some((DeviceId { manufacturer, serial_number }, because))
}
