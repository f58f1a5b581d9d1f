//! Reading, by key.

use std::sync::Arc;

use audit_log::{LogIndex, Origin};
use conveyed_info::OwnershipVoucher;
use pki::{digest::Digest, identity::SerialNumber};
use sqlx::{AnyConnection, AnyPool, Row as _};

use super::{
    decode::{self, corrupt, device_id, digest, log_number, number, profile_name, value},
    encode::{integer, millis},
    profiles::Profiles,
};
use crate::{
    audit::ReportedKey,
    domain::{
        Device, DeviceId, Dossier, Manufacturer, ManufacturerName, OnboardingProfile, Policies, ProfileName,
        RevocationLists, Token, User, UserName, identification::StoredLists,
    },
    store::{
        ArchivedLog, DeviceFilter, KeptAnswer, LogNumber, MAX_REPORTS, Page, Place, StoreError, StoredRecord,
        StoredReport,
    },
};

pub(super) async fn revocation_lists(pool: &AnyPool, known: &StoredLists) -> Result<StoredLists, StoreError> {
    let mut lists = StoredLists::default();
    for row in sqlx::query("SELECT manufacturer, digest FROM revocation_list").fetch_all(pool).await? {
        let name: String = value(&row, "manufacturer")?;
        let found = digest(value(&row, "digest")?)?;
        let name = ManufacturerName::new(name).map_err(|_| corrupt("a manufacturer's name"))?;
        if lists.keep(&name, found, known) {
            continue;
        }
        let row = sqlx::query("SELECT digest, lists FROM revocation_list WHERE manufacturer = $1")
            .bind(name.as_str())
            .fetch_optional(pool)
            .await?;
        // Taken away meanwhile: the next look finds that.
        let Some(row) = row else { continue };
        let found = digest(value(&row, "digest")?)?;
        let read = RevocationLists::from_pem(name.clone(), &value::<String>(&row, "lists")?);
        let read = read.map_err(|_| corrupt("a revocation list"))?;
        lists.put(name, found, read.lists().to_vec());
    }
    Ok(lists)
}

pub(super) async fn manufacturers(pool: &AnyPool) -> Result<Vec<Manufacturer>, StoreError> {
    let rows = sqlx::query("SELECT * FROM manufacturer ORDER BY name").fetch_all(pool).await?;
    rows.iter().map(decode::manufacturer).collect()
}

pub(super) async fn profiles(pool: &AnyPool) -> Result<Vec<OnboardingProfile>, StoreError> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT name, document FROM profile ORDER BY name").fetch_all(pool).await?;
    rows.into_iter().map(|(name, document)| decode::profile(profile_name(name)?, &document)).collect()
}

pub(super) async fn profile(
    pool: &AnyPool,
    known: &Profiles,
    name: &ProfileName,
) -> Result<Option<Arc<OnboardingProfile>>, StoreError> {
    let document: Option<String> = sqlx::query_scalar("SELECT document FROM profile WHERE name = $1")
        .bind(name.as_str())
        .fetch_optional(pool)
        .await?;
    document.map(|document| known.read(name.clone(), &document)).transpose()
}

/// One statement, so that the parts fit together.
pub(super) async fn dossier(pool: &AnyPool, known: &Profiles, id: &DeviceId) -> Result<Dossier, StoreError> {
    let rows = sqlx::query(
        "WITH wanted (maker, serial) AS (VALUES ($1, $2))
         SELECT device.*, voucher.artifact, profile.document
         FROM wanted
         LEFT JOIN device ON device.manufacturer = wanted.maker AND device.serial_number = wanted.serial
         LEFT JOIN voucher ON voucher.manufacturer = wanted.maker AND voucher.serial_number = wanted.serial
         LEFT JOIN profile ON profile.name = device.profile
         ORDER BY voucher.log DESC, voucher.leaf DESC",
    )
    .bind(id.manufacturer.as_str())
    .bind(id.serial_number.as_str())
    .fetch_all(pool)
    .await?;
    // A row for each voucher; one when there is none.
    let mut vouchers = Vec::with_capacity(rows.len());
    for row in &rows {
        let artifact: Option<Vec<u8>> = value(row, "artifact")?;
        vouchers.extend(artifact.map(OwnershipVoucher::from_der).transpose().map_err(|_| corrupt("a voucher"))?);
    }
    let row = rows.first().ok_or_else(|| corrupt("a dossier"))?;
    let device = decode::optional_device(row, id.clone())?;
    let document: Option<String> = value(row, "document")?;
    let profile = match (device.as_ref().and_then(|device| device.profile.as_ref()), document) {
        (Some(name), Some(document)) => Some(known.read(name.clone(), &document)?),
        _ => None,
    };
    Ok(Dossier { id: id.clone(), device, vouchers, profile })
}

pub(super) async fn devices_named(pool: &AnyPool, serial_number: &SerialNumber) -> Result<Vec<DeviceId>, StoreError> {
    let rows =
        sqlx::query("SELECT manufacturer, serial_number FROM device WHERE serial_number = $1 ORDER BY manufacturer")
            .bind(serial_number.as_str())
            .fetch_all(pool)
            .await?;
    rows.iter().map(device_id).collect()
}

pub(super) async fn devices(
    pool: &AnyPool,
    filter: &DeviceFilter,
    page: &Page<DeviceId>,
) -> Result<Vec<Device>, StoreError> {
    let own = match filter.stuck {
        Some(_) => super::devices::patience(pool).await?,
        None => Vec::new(),
    };
    let rows = super::devices::page(filter, &own, page).fetch_all(pool).await?;
    rows.iter().map(decode::device).collect()
}

pub(super) async fn reports(pool: &AnyPool, id: &DeviceId) -> Result<Vec<StoredReport>, StoreError> {
    let rows = sqlx::query(
        "SELECT log, leaf, at, progress_type, message FROM progress_report
         WHERE manufacturer = $1 AND serial_number = $2 ORDER BY log DESC, leaf DESC LIMIT $3",
    )
    .bind(id.manufacturer.as_str())
    .bind(id.serial_number.as_str())
    .bind(i64::from(MAX_REPORTS))
    .fetch_all(pool)
    .await?;
    let Some(oldest) = rows.last() else { return Ok(Vec::new()) };
    let keys = sqlx::query(
        "SELECT reported_key.log, reported_key.leaf, kind, data
         FROM progress_report JOIN reported_key USING (log, leaf)
         WHERE manufacturer = $1 AND serial_number = $2 AND (log, leaf) >= ($3, $4)
         ORDER BY reported_key.log, reported_key.leaf, number",
    )
    .bind(id.manufacturer.as_str())
    .bind(id.serial_number.as_str())
    .bind(value::<i64>(oldest, "log")?)
    .bind(value::<i64>(oldest, "leaf")?)
    .fetch_all(pool)
    .await?;
    let mut reports = Vec::with_capacity(rows.len());
    let mut keys = keys.into_iter().peekable();
    for row in rows.into_iter().rev() {
        let (log, leaf) = (log_number(&row, "log")?, number(&row, "leaf")?);
        let mut own = Vec::new();
        while let Some(key) = keys.peek() {
            if (log_number(key, "log")?, number(key, "leaf")?) != (log, leaf) {
                break;
            }
            own.push(ReportedKey { kind: value(key, "kind")?, data: value(key, "data")? });
            keys.next();
        }
        let progress_type: String = value(&row, "progress_type")?;
        reports.push(StoredReport {
            log,
            leaf: LogIndex(leaf),
            at: number(&row, "at")?,
            progress_type: progress_type.parse().map_err(|_| corrupt("a progress type"))?,
            message: value(&row, "message")?,
            keys: own,
        });
    }
    Ok(reports)
}

/// The records about a device ($2, $3) in whichever log they are, the one that is written being $1.
macro_rules! records_about {
    ($rest:literal) => {
        concat!(
            "SELECT device_event.log, device_event.position,
                    COALESCE(leaf.leaf, archived_leaf.leaf) AS leaf,
                    COALESCE(leaf.salt, archived_leaf.salt) AS salt,
                    COALESCE(leaf.body, archived_leaf.body) AS body
             FROM device_event
             LEFT JOIN leaf ON device_event.log = $1 AND leaf.position = device_event.position
             LEFT JOIN archived_leaf
                 ON archived_leaf.log = device_event.log AND archived_leaf.position = device_event.position
             WHERE manufacturer = $2 AND serial_number = $3 ",
            $rest
        )
    };
}

/// The records about a device, found by index, from `first` on.
pub(super) async fn history(
    pool: &AnyPool,
    id: &DeviceId,
    first: Place,
    limit: u32,
) -> Result<Vec<StoredRecord>, StoreError> {
    let mut connection = pool.acquire().await?;
    let current = super::head::current_log(&mut connection).await?;
    let rows = sqlx::query(records_about!(
        "AND (device_event.log, device_event.position) >= ($4, $5)
         ORDER BY device_event.log, device_event.position LIMIT $6"
    ))
    .bind(i64::from(current.0))
    .bind(id.manufacturer.as_str())
    .bind(id.serial_number.as_str())
    .bind(i64::from(first.log.0))
    .bind(integer(first.position.0)?)
    .bind(i64::from(limit))
    .fetch_all(&mut *connection)
    .await?;
    rows.iter().map(|row| decode::record(row, log_number(row, "log")?)).collect()
}

/// The last of them, in the same order.
pub(super) async fn latest(pool: &AnyPool, id: &DeviceId, limit: u32) -> Result<Vec<StoredRecord>, StoreError> {
    let mut connection = pool.acquire().await?;
    let current = super::head::current_log(&mut connection).await?;
    let rows = sqlx::query(records_about!("ORDER BY device_event.log DESC, device_event.position DESC LIMIT $4"))
        .bind(i64::from(current.0))
        .bind(id.manufacturer.as_str())
        .bind(id.serial_number.as_str())
        .bind(i64::from(limit))
        .fetch_all(&mut *connection)
        .await?;
    rows.iter().rev().map(|row| decode::record(row, log_number(row, "log")?)).collect()
}

pub(super) async fn policies(pool: &AnyPool) -> Result<Option<Policies>, StoreError> {
    let document: Option<String> = sqlx::query_scalar("SELECT document FROM policy").fetch_optional(pool).await?;
    let read = |text: String| Policies::from_json(&serde_json::from_str(&text).ok()?);
    document.map(|text| read(text).ok_or_else(|| corrupt("the policies in force"))).transpose()
}

/// The next leaf that a webhook is to be told of.
pub(super) async fn delivered(pool: &AnyPool, webhook: &str) -> Result<Option<Place>, StoreError> {
    let query = sqlx::query("SELECT log, position FROM delivery WHERE webhook = $1").bind(webhook.to_owned());
    let row = query.fetch_optional(pool).await?;
    row.map(|row| Ok(Place { log: log_number(&row, "log")?, position: LogIndex(number(&row, "position")?) }))
        .transpose()
}

/// The keys that came with one report.
pub(super) async fn reported_keys(pool: &AnyPool, report: Place) -> Result<Vec<ReportedKey>, StoreError> {
    let rows = sqlx::query("SELECT kind, data FROM reported_key WHERE log = $1 AND leaf = $2 ORDER BY number")
        .bind(i64::from(report.log.0))
        .bind(integer(report.position.0)?)
        .fetch_all(pool)
        .await?;
    rows.iter().map(|row| Ok(ReportedKey { kind: value(row, "kind")?, data: value(row, "data")? })).collect()
}

pub(super) async fn users(pool: &AnyPool) -> Result<Vec<User>, StoreError> {
    let rows = sqlx::query("SELECT name, role FROM operator ORDER BY name").fetch_all(pool).await?;
    rows.iter().map(decode::user).collect()
}

pub(super) async fn tokens(pool: &AnyPool) -> Result<Vec<Token>, StoreError> {
    let rows = sqlx::query("SELECT * FROM token ORDER BY operator, created, id").fetch_all(pool).await?;
    rows.iter().map(decode::token).collect()
}

pub(super) async fn token(pool: &AnyPool, secret: Digest) -> Result<Option<(Token, User)>, StoreError> {
    let row = sqlx::query(
        "SELECT id, operator, digest, created, expires, name, role
         FROM token JOIN operator ON operator.name = token.operator WHERE digest = $1",
    )
    .bind(secret.0.to_vec())
    .fetch_optional(pool)
    .await?;
    row.map(|row| Ok((decode::token(&row)?, decode::user(&row)?))).transpose()
}

pub(super) async fn kept_answer(
    pool: &AnyPool,
    user: &UserName,
    key: &str,
    since: audit_log::UnixMillis,
) -> Result<Option<KeptAnswer>, StoreError> {
    let row = sqlx::query(
        "SELECT request, status, body FROM kept_answer WHERE operator = $1 AND idempotency_key = $2 AND at >= $3",
    )
    .bind(user.as_str())
    .bind(key)
    .bind(millis(since))
    .fetch_optional(pool)
    .await?;
    row.map(|row| {
        let status = u16::try_from(number(&row, "status")?).map_err(|_| corrupt("a status"))?;
        Ok(KeptAnswer { request: digest(value(&row, "request")?)?, status, body: value(&row, "body")? })
    })
    .transpose()
}

pub(super) async fn records(
    connection: &mut AnyConnection,
    log: LogNumber,
    first: LogIndex,
    limit: u32,
) -> Result<Vec<StoredRecord>, StoreError> {
    let rows =
        sqlx::query("SELECT position, leaf, salt, body FROM leaf WHERE position >= $1 ORDER BY position LIMIT $2")
            .bind(integer(first.0)?)
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?;
    rows.iter().map(|row| decode::record(row, log)).collect()
}

pub(super) async fn archived_records(
    connection: &mut AnyConnection,
    log: LogNumber,
    first: LogIndex,
    limit: u32,
) -> Result<Vec<StoredRecord>, StoreError> {
    let rows = sqlx::query(
        "SELECT position, leaf, salt, body FROM archived_leaf WHERE log = $1 AND position >= $2
         ORDER BY position LIMIT $3",
    )
    .bind(i64::from(log.0))
    .bind(integer(first.0)?)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| decode::record(row, log)).collect()
}

pub(super) async fn checkpoint(connection: &mut AnyConnection) -> Result<Option<String>, StoreError> {
    let note: Option<String> = sqlx::query_scalar("SELECT note FROM checkpoint").fetch_optional(connection).await?;
    Ok(note.filter(|note| !note.is_empty()))
}

pub(super) async fn size(pool: &AnyPool) -> Result<u64, StoreError> {
    let row = sqlx::query("SELECT size FROM checkpoint").fetch_optional(pool).await?;
    row.map_or(Ok(0), |row| number(&row, "size"))
}

pub(super) async fn archived_logs(connection: &mut AnyConnection) -> Result<Vec<ArchivedLog>, StoreError> {
    let rows = sqlx::query("SELECT log, note FROM archived_log ORDER BY log").fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            let checkpoint: String = row.try_get("note")?;
            let origin = checkpoint.lines().next().and_then(Origin::new).ok_or_else(|| corrupt("a checkpoint"))?;
            Ok(ArchivedLog { log: log_number(row, "log")?, origin, checkpoint })
        })
        .collect()
}
