//! Reading. Rows become checked types here and nowhere else.

use audit_log::{LogIndex, Salt};
use conveyed_info::OwnershipVoucher;
use pki::{certificate::Certificate, digest::Digest, identity::SerialNumber};
use sqlx::{SqliteConnection, SqliteExecutor, SqlitePool};

use crate::{
    audit::ReportedKey,
    domain::{Device, DeviceId, Dossier, Manufacturer, ManufacturerName, OnboardingProfile, ProfileName, State},
    store::{RecordDamage, StoreError, StoredRecord, StoredReport},
};

const fn corrupt(what: &'static str) -> StoreError {
    StoreError::Corrupt { what }
}

pub(super) async fn manufacturers(pool: &SqlitePool) -> Result<Vec<Manufacturer>, StoreError> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT name, anchors FROM manufacturer ORDER BY name").fetch_all(pool).await?;
    rows.into_iter()
        .map(|(name, anchors)| {
            Ok(Manufacturer {
                name: ManufacturerName::new(name).map_err(|_| corrupt("a manufacturer's name"))?,
                anchors: Certificate::chain_from_pem(anchors.as_bytes()).map_err(|_| corrupt("an anchor"))?,
            })
        })
        .collect()
}

pub(super) async fn dossier(pool: &SqlitePool, id: &DeviceId) -> Result<Option<Dossier>, StoreError> {
    type Row = (Option<String>, String, Option<String>, Option<Vec<u8>>, Option<Vec<u8>>, Option<String>);
    let row: Option<Row> = sqlx::query_as(
        "SELECT device.profile, device.state, device.detail, device.last_answer, voucher.artifact, profile.document
         FROM device
         LEFT JOIN voucher USING (manufacturer, serial_number)
         LEFT JOIN profile ON profile.name = device.profile
         WHERE device.manufacturer = $1 AND device.serial_number = $2",
    )
    .bind(id.manufacturer.as_str())
    .bind(id.serial_number.as_str())
    .fetch_optional(pool)
    .await?;
    let Some((profile, state, detail, served, artifact, document)) = row else { return Ok(None) };
    let device = device(id.clone(), profile, &state, detail.as_deref(), served)?;
    let voucher = artifact.map(OwnershipVoucher::from_der).transpose().map_err(|_| corrupt("a voucher"))?;
    let profile = match (&device.profile, document) {
        (Some(name), Some(document)) => {
            Some(OnboardingProfile::from_toml(name.clone(), &document).map_err(|_| corrupt("a profile's document"))?)
        }
        _ => None,
    };
    Ok(Some(Dossier { device, voucher, profile }))
}

pub(super) async fn devices(pool: &SqlitePool) -> Result<Vec<Device>, StoreError> {
    type Row = (String, String, Option<String>, String, Option<String>, Option<Vec<u8>>);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT manufacturer, serial_number, profile, state, detail, last_answer FROM device
         ORDER BY manufacturer, serial_number",
    )
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|(manufacturer, serial_number, profile, state, detail, served)| {
            let id = DeviceId {
                manufacturer: ManufacturerName::new(manufacturer).map_err(|_| corrupt("a manufacturer's name"))?,
                serial_number: SerialNumber::new(serial_number).map_err(|_| corrupt("a serial number"))?,
            };
            device(id, profile, &state, detail.as_deref(), served)
        })
        .collect()
}

fn device(
    id: DeviceId,
    profile: Option<String>,
    state: &str,
    detail: Option<&str>,
    served: Option<Vec<u8>>,
) -> Result<Device, StoreError> {
    Ok(Device {
        id,
        profile: profile.map(ProfileName::new).transpose().map_err(|_| corrupt("a profile's name"))?,
        state: State::parse(state, detail).ok_or(corrupt("a device's state"))?,
        last_answer: served.map(digest).transpose()?,
    })
}

fn digest(octets: Vec<u8>) -> Result<Digest, StoreError> {
    octets.try_into().map(Digest).map_err(|_| corrupt("a digest"))
}

/// A device's state and what it was served last, inside the writer's transaction.
pub(super) async fn state(
    connection: &mut SqliteConnection,
    id: &DeviceId,
) -> Result<Option<(State, Option<Digest>)>, StoreError> {
    let row: Option<(String, Option<String>, Option<Vec<u8>>)> =
        sqlx::query_as("SELECT state, detail, last_answer FROM device WHERE manufacturer = $1 AND serial_number = $2")
            .bind(id.manufacturer.as_str())
            .bind(id.serial_number.as_str())
            .fetch_optional(connection)
            .await?;
    let Some((state, detail, served)) = row else { return Ok(None) };
    let state = State::parse(&state, detail.as_deref()).ok_or(corrupt("a device's state"))?;
    Ok(Some((state, served.map(digest).transpose()?)))
}

pub(super) async fn reports(pool: &SqlitePool, id: &DeviceId) -> Result<Vec<StoredReport>, StoreError> {
    let rows: Vec<(i64, i64, String, Option<String>)> = sqlx::query_as(
        "SELECT leaf, at, progress_type, message FROM progress_report
         WHERE manufacturer = $1 AND serial_number = $2 ORDER BY leaf",
    )
    .bind(id.manufacturer.as_str())
    .bind(id.serial_number.as_str())
    .fetch_all(pool)
    .await?;
    let keys: Vec<(i64, String, Vec<u8>)> = sqlx::query_as(
        "SELECT leaf, kind, data FROM reported_key JOIN progress_report USING (leaf)
         WHERE manufacturer = $1 AND serial_number = $2 ORDER BY reported_key.rowid",
    )
    .bind(id.manufacturer.as_str())
    .bind(id.serial_number.as_str())
    .fetch_all(pool)
    .await?;
    let keys_of = |leaf| {
        let own = keys.iter().filter(move |(at, ..)| *at == leaf);
        own.map(|(_, kind, data)| ReportedKey { kind: kind.clone(), data: data.clone() }).collect()
    };
    rows.into_iter()
        .map(|(leaf, at, progress_type, message)| {
            Ok(StoredReport {
                leaf: LogIndex(u64::try_from(leaf).map_err(|_| corrupt("a position in the audit log"))?),
                keys: keys_of(leaf),
                at: u64::try_from(at).map_err(|_| corrupt("a date"))?,
                progress_type: progress_type.parse().map_err(|_| corrupt("a progress type"))?,
                message,
            })
        })
        .collect()
}

pub(super) async fn records(
    executor: impl SqliteExecutor<'_>,
    first: LogIndex,
    limit: u32,
) -> Result<Vec<StoredRecord>, StoreError> {
    let first = i64::try_from(first.0).map_err(|_| corrupt("a position in the audit log"))?;
    type Row = (i64, Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>);
    let rows: Vec<Row> =
        sqlx::query_as("SELECT position, leaf, salt, body FROM leaf WHERE position >= $1 ORDER BY position LIMIT $2")
            .bind(first)
            .bind(i64::from(limit))
            .fetch_all(executor)
            .await?;
    rows.into_iter()
        .map(|(position, leaf, salt, body)| {
            let position = LogIndex(u64::try_from(position).map_err(|_| corrupt("a position in the audit log"))?);
            let (opening, damage) = match opening(salt, body) {
                Ok(opening) => (opening, None),
                Err(damage) => (None, Some(damage)),
            };
            Ok(StoredRecord { position, leaf, opening, damage })
        })
        .collect()
}

/// Salt and body go together: both are there, or both were erased.
fn opening(salt: Option<Vec<u8>>, body: Option<Vec<u8>>) -> Result<Option<(Salt, Vec<u8>)>, RecordDamage> {
    match (salt, body) {
        (Some(salt), Some(body)) => match salt.try_into() {
            Ok(salt) => Ok(Some((Salt::new(salt), body))),
            Err(salt) => Err(RecordDamage::SaltLength(salt.len())),
        },
        (None, None) => Ok(None),
        (Some(_), None) => Err(RecordDamage::BodyMissing),
        (None, Some(_)) => Err(RecordDamage::SaltMissing),
    }
}

pub(super) async fn checkpoint(executor: impl SqliteExecutor<'_>) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT note FROM checkpoint").fetch_optional(executor).await?)
}
