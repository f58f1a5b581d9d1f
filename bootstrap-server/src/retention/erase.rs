//! Erasing the records of one device, piece by piece.

use audit_log::{Kind, LogIndex};

use crate::{
    audit::{Erasure, Event},
    domain::{Actor, DeviceId},
    store::{Batch, Page, Place, Store, StoreError},
};

/// Devices looked at together.
const PAGE: u32 = 1024;
/// The kind of [`Event::DeviceErased`].
pub(super) const DEVICE_ERASED: Kind = Kind(28);

/// Erases what the logs hold about `device` from before `end`: the place behind its last [`Event::DeviceErased`], so that
/// a device which comes onto the list again keeps its new records. Says how many records that were. To do it twice does
/// no harm.
///
/// # Errors
/// [`StoreError`] of the store; what was erased until then is erased.
pub async fn finish(
    store: &dyn Store,
    device: &DeviceId,
    end: Place,
    because: &str,
    by: Option<&Actor>,
) -> Result<u64, StoreError> {
    let (mut first, mut erased) = (Place::FIRST, 0_u64);
    loop {
        let mut records = store.history(device, first, Erasure::MOST).await?;
        records.retain(|record| Place { log: record.log, position: record.position } < end);
        let Some(last) = records.last() else { return Ok(erased) };
        let next = Place { log: last.log, position: LogIndex(last.position.0.saturating_add(1)) };
        if let Some(erasure) = Erasure::of(Some(device), &records, because) {
            match commit(store, erasure, by).await {
                Ok(records) => erased = erased.saturating_add(records),
                // Somebody else erases the same: see what is left.
                Err(StoreError::ErasedBefore) => continue,
                Err(error) => return Err(error),
            }
        }
        first = next;
    }
}

/// Erases records; gives way to whoever waits for an answer.
pub(super) async fn commit(store: &dyn Store, erasure: Erasure, by: Option<&Actor>) -> Result<u64, StoreError> {
    let records = u64::try_from(erasure.records()).unwrap_or(u64::MAX);
    let batch = Batch::from(Event::RecordsErased { erasure: Box::new(erasure) }).bulk();
    store.commit(by.into_iter().fold(batch, |batch, by| batch.by(by.clone()))).await?;
    Ok(records)
}

/// Erases what an interruption left: records of devices that are on no list, have no voucher, and were to be forgotten.
///
/// # Errors
/// [`StoreError`] of the store.
pub async fn unfinished(store: &dyn Store) -> Result<u64, StoreError> {
    let (mut after, mut erased) = (None, 0_u64);
    loop {
        // First of all: whatever comes after this belongs to a new life.
        let now = Place { log: store.log(), position: LogIndex(store.growth().borrow().0) };
        let page = store.strays(Page { after, limit: PAGE }).await?;
        for device in &page.devices {
            if let Some(because) = forgotten(store, device, now).await? {
                erased = erased.saturating_add(finish(store, device, now, &because, None).await?);
            }
        }
        match page.next {
            None => return Ok(erased),
            next => after = next,
        }
        // Nobody waits for this: readers are for others first.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Why the device was to be forgotten, if its records say that it was.
async fn forgotten(store: &dyn Store, device: &DeviceId, end: Place) -> Result<Option<String>, StoreError> {
    let mut first = Place::FIRST;
    loop {
        let records = store.history(device, first, PAGE).await?;
        let Some(last) = records.last() else { return Ok(None) };
        first = Place { log: last.log, position: LogIndex(last.position.0.saturating_add(1)) };
        let marker = records.iter().rev().find(|record| record.leaf().is_some_and(|leaf| leaf.kind() == DEVICE_ERASED));
        if let Some((_, body)) = marker.and_then(|record| record.opening.as_ref()) {
            let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
            return Ok(Some(body["because"].as_str().unwrap_or_default().to_owned()));
        }
        if first >= end {
            return Ok(None);
        }
    }
}
