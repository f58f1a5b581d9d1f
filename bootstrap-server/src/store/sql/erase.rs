//! Erasing records: body and salt go, and with them what else is stored of a record. Their leaves stay (SEC-22).

use std::collections::{BTreeMap, BTreeSet};

use audit_log::LogIndex;
use sqlx::AnyConnection;

use super::{
    decode::{log_number, number},
    encode::integer,
    statement::select_each,
    table::Value,
    target::Dialect,
};
use crate::{
    domain::DeviceId,
    store::{LogNumber, Place, StoreError},
};

const HERE: &str = "SELECT wanted.log AS log, wanted.position AS position
FROM wanted JOIN leaf ON leaf.position = wanted.position WHERE leaf.body IS NOT NULL";

const ARCHIVED: &str = "SELECT wanted.log AS log, wanted.position AS position
FROM wanted JOIN archived_leaf ON archived_leaf.log = wanted.log AND archived_leaf.position = wanted.position
WHERE archived_leaf.body IS NOT NULL";

// What goes with a record, in whichever log it stands.
const EVENTS: &str = "DELETE FROM device_event WHERE (manufacturer, serial_number, log, position) IN
    (SELECT maker, serial, log, position FROM wanted)";
const REPORTED_KEYS: &str = "DELETE FROM reported_key WHERE (log, leaf) IN (SELECT log, position FROM wanted)";
const REPORTS: &str = "DELETE FROM progress_report WHERE (log, leaf) IN (SELECT log, position FROM wanted)";

const ERASE_HERE: &str = "UPDATE leaf SET salt = NULL, body = NULL WHERE position IN (SELECT position FROM wanted)";
const ERASE_ARCHIVED: &str = "UPDATE archived_leaf SET salt = NULL, body = NULL
    WHERE (log, position) IN (SELECT log, position FROM wanted)";

/// Those of `places` whose records have bodies, where `log` is the log that is written.
pub(super) async fn erasable(
    connection: &mut AnyConnection,
    dialect: Dialect,
    log: LogNumber,
    places: &BTreeSet<Place>,
) -> Result<BTreeSet<Place>, StoreError> {
    let mut erasable = BTreeSet::new();
    for (select, keys) in [(HERE, keys(places, |it| it == log)?), (ARCHIVED, keys(places, |it| it != log)?)] {
        for row in select_each(connection, dialect, &["log", "position"], select, keys).await? {
            let position = LogIndex(number(&row, "position")?);
            erasable.insert(Place { log: log_number(&row, "log")?, position });
        }
    }
    Ok(erasable)
}

/// Erases these records; says with each which device it is about.
pub(super) async fn records(
    connection: &mut AnyConnection,
    dialect: Dialect,
    log: LogNumber,
    erased: &BTreeMap<Place, Option<DeviceId>>,
) -> Result<(), StoreError> {
    if erased.is_empty() {
        return Ok(());
    }
    let events = erased.iter().filter_map(|(place, device)| {
        let device = device.as_ref()?;
        let device = [device.manufacturer.as_str().into(), device.serial_number.as_str().into()];
        Some(key(*place).map(|place| device.into_iter().chain(place).collect()))
    });
    let events = events.collect::<Result<_, _>>()?;
    select_each(connection, dialect, &["maker", "serial", "log", "position"], EVENTS, events).await?;
    let places = erased.keys().copied().collect();
    for (statement, keys) in [
        (REPORTED_KEYS, keys(&places, |_| true)?),
        (REPORTS, keys(&places, |_| true)?),
        (ERASE_HERE, keys(&places, |it| it == log)?),
        (ERASE_ARCHIVED, keys(&places, |it| it != log)?),
    ] {
        select_each(connection, dialect, &["log", "position"], statement, keys).await?;
    }
    Ok(())
}

fn keys(places: &BTreeSet<Place>, in_log: impl Fn(LogNumber) -> bool) -> Result<Vec<Vec<Value>>, StoreError> {
    let places = places.iter().filter(|place| in_log(place.log));
    places.map(|place| Ok(key(*place)?.into())).collect()
}

fn key(place: Place) -> Result<[Value; 2], StoreError> {
    Ok([i64::from(place.log.0).into(), integer(place.position.0)?.into()])
}
